from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain import commands as cmd
from bot.domain.decide import decide
from bot.domain.evolve import fold
from bot.refs import ConversationRef, ExternalRef
from tests.worlds.domain import ANN, BEN, DEV, Play, at


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
    with pytest.raises(Exception, match="No such incident"):
        play.do(ANN, cmd.Resolve())
    play.declare(1)
    play.refused(ANN, cmd.Declare(title="x"))


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
