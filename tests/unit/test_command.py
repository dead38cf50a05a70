from __future__ import annotations

from datetime import timedelta

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.incident import Role
from tests.worlds.domain import ANN, BEN, CARA, DEV, EVE, Play, at


def test_the_declarer_acts_from_the_first_second_and_the_next_in_rotation_is_asked():
    """C1 C2 F4"""
    play = Play()
    state = play.declare(1)
    assert (state.commander, state.acting) == (ANN, True)
    assert play.of(ev.CommanderAsked)[0].person == BEN


def test_a_named_commander_is_asked_in_place_of_the_rotation():
    """C2 F4"""
    play = Play()
    play.declare(1, commander=EVE)
    assert [a.person for a in play.of(ev.CommanderAsked)] == [EVE]
    play.do(EVE, cmd.AcceptCommand())
    assert (play.state.commander, play.state.acting) == (EVE, False)


def test_whoever_names_themselves_commands_deliberately():
    """C2"""
    play = Play()
    state = play.declare(1, commander=ANN)
    assert (state.commander, state.acting) == (ANN, False)
    assert play.of(ev.CommanderAsked) == []


def test_the_first_to_accept_commands_and_the_rest_are_told():
    """F4 C1"""
    play = Play()
    play.declare(1)
    play.wait(5)
    assert [a.person for a in play.of(ev.CommanderAsked)] == [BEN, CARA]
    play.do(CARA, cmd.AcceptCommand())
    assert play.state.commander == CARA
    assert play.of(ev.CommanderChanged)[-1].also_asked == (BEN,)
    refusal = play.refused(BEN, cmd.AcceptCommand())
    assert refusal.for_whom.person == CARA


def test_decline_asks_the_next_at_once_and_nobody_left_is_said():
    """F4"""
    play = Play()
    play.declare(1)
    happened = play.do(BEN, cmd.DeclineCommand())
    assert play.of(ev.CommanderAsked, happened)[0].person == CARA
    happened = play.do(CARA, cmd.DeclineCommand())
    assert play.of(ev.CandidatesExhausted, happened)
    assert (play.state.commander, play.state.acting) == (ANN, True)
    play.do(ANN, cmd.AcceptCommand())
    assert not play.state.acting


def test_the_rotation_spares_the_declarer_and_the_responders():
    """C2"""
    play = Play()
    play.declare(1, who=BEN)
    assert [a.person for a in play.of(ev.CommanderAsked)] == [CARA]
    play.do(CARA, cmd.Join())
    play.wait(5)
    assert play.of(ev.CandidatesExhausted)


def test_any_trained_commander_may_take_it_while_it_is_only_acting():
    """F4"""
    play = Play()
    play.declare(1)
    refusal = play.refused(DEV, cmd.TakeCommand())
    assert refusal.lines == ("ic @dev",)
    play.do(CARA, cmd.TakeCommand())
    assert (play.state.commander, play.state.acting) == (CARA, False)
    play.refused(BEN, cmd.TakeCommand())


def test_a_silent_commander_may_be_relieved_after_a_whole_ladder():
    """C5 K3"""
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    play.refused(CARA, cmd.TakeCommand())
    play.wait(25)
    assert play.state.escalated
    happened = play.do(CARA, cmd.TakeCommand())
    change = play.of(ev.CommanderChanged, happened)[0]
    assert (change.was, change.now, change.how) == (BEN, CARA, ev.How.TAKEN)


def test_a_commander_who_speaks_again_cannot_be_relieved():
    """C5"""
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    play.wait(25)
    play.do(BEN, cmd.PostUpdate(text="here"))
    play.refused(CARA, cmd.TakeCommand())


def test_handoff_keeps_the_old_commander_until_the_new_one_accepts():
    """C4"""
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    play.refused(DEV, cmd.HandOff(person=CARA))
    play.do(BEN, cmd.HandOff(person=EVE))
    assert play.state.commander == BEN
    play.do(EVE, cmd.AcceptCommand())
    assert play.state.commander == EVE


def test_a_declined_handoff_changes_nothing():
    """C4"""
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    play.do(BEN, cmd.HandOff(person=CARA))
    play.do(CARA, cmd.DeclineCommand())
    assert (play.state.commander, play.state.offered_to) == (BEN, None)
    play.refused(CARA, cmd.AcceptCommand())


