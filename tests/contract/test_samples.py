"""What an older version wrote is read for ever: a sample of each stays here.

`SITREP_GOLDEN=write` writes the sample of the current version; a released one is never changed.
"""

from __future__ import annotations

import json
import os
from datetime import date, timedelta
from pathlib import Path
from typing import get_args

import pytest
from acting import ANN, BEN, CARA, DEV, EVE, Play

from bot.contract.messages import Message
from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.action_values import Strength
from bot.domain.blameless import lint
from bot.domain.evolve import fold
from bot.domain.incident import ClockName, Role, Severity
from bot.domain.policy import Plan
from bot.domain.postmortem_values import Section
from bot.refs import ConversationRef, ExternalRef, Lane
from bot.store.rows import Outgoing, Post
from storage import codec
from storage.codec import (
    SCHEMA,
    dump_event,
    dump_incident,
    dump_outgoing,
    load_event,
    load_incident,
    load_outgoing,
    micros,
)

FOLDER = Path(__file__).with_name("samples")
PLACES = {"teams": ConversationRef("teams", "new:INC-1")}


def eventful() -> Play:
    """An incident in which everything happens."""
    plan = Plan(comms=DEV, external={Severity.SEV1: timedelta(minutes=20)})
    play = Play(audiences=frozenset(ClockName), plan=plan, triage_at=None)
    play.declare(None, impact="many", service="checkout")
    play.do(BEN, cmd.DeclineCommand())
    play.do(CARA, cmd.DeclineCommand())
    play.wait(12)
    play.do(ANN, cmd.Assess(answers=(cmd.Answer.NO, cmd.Answer.YES)))
    play.do(DEV, cmd.ChangeSeverity(severity=Severity.SEV1, reason="worse"))
    play.do(CARA, cmd.TakeCommand())
    play.do(CARA, cmd.HandOff(person=BEN))
    play.do(BEN, cmd.AcceptCommand())
    play.do(BEN, cmd.AssignRole(role=Role.SCRIBE, person=EVE))
    play.do(DEV, cmd.Join())
    play.do(DEV, cmd.Leave())
    play.do(DEV, cmd.PageOut(person=EVE, reason="eyes"))
    play.do(DEV, cmd.AddNote(kind=cmd.NoteKind.DECIDED, text="roll back"))
    play.do(DEV, cmd.AddNote(kind=cmd.NoteKind.NOTE, text="the root cause is x"))
    play.do(DEV, cmd.Capture(author=EVE, text="disk", written_at=play.now))
    play.do(DEV, cmd.TryStep(step=cmd.Step.FLAG, text="off"))
    play.do(DEV, cmd.StateImpact(text="everyone"))
    play.do(DEV, cmd.PostUpdate(text="rolling back"))
    entry = play.events[-3]
    play.do(DEV, cmd.PublishExternal(text="we kno"))
    play.do(BEN, cmd.RejectDraft(reason="a typo"))
    play.do(BEN, cmd.PublishExternal(text="we know"), via="matrix")
    play.do(BEN, cmd.SendBrief(text="soon"))
    play.do(DEV, cmd.ChangeCadence(clock=ClockName.INTERNAL, period=timedelta(minutes=10)))
    play.wait(30)
    n = play.events.index(entry) + 1
    play.do(DEV, cmd.Amend(entry=n, text="rolled back"), entry=entry)
    play.do(DEV, cmd.Redact(entry=n), entry=entry)
    play.do(None, cmd.NoteConversation(conversation=ConversationRef("chat", "!room")))
    play.do(None, cmd.NoteTicket(ticket=ExternalRef("tracker", "T-1", "https://t.example.com")))
    play.do(BEN, cmd.Mirror(adapter="teams"), places=PLACES)
    play.do(None, cmd.NoteStalled(target=Lane("teams/new:INC-1"), since=play.now, waiting=4))
    play.do(None, cmd.NoteResumed(target=Lane("teams/new:INC-1")))
    play.do(None, cmd.NoteUndelivered(target=Lane("chat/ops"), what="x", why="gone"))
    play.do(
        None, cmd.NoteTrouble(adapter="chat", conversation=None, text="logged out", reachable=False)
    )
    play.do(BEN, cmd.EndMirror(adapter="teams"))
    play.do(BEN, cmd.Stabilise(text="ok"))
    play.do(BEN, cmd.Resolve(text="done"))
    learn(play)
    play.do(BEN, cmd.Reopen(reason="back"))
    play.do(BEN, cmd.Cancel(reason="no"))
    return play


