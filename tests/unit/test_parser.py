from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain import commands as cmd
from bot.domain.incident import ClockName, Kind, Role, Severity
from bot.domain.publication import PublicState
from bot.grammar.cadence import NO_CHANGE
from bot.grammar.parser import parse
from bot.grammar.requests import (
    Asked,
    Query,
    SetShield,
    Subscribe,
    Unsubscribe,
    UsageError,
)
from bot.people import Directory, Person
from bot.refs import PersonId, UserRef

ANN, BEN = PersonId("ann"), PersonId("ben")
PEOPLE = Directory((Person(id=ANN, name="Ann Lee"), Person(id=BEN, name="Ben")))


def read(line: str, **mentions: UserRef):
    request = parse(line, PEOPLE, mentions)
    assert not isinstance(request, UsageError), request
    return request.what


def opening(title: str, **more: object) -> cmd.Declare:
    return cmd.Declare(**{"kind": Kind.INCIDENT, "title": title, "severity": None, **more})


@pytest.mark.parametrize("word", ["sev1", "s1", "1", "SEV1", "S1"])
def test_a_level_has_four_spellings_and_no_others(word):
    """S1"""
    assert read(f"declare {word} down") == opening("down", severity=Severity.SEV1)
    assert read(f"sev {word}") == cmd.ChangeSeverity(severity=Severity.SEV1)


@pytest.mark.parametrize("word", ["sev0", "sev5", "sev", "SEV12"])
def test_what_looks_like_a_level_and_is_none_is_asked_about(word):
    """S1"""
    assert isinstance(parse(f"declare {word} down", PEOPLE, {}), UsageError)


@pytest.mark.parametrize("title", ["500 errors everywhere", "seven nodes are down", "5 pods crash"])
def test_other_numbers_belong_to_the_title(title):
    """S1"""
    assert read(f"declare {title}") == opening(title)


