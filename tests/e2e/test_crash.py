"""kill -9 at any instant: nothing lost, nothing twice, every promise settled."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot.cli.checks import verify
from bot.domain import events as ev
from bot.domain.incident import Phase
from storage import open_database
from tests.harness.forked import Player
from tests.players.scripted import ROOMS, STEPS, make_sink

KILLS = int(os.environ.get("SITREP_KILLS", "16"))
"""How many kills in all; half of them on each engine."""

LANES = ROOMS + 3
"""The rooms of a child, and the people it writes to."""

pytestmark = pytest.mark.crash


def hear_more(sink: sqlite3.Connection, runs: Callable[[], bool], errors: Path) -> None:
    """Wait until a process that still runs has acknowledged three more events."""
    acknowledged = "SELECT COUNT(*) FROM acked"
    (before,) = sink.execute(acknowledged).fetchone()
    while sink.execute(acknowledged).fetchone()[0] < before + 3:
        assert runs(), errors.read_text()
        time.sleep(0.01)  # the limit of the test names one that is deaf


class Child:
    """A real process."""

    def __init__(self, url: str, folder: Path, name: str = "a") -> None:
        self.errors = folder / f"{name}.err"
        args = (url, str(folder / "sink.db"), name, str(folder / "stop"))
        self.player = Player("scripted", *args, errors=self.errors)

    def ready(self) -> None:
        line = self.player.said.readline()
        assert line == "ready\n", self.errors.read_text()

    def heard_more(self, sink: sqlite3.Connection) -> None:
        """Wait until it has handled some more of its script: it is not deaf."""
        hear_more(sink, lambda: self.player.is_running, self.errors)

    def kill(self) -> None:
        self.player.kill()

    def finish(self) -> str:
        said, status = self.player.finish()  # the limit of the test names one that hangs
        errors = self.errors.read_text()
        assert status == 0, errors
        assert "broke down" not in errors, errors
        return said.splitlines()[-1]


@pytest.fixture
def sink(tmp_path) -> Iterator[sqlite3.Connection]:
    with closing(make_sink(tmp_path / "sink.db")) as made:
        yield made


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Child]]:
    """Start children; those that still run are ended with the test."""
    begun: list[Child] = []

    def child(url: str, name: str = "a") -> Child:
        begun.append(Child(url, tmp_path, name))
        return begun[-1]

    yield child
    for each in begun:
        if each.player.is_running:
            each.kill()


def test_kill_at_random_instants_loses_nothing(crash_url, tmp_path, sink, start):
    """D1 D2 D3 K5 K6"""
    chance = random.Random(KILLS)
    for _ in range(max(1, KILLS // 2)):
        child = start(crash_url)
        if chance.random() < 0.9:
            child.ready()
            time.sleep(chance.random() * 0.5)
        else:
            time.sleep(chance.random() * 1.5)
        child.kill()
    (tmp_path / "stop").touch()
    assert start(crash_url).finish() == "done 0 0"
    asyncio.run(whole(crash_url, sink, names="a", repeats=KILLS))


async def whole(url: str, sink, *, names: str, repeats: int) -> None:
    """Hold the record against the sink."""
    async with open_database(url, exclusive=False, tell=lambda _line: None) as db:
        assert await verify(db) == []
        summaries = await db.read(lambda w: w.list("all", 100_000))
        timelines = {s.id: await db.read(lambda w, s=s: w.timeline(s.id)) for s in summaries}
        outbox = await db._ask(
            "SELECT id, key, lane, urgent, slot, state, incident FROM outbox ORDER BY id"
        )

    # Every acknowledged command is there, once; numbers have no gaps.
    numbers = sorted(int(s.id.removeprefix("INC-")) for s in summaries)
    assert numbers == list(range(1, len(numbers) + 1))
    texts = Counter(
        e.event.text
        for timeline in timelines.values()
        for e in timeline
        if isinstance(e.event, ev.NoteAdded | ev.UpdatePosted)
    )
    assert all(count == 1 for count in texts.values())
    for name in names:
        (acked,) = sink.execute("SELECT COUNT(*) FROM acked WHERE name = ?", name).fetchone()
        rounds, rest = divmod(acked, ROOMS * len(STEPS))
        assert rest == 0
        expected = {f"n{name}.{i}" for i in range(acked) if (i // ROOMS) % len(STEPS) == 1}
        assert expected <= set(texts)
        assert rounds > 0

    # What follows from an incident is there once, too.
    for timeline in timelines.values():
        kinds = Counter(type(e.event) for e in timeline)
        learned = (ev.PostmortemOpened, ev.SectionWritten, ev.ActionAdded, ev.ReviewOpened)
        assert [kinds[kind] for kind in learned] == [1, 1, 1, 1], [e.event for e in timeline]

    # Every promise has ended, once; each rung was fired once.
    for timeline in timelines.values():
        made = [e.event.n for e in timeline if isinstance(e.event, ev.PromiseMade)]
        ended = [e.event.n for e in timeline if isinstance(e.event, ev.PromiseSettled)]
        assert made == ended == sorted(set(made))
        rungs = Counter(
            (e.event.n, e.event.kind) for e in timeline if isinstance(e.event, ev.RungFired)
        )
        assert all(count == 1 for count in rungs.values())
    assert all(s.phase is Phase.RESOLVED for s in summaries)

    # Everything queued was sent or dropped as pointless; nothing was sent that was not queued.
    assert {row["state"] for row in outbox} <= {"sent", "dropped"}
    sent = list(sink.execute("SELECT n, key, kind, conversation, attempts FROM sent ORDER BY n"))
    place = {row["key"]: row for row in outbox}
    posted = {key for _n, key, kind, _c, _a in sent if kind == "post"}
    assert posted <= set(place)
    assert {r["key"] for r in outbox if r["state"] == "sent" and r["slot"] is None} <= posted

    # Order within a conversation is kept, as it was committed: by number on SQLite, which has one
    # writer, and where one process writes; with several on PostgreSQL by number within an incident,
    # whose row every command of it holds. A repeat came under its key only: what was under way at
    # the kill, one in each of the lanes.
    one_writer = url.startswith("sqlite") or len(names) == 1
    last: dict[tuple[str, int, str | None], int] = {}
    for _n, key, kind, _conversation, _attempts in sent:
        row = place.get(key)
        if kind == "post" and row is not None and row["slot"] is None:
            lane = (row["lane"], row["urgent"], None if one_writer else row["incident"])
            if lane[2] is None and not one_writer:
                continue
            assert row["id"] > last.get(lane, 0), lane
            last[lane] = row["id"]
    repeated = sum(attempts - 1 for *_rest, attempts in sent)
    assert repeated <= repeats * LANES


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_on_one_postgresql_share_the_work_and_take_it_over(
    durable_postgres, tmp_path, sink, start, processes, monkeypatch
):
    """Two and three processes: no timer twice, no row by two, a killed one's work is taken over."""
    url = durable_postgres.database()
    database = urlsplit(url).path.strip("/")
    names = "abc"[:processes]
    monkeypatch.setenv("SITREP_TEST_LEASE", "15")  # a busy machine stops a process for seconds
    children = {name: start(url, name) for name in names}
    for child in children.values():
        child.ready()
    time.sleep(2.5)
    senders = "SELECT DISTINCT owner FROM sent"
    while {owner for (owner,) in sink.execute(senders)} != set(names):
        time.sleep(0.1)  # the limit of every test names a process that sends nothing
    doubled = sink.execute("SELECT COUNT(*) FROM sent WHERE attempts > 1").fetchone()
    assert doubled == (0,)

    children.pop("a").kill()
    instant = "SELECT (EXTRACT(EPOCH FROM now()) * 1e6)::bigint"
    killed_us = durable_postgres.psql(instant, database).strip()
    newest = durable_postgres.psql("SELECT MAX(id) FROM outbox", database).strip()
    left = f"SELECT COUNT(*) FROM outbox WHERE state = 'waiting' AND id <= {newest}"
    while durable_postgres.psql(left, database).strip() != "0":
        time.sleep(0.1)
    overdue = f"SELECT COUNT(*) FROM incident WHERE due_us < {killed_us}"
    while durable_postgres.psql(overdue, database).strip() != "0":
        time.sleep(0.1)

    children["a"] = start(url, "a")
    (tmp_path / "stop").touch()
    for child in children.values():
        child.finish()
    start(url, "a").finish()  # what the last of them left in another's hands
    asyncio.run(whole(url, sink, names=names, repeats=1))
