"""The table of permissions, cell by cell: each act, each part, each phase, both ways."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.action_values import Action, Category, Strength
from bot.domain.acts import Act
from bot.domain.blameless import ReviewFinding
from bot.domain.decide import decide
from bot.domain.errors import Rejected, Unseen
from bot.domain.incident import Ask, ClockName, Incident, Phase, Role, Severity
from bot.domain.named import Named
from bot.domain.permissions import TABLE, Grant, Part, may_outside
from bot.domain.policy import Plan
from bot.domain.postmortem_values import Postmortem, ReviewStage, Section
from bot.domain.publication import PublicDraft, PublicState
from bot.domain.stages import EVER, Standing
from bot.grammar.verbs import VERBS
from bot.refs import ConversationRef, PersonId
from tests.worlds.domain import ALL, START, Play

NOW = START + timedelta(minutes=5)
LATER = START + timedelta(hours=2)

PEOPLE = {
    part: PersonId(name)
    for part, name in {
        Part.UNNAMED: "chat:eve",
        Part.NAMED: "nan",
        Part.TAKING_PART: "chat:joe",
        Part.DECLARER: "chat:dee",
        Part.AUTHOR: "chat:art",
        Part.SCRIBE: "sam",
        Part.COMMS: "cho",
        Part.LIAISON: "lia",
        Part.ACTING_UNNAMED: "chat:abe",
        Part.ACTING: "ada",
        Part.COMMANDER: "coy",
        Part.SERVICE_OWNER: "oda",
        Part.TRAINED: "tia",
        Part.ASKED: "ash",
        Part.ON_CALL: "ona",
        Part.OWNER: "pam",
        Part.MACHINE: "plugin:alerts",
    }.items()
}
"""Somebody with each part; whoever's id has no colon is named besides."""

COMMANDERS = {
    "commander": (PEOPLE[Part.COMMANDER], False),
    "acting": (PEOPLE[Part.ACTING], True),
    "acting unnamed": (PEOPLE[Part.ACTING_UNNAMED], True),
    "silent": (PersonId("coy"), False),
    "nobody": (None, False),
    "unled": (None, False),
}
"""The ways in which an incident is commanded, or is not."""

OTHER = PersonId("zoe")
SETTING = Play(
    audiences=ALL,
    named=Named(
        people=frozenset({*(p for p in PEOPLE.values() if ":" not in p), OTHER}),
    ),
    plan=Plan(service="shop", owner=PEOPLE[Part.SERVICE_OWNER], on_call=(PEOPLE[Part.ON_CALL],)),
    candidates=(),
    trained=frozenset({PEOPLE[Part.TRAINED]}),
    places={"wire": ConversationRef("wire", "new:INC-1")},
    private_places={"chat": ConversationRef("chat", "new:INC-1")},
    via="chat",
    findings=(
        ReviewFinding(
            rule="filler",
            section="Summary",
            line=1,
            column=1,
            words="tbd",
            why="",
            advice="",
            blocks=False,
        ),
    ),
).setting


def incident(stage: Standing, commanded: str) -> Incident:
    """An incident in a phase, with every part but the commander's held by somebody."""
    play = Play()
    play.setting = replace(SETTING, audiences=ALL)
    play.declare(2, who=PersonId("old"), service="shop")
    severity = Severity.SEV3 if commanded == "nobody" else Severity.SEV2
    commander, acting = COMMANDERS[commanded]
    over = stage in {Standing.RESOLVED, Standing.CLOSED, Standing.CANCELLED}
    review = Postmortem(form="full", owner=PEOPLE[Part.OWNER], opened_at=START)
    if stage is Standing.CLOSED:
        review = replace(review, stage=ReviewStage.FINALISED)
    if stage is Standing.RESOLVED:
        review = replace(review, stage=ReviewStage.IN_REVIEW)
    return replace(
        play.state,
        severity=Severity.SEV4 if stage is Standing.TICKET else severity,
        phase=Phase.INVESTIGATING if stage is Standing.TICKET else Phase(stage.value),
        commander=commander,
        acting=acting,
        escalated=commanded == "silent",
        nobody_left=False,
        asked=(Ask(person=PEOPLE[Part.ASKED], at=START),),
        responders=(PEOPLE[Part.TAKING_PART],),
        participants=(PersonId("old"), PEOPLE[Part.TAKING_PART]),
        roles={
            Role.SCRIBE: PEOPLE[Part.SCRIBE],
            Role.COMMS: PEOPLE[Part.COMMS],
            Role.LIAISON: PEOPLE[Part.LIAISON],
        },
        clocks={} if over else play.state.clocks,
        draft=PublicDraft(
            at=START,
            by=None,
            text="slow",
            entry=3,
            title="t",
            state=PublicState.INVESTIGATING,
            components=(),
        ),
        review=review,
        actions=(
            Action(
                n=1,
                text="Page when no order was placed for 3 min",
                owner=PEOPLE[Part.OWNER],
                due=date(2026, 12, 15),
                strength=Strength.DETECT,
                category=Category.DETECT,
            ),
        ),
    )


