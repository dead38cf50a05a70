"""The clock of the machine is set while the bot runs, or between two runs (K6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.contract.errors import TemporaryFailure
from bot.domain import events as ev
from bot.domain.floods import begun
from bot.domain.policy import Bound
from bot.testing import START, ManualClock, Posted, RecordingProvider, stage
from tests.harness.waiting import until
from tests.worlds.domain import Play

YEAR = timedelta(days=365)


def away(_call: str) -> None:
    raise ConnectionError("away")


async def jumped(bot, length: timedelta) -> None:
    """Set the clock, and wait until the bot has said so."""

    async def times() -> int:
        entries = await bot.timeline()
        return sum(isinstance(entry.event, ev.ClockSet) for entry in entries)

    before = await times()
    await bot.clock.jump(length)

    async def followed() -> bool:
        return await times() > before

    await until(followed)
    await bot.settle()


async def test_a_year_there_and_back_is_said_and_the_ladder_works_at_once(tmp_path):
    """K6 K3"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        await jumped(bot, YEAR)
        assert any("jumped ahead by" in text for text in bot.heard())
        await jumped(bot, -YEAR)
        assert any("was set back by" in text for text in bot.heard())
        assert len(await bot.timeline()) < 40
        heard = len(bot.heard())
        await bot.minutes(26)
        said = bot.heard()[heard:]
        assert any("update is overdue" in text for text in said)
        assert any("Paged:" in text for text in said), said
        assert bot.app.numbers()["clock_jumps_total"] == 2


async def test_after_a_long_jump_nothing_is_pruned_given_up_or_refused_as_old(tmp_path):
    """K6 D2 F11"""
    outside = RecordingProvider()
    given = {"outside": outside.plugin("register_ticket_tracker")}
    async with stage(tmp_path, more="[plugins.outside]\n", given=given) as bot:
        outside.fault = away
        await bot.say("ann", "!inc declare sev2 down ic:@ann", room="other")
        await bot.say("ann", "!inc declare sev4 typo")
        written = bot.clock.now()
        (newest,) = await bot.app.store._ask("SELECT MAX(id) AS id FROM outbox")

        async def kept() -> int:
            old = "SELECT COUNT(*) AS n FROM outbox WHERE state = 'sent' AND id <= $1"
            return (await bot.app.store._ask(old, newest["id"]))[0]["n"]

        await jumped(bot, YEAR)
        await bot.app.jobs.pruning.prune()
        assert await kept() > 0
        await bot.say("ann", "!inc note still here", room="other", at=written)
        notes = [e.event for e in await bot.timeline()]
        assert any(isinstance(e, ev.NoteAdded) for e in notes)
        await bot.minutes(10)
        failed = [e for e in await bot.timeline("INC-2") if isinstance(e.event, ev.DeliveryFailed)]
        assert failed == []
        await bot.minutes(70)
        failed = [e for e in await bot.timeline("INC-2") if isinstance(e.event, ev.DeliveryFailed)]
        assert len(failed) == 1
        await bot.app.jobs.pruning.prune()
        assert await kept() == 0


@pytest.mark.parametrize("length", [YEAR, -YEAR])
async def test_a_jump_between_two_runs_is_followed_at_the_start(tmp_path, length):
    """K6"""
    clock = ManualClock()
    if length < timedelta(0):
        await clock.jump(YEAR)
    async with stage(tmp_path, clock=clock) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
    await clock.jump(length)
    async with stage(tmp_path, clock=clock) as bot:
        assert bot.app.clock.is_doubtful
        await until(lambda: bot.app.jobs.due_times.started)
        await bot.settle()
        await bot.minutes(26)
        assert any("overdue" in text for text in bot.heard())
        assert len(await bot.timeline()) < 40


async def test_a_digest_of_a_day_that_has_not_come_does_not_end_the_next_ones(tmp_path):
    """K6 H1"""
    async with stage(tmp_path) as bot:
        await bot.say("dev", "!inc subscribe digest", room="lobby")
        await bot.say("ann", "!inc declare sev2 down ic:@ann")
        await jumped(bot, YEAR)
        await bot.app.jobs.daily_digest.digest()
        await jumped(bot, -YEAR)
        await bot.clock.set(START.replace(hour=8) + timedelta(days=1))
        assert await bot.app.jobs.daily_digest.digest()
        assert not await bot.app.jobs.daily_digest.digest()


async def test_a_question_to_the_room_is_answered_that_was_answered_by_a_clock_ahead(tmp_path):
    """K6 H2"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        await jumped(bot, YEAR)
        await bot.say("zed", "any news?")
        await jumped(bot, -YEAR)
        before = len(bot.heard())
        await bot.say("zed", "any update?")
        assert len(bot.heard()) == before + 1


async def test_calls_and_news_that_a_clock_ahead_has_gathered_are_told(tmp_path):
    """K6 F18 H1"""
    clock = ManualClock(START + YEAR)
    more = '[floods]\ndeclarations = 1\nnews = 1\nnews_within = "2m"\n'
    async with stage(tmp_path, more=more, clock=clock) as bot:
        await bot.say("dev", "!inc subscribe all", room="lobby")
        for n in (1, 2, 3):
            await bot.say("mallory", f"!inc declare sev1 number {n}", room=f"r{n}")
        await clock.jump(-YEAR)
        await clock.advance(timedelta(minutes=1))
        await bot.settle()
        assert any("3 incidents declared by mallory" in text for text in bot.heard("@ben"))
        assert any(text.startswith("2 incidents declared") for text in bot.heard("@dev"))


@pytest.mark.parametrize("length", [timedelta(minutes=80), YEAR])
async def test_a_lane_that_waits_for_another_try_does_not_wait_for_the_jump(tmp_path, length):
    """K6 D2"""
    clock = ManualClock(START + length)

    def refused(_posted: Posted) -> None:
        raise TemporaryFailure("away", timedelta(minutes=1))

    async with stage(tmp_path, clock=clock) as bot:
        bot.chat.fault = refused
        await bot.say("ann", "!inc list")
        bot.chat.fault = lambda _posted: None
        await clock.jump(-length)
        bot.app.outbox.wake()
        await until(bot.heard)


@pytest.mark.parametrize("ahead", [timedelta(seconds=-1), timedelta(seconds=1)])
def test_a_burst_counts_what_another_machine_wrote_a_second_apart(ahead):
    """K6 F18"""
    bound = Bound(most=1, within=timedelta(minutes=5))
    burst = begun(Play().declare(1), START + ahead)
    assert burst.reaches(bound, START)
    assert burst.with_another(Play().declare(1), bound, START).count == 2
    assert not begun(Play().declare(1), START + YEAR).reaches(bound, START)
