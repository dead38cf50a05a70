from __future__ import annotations

from datetime import timedelta

from bot.domain import commands as cmd
from bot.domain import effects as fx
from bot.domain import events as ev
from bot.domain.incident import ClockName, Role, RungKind, Severity
from bot.domain.named import Named
from bot.domain.plan import plan
from bot.domain.policy import Plan
from bot.refs import PersonId, machine
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


ALERTS = machine("alerts", "Alertmanager")


def alerted(**setting: object) -> Play:
    """What an alert declared, with nobody in the rotation unless it is said."""
    nobody: dict[str, object] = {"candidates": (), "trained": frozenset()}
    play = Play(**(nobody | setting))
    play.declare(setting.pop("severity", 1), who=ALERTS, service="shop")
    return play


def test_where_a_machine_declared_the_next_of_the_rotation_acts_from_the_first_second():
    """C1 C2"""
    play = alerted(candidates=(BEN, CARA), trained=frozenset({BEN, CARA}))
    state = play.state
    assert (state.commander, state.acting, state.declared_by) == (BEN, True, ALERTS)
    assert [e.now for e in play.of(ev.CommanderChanged)] == [BEN]
    assert [e.person for e in play.of(ev.CommanderAsked)] == [BEN]
    play.do(BEN, cmd.AcceptCommand())
    assert (play.state.commander, play.state.acting) == (BEN, False)


def test_whom_a_machine_names_acts_if_the_config_names_them():
    """C1 C2"""
    for named, acts in ((DEV, DEV), (PersonId("chat:eve"), BEN), (ALERTS, BEN)):
        play = Play(named=Named(people=frozenset({BEN, DEV})))
        play.declare(1, who=ALERTS, commander=named)
        assert (play.state.commander, play.state.acting) == (acts, True)
        assert [e.person for e in play.of(ev.CommanderAsked)] == [acts]


def test_whoever_a_machine_makes_acting_commander_is_called_like_a_page():
    """C1"""
    play = alerted(candidates=(BEN,), trained=frozenset({BEN}))
    effects = plan(play.state, tuple(play.events), fx.Routes(pager=True))
    paged = [e.people for e in effects if isinstance(e, fx.PagePeople)]
    told = [(e.person, e.urgent) for e in effects if isinstance(e, fx.SayTo)]
    assert paged == [(BEN,)]
    assert told == [(BEN, True)]


def test_an_empty_rotation_leaves_command_to_the_owner_or_to_whoever_is_on_call():
    """C1"""
    owned = alerted(plan=Plan(service="shop", owner=CARA, on_call=(DEV,)))
    assert (owned.state.commander, owned.state.acting) == (CARA, True)
    manned = alerted(plan=Plan(service="shop"), on_call={"shop": (DEV, EVE)})
    assert (manned.state.commander, manned.state.acting) == (DEV, True)
    people = Named(people=frozenset({EVE}))
    only_named = alerted(plan=Plan(owner=CARA), on_call={"shop": (DEV, EVE)}, named=people)
    assert only_named.state.commander == EVE


def test_with_nobody_to_appoint_any_named_person_may_take_command():
    """C1 C5"""
    play = alerted(named=Named(people=frozenset({DEV, EVE})))
    state = play.state
    assert (state.commander, state.unled, state.nobody_left) == (None, True, True)
    refusal = play.refused(DEV, cmd.Resolve())
    assert refusal.lines == ("take ic",)
    play.refused(PersonId("chat:mallory"), cmd.TakeCommand())
    play.refused(ALERTS, cmd.TakeCommand())
    assert play.refused(DEV, cmd.AcceptCommand()).lines == ("take ic",)
    play.do(DEV, cmd.TakeCommand())
    assert (play.state.commander, play.state.acting, play.state.unled) == (DEV, False, False)
    play.do(DEV, cmd.Resolve())


def test_whoever_is_asked_for_what_nobody_commands_may_accept_or_decline():
    """C1 F4"""
    play = alerted()
    play.do(DEV, cmd.NameCommander(person=EVE))
    play.do(EVE, cmd.DeclineCommand())
    play.do(DEV, cmd.NameCommander(person=CARA))
    play.do(CARA, cmd.AcceptCommand())
    assert (play.state.commander, play.state.acting) == (CARA, False)


def test_what_a_machine_declared_and_nobody_accepted_pages_on():
    """F16 C1"""
    for play, first in (
        (alerted(), ()),
        (alerted(candidates=(BEN, CARA), trained=frozenset({BEN, CARA})), (CARA,)),
    ):
        happened = play.wait(16)
        stages = [(e.stage, e.people) for e in play.of(ev.ResponseEscalated, happened)]
        assert [stage for stage, _ in stages] == [1, 2, 3]
        assert stages[0][1] in {first, (BEN,)}
        assert stages[2][1] == (EVE,)


def test_the_ladder_of_what_nobody_commands_calls_the_last_resort():
    """K3 C1"""
    play = alerted(audiences=frozenset({ClockName.INTERNAL}))
    play.wait(26)
    called = {e.kind: e.people for e in play.of(ev.RungFired)}
    assert called[RungKind.PAGE] == called[RungKind.NEXT] == (EVE,)
    assert not play.state.escalated


def test_a_person_who_raises_what_nobody_commands_acts():
    """C1 F5"""
    play = Play(candidates=(), trained=frozenset())
    play.declare(2, who=ALERTS)
    assert play.state.unled
    play.do(ANN, cmd.ChangeSeverity(severity=Severity.SEV1))
    assert (play.state.commander, play.state.acting) == (ANN, True)


def test_whom_a_machine_appoints_has_not_acted_yet():
    """X3 C1"""
    play = alerted(candidates=(BEN,), trained=frozenset({BEN}))
    assert play.state.participants == (ALERTS,)
    play.do(BEN, cmd.AcceptCommand())
    assert play.state.participants == (ALERTS, BEN)