NOTE = ev.NoteAdded(at=START, by=PEOPLE[Part.AUTHOR], kind=cmd.NoteKind.NOTE, text="x")
PUBLIC = ev.ExternalPublished(at=START, by=PersonId("old"), text="x")

COMMANDS = {
    Act.RAISE: cmd.ChangeSeverity(severity=Severity.SEV1),
    Act.LOWER: cmd.ChangeSeverity(severity=Severity.SEV4, reason="r"),
    Act.ASSESS_DOWN: cmd.Assess(answers=(cmd.ImpactAnswer.NO,) * 3),
    Act.UPDATE: cmd.PostUpdate(text="x"),
    Act.SHORTEN: cmd.ChangeCadence(clock=ClockName.INTERNAL, period=timedelta(minutes=5)),
    Act.LENGTHEN: cmd.ChangeCadence(
        clock=ClockName.INTERNAL, period=timedelta(hours=2), reason="r"
    ),
    Act.PUBLISH: cmd.PublishExternal(text="x"),
    Act.APPROVE: cmd.Approve(entry=3),
    Act.APPROVE_END: cmd.Approve(entry=3),
    Act.BRIEF: cmd.SendBrief(text="x"),
    Act.ASK_COMMANDER: cmd.NameCommander(person=OTHER),
    Act.HAND_OFF: cmd.HandOff(person=OTHER),
    Act.ANSWER: cmd.AcceptCommand(),
    Act.TAKE: cmd.TakeCommand(),
    Act.GIVE_ROLE: cmd.AssignRole(role=Role.SCRIBE, person=OTHER),
    Act.JOIN: cmd.Join(),
    Act.PAGE: cmd.PageOut(person=OTHER),
    Act.NOTE: cmd.AddNote(kind=cmd.NoteKind.NOTE, text="x"),
    Act.RECORD: cmd.AddNote(kind=cmd.NoteKind.SAW, text="x"),
    Act.RECORD_OTHERS: cmd.AddNote(kind=cmd.NoteKind.DID, text="x", doer=OTHER),
    Act.TRY_STEP: cmd.TryStep(step=cmd.Step.ROLLBACK, text="x"),
    Act.IMPACT: cmd.StateImpact(text="x"),
    Act.STABILISE: cmd.Stabilise(),
    Act.RESOLVE: cmd.Resolve(),
    Act.REOPEN: cmd.Reopen(reason="r"),
    Act.CANCEL: cmd.Cancel(reason="r"),
    Act.AMEND: cmd.Amend(entry=2, text="y"),
    Act.AMEND_PUBLIC: cmd.Amend(entry=2, text="y"),
    Act.REDACT: cmd.Redact(entry=2),
    Act.REDACT_OWN: cmd.Redact(entry=2),
    Act.MIRROR: cmd.Mirror(adapter="wire"),
    Act.HIDE: cmd.ChangePrivacy(private=True, reason="r"),
    Act.REVEAL: cmd.ChangePrivacy(private=False, reason="r"),
    Act.WRITE_POSTMORTEM: cmd.WriteSection(section=Section.SUMMARY, text="x"),
    Act.FINALISE: cmd.Finalise(),
    Act.WAIVE: cmd.WaiveFinding(n=1, reason="r"),
    Act.HAND_OVER_POSTMORTEM: cmd.OwnPostmortem(person=OTHER),
    Act.TAKE_BACK: cmd.BackToDraft(reason="r"),
    Act.ADD_ACTION: cmd.AddAction(
        text="Alert on the age of the oldest lock",
        owner=OTHER,
        due=date(2026, 12, 15),
        strength=Strength.DETECT,
    ),
    Act.CHANGE_ACTION: cmd.FinishAction(n=1),
}
"""A command for each act that anybody with the right part can give at once."""


