"""kill -9 amid a flood: each incident is declared once, and everybody hears of each once."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from contextlib import closing

import pytest

from bot.cli.checks import verify
from bot.domain import events as ev
from bot.refs import is_machine
from storage import open_database
from tests.harness.forked import Player
from tests.players.flooding import by_machine, title
from tests.players.scripted import make_sink

KILLS = 4

ENOUGH = 24
"""How many are declared at least, far more than anybody is told of one by one."""

pytestmark = pytest.mark.crash


def test_killed_amid_a_flood_nothing_is_declared_or_told_twice_or_never(crash_url, tmp_path):
    """F18 F8 D1 D2 D3 F9"""
    errors, stop, chance = tmp_path / "errors", tmp_path / "stop", random.Random(KILLS)
    args = (crash_url, str(tmp_path / "sink.db"), str(stop))
    with closing(make_sink(tmp_path / "sink.db")) as sink:

        def started() -> Player:
            child = Player("flooding", *args, errors=errors)
            assert child.said.readline() == "ready\n", errors.read_text()
            return child

        for _ in range(KILLS):
            child = started()
            time.sleep(chance.random() * 2)
            child.kill()
        last = started()
        acknowledged = "SELECT COUNT(*) FROM acked"
        while sink.execute(acknowledged).fetchone()[0] < ENOUGH:
            time.sleep(0.1)  # the limit of the test names one that hangs
        stop.touch()
        assert last.finish() == ("done 0 0\n", 0), errors.read_text()
        acked = {i for (i,) in sink.execute("SELECT i FROM acked")}
        posts = sink.execute("SELECT conversation, text FROM sent WHERE kind = 'post' ORDER BY n")
        told = list(posts)
    asyncio.run(_whole(crash_url, acked, told))


async def _whole(url: str, acked: set[int], told: list[tuple[str, str]]) -> None:
    async with open_database(url, exclusive=False, tell=lambda _line: None) as db:
        assert await verify(db) == []
        summaries = await db.read(lambda work: work.list("all", 100_000))
        records = [await db.read(lambda work, s=s: work.timeline(s.id)) for s in summaries]

    # Each was declared once, whoever declared it, and by none but them; numbers have no gaps.
    numbers = sorted(int(s.id.removeprefix("INC-")) for s in summaries)
    assert numbers == list(range(1, len(numbers) + 1))
    titles = Counter(summary.title for summary in summaries)
    assert titles == Counter(title(i) for i in acked)
    for summary, record in zip(summaries, records, strict=True):
        declared = record[0].event
        assert isinstance(declared, ev.Declared)
        assert is_machine(declared.by) is by_machine(int(summary.title.split()[1]))

    # The subscriber hears of each incident once, in a message of its own or in a gathered one.
    lobby = [text for conversation, text in told if conversation == "lobby"]
    gathered = [int(n) for text in lobby for n in re.findall(r"^(\d+) incidents? declared", text)]
    alone = [text for text in lobby if re.search(r"INC-\d+", text) and not _gathers(text)]
    alone = [text for text in alone if "declared" in text.casefold()]
    assert sum(gathered) + len(alone) == len(summaries), lobby
    assert gathered

    # The commander is called about the stranger's last incident, if only in a gathered call.
    last = max((s for s in summaries if not _machine(s.title)), key=lambda s: s.declared_at).id
    called = [text for conversation, text in told if conversation == "@ben"]
    assert any(last in text for text in called), called[-3:]
    assert len(called) < len(summaries)


def _gathers(text: str) -> bool:
    return re.match(r"\d+ incidents? declared", text) is not None


def _machine(name: str) -> bool:
    return by_machine(int(name.split()[1]))
