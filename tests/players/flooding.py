"""A Sitrep to be killed while a stranger and a plugin declare more than people can be told of.

    python -m tests.players.flooding URL SINK STOP

The sink is that of `tests.players.scripted`.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot import log
from bot.app import App
from bot.clock import SystemClock
from bot.config.load import parse
from bot.config.sections import LogSection
from bot.contract.chat import ChatEvent, Receive
from bot.delivery import gathered
from bot.plugin_manager import PluginManager
from bot.refs import ConversationRef, UserRef
from storage import open_database
from tests.players.scripted import Sink

CONFIG = """
[people.ben]
commander = true
users = { sink = "ben" }
[people.dev]
users = { sink = "dev" }
[triage]
conversation = "sink:triage"
[floods]
news = 5
[delivery]
retry_first = "1s"
[adapters.sink]
"""

SOON = timedelta(seconds=1)

ROUND = 4


def title(i: int) -> str:
    """The title of the i-th incident."""
    return f"number {i} of many"


def by_machine(i: int) -> bool:
    """Whether the plugin declares the i-th incident, and not the stranger."""
    return i % ROUND == ROUND - 1


class Flood(Sink):
    """Declares one incident after the other, each until it is acknowledged."""

    app: App

    async def run(self, receive: Receive) -> bool:
        print("ready", flush=True)
        await receive(self._event("dev", "!inc subscribe all to:here", "lobby", "subscribed"))
        (done,) = self._db.execute("SELECT COUNT(*) FROM acked").fetchone()
        i = max(0, done - 1)  # the last one comes again, as platforms do
        while not (self._stop.exists() and i % ROUND == 0 and i > done):
            line = f"declare sev2 {title(i)}"
            if by_machine(i):
                submitted = await self.app.intake.machines.submit("alerts", line, None, f"k{i}")
                assert submitted.done or "already" in submitted.answer, submitted.answer
                assert submitted.incident
            else:
                await receive(self._event("mallory", f"!inc {line}", f"room{i}", f"e{i}"))
            self._db.execute("INSERT OR IGNORE INTO acked VALUES (?, ?)", (self._name, i))
            i += 1
            await asyncio.sleep(0.02)
        return True

    def _event(self, who: str, text: str, room: str, key: str) -> ChatEvent:
        return ChatEvent(
            id=key,
            conversation=ConversationRef("sink", room),
            sender=UserRef("sink", who),
            sender_name=who,
            text=text,
            written_at=datetime.now(UTC),
        )


async def main(url: str, sink: str, stop: str) -> None:
    log.configure(LogSection(level="warning"))
    gathered.SETTLES = SOON
    config, clock = parse(CONFIG, {}), SystemClock()
    windows = {"news_within": SOON, "declarations_within": SOON}  # a config's are minutes
    config = config.model_copy(update={"floods": config.floods.model_copy(update=windows)})
    plugins = PluginManager(clock, "/nonexistent", config.directory)
    flood = Flood(sink, "a", Path(stop))
    plugins.load({"sink": {}}, {}, {"sink": flood.plugin()})
    async with open_database(url, tell=lambda _line: None) as store:
        flood.app = App(config, store, clock, plugins)
        outcome = await flood.app.run()
    print(f"done {outcome.waiting} {outcome.dead}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