def learn(play: Play) -> None:
    """Everything that happens after an incident."""
    add = {"owner": DEV, "strength": Strength.DETECT}
    play.do(DEV, cmd.AddAction(text="page when none comes for 3 min", due=date(2026, 12, 1), **add))
    play.do(DEV, cmd.AddAction(text="alert when p99 > 800 ms", due=date(2026, 12, 2), **add))
    play.do(DEV, cmd.ChangeAction(n=2, due=date(2026, 12, 3), reason="a holiday"))
    ticket = ExternalRef("tracker", "T-2", "https://t.example.com/2")
    play.do(None, cmd.NoteActionTicket(n=1, ticket=ticket))
    play.do(DEV, cmd.DropAction(n=2, reason="the same as 1"))
    play.wait(60 * 24 * 10)
    play.do(None, cmd.NoteTicketState(n=1, closed=True))
    play.do(None, cmd.NoteTicketState(n=1, closed=False))
    play.do(DEV, cmd.WriteSection(section=Section.CAUSE, text="x, and what made it possible"))
    play.do(BEN, cmd.ScheduleReview(when=play.now + timedelta(days=1)))
    play.do(BEN, cmd.UnscheduleReview())
    play.do(BEN, cmd.NoteHeld())
    play.do(BEN, cmd.OwnPostmortem(person=CARA))
    play.do(BEN, cmd.OpenReview())
    found = lint("## Root cause\nThe cause was x.")
    play.do(CARA, cmd.WaiveFinding(n=1, reason="one"), findings=found)
    play.do(CARA, cmd.Finalise(), findings=found)
    play.do(CARA, cmd.BackToDraft(reason="more was found"))


def sample() -> dict:
    play = eventful()
    post = Post(message=Message(summary=("hello",)))
    return {
        "events": [[type(e).__name__, dump_event(e)] for e in play.events],
        "incident": dump_incident(play.state),
        "outgoing": dump_outgoing(Outgoing(target="chat", lane="chat/ops", body=post)),
    }


def test_the_current_version_has_its_sample_with_nearly_every_event():
    path = FOLDER / f"{SCHEMA}.json"
    if os.environ.get("SITREP_GOLDEN") == "write":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(json.dumps(sample(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    seen = {kind for kind, _ in json.loads(path.read_text("utf-8"))["events"]}
    missing = {kind.__name__ for kind in get_args(ev.Event)} - seen
    assert missing == {"UntouchedRaised"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda p: p.stem)
def test_what_every_version_wrote_is_read_and_folds(path):
    written = json.loads(path.read_text("utf-8"))
    schema = int(path.stem.partition("-")[0])
    events = tuple(load_event(kind, text, schema) for kind, text in written["events"])
    assert load_incident(written["incident"], schema) == fold(events)
    assert load_outgoing(written["outgoing"]).target == "chat"


def test_what_was_renamed_since_is_read_by_its_new_names(monkeypatch):
    """A class, a field of an event and a field of the state, over two versions."""

    def renamed(data: dict, was: str, now: str) -> dict:
        return {now if name == was else name: value for name, value in data.items()}

    monkeypatch.setattr(codec, "SCHEMA", 3)
    monkeypatch.setattr(
        codec,
        "UPCASTS",
        {
            1: codec.Upcast(
                kinds={"StatusPosted": "UpdateGiven"},
                incident=lambda data: renamed(data, "name", "heading"),
            ),
            2: codec.Upcast(
                kinds={"UpdateGiven": "UpdatePosted"},
                event=lambda kind, data: (
                    renamed(data, "words", "text") if kind == "UpdatePosted" else data
                ),
                incident=lambda data: renamed(data, "heading", "title"),
            ),
        },
    )
    play = eventful()
    update = next(event for event in play.events if isinstance(event, ev.UpdatePosted))
    old = json.dumps(renamed(json.loads(dump_event(update)), "text", "words"))
    assert load_event("StatusPosted", old, 1) == update
    assert load_event("UpdateGiven", old, 2) == update
    state = json.dumps(renamed(json.loads(dump_incident(play.state)), "title", "name"))
    assert load_incident(state, 1) == play.state
    untouched = next(event for event in play.events if isinstance(event, ev.ImpactStated))
    assert load_event("ImpactStated", dump_event(untouched), 1) == untouched


@pytest.mark.parametrize("schema", [-1, 0])
def test_a_version_without_a_step_to_the_next_is_refused(schema):
    with pytest.raises(ValueError, match="this Sitrep reads"):
        load_event("ImpactStated", "{}", schema)


def test_a_version_from_the_future_is_not_guessed_at():
    with pytest.raises(ValueError, match="this Sitrep reads"):
        load_incident("{}", SCHEMA + 1)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="without a zone"):
        micros(eventful().now.replace(tzinfo=None))