def test_naming_a_commander_where_one_has_accepted_is_a_handoff():
    """C4"""
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    play.refused(DEV, cmd.NameCommander(person=CARA))
    play.do(BEN, cmd.NameCommander(person=CARA))
    assert play.state.offered_to == CARA


def test_the_commander_does_not_become_a_responder():
    """C3"""
    play = Play()
    play.declare(1)
    assert "handoff @name" in play.refused(ANN, cmd.Join()).lines
    play.do(BEN, cmd.AcceptCommand())
    play.refused(BEN, cmd.Join())


def test_a_responder_who_accepts_command_puts_the_hands_on_work_down():
    """C3"""
    play = Play()
    play.declare(1)
    play.do(DEV, cmd.Join())
    play.do(ANN, cmd.NameCommander(person=DEV))
    play.do(DEV, cmd.AcceptCommand())
    assert play.state.responders == ()


def test_hands_on_work_by_the_commander_is_noted_and_marked():
    """C3"""
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    kind = cmd.NoteKind.DID
    assert play.do(BEN, cmd.AddNote(kind=kind, text="restarted it"))[0].hands_on
    assert play.do(DEV, cmd.AddNote(kind=kind, text="restarted it", doer=BEN))[0].hands_on
    assert not play.do(BEN, cmd.AddNote(kind=kind, text="restarted it", doer=DEV))[0].hands_on
    assert not play.do(DEV, cmd.AddNote(kind=kind, text="restarted it"))[0].hands_on


def test_only_the_commander_resolves_cancels_and_reopens():
    """C5"""
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    for command in (cmd.Resolve(), cmd.Cancel(reason="test")):
        assert play.refused(ANN, command).for_whom.person == BEN
    play.do(BEN, cmd.Resolve())
    play.refused(ANN, cmd.Reopen(reason="back"))
    play.do(BEN, cmd.Reopen(reason="back"))


def test_responders_are_released_by_resolve():
    """C6"""
    play = Play()
    play.declare(1)
    play.do(DEV, cmd.Join())
    play.do(ANN, cmd.Stabilise())
    assert play.state.responders == (DEV,)
    play.do(ANN, cmd.Resolve())
    assert play.state.responders == ()


def test_nobody_accepting_a_sev1_pages_on_in_three_stages():
    """F16"""
    play = Play()
    play.declare(1)
    happened = play.wait(5)
    first = play.of(ev.ResponseEscalated, happened)[0]
    assert (first.at, first.stage) == (at(5), 1)
    assert first.people == (CARA,)
    second = play.of(ev.ResponseEscalated, play.wait(5))[0]
    assert second.people == (BEN, CARA)
    third = play.of(ev.ResponseEscalated, play.wait(5))[0]
    assert (third.people, third.last_resort) == ((EVE,), True)
    assert play.of(ev.ResponseEscalated, play.wait(30)) == []


def test_a_sev2_has_a_quarter_of_an_hour():
    """F16"""
    play = Play()
    play.declare(2)
    assert play.of(ev.ResponseEscalated, play.wait(14)) == []
    assert play.of(ev.ResponseEscalated, play.wait(1))


def test_accepting_ends_the_paging_on():
    """F16"""
    play = Play()
    play.declare(1)
    play.wait(4)
    play.do(BEN, cmd.AcceptCommand())
    assert play.of(ev.ResponseEscalated, play.wait(30)) == []


def test_roles_are_given_and_pages_reach_whoever_is_on_call():
    play = Play(on_call={"checkout": (DEV,)})
    play.declare(1)
    play.do(ANN, cmd.AssignRole(role=Role.SCRIBE, person=EVE))
    assert play.state.roles[Role.SCRIBE] == EVE
    play.refused(ANN, cmd.AssignRole(role=Role.SCRIBE, person=EVE))
    assert play.do(ANN, cmd.PageOut(service="checkout"))[0].people == (DEV,)
    play.refused(ANN, cmd.PageOut(service="nowhere"))


def test_a_reopened_incident_has_its_last_commander_acting():
    """F6"""
    play = Play()
    play.declare(1)
    play.do(BEN, cmd.AcceptCommand())
    play.do(BEN, cmd.Resolve())
    play.wait(60)
    play.do(BEN, cmd.Reopen(reason="errors are back"))
    assert (play.state.commander, play.state.acting) == (BEN, True)
    assert play.due() == play.now + timedelta(minutes=15)