def parts(part: Part, commanded: str) -> set[Part]:
    """The parts that somebody has, by what this file gave them."""
    person = PEOPLE[part]
    if part is Part.MACHINE:
        return {part}
    held = {part, Part.UNNAMED if ":" in person else Part.NAMED}
    if person != COMMANDERS[commanded][0]:
        held -= {Part.COMMANDER, Part.ACTING, Part.ACTING_UNNAMED}
    if part in {Part.AUTHOR, Part.DECLARER}:
        held -= {part}  # each has tests of its own
    return held


def led_by_nobody(stage: Standing) -> bool:
    """Whether what has no commander takes one in a phase."""
    return stage in {Standing.INVESTIGATING, Standing.STABILISED}


def allowed(act: Act, commanded: str, stage: Standing) -> set[Part]:
    row = TABLE[act]
    found = set(row.parts)
    if commanded == "nobody":
        found |= row.uncommanded
    if commanded == "silent":
        found |= row.silent
    if commanded in {"acting unnamed", "unled"}:
        found |= row.unled
    if commanded == "unled" and not led_by_nobody(stage):
        found = found - row.unled | row.parts | row.uncommanded
    return found


def applies(act: Act, part: Part, commanded: str) -> bool:
    """Whether the act has a meaning for this person, leaving aside whether they may."""
    commander, acting = COMMANDERS[commanded]
    commands = PEOPLE[part] == commander
    match act:
        case Act.HAND_OFF:
            return commander is not None
        case Act.ANSWER:
            open_to_asked = acting or commanded == "unled"
            return open_to_asked and (commands or part is Part.ASKED)
        case Act.TAKE:
            return (acting or commanded in {"silent", "unled"}) and (acting or not commands)
        case Act.JOIN:
            return not commands and part is not Part.TAKING_PART
        case _:
            return True


def as_for(act: Act, before: Incident) -> Incident:
    """The incident as an act needs it: in a room of its own, and private or not."""
    if act is Act.APPROVE_END:
        return replace(before, draft=replace(before.draft, state=PublicState.RESOLVED))
    if act not in {Act.HIDE, Act.REVEAL}:
        return before
    room = ConversationRef("chat", "new:INC-1")
    return replace(before, conversation=room, private=act is Act.REVEAL)


def is_act(act: Act, stage: Standing, commanded: str) -> bool:
    """Whether its command is this act as things stand, and not another row of the table."""
    match act:
        case Act.ASSESS_DOWN:
            return stage is not Standing.TICKET
        case Act.ASK_COMMANDER:
            return COMMANDERS[commanded][1] or commanded == "unled"
        case Act.TAKE_BACK:
            return stage is Standing.CLOSED
        case Act.APPROVE_END:
            return stage in {Standing.RESOLVED, Standing.CLOSED, Standing.CANCELLED}
        case _:
            return True


def outcome(before: Incident, command: cmd.Command, who: PersonId, **more) -> tuple | Rejected:
    """The events of a command, or its refusal; a refusal changes nothing."""
    try:
        return decide(before, command, NOW, replace(SETTING, actor=who, **more)).happened
    except Rejected as refusal:
        return refusal


@pytest.mark.parametrize("commanded", COMMANDERS)
@pytest.mark.parametrize("stage", sorted(EVER))
def test_each_act_is_done_by_those_whom_the_table_lets(stage, commanded):
    """F8 X3 C5 C1 F4"""
    before = incident(stage, commanded)
    for act, command in COMMANDS.items():
        if not is_act(act, stage, commanded):
            continue
        for part, who in PEOPLE.items():
            entry = PUBLIC if act is Act.AMEND_PUBLIC else NOTE
            if act is Act.REDACT_OWN:
                entry = replace(NOTE, by=who)
            elif part is Part.AUTHOR:
                entry = replace(entry, by=PersonId("old"))
            may = bool(parts(part, commanded) & allowed(act, commanded, stage))
            if act is Act.PUBLISH:
                may |= bool(parts(part, commanded) & allowed(Act.DRAFT, commanded, stage))
            works = may and stage in TABLE[act].stages and applies(act, part, commanded)
            more = {"findings": ()} if act is Act.FINALISE else {}
            found = outcome(as_for(act, before), command, who, entry=entry, **more)
            cell = f"{act.name} by {part.value} in {stage.value}, {commanded}: {found}"
            assert isinstance(found, tuple) is works, cell
            if works and act is Act.PUBLISH:
                publishes = bool(parts(part, commanded) & allowed(act, commanded, stage))
                assert isinstance(found[0], ev.ExternalPublished) is publishes, cell


