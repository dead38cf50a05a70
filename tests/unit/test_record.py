from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.decide import decide
from bot.domain.evolve import fold
from bot.domain.incident import NEXT, Phase, Role, Severity
from bot.domain.timeline import corrected
from bot.refs import ConversationRef, ExternalRef
from tests.worlds.domain import ANN, BEN, CARA, DEV, EVE, Play, at


def test_phases_go_forward_and_reopen_goes_back():
    """T1"""
    play = Play()
    play.declare(1)
    play.do(DEV, cmd.Stabilise(text="error rate is down"))
    assert play.state.phase is Phase.STABILISED
    play.refused(DEV, cmd.Stabilise())
    play.do(ANN, cmd.Resolve())
    assert play.state.phase is Phase.RESOLVED
    play.refused(ANN, cmd.Resolve())
    play.do(ANN, cmd.Reopen(reason="back"))
    assert play.state.phase is Phase.INVESTIGATING
    play.refused(ANN, cmd.Reopen(reason="again"))
    play.do(ANN, cmd.Cancel(reason="no"))
    assert play.state.phase is Phase.CANCELLED


def test_no_phase_is_a_dead_end():
    """T1"""
    assert all(NEXT[phase] for phase in Phase)


def test_resolve_implies_stabilised_at_that_time():
    """F6"""
    play = Play()
    play.declare(1)
    play.wait(7)
    happened = play.do(ANN, cmd.Resolve())
    assert play.of(ev.Stabilised, happened)[0].implied
    assert play.state.stabilised_at == play.state.resolved_at == at(7)


def test_cancel_and_reopen_need_a_reason():
    play = Play()
    play.declare(1)
    assert play.refused(ANN, cmd.Cancel()).lines == ("cancel because <reason>",)
    play.do(ANN, cmd.Resolve())
    assert play.refused(ANN, cmd.Reopen()).lines == ("reopen because <reason>",)


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


def test_talk_of_the_cause_before_stabilising_is_reminded_of_once():
    """T2"""
    play = Play()
    play.declare(1)
    note = cmd.AddNote(kind=cmd.NoteKind.NOTE, text="the root cause is the index")
    assert play.of(ev.CauseReminded, play.do(DEV, note))
    play.wait(30)
    assert not play.of(ev.CauseReminded, play.do(DEV, note))


def test_after_stabilising_the_cause_may_be_talked_about():
    """T2"""
    play = Play()
    play.declare(1)
    play.do(DEV, cmd.Stabilise())
    note = cmd.AddNote(kind=cmd.NoteKind.SAW, text="root cause: the index")
    assert not play.of(ev.CauseReminded, play.do(DEV, note))


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


def test_a_captured_message_keeps_its_own_time_and_author():
    """L1"""
    play = Play()
    play.declare(1)
    play.wait(30)
    command = cmd.Capture(author=DEV, text="disk is full", written_at=at(3))
    event = play.of(ev.MessageCaptured, play.do(ANN, command))[0]
    assert (event.at, event.author, event.by) == (at(3), DEV, ANN)


def test_times_without_a_zone_are_refused():
    """L1"""
    with pytest.raises(ValueError, match="no time zone"):
        ev.Resolved(at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_amend_adds_an_event_and_changes_what_is_shown():
    """L3"""
    play = Play()
    play.declare(1)
    play.do(DEV, cmd.PostUpdate(text="21 % errors"))
    said = play.state.last_update
    entry = play.events[said.entry - 1]
    play.do(DEV, cmd.Amend(entry=said.entry, text="12 % errors"), entry=entry)
    assert play.state.last_update.text == "12 % errors"
    assert entry.text == "21 % errors"


def test_entries_are_changed_by_author_scribe_or_commander_alone():
    """L3"""
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    play.do(BEN, cmd.AssignRole(role=Role.SCRIBE, person=CARA))
    note = play.do(DEV, cmd.AddNote(kind=cmd.NoteKind.NOTE, text="x"))[0]
    n = play.state.entries
    play.refused(EVE, cmd.Amend(entry=n, text="y"), entry=note)
    for who in (DEV, CARA, BEN):
        play.do(who, cmd.Amend(entry=n, text="y"), entry=note)
    play.refused(EVE, cmd.Redact(entry=n), entry=note)
    play.do(CARA, cmd.Redact(entry=n), entry=note)


def test_the_bots_own_record_and_missing_entries_cannot_be_changed():
    """L3 D5"""
    play = Play()
    play.declare(1)
    play.refused(ANN, cmd.Redact(entry=2), entry=play.events[1])
    assert "ends at" in str(play.refused(ANN, cmd.Amend(entry=99, text="x"), entry=None))


def test_a_slip_in_the_title_is_amended_through_entry_one():
    play = Play()
    play.declare(1)
    play.do(ANN, cmd.Amend(entry=1, text="Checkout down"), entry=play.events[0])
    assert play.state.title == "Checkout down"


def test_folding_the_timeline_gives_the_state():
    play = Play()
    play.declare(None)
    play.do(BEN, cmd.AcceptCommand())
    play.wait(40)
    play.do(DEV, cmd.PostUpdate(text="x"))
    play.do(BEN, cmd.Resolve(text="done"))
    assert fold(tuple(play.events)) == play.state


def test_a_ticket_or_a_room_that_is_noted_twice_counts_once():
    play = Play()
    play.declare(4)
    ticket = ExternalRef("tracker", "T-1")
    play.do(None, cmd.NoteTicket(ticket=ticket))
    assert play.do(None, cmd.NoteTicket(ticket=ticket)) == []
    room = ConversationRef("chat", "!r")
    play.do(None, cmd.NoteConversation(conversation=room))
    assert play.do(None, cmd.NoteConversation(conversation=room)) == []


def test_an_incident_is_declared_once_and_first():
    play = Play()
    play.refused_first = None
    with pytest.raises(Exception, match="No such incident"):
        play.do(ANN, cmd.Resolve())
    play.declare(1)
    play.refused(ANN, cmd.Declare(title="x"))


def test_tick_on_a_quiet_incident_changes_nothing():
    play = Play()
    play.declare(3)
    assert play.do(None, cmd.Tick()) == []
    play.now += timedelta(days=400)
    assert play.do(None, cmd.Tick()) == []
    assert play.state.severity is Severity.SEV3


def test_decide_changes_nothing_it_is_handed_and_decides_the_same_again():
    """F12"""
    play = Play()
    play.declare(1)
    before = play.state
    setting = replace(play.setting, actor=DEV)
    command = cmd.PostUpdate(text="x")
    first, again = (decide(before, command, at(3), setting).happened for _ in "ab")
    assert first == again
    assert play.state == before


def test_a_timeline_is_read_with_its_last_amendment():
    """L3"""
    play = Play()
    play.declare(1)
    play.do(DEV, cmd.AddNote(kind=cmd.NoteKind.NOTE, text="21 %"))
    n, entry = play.state.entries, play.events[-1]
    for text in ("13 %", "12 %"):
        play.do(DEV, cmd.Amend(entry=n, text=text), entry=entry)
    entries = [ev.Entry(n=i + 1, event=e, recorded_at=at(0)) for i, e in enumerate(play.events)]
    assert corrected(entries)[n - 1].event.text == "12 % (amended)"
    assert entries[n - 1].event.text == "21 %"
