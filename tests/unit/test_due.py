from __future__ import annotations

from datetime import timedelta

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.incident import Severity
from tests.worlds.domain import BEN, DEV, Play, at


def test_ten_minutes_without_a_stabilising_step_asks_the_room_once():
    """T2"""
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    assert play.of(ev.StabiliseNudged, play.wait(9.9)) == []
    assert len(play.of(ev.StabiliseNudged, play.wait(60))) == 1


def test_a_step_tried_in_time_asks_nobody():
    """T2"""
    play = Play()
    play.declare(1)
    play.do(DEV, cmd.TryStep(step=cmd.Step.ROLLBACK, text="release 311"))
    assert play.of(ev.StabiliseNudged, play.wait(60)) == []


def test_unasked_messages_outside_the_ladder_keep_a_minute_apart():
    """F14"""
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    play.wait(9.5)
    note = cmd.AddNote(kind=cmd.NoteKind.NOTE, text="the cause is the index")
    assert play.of(ev.CauseReminded, play.do(DEV, note))
    nudge = play.of(ev.StabiliseNudged, play.wait(5))[0]
    assert nudge.at == at(10.5)


def test_the_nudge_keeps_its_distance_from_paging_on():
    """F14 F16"""
    play = Play()
    play.declare(1)
    play.wait(30)
    unasked = (ev.StabiliseNudged, ev.ResponseEscalated, ev.CommanderAsked)
    times = sorted({e.at for e in play.events if isinstance(e, unasked) and e.at > at(0)})
    assert at(10) in times
    assert play.of(ev.StabiliseNudged)[0].at == at(11)


def test_a_sev3_nobody_took_up_is_raised_at_the_end_of_the_day():
    """F16"""
    play = Play(triage_at=at(180))
    play.declare(3)
    assert play.of(ev.UntouchedRaised, play.wait(179)) == []
    assert len(play.of(ev.UntouchedRaised, play.wait(600))) == 1


def test_a_sev3_somebody_took_up_is_not_raised_at_the_end_of_the_day():
    """F16"""
    play = Play(triage_at=at(180))
    play.declare(3)
    play.do(DEV, cmd.Join())
    assert play.of(ev.UntouchedRaised, play.wait(600)) == []


def test_tick_on_a_quiet_incident_changes_nothing():
    play = Play()
    play.declare(3)
    assert play.do(None, cmd.Tick()) == []
    play.now += timedelta(days=400)
    assert play.do(None, cmd.Tick()) == []
    assert play.state.severity is Severity.SEV3
