"""Any people, any commands, any order, any time: what must hold always."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.due import next_due
from bot.domain.errors import Rejected
from bot.domain.incident import ClockName, Kind, Outcome, Phase, Role, RungKind, Severity
from bot.domain.named import Named
from bot.domain.policy import Plan
from bot.domain.publication import PublicState
from bot.refs import Lane, machine
from tests.worlds.domain import ALL, ANN, BEN, CARA, DEV, EVE, Play, Retold

PEOPLE = st.sampled_from([ANN, BEN, CARA, DEV, EVE])
ALERTS = machine("alerts")
DECLARERS = st.one_of(PEOPLE, st.just(ALERTS))
TEXTS = st.sampled_from(["a", "the root cause is b", "x" * 200, "<b>*c*</b>"])
REASONS = st.sampled_from([None, "because"])
MINUTES = st.sampled_from([1, 2, 3, 5, 15, 30, 60, 2000])

ANSWERS = st.lists(st.sampled_from(cmd.ImpactAnswer), max_size=3).map(tuple)
COMMANDS = st.one_of(
    st.builds(cmd.Assess, answers=ANSWERS),
    st.builds(cmd.PostUpdate, text=TEXTS),
    st.builds(
        cmd.PublishExternal, text=TEXTS, state=st.one_of(st.none(), st.sampled_from(PublicState))
    ),
    st.builds(cmd.Approve),
    st.builds(cmd.RejectDraft, reason=REASONS),
    st.builds(cmd.OpenAudience),
    st.builds(cmd.SendBrief, text=TEXTS),
    st.builds(
        cmd.ChangeCadence,
        clock=st.sampled_from(ClockName),
        period=MINUTES.map(lambda m: timedelta(minutes=m)),
        reason=REASONS,
    ),
    st.builds(cmd.ChangeSeverity, severity=st.sampled_from(Severity), reason=REASONS),
    st.builds(cmd.NameCommander, person=PEOPLE),
    st.builds(cmd.AcceptCommand),
    st.builds(cmd.DeclineCommand),
    st.builds(cmd.TakeCommand),
    st.builds(cmd.HandOff, person=PEOPLE),
    st.builds(cmd.AssignRole, role=st.sampled_from(Role), person=PEOPLE),
    st.builds(cmd.Join),
    st.builds(cmd.Leave),
    st.builds(cmd.PageOut, person=PEOPLE),
    st.builds(
        cmd.AddNote,
        kind=st.sampled_from(cmd.NoteKind),
        text=TEXTS,
        doer=st.one_of(st.none(), PEOPLE),
    ),
    st.builds(cmd.TryStep, step=st.sampled_from(cmd.Step), text=TEXTS),
    st.builds(cmd.StateImpact, text=TEXTS),
    st.builds(cmd.Stabilise, text=st.one_of(st.none(), TEXTS)),
    st.builds(cmd.Resolve, text=st.one_of(st.none(), TEXTS)),
    st.builds(cmd.Reopen, reason=REASONS),
    st.builds(cmd.Cancel, reason=REASONS),
    st.builds(cmd.NoteUndelivered, target=TEXTS.map(Lane), what=TEXTS, why=TEXTS),
)
WAYS_ON = (
    cmd.Resolve(),
    cmd.Reopen(reason="x"),
    cmd.ChangeSeverity(severity=Severity.SEV1),
    cmd.AddNote(kind=cmd.NoteKind.NOTE, text="x"),
)


class Interleaving(RuleBasedStateMachine):
    """One incident in the hands of five people and a clock that may jump."""

    def __init__(self) -> None:
        super().__init__()
        plan = Plan(comms=DEV, external={Severity.SEV1: timedelta(minutes=20)})
        self.play = Play(audiences=ALL, plan=plan)
        self.nobody_to_ask = False
        self.retold = Retold(self.play)
        self.commanders: list = []

    @initialize(
        severity=st.sampled_from([None, 1, 2, 3, 4]),
        who=DECLARERS,
        named=st.one_of(st.none(), PEOPLE),
        kind=st.sampled_from([Kind.INCIDENT, Kind.DRILL]),
        unnamed=st.sets(st.sampled_from([ANN, DEV, EVE]), max_size=2),
        rotation=st.booleans(),
    )
    def declare(self, severity, who, named, kind, unnamed, rotation):
        people = Named(people=frozenset({ANN, BEN, CARA, DEV, EVE} - unnamed))
        self.play.setting = replace(self.play.setting, named=people)
        if not rotation:
            self.play.setting = replace(self.play.setting, candidates=(), trained=frozenset())
        appointed = named is not None and named not in unnamed
        self.nobody_to_ask = who == ALERTS and not rotation and not appointed
        self.play.declare(severity, who=who, commander=named, kind=kind)

    @rule(who=DECLARERS, command=COMMANDS, late=st.integers(0, 400))
    def command(self, who, command, late):
        before = self.play.state
        written = self.play.now - timedelta(seconds=late)
        try:
            self.play.do(who, command, written_at=written)
        except Rejected as refusal:
            unchanged = self.play.state == before
            if not (unchanged and str(refusal)):
                raise AssertionError("a refusal changes nothing, and says why") from refusal

    @rule(who=PEOPLE, n=st.integers(1, 60), text=TEXTS, redact=st.booleans())
    def edit(self, who, n, text, redact):
        entry = self.play.events[n - 1] if n <= len(self.play.events) else None
        command = cmd.Redact(entry=n) if redact else cmd.Amend(entry=n, text=text)
        try:
            self.play.do(who, command, entry=entry)
        except Rejected:
            return

    @rule(minutes=st.floats(0, 40))
    def time_passes(self, minutes):
        self.play.wait(minutes)

    @rule(minutes=st.floats(0, 200))
    def bot_is_down(self, minutes):
        self.play.sleep(minutes)

    @rule(minutes=st.floats(-60, 60))
    def clock_jumps(self, minutes):
        self.play.now += timedelta(minutes=minutes)

    @rule()
    def ticks_twice(self):
        self.play.do(None, cmd.Tick())
        assert self.play.do(None, cmd.Tick()) == []

    @invariant()
    def nothing_is_public_without_the_commanders_word(self):
        """X2 X3: comms may, once the commander was silent through a ladder"""
        commander, comms, silent = None, DEV, False
        for event in self.play.events:
            match event:
                case ev.CommanderChanged(now=person):
                    commander, silent = person, False
                case ev.RoleAssigned(role=Role.COMMS, person=person):
                    comms = person
                case ev.RungFired(kind=RungKind.NEXT):
                    silent = True
                case ev.ExternalPublished(by=by):
                    assert commander in {None, by} or (silent and by == comms)
                    assert by in self.play.setting.named
                case _:
                    pass

    @invariant()
    def what_is_over_is_over_on_the_page(self):
        """X2 F6"""
        if self.play.incident is None or self.play.state.running:
            return
        draft = self.play.state.draft  # by somebody who may not approve that it is over
        waits = draft is not None and draft.state is PublicState.RESOLVED
        assert waits or not self.play.state.public

    @invariant()
    def exactly_one_commander(self):
        """C1"""
        if self.play.incident is None:
            return
        state = self.play.state
        taken = bool(self.play.of(ev.CommanderChanged))
        if state.running and state.severity.commanded:
            assert state.commander is not None or (self.nobody_to_ask and not taken)
        assert state.unled is (
            state.running and state.severity.commanded and state.commander is None
        )
        changes = self.play.of(ev.CommanderChanged)
        held = None
        for change in changes:
            assert change.was == held
            held = change.now
        assert held == state.commander

    @invariant()
    def a_machine_holds_nothing(self):
        """C1 F8"""
        if self.play.incident is None:
            return
        state = self.play.state
        asked = {ask.person for ask in state.asked}
        held = {state.commander, state.offered_to, *state.roles.values(), *state.responders, *asked}
        assert ALERTS not in held
        assert ALERTS not in {e.now for e in self.play.of(ev.CommanderChanged)}
        done = {type(e) for e in self.play.events[1:] if e.by == ALERTS}
        begun = {ev.NoteAdded, ev.CommanderChanged, ev.CommanderAsked, ev.PromiseMade}
        assert done <= begun, done - begun

    @invariant()
    def the_commander_is_no_responder(self):
        """C3"""
        if self.play.incident is not None and self.play.state.running:
            assert self.play.state.commander not in self.play.state.responders

    @invariant()
    def each_promise_ends_once(self):
        """K2 K3 K5"""
        for clock in ClockName:
            made = [e.n for e in self.play.of(ev.PromiseMade) if e.clock is clock]
            ended = [e for e in self.play.of(ev.PromiseSettled) if e.clock is clock]
            together = {e.n: e.count for e in ended}  # a gap is one entry
            assert made == [1 + sum(together.get(m, 1) for m in made[:i]) for i in range(len(made))]
            counted = Counter(e.n for e in ended)
            assert all(count == 1 for count in counted.values())
            state = self.play.incident.clocks.get(clock) if self.play.incident else None
            running = [n for n in made if n not in counted]
            assert running == ([state.promise.n] if state and state.promise else [])
            if state:
                assert state.settled == sum(e.count for e in ended)
            rungs = Counter((e.n, e.kind) for e in self.play.of(ev.RungFired) if e.clock is clock)
            assert all(count == 1 for count in rungs.values())
            for event in ended:
                assert event.outcome is not Outcome.LATE or event.late_by > timedelta(0)

    @invariant()
    def nothing_runs_when_it_is_over(self):
        """K7 P2"""
        if self.play.incident is None or self.play.state.running:
            return
        state = self.play.state
        assert all(c.promise is None for c in state.clocks.values())
        owed = state.review is not None and state.review.open and state.phase is Phase.RESOLVED
        if not owed and not any(action.open for action in state.actions):
            assert next_due(state, self.play.setting.policy) is None

    @invariant()
    def the_timeline_is_the_state(self):
        """L3"""
        if self.play.incident is not None:
            assert self.play.state.entries == len(self.play.events)
            assert self.retold.agrees()

    def teardown(self):
        assert self.retold.agrees_from_the_start()

    @invariant()
    def no_state_is_a_dead_end(self):
        if self.play.incident is None:
            return
        probe = Play()
        probe.setting, probe.now = self.play.setting, self.play.now
        for command in WAYS_ON:
            probe.incident = self.play.incident
            try:
                probe.do(self.play.state.commander or ANN, command)
            except Rejected:
                continue
            return
        raise AssertionError(f"nothing can be done in {self.play.state.phase}")


@pytest.mark.slow
def test_thousands_of_interleavings_keep_the_rules():
    """C1 C3 K2 K3 K5 K7 L3"""
    run_state_machine_as_test(
        Interleaving,
        settings=settings(
            max_examples=300,
            stateful_step_count=25,
        ),
    )


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_and_command_is_answered(phase):
    """D5: accepted or refused with words, never anything else."""
    for command in (
        cmd.PostUpdate(text="x"), cmd.Join(), cmd.Leave(), cmd.AcceptCommand(),
        cmd.DeclineCommand(), cmd.TakeCommand(), cmd.HandOff(person=DEV),
        cmd.NameCommander(person=DEV), cmd.Stabilise(), cmd.Resolve(), cmd.Reopen(reason="x"),
        cmd.Cancel(reason="x"), cmd.StateImpact(text="x"), cmd.PageOut(person=DEV),
        cmd.Declare(title="x"), cmd.Tick(),
        cmd.ChangeSeverity(severity=Severity.SEV3, reason="x"),
    ):  # fmt: skip
        play = Play()
        play.declare(1)
        play.incident = replace(play.state, phase=phase)
        try:
            play.do(ANN, command)
        except Rejected as refusal:
            if not str(refusal):
                raise AssertionError("a refusal says why") from refusal
