"""What happens once in a period happens once, in whichever process is first, on every engine."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from bot.jobs.every import OncePerPeriod, Period
from storage import open_database
from tests.worlds.domain import START
from tests.worlds.store import post

DAY = timedelta(days=1)
TODAY = Period("digest/last", START)


class Standing:
    """A clock that stands."""

    def now(self):
        return START


@pytest.fixture
async def stores(url):
    """Four processes' connections to one database."""
    async with AsyncExitStack() as stack:
        opening = (
            stack.enter_async_context(
                open_database(url, exclusive=False, upgrade=n == 0, tell=lambda _line: None)
            )
            for n in range(4)
        )
        yield [await each for each in opening]


def started(store, wakes: list | None = None) -> OncePerPeriod:
    return OncePerPeriod(store, Standing(), lambda: wakes is not None and wakes.append(1))


async def queue(work, _last) -> bool:
    await work.send([post()], now=START)
    return True


async def waiting(store) -> int:
    return (await store.backlog())["waiting"]


async def test_of_several_processes_one_sends(stores):
    """A3 H1"""
    wakes = []
    once = [started(store, wakes) for store in stores]
    sent = await asyncio.gather(*(each.run(TODAY, queue) for each in once))
    assert sorted(sent) == [False, False, False, True]
    assert (await waiting(stores[0]), len(wakes)) == (1, 1)


async def test_a_later_start_sends_nothing_even_after_the_marks_are_pruned(stores):
    """A3 H1"""
    assert await started(stores[0]).run(TODAY, queue)
    await stores[0].prune(START + DAY)
    assert not await started(stores[0]).run(TODAY, queue)
    assert not await started(stores[1]).run(Period(TODAY.name, START - DAY), queue)
    assert await waiting(stores[0]) == 1


async def test_the_next_period_knows_when_the_last_one_began(stores):
    """A3 H1"""
    seen = []

    async def note(_work, last) -> bool:
        seen.append(last)
        return False

    once = started(stores[0])
    for each in (TODAY, Period(TODAY.name, START + DAY), Period("other", START)):
        await once.run(each, note)
    assert seen == [None, START, None]


async def test_what_failed_is_tried_again(stores):
    """A3 H1"""

    async def fail(work, last) -> bool:
        await queue(work, last)
        raise RuntimeError("boom")

    once = started(stores[0])
    with pytest.raises(RuntimeError):
        await once.run(TODAY, fail)
    assert await once.run(TODAY, queue)
    assert await waiting(stores[0]) == 1


async def test_a_day_that_was_stored_as_a_date_counts(stores):
    """A2"""
    midnight = START.replace(hour=0, minute=0, second=0, microsecond=0)
    await stores[0].transact(lambda w: w.store_ref("filing/INC-1/A1", f"{START:%Y-%m-%d}"))
    assert not await started(stores[0]).run(Period("filing/INC-1/A1", midnight), queue)
    assert await started(stores[0]).run(Period("filing/INC-1/A1", midnight + DAY), queue)
