from __future__ import annotations

from datetime import datetime

import pytest

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.incident import Role
from bot.domain.timeline import corrected
from tests.worlds.domain import ANN, BEN, CARA, DEV, EVE, Play, at


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
