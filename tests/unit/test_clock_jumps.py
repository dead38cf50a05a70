"""The clock of the machine is set, by any length: entries stay few, and no rung is silent (K6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.clock_jumps import LEEWAY, ahead
from bot.domain.due import next_due
from bot.domain.errors import Rejected
from bot.domain.evolve import fold
from bot.domain.incident import ClockName, Severity
from tests.worlds.domain import ANN, BEN, DEV, START, Play

YEAR = timedelta(days=365)


def running() -> Play:
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    return play


def jump(play: Play, length: timedelta) -> None:
    """Set the clock; the bot looks at once at what is due, as it does when it notices."""
    play.now += length
    play.do(None, cmd.Tick(jumped=length))


@pytest.mark.parametrize("length", [YEAR, 10 * YEAR])
def test_there_and_back_the_room_hears_every_rung_in_its_time(length):
    """K6 K3"""
    play = running()
    play.wait(5)
    before = len(play.events)
    jump(play, length)
    said = play.events[before:]
    assert len(said) < 40
    (missed,) = [
        e for e in said if isinstance(e, ev.PromiseSettled) and e.clock.value == "internal"
    ]
    assert missed.count == length // timedelta(minutes=30)
    (jumped,) = [e for e in said if isinstance(e, ev.ClockSet)]
    assert jumped.moved == length
    jump(play, -length)
    assert isinstance(play.of(ev.ClockSet)[-1], ev.ClockSet)
    assert play.of(ev.ClockSet)[-1].moved < timedelta(days=-360)
    due = play.state.clocks[ClockName.INTERNAL].promise.due_at
    assert due == play.now + timedelta(minutes=15)
    rungs = len(play.of(ev.RungFired))
    for _ in range(27):
        play.wait(1)
    fired = [e.kind.value for e in play.of(ev.RungFired)[rungs:] if e.clock is ClockName.INTERNAL]
    assert fired == ["prompt", "overdue", "page", "next"]


def test_whoever_is_asked_to_command_is_asked_on_after_the_return():
    """K6 C2 F16"""
    play = Play()
    play.declare(1)
    jump(play, YEAR)
    jump(play, -YEAR)
    asked, stage = len(play.of(ev.CommanderAsked)), play.state.response_stage
    for _ in range(20):
        play.wait(1)
    assert len(play.of(ev.CommanderAsked)) > asked or play.state.nobody_left
    assert play.state.response_stage >= stage
    assert next_due(play.state, play.setting.policy) <= play.now + timedelta(minutes=30)


def test_what_was_declared_by_a_clock_that_was_ahead_counts_from_now():
    """K6 P2"""
    play = Play()
    play.now = START + YEAR
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    play.do(BEN, cmd.Resolve())
    jump(play, -YEAR)
    state = play.state
    assert state.declared_at == state.resolved_at == play.now
    assert max(state.review.due.values()) <= play.now + timedelta(days=8)
    assert ahead(state, play.now) <= timedelta(0)


def test_a_second_is_no_jump():
    """K6"""
    play = running()
    jump(play, timedelta(seconds=5))
    jump(play, timedelta(seconds=-8))
    assert play.of(ev.ClockSet) == []


LENGTHS = st.sampled_from((-10 * YEAR, -YEAR, -timedelta(hours=2), -timedelta(minutes=1),
                           timedelta(minutes=1), timedelta(minutes=40), timedelta(hours=5),
                           YEAR, 10 * YEAR))  # fmt: skip
SAID = st.sampled_from((
    (DEV, cmd.PostUpdate(text="x")), (BEN, cmd.SendBrief(text="y")), (BEN, cmd.Resolve()),
    (BEN, cmd.Reopen(reason="z")), (BEN, cmd.ChangeSeverity(severity=Severity.SEV2, reason="w")),
    (ANN, cmd.StateImpact(text="v")), (None, cmd.Tick()),
))  # fmt: skip


@given(st.lists(st.tuples(LENGTHS, SAID), min_size=1, max_size=12))
def test_any_jumps_and_any_commands_keep_the_promises(steps):
    """K5 K6: few entries; every promise ends once; none is due later than now and its period."""
    play = running()
    for length, (who, command) in steps:
        jump(play, length)
        _holds(play)
        try:
            play.do(who, command)
        except Rejected:
            continue
        _holds(play)
    assert len(play.events) <= 60 * (len(steps) + 1)
    assert fold(tuple(play.events)) == play.state


def _holds(play: Play) -> None:
    for clock, state in play.state.clocks.items():
        made = [e.n for e in play.of(ev.PromiseMade) if e.clock is clock]
        ended = [e.n for e in play.of(ev.PromiseSettled) if e.clock is clock]
        assert made == sorted(set(made))
        assert ended == made[: len(ended)]
        assert state.settled == state.made - (state.promise is not None)
        if state.promise is not None:
            assert state.promise.due_at <= play.now + state.promise.period + LEEWAY
            assert next_due(play.state, play.setting.policy) <= play.now + state.promise.period