def test_unsure_is_sev1_until_assessed():
    """S2"""
    assert read("declare unsure down").severity is None


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("declare Checkout is down", opening("Checkout is down")),
        ("new 2 x", opening("x", severity=Severity.SEV2)),
        (
            "open sev3 x y service:checkout ic:@ben impact: one in three",
            opening(
                "x y",
                severity=Severity.SEV3,
                service="checkout",
                commander=BEN,
                impact="one in three",
            ),
        ),
        ("declare x service:checkout is down", opening("x is down", service="checkout")),
        ("declare see http://x/?a:b service : no", opening("see http://x/?a:b service : no")),
        ("drill x", opening("x", kind=Kind.DRILL)),
        ("nearmiss x", opening("x", kind=Kind.NEAR_MISS)),
        ("assess no, yes", cmd.Assess(answers=(cmd.ImpactAnswer.NO, cmd.ImpactAnswer.YES))),
        ("u still looking", cmd.PostUpdate(text="still looking")),
        ("update line one\nline two", cmd.PostUpdate(text="line one\nline two")),
        ("nc", cmd.PostUpdate(text=NO_CHANGE)),
        (
            "cadence internal 1h30m because waiting",
            cmd.ChangeCadence(
                clock=ClockName.INTERNAL, period=timedelta(minutes=90), reason="waiting"
            ),
        ),
        (
            "cadence 15m",
            cmd.ChangeCadence(clock=ClockName.INTERNAL, period=timedelta(minutes=15)),
        ),
        ("sev2 worse", cmd.ChangeSeverity(severity=Severity.SEV2, reason="worse")),
        (
            "severity 3 because: test shop",
            cmd.ChangeSeverity(severity=Severity.SEV3, reason="test shop"),
        ),
        ("ic @ben", cmd.NameCommander(person=BEN)),
        ("lead Ann Lee", cmd.NameCommander(person=ANN)),
        ("accept", cmd.AcceptCommand()),
        ("take command", cmd.TakeCommand()),
        ("handoff ben", cmd.HandOff(person=BEN)),
        ("assign scribe @ann", cmd.AssignRole(role=Role.SCRIBE, person=ANN)),
        ("page @ben come", cmd.PageOut(person=BEN, reason="come")),
        ("escalate checkout", cmd.PageOut(service="checkout")),
        ("tl x", cmd.AddNote(kind=cmd.NoteKind.NOTE, text="x")),
        ("observed x", cmd.AddNote(kind=cmd.NoteKind.SAW, text="x")),
        ("decision x", cmd.AddNote(kind=cmd.NoteKind.DECIDED, text="x")),
        ("did x by:@ben", cmd.AddNote(kind=cmd.NoteKind.DID, text="x", doer=BEN)),
        ("action taken x", cmd.AddNote(kind=cmd.NoteKind.DID, text="x")),
        ("tried rollback 311", cmd.TryStep(step=cmd.Step.ROLLBACK, text="311")),
        ("impact many\nusers", cmd.StateImpact(text="many users")),
        ("mitigated", cmd.Stabilise()),
        ("close done", cmd.Resolve(text="done")),
        ("reopen because back", cmd.Reopen(reason="back")),
        ("reopen it is back", cmd.Reopen(reason="it is back")),
        ("cancel", cmd.Cancel()),
        ("amend #7 x", cmd.Amend(entry=7, text="x")),
        ("redact 7", cmd.Redact(entry=7)),
        ("info", Asked(query=Query.STATUS)),
        ("list", Asked(query=Query.LIST, argument="open")),
        ("?", Asked(query=Query.HELP)),
        ("help Declare", Asked(query=Query.HELP, argument="declare")),
        ("brief", Asked(query=Query.DRAFT)),
        ("brief x", cmd.SendBrief(text="x")),
        ("public x", cmd.PublishExternal(text="x")),
        ("external", Asked(query=Query.EXTERNAL)),
        (
            "external state:identified Found it: a release title:Slow checkout",
            cmd.PublishExternal(
                text="Found it: a release", title="Slow checkout", state=PublicState.IDENTIFIED
            ),
        ),
        ("subscribe", Subscribe()),
        ("follow all digest", Subscribe(everything=True, digest=True)),
        ("subscribe sev1", Subscribe(everything=True, severity=Severity.SEV1)),
        (
            "subscribe s2 service:checkout to:me@example.com",
            Subscribe(
                everything=True, severity=Severity.SEV2, service="checkout", to="me@example.com"
            ),
        ),
        ("subscribe postmortems to:here", Subscribe(postmortems=True, to="here")),
        ("unsubscribe", Unsubscribe()),
        ("unsubscribe #3", Unsubscribe(n=3)),
        ("unsubscribe all", Unsubscribe(everything=True)),
        ("subscriptions", Asked(query=Query.SUBSCRIPTIONS)),
        ("shield off", SetShield(on=False)),
        ("", Asked(query=Query.HELP)),
    ],
)
def test_lines_are_understood(line, what):
    assert read(line) == what


def test_an_id_comes_first_and_alone_means_its_status():
    request = parse("inc-42 update x", PEOPLE, {})
    assert (request.incident, request.what) == ("INC-42", cmd.PostUpdate(text="x"))
    assert parse("INC-42", PEOPLE, {}).what == Asked(query=Query.STATUS)
    assert parse("DRILL-1 nc", PEOPLE, {}).incident == "DRILL-1"


def test_a_platforms_mention_wins_over_names():
    user = UserRef("matrix", "@zoe:example.org")
    assert read("ic @zoe", zoe=user) == cmd.NameCommander(
        person=PersonId("matrix:@zoe:example.org")
    )


@pytest.mark.parametrize(
    ("line", "suggested"),
    [
        ("declair sev1 db down", "declare sev1 db down"),
        ("INC-1 updte x", "INC-1 update x"),
        ("resovle", "resolve"),
        ("hand @ben", "handoff @ben"),
        ("xyzzy", "help"),
    ],
)
def test_an_unknown_verb_is_answered_with_the_nearest_line(line, suggested):
    """D5"""
    answer = parse(line, PEOPLE, {})
    assert isinstance(answer, UsageError)
    assert answer.lines[0] == suggested
