"""`decide`: a command, the incident as it stands and the setting become events, or a refusal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.commanding import (
    accept,
    assign,
    begin_command,
    decline,
    hand_off,
    join,
    leave,
    name_commander,
    page,
    take,
)
from bot.domain.durations import duration
from bot.domain.errors import Rejected
from bot.domain.evolve import evolve, fold
from bot.domain.following import act
from bot.domain.guards import acting_person, only_commander, under_way, under_way_or_sev4
from bot.domain.incident import (
    NEXT,
    Clock,
    Incident,
    Kind,
    Phase,
    Severity,
)
from bot.domain.mirroring import (
    end_mirror,
    mirror,
    mirror_as_planned,
    resumed,
    stalled,
    undelivered,
)
from bot.domain.outward import approve, brief, follow, offer, publish, reject
from bot.domain.policies import LONGEST, SHORTEST, Setting
from bot.domain.publication import Moment
from bot.domain.recording import capture, editable, note, remind_of_cause, try_step
from bot.domain.reviewing import forget, owe, review
from bot.domain.story import Story, owing
from bot.domain.ticking import next_due, tick

__all__ = ["assessed", "decide", "evolve", "fold", "next_due", "owing", "tell"]

QUESTIONS: tuple[str, ...] = (
    "Is a core service down, a revenue path broken, or data at risk?",
    "Is a major feature degraded, or a significant group affected without a workaround?",
    "Is any user affected?",
)
"""The three impact questions, most severe first (S2)."""


def assessed(answers: tuple[cmd.Answer, ...]) -> Severity | None:
    """Return the severity that the answers give; none while they do not decide yet (S2)."""
    for severity, answer in zip(Severity, answers, strict=False):
        if answer is not cmd.Answer.NO:
            return severity
    return Severity.SEV4 if len(answers) >= len(QUESTIONS) else None


def decide(
    incident: Incident | None, command: cmd.Command, now: datetime, setting: Setting
) -> tuple[ev.Event, ...]:
    """Return what the command makes happen; nothing for one that has no effect any more.

    Raises:
        Rejected: It does not apply, with the text for the person who typed it.
    """
    return tell(incident, command, now, setting).happened


def tell(incident: Incident | None, command: cmd.Command, now: datetime, setting: Setting) -> Story:
    """Decide, and return the events together with the incident that they have made.

    Raises:
        Rejected: As `decide`.
    """
    story = Story(incident, setting, now)
    if isinstance(command, cmd.Declare):
        if incident is not None:
            raise Rejected(f"{incident.id} is declared already.", lines=(f"{incident.id} status",))
        _declare(story, command)
    elif incident is None:
        raise Rejected("No such incident.", lines=("list",))
    else:
        _decide(story, command)
    return story


def _decide(story: Story, command: cmd.Command) -> None:
    match command:
        case cmd.Tick():
            tick(story)
        case cmd.Assess():
            _assess(story, command)
        case cmd.PostUpdate():
            _update(story, command)
        case cmd.PublishExternal():
            publish(story, command)
        case cmd.Approve():
            approve(story)
        case cmd.RejectDraft():
            reject(story, command.reason)
        case cmd.SendBrief():
            brief(story, command.text)
        case cmd.OpenAudience():
            if story.incident.running:
                story.start_clocks()
        case cmd.ChangeCadence():
            _change_cadence(story, command)
        case cmd.ChangeSeverity():
            _change_severity(story, command)
        case cmd.NameCommander():
            name_commander(story, command.person)
        case cmd.AcceptCommand():
            accept(story)
        case cmd.DeclineCommand():
            decline(story)
        case cmd.TakeCommand():
            take(story)
        case cmd.HandOff():
            hand_off(story, command.person)
        case cmd.AssignRole():
            assign(story, command)
        case cmd.Join():
            join(story)
        case cmd.Leave():
            leave(story)
        case cmd.PageOut():
            page(story, command)
        case cmd.AddNote():
            note(story, command)
        case cmd.Capture():
            capture(story, command)
        case cmd.TryStep():
            try_step(story, command)
        case cmd.StateImpact():
            under_way(story)
            story.add(ev.ImpactStated(at=story.now, by=story.by, text=command.text))
        case cmd.Stabilise():
            _stabilise(story, command)
        case cmd.Resolve():
            _resolve(story, command)
        case cmd.Reopen():
            _reopen(story, command)
        case cmd.Cancel():
            _cancel(story, command)
        case cmd.Amend():
            editable(story, command.entry, "amend", anybody=command.followed)
            if isinstance(story.setting.entry, ev.ExternalPublished):
                line = f"amend {command.entry} {command.text}"
                only_commander(story, what="changes what is public", line=line)
            story.add(
                ev.EntryAmended(at=story.now, by=story.by, entry=command.entry, text=command.text)
            )
        case cmd.Redact():
            editable(story, command.entry, "redact", anybody=command.followed)
            for entry in (command.entry, *story.setting.twins):
                story.add(ev.EntryRedacted(at=story.now, by=story.by, entry=entry))
            forget(story, story.setting.redacted)
        case cmd.Mirror():
            mirror(story, command.adapter)
        case cmd.EndMirror():
            end_mirror(story, command.adapter)
        case cmd.NoteStalled():
            stalled(story, command)
        case cmd.NoteResumed():
            resumed(story, command.target)
        case cmd.NoteConversation():
            if story.incident.room is None:
                story.add(ev.ConversationOpened(at=story.now, conversation=command.conversation))
        case cmd.NoteTicket():
            if story.incident.ticket is None:
                story.add(ev.TicketFiled(at=story.now, ticket=command.ticket))
        case cmd.NoteUndelivered():
            undelivered(story, command)
        case cmd.NoteTrouble():
            story.add(
                ev.TroubleFound(
                    at=story.now,
                    adapter=command.adapter,
                    conversation=command.conversation,
                    text=command.text,
                    reachable=command.reachable,
                )
            )
        case cmd.Declare():
            raise Rejected(f"{story.incident.id} is declared already.")
        case (
            cmd.StartPostmortem()
            | cmd.WriteSection()
            | cmd.KeepSection()
            | cmd.ScheduleReview()
            | cmd.UnscheduleReview()
            | cmd.NoteHeld()
            | cmd.OpenReview()
            | cmd.BackToDraft()
            | cmd.WaiveFinding()
            | cmd.Finalise()
            | cmd.OwnPostmortem()
            | cmd.ImportDocument()
        ):
            review(story, command)
        case (
            cmd.AddAction()
            | cmd.ChangeAction()
            | cmd.FinishAction()
            | cmd.ReopenAction()
            | cmd.DropAction()
            | cmd.NoteActionTicket()
            | cmd.NoteTicketState()
        ):
            act(story, command)
        case _:
            assert_never(command)


# --- severity -------------------------------------------------------------------------------------


def _declare(story: Story, command: cmd.Declare) -> None:
    actor, setting = acting_person(story), story.setting
    severity = command.severity or Severity.SEV1
    if command.kind is Kind.NEAR_MISS:
        severity = command.severity or Severity.SEV3
    process = severity <= Severity.SEV3 and command.kind is not Kind.NEAR_MISS
    story.add(
        ev.Declared(
            at=story.now,
            by=actor,
            id=command.id,
            kind=command.kind,
            title=command.title,
            severity=severity,
            given=command.severity is not None or command.kind is Kind.NEAR_MISS,
            conversation=command.conversation,
            declared_in=command.declared_in,
            service=command.service,
            impact=command.impact,
            comms=setting.plan.comms if process else None,
            liaison=setting.plan.liaison if process else None,
            triage_at=setting.triage_at if severity is Severity.SEV3 and process else None,
        )
    )
    if command.kind is Kind.NEAR_MISS:
        owe(story)
    if not process:
        return
    if severity.commanded:
        begin_command(story, named=command.commander, how=ev.How.DECLARED)
    story.start_clocks()
    mirror_as_planned(story)
    offer(story)


def _assess(story: Story, command: cmd.Assess) -> None:
    under_way_or_sev4(story)
    severity = assessed(command.answers)
    if severity is None:
        so_far = " ".join(("assess", *(a.value for a in command.answers)))
        raise Rejected(
            QUESTIONS[len(command.answers)],
            lines=tuple(f"{so_far} {a.value}" for a in cmd.Answer),
        )
    incident = story.incident
    answers = command.answers[: min(severity, len(QUESTIONS))]
    in_time = story.now - incident.declared_at <= story.setting.policy.correct_within
    if severity > incident.severity:
        line = " ".join(("assess", *(a.value for a in answers)))
        only_commander(story, what="lowers the severity", line=line)
    story.add(ev.Assessed(at=story.now, by=story.by, answers=answers, severity=severity))
    if severity != incident.severity:
        _move_severity(story, severity, reason="assessed from impact", corrected=in_time)


def _change_severity(story: Story, command: cmd.ChangeSeverity) -> None:
    under_way_or_sev4(story)
    incident, severity = story.incident, command.severity
    if severity is incident.severity:
        raise Rejected(f"{incident.id} is {severity.label} already.", lines=("status",))
    if severity > incident.severity:
        line = f"sev {severity.value} because <reason>"
        if command.reason is None and incident.commander in {None, story.by}:
            raise Rejected("Lowering the severity needs its reason.", lines=(line,))
        only_commander(story, what="lowers the severity, and says why", line=line)
    _move_severity(story, severity, reason=command.reason, corrected=False)


def _move_severity(
    story: Story, severity: Severity, *, reason: str | None, corrected: bool
) -> None:
    was = story.incident.severity
    story.miss_until(story.now)
    story.add(
        ev.SeverityChanged(
            at=story.now, by=story.by, was=was, now=severity, reason=reason, corrected=corrected
        )
    )
    if severity.commanded and story.incident.commander is None:
        begin_command(story, named=None, how=ev.How.RAISED)
    story.replan()
    mirror_as_planned(story)
    if severity is Severity.SEV4:
        follow(story, Moment.RESOLVED)
    elif was is Severity.SEV4:
        follow(story, Moment.REOPENED)
    if severity < was:
        offer(story)


# --- cadence --------------------------------------------------------------------------------------


def _update(story: Story, command: cmd.PostUpdate) -> None:
    under_way(story)
    at = story.told_at
    story.miss_until(at)
    story.add(ev.UpdatePosted(at=at, by=story.by, text=command.text))
    story.keep(Clock.INTERNAL, at=at)
    remind_of_cause(story, command.text)


def _change_cadence(story: Story, command: cmd.ChangeCadence) -> None:
    under_way(story)
    incident, clock, period = story.incident, command.clock, command.period
    line = f"cadence {clock.value} {duration(period)} because <reason>"
    if not SHORTEST <= period <= LONGEST:
        raise Rejected(
            "A cadence is between 1 minute and 24 hours.",
            lines=(f"cadence {clock.value} 15m because <reason>",),
        )
    if clock not in story.setting.audiences:
        why = "No status page is configured" if clock is Clock.EXTERNAL else "Nobody is subscribed"
        raise Rejected(f"{why}, so that clock does not run.")
    story.miss_until(story.now)
    state = story.incident.clocks.get(clock)
    if state is None or state.promise is None:
        was = state.period if state else timedelta(0)
        story.add(
            ev.CadenceChanged(
                at=story.now,
                by=story.by,
                clock=clock,
                was=was,
                now=period,
                reason=command.reason,
            )
        )
        story.promise(clock, at=story.now, period=period)
        return
    if period == state.period:
        raise Rejected(f"The {clock.value} cadence is {duration(period)} already.")
    if period > state.period:
        if command.reason is None and incident.commander in {None, story.by}:
            raise Rejected("A longer cadence is a new promise, and says why.", lines=(line,))
        only_commander(story, what="lengthens a cadence, and says why", line=line)
    story.change_period(clock, period, reason=command.reason)


# --- phases ---------------------------------------------------------------------------------------


def _enter(story: Story, phase: Phase) -> None:
    if phase not in NEXT[story.incident.phase]:
        raise Rejected(
            f"{story.incident.id} is {story.incident.phase.value}; it cannot become {phase.value}.",
            lines=("status",),
        )


def _stabilise(story: Story, command: cmd.Stabilise) -> None:
    under_way(story)
    if story.incident.phase is Phase.STABILISED:
        raise Rejected(f"{story.incident.id} is stabilised already.", lines=("resolve <text>",))
    _enter(story, Phase.STABILISED)
    story.miss_until(story.now)
    story.add(ev.Stabilised(at=story.now, by=story.by, text=command.text))
    follow(story, Moment.MONITORING)


def _resolve(story: Story, command: cmd.Resolve) -> None:
    incident = story.incident
    if incident.phase is Phase.RESOLVED:
        raise Rejected(f"{incident.id} is resolved already.", lines=("reopen because <reason>",))
    under_way_or_sev4(story)
    only_commander(story, what="calls it resolved", line="resolve <text>")
    _enter(story, Phase.RESOLVED)
    story.miss_until(story.now)
    if incident.phase is Phase.INVESTIGATING and incident.severity <= Severity.SEV3:
        story.add(ev.Stabilised(at=story.now, by=story.by, implied=True))
    follow(story, Moment.RESOLVED)
    story.end_clocks()
    story.add(ev.Resolved(at=story.now, by=story.by, text=command.text))
    owe(story)


def _reopen(story: Story, command: cmd.Reopen) -> None:
    incident = story.incident
    if incident.phase.active:
        raise Rejected(f"{incident.id} is open.", lines=("status",))
    if incident.kind is Kind.NEAR_MISS:
        raise Rejected(
            f"{incident.id} is a near miss: it never ran. If users are affected, declare it.",
            lines=("declare <title>",),
        )
    if command.reason is None:
        raise Rejected("Reopening needs its reason.", lines=("reopen because <reason>",))
    only_commander(story, what="reopens", line="reopen because <reason>")
    _enter(story, Phase.INVESTIGATING)
    story.add(ev.Reopened(at=story.now, by=story.by, reason=command.reason))
    if incident.severity.commanded:
        last = incident.commander or acting_person(story)
        story.command_to(last, how=ev.How.REOPENED, acting=True)
        story.ask_next()
    if incident.severity <= Severity.SEV3:
        story.start_clocks()
    follow(story, Moment.REOPENED)


def _cancel(story: Story, command: cmd.Cancel) -> None:
    under_way_or_sev4(story)
    only_commander(story, what="cancels", line="cancel because <reason>")
    if command.reason is None:
        raise Rejected("Cancelling needs its reason.", lines=("cancel because <reason>",))
    _enter(story, Phase.CANCELLED)
    story.miss_until(story.now)
    follow(story, Moment.CANCELLED)
    story.end_clocks()
    story.add(ev.Cancelled(at=story.now, by=story.by, reason=command.reason))
