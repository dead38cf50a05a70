"""A Sitrep to be killed: it works off an endless script against a sink, until it is told to stop.

    python -m tests.players.scripted URL SINK NAME STOP

The sink is a SQLite file that plays a platform with transaction ids: a key that was there already
is counted, not done again. What was acknowledged is noted there too; what was not comes again.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot import log
from bot.app import App
from bot.clock import SystemClock
from bot.config.load import parse
from bot.config.sections import LogSection
from bot.contract.chat import ChatEvent, ConversationRequest, Features, Opened, Receive
from bot.contract.messages import Message, plain
from bot.delivery import outbox
from bot.plugin_manager import PluginManager
from bot.refs import ConversationRef, MessageRef, UserRef
from bot.testing import RecordingAdapter
from storage import open_database, urls

CONFIG = """
[people.ann]
users = { sink = "ann" }
[people.ben]
commander = true
users = { sink = "ben" }
[people.cara]
commander = true
users = { sink = "cara" }
[clocks]
internal = { sev1 = "1s", sev2 = "1s" }
[command]
ask_next_after = "1s"
respond_within = { sev1 = "1s", sev2 = "2s" }
nudge_after = "1s"
[delivery]
retry_first = "1s"
[adapters.sink]
"""
ROOMS = 5
STEPS = (
    "!inc declare sev1 incident {i} ic:@ben",
    "!inc note n{i}",
    "!inc update u{i}",
    "!inc impact many, {i}",
    "!inc sev 2 because {i}",
    "!inc join",
    "!inc saw s{i}",
    "!inc nonsense {i}",
    "!inc tried rollback r{i}",
    "!inc update v{i}",
    "!inc stabilised {i}",
    "!inc resolve {i}",
    "!inc pm set cause c{i}",
    "!inc action Page when {i} s have gone by owner:@ann due:2099-12-01 as:detect",
    "!inc pm review",
)


def event(name: str, i: int) -> ChatEvent:
    """The i-th event of a process's script; always the same."""
    room, step = i % ROOMS, (i // ROOMS) % len(STEPS)
    return ChatEvent(
        id=f"{name}.{i}",
        conversation=ConversationRef("sink", f"{name}-{room}"),
        sender=UserRef("sink", "cara" if "join" in STEPS[step] else "ann"),
        sender_name="ann",
        text=STEPS[step].format(i=f"{name}.{i}"),
        written_at=datetime.now(UTC),
    )


class Unsteady(SystemClock):
    """A clock that is set forth and back three times a second, each process's in its own way."""

    def __init__(self, name: str) -> None:
        """See the class."""
        self._name = name

    def now(self) -> datetime:
        """Return the time it shows."""
        off = random.Random(f"{self._name}{time.monotonic() * 3:.0f}").uniform(-1, 1)
        return super().now() + timedelta(seconds=off)


class Sink(RecordingAdapter):
    """Keeps what it is told on disk, once a key."""

    def __init__(self, path: str, name: str, stop: Path) -> None:
        super().__init__("sink", Features(edits=True, pins=True, direct=True))
        self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._name, self._stop = name, stop

    async def run(self, receive: Receive) -> bool:
        print("ready", flush=True)
        sql = "SELECT COUNT(*) FROM acked WHERE name = ?"
        (done,) = self._db.execute(sql, (self._name,)).fetchone()
        i = max(0, done - 1)  # the last one comes again, as platforms do
        # The next one perhaps took effect before the kill: a script that ends goes on past it.
        while not (self._stop.exists() and i % (ROOMS * len(STEPS)) == 0 and i > done):
            await receive(event(self._name, i))
            self._db.execute("INSERT OR IGNORE INTO acked VALUES (?, ?)", (self._name, i))
            i += 1
            if i % 7 == 0:
                await asyncio.sleep(0.02)
        return True

    async def open_conversation(self, request: ConversationRequest, *, key: str) -> Opened:
        assert request.direct_to is not None
        name = f"@{request.direct_to.id}"
        return Opened(conversation=ConversationRef("sink", name))

    async def post(
        self,
        to: ConversationRef,
        message: Message,
        *,
        key: str,
        answers: str | None = None,
        urgent: bool = False,
    ) -> MessageRef:
        await asyncio.sleep(0.001)
        self._keep("post", to.id, plain(message), key)
        await asyncio.sleep(0.001)
        return MessageRef(to, key)

    async def offer(self, ref: MessageRef, buttons: int, *, key: str) -> None:
        raise AssertionError("no reactions here")

    async def acknowledge(self, ref: MessageRef, *, worked: bool, key: str) -> None:
        raise AssertionError("no reactions here")

    async def edit(self, ref: MessageRef, message: Message, *, key: str) -> None:
        self._keep("edit", ref.conversation.id, plain(message), key)

    async def pin(self, ref: MessageRef, *, key: str) -> None:
        self._keep("pin", ref.conversation.id, ref.id, key)

    async def invite(self, to: ConversationRef, users: Sequence[UserRef], *, key: str) -> None:
        raise AssertionError("no rooms here")

    def _keep(self, kind: str, conversation: str, text: str, key: str) -> None:
        self._db.execute(
            "INSERT INTO sent (key, kind, conversation, text, owner) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET attempts = attempts + 1",
            (key, kind, conversation, text, self._name),
        )


def make_sink(path: Path) -> sqlite3.Connection:
    """Make the sink's file."""
    db = sqlite3.connect(path, isolation_level=None, timeout=30)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(
        "CREATE TABLE sent (n INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE, kind TEXT,"
        " conversation TEXT, text TEXT, owner TEXT, attempts INTEGER DEFAULT 1)"
    )
    db.execute("CREATE TABLE acked (name TEXT, i INTEGER, PRIMARY KEY (name, i))")
    return db


async def main(url: str, sink: str, name: str, stop: str) -> None:
    log.configure(LogSection(level="warning"))
    if lease := os.environ.get("SITREP_TEST_LEASE"):
        outbox.LEASE = timedelta(seconds=float(lease))
    if busy := os.environ.get("SITREP_TEST_BUSY_MS"):
        urls.BUSY_MS = int(busy)
    config, clock = parse(CONFIG, {}), Unsteady(name)
    plugins = PluginManager(clock, "/nonexistent", config.directory)
    plugins.load({"sink": {}}, {}, {"sink": Sink(sink, name, Path(stop)).plugin()})
    async with open_database(url, tell=lambda _line: None) as store:
        outcome = await App(config, store, clock, plugins).run()
    print(f"done {outcome.waiting} {outcome.dead}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