def test_every_act_has_a_row_and_every_row_is_tried():
    """F8"""
    assert set(TABLE) == set(Act)
    outside = {Act.FOLLOW, Act.FOLLOW_FOR_OTHERS, Act.SHIELD}  # tried in test_trust
    assert set(Act) - set(COMMANDS) == {Act.DECLARE, Act.DRAFT, Act.TAKE_ROLE} | outside


def test_every_verb_that_changes_something_has_a_row():
    """F8"""
    rows = " ".join(act.value for act in Act)
    for verb in VERBS:
        words = verb.name.split()
        if verb.changes:
            assert words[-1] in re.findall(r"[\w-]+", rows), verb.name


ROLE = cmd.AssignRole(role=Role.SCRIBE, person=PEOPLE[Part.NAMED])


def test_a_role_that_is_free_is_taken_by_whoever_is_named():
    """F8"""
    before = replace(incident(Standing.INVESTIGATING, "commander"), roles={})
    assert isinstance(outcome(before, ROLE, PEOPLE[Part.NAMED]), tuple)
    assert isinstance(outcome(before, ROLE, OTHER), Rejected)
    eve = PEOPLE[Part.UNNAMED]
    taking = cmd.AssignRole(role=Role.SCRIBE, person=eve)
    for who in (eve, PEOPLE[Part.COMMANDER]):
        assert isinstance(outcome(before, taking, who), Rejected)


@pytest.mark.parametrize(
    "giving",
    [
        cmd.NameCommander(person=PEOPLE[Part.UNNAMED]),
        cmd.HandOff(person=PEOPLE[Part.UNNAMED]),
        cmd.AssignRole(role=Role.COMMS, person=PEOPLE[Part.UNNAMED]),
        cmd.OwnPostmortem(person=PEOPLE[Part.UNNAMED]),
        cmd.NameCommander(person=PEOPLE[Part.MACHINE]),
        cmd.AssignRole(role=Role.SCRIBE, person=PEOPLE[Part.MACHINE]),
    ],
)
def test_nobody_gives_command_or_a_role_to_somebody_unnamed(giving):
    """F8 C1"""
    why = "is no person" if giving.person == ALERTS else "not among the people of the config"
    for commanded in ("commander", "acting"):
        before = incident(Standing.INVESTIGATING, commanded)
        found = outcome(before, giving, COMMANDERS[commanded][0])
        assert isinstance(found, Rejected)
        assert why in str(found)


ALERTS = PEOPLE[Part.MACHINE]


def test_a_machine_declares_notes_and_nothing_else():
    """F8 C1"""
    allowing = {act for act, row in TABLE.items() if Part.MACHINE in _anywhere(row)}
    assert allowing == {Act.DECLARE, Act.NOTE}
    play = declared_alone(ALERTS)
    assert play.state.declared_by == ALERTS
    for act, command in COMMANDS.items():
        found = outcome(play.state, command, ALERTS, entry=replace(NOTE, by=ALERTS))
        assert isinstance(found, tuple) is (act is Act.NOTE), act
    assert outcome(play.state, cmd.Cancel(reason="a false alarm"), ALERTS).lines == ("note <text>",)
    refused = str(outcome(play.state, cmd.Resolve(), ALERTS))
    assert refused == (
        "Only the commander may resolve the incident. A plugin declares, notes and reads."
    )


def _anywhere(row: Grant) -> frozenset[Part]:
    return row.parts | row.uncommanded | row.silent | row.unled | row.ownerless


@pytest.mark.parametrize(
    "named",
    [
        Named(everybody=True),
        Named(trusted=("*",)),
        Named(adapters=frozenset({"plugin"})),
        Named(people=frozenset({PEOPLE[Part.MACHINE]})),
        Named(trusted=("plugin:example.org",), homes={PEOPLE[Part.MACHINE]: "example.org"}),
    ],
)
def test_a_machine_never_counts_as_named(named):
    """F8 C1"""
    assert ALERTS not in named
    assert not may_outside(ALERTS, named, Act.SHIELD)
    assert may_outside(ALERTS, named, Act.DECLARE)
    assert not may_outside(ALERTS, named, Act.FOLLOW)


def test_a_machine_that_noted_is_nobody_who_has_acted():
    """F8"""
    play = declared_alone(PEOPLE[Part.DECLARER])
    play.do(ALERTS, cmd.AddNote(kind=cmd.NoteKind.NOTE, text="disk full on db7"))
    play.do(PEOPLE[Part.DECLARER], cmd.Cancel(reason="a slip"))


