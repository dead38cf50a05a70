"""An incident in which nearly everything happens, and its aftermath."""

from __future__ import annotations

from datetime import date, timedelta

from bot.domain import commands as cmd
from bot.domain.action_values import Strength
from bot.domain.blameless import lint
from bot.domain.incident import ClockName, Role, Severity
from bot.domain.policy import Plan
from bot.domain.postmortem_values import Section
from bot.refs import ConversationRef, ExternalRef, Lane
from tests.worlds.domain import ANN, BEN, CARA, DEV, EVE, Play

PLACES = {"teams": ConversationRef("teams", "new:INC-1")}


def eventful() -> Play:
    """An incident in which everything happens."""
    plan = Plan(comms=DEV, external={Severity.SEV1: timedelta(minutes=20)})
    play = Play(audiences=frozenset(ClockName), plan=plan, triage_at=None)
    play.declare(None, impact="many", service="checkout")
    play.do(BEN, cmd.DeclineCommand())
    play.do(CARA, cmd.DeclineCommand())
    play.wait(12)
    play.do(ANN, cmd.Assess(answers=(cmd.ImpactAnswer.NO, cmd.ImpactAnswer.YES)))
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