def declared_alone(who: PersonId) -> Play:
    play = Play()
    play.setting = replace(SETTING, audiences=ALL)
    play.declare(2, who=who)
    return play


@pytest.mark.parametrize("who", [PEOPLE[Part.DECLARER], PEOPLE[Part.NAMED]])
@pytest.mark.parametrize(
    "command", [cmd.Cancel(reason="a slip"), cmd.Assess(answers=(cmd.ImpactAnswer.NO,) * 3)]
)
def test_whoever_declared_takes_it_back_while_nobody_else_has_acted(who, command):
    """F8 S3"""
    play = declared_alone(who)
    play.now += timedelta(minutes=14)
    play.do(who, command)

    late = declared_alone(PEOPLE[Part.DECLARER])
    late.now += timedelta(minutes=16)
    late.refused(PEOPLE[Part.DECLARER], command)


@pytest.mark.parametrize(
    "other",
    [
        (PEOPLE[Part.TRAINED], cmd.TakeCommand()),
        (PEOPLE[Part.UNNAMED], cmd.Join()),
        (PEOPLE[Part.UNNAMED], cmd.ChangeSeverity(severity=Severity.SEV1)),
        (PEOPLE[Part.UNNAMED], cmd.AddNote(kind=cmd.NoteKind.NOTE, text="500s here, too")),
    ],
)
def test_once_somebody_else_has_acted_the_declarer_takes_nothing_back(other):
    """F8"""
    play = declared_alone(PEOPLE[Part.DECLARER])
    play.do(*other)
    play.refused(PEOPLE[Part.DECLARER], cmd.Cancel(reason="a slip"))
    play.refused(PEOPLE[Part.DECLARER], cmd.Assess(answers=(cmd.ImpactAnswer.NO,) * 3))


def test_any_named_person_may_take_command_from_somebody_unnamed():
    """C1 C5 F4"""
    play = declared_alone(PEOPLE[Part.DECLARER])
    assert play.state.commander == PEOPLE[Part.DECLARER]
    play.refused(PEOPLE[Part.DECLARER], cmd.AcceptCommand())
    play.do(PEOPLE[Part.NAMED], cmd.TakeCommand())
    assert (play.state.commander, play.state.acting) == (PEOPLE[Part.NAMED], False)


def test_a_commander_who_is_named_in_a_declaration_is_somebody_whom_the_config_names():
    """C1 C2 F8"""
    play = Play()
    play.setting = replace(SETTING, candidates=(PEOPLE[Part.TRAINED],))
    happened = play.do(
        PEOPLE[Part.DECLARER],
        cmd.Declare(title="x", severity=Severity.SEV1, commander=PEOPLE[Part.UNNAMED]),
    )
    asked = [e.person for e in happened if isinstance(e, ev.CommanderAsked)]
    assert asked == [PEOPLE[Part.TRAINED]]


def test_a_refusal_says_who_may_and_how_to_be_named():
    """D5 F8"""
    before = incident(Standing.INVESTIGATING, "commander")
    eve = PEOPLE[Part.UNNAMED]
    found = outcome(before, cmd.Resolve(), eve)
    assert str(found) == "Only the commander may resolve the incident."
    assert (found.lines, found.for_whom.person, found.unnamed) == (
        ("resolve <text>",),
        PEOPLE[Part.COMMANDER],
        eve,
    )
    found = outcome(before, cmd.PostUpdate(text="x"), eve)
    assert str(found) == "Only people of the config, and whoever has joined, may post an update."
    assert found.lines == ("join",)
    unled = outcome(incident(Standing.INVESTIGATING, "acting unnamed"), cmd.Resolve(), OTHER)
    assert unled.lines == ("take ic",)


@pytest.mark.parametrize("case", ["approve", "reject"])
def test_an_approval_is_of_the_draft_that_was_seen(case):
    """X3"""
    before = incident(Standing.INVESTIGATING, "commander")
    coy = PEOPLE[Part.COMMANDER]
    if case == "reject":
        assert isinstance(outcome(before, cmd.RejectDraft(reason="no"), coy), tuple)
        return
    for wrong in ({"command": cmd.Approve(entry=2)}, {"command": cmd.Approve(), "shown": 2}):
        found = outcome(before, wrong.pop("command"), coy, **wrong)
        assert isinstance(found, Unseen)
    for right in ({"command": cmd.Approve(entry=3)}, {"command": cmd.Approve(), "shown": 3}):
        assert isinstance(outcome(before, right.pop("command"), coy, **right), tuple)
