"""`decide`: a command, the incident as it stands and the setting become events, or a refusal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.actions import act
from bot.domain.command import (
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
from bot.domain.decision import Decision, owing
from bot.domain.due import next_due, tick
from bot.domain.durations import duration
from bot.domain.errors import Rejected
from bot.domain.evolve import evolve, fold
from bot.domain.incident import (
    NEXT,
    ClockName,
    Incident,
    Kind,
    Phase,
    Severity,
)
from bot.domain.permissions import acting_person, only_commander, under_way, under_way_or_sev4
from bot.domain.platforms import (
    end_mirror,
    mirror,
    mirror_as_planned,
    resumed,
    stalled,
    undelivered,
)
from bot.domain.policy import LONGEST, SHORTEST
from bot.domain.postmortem import forget, owe, review
from bot.domain.public import approve, brief, follow, offer, publish, reject
from bot.domain.publication import Moment
from bot.domain.setting import Setting
from bot.domain.timeline import capture, editable, note, remind_of_cause, try_step

__all__ = ["assessed", "decide", "evolve", "fold", "next_due", "owing"]

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
) -> Decision:
    """Return the events that a command makes happen, and the incident that they make.

    There are no events where the command has no effect any more.

    Raises:
        Rejected: It does not apply, with the text for the person who typed it.
    """
    decision = Decision(incident, setting, now)
    if isinstance(command, cmd.Declare):
        if incident is not None:
            raise Rejected(f"{incident.id} is declared already.", lines=(f"{incident.id} status",))
        _declare(decision, command)
    elif incident is None:
        raise Rejected("No such incident.", lines=("list",))
    else:
        _decide(decision, command)
    return decision


def _decide(decision: Decision, command: cmd.Command) -> None:
    match command:
        case cmd.Tick():
            tick(decision)
        case cmd.Assess():
            _assess(decision, command)
        case cmd.PostUpdate():
            _update(decision, command)
        case cmd.PublishExternal():
            publish(decision, command)
        case cmd.Approve():
            approve(decision)
        case cmd.RejectDraft():
            reject(decision, command.reason)
        case cmd.SendBrief():
            brief(decision, command.text)
        case cmd.OpenAudience():
            if decision.incident.running:
                decision.start_clocks()
        case cmd.ChangeCadence():
            _change_cadence(decision, command)
        case cmd.ChangeSeverity():
            _change_severity(decision, command)
        case cmd.NameCommander():
            name_commander(decision, command.person)
        case cmd.AcceptCommand():
            accept(decision)
        case cmd.DeclineCommand():
            decline(decision)
        case cmd.TakeCommand():
            take(decision)
        case cmd.HandOff():
            hand_off(decision, command.person)
        case cmd.AssignRole():
            assign(decision, command)
        case cmd.Join():
            join(decision)
        case cmd.Leave():
            leave(decision)
        case cmd.PageOut():
            page(decision, command)
        case cmd.AddNote():
            note(decision, command)
        case cmd.Capture():
            capture(decision, command)
        case cmd.TryStep():
            try_step(decision, command)
        case cmd.StateImpact():
            under_way(decision)
            decision.add(ev.ImpactStated(at=decision.now, by=decision.by, text=command.text))
        case cmd.Stabilise():
            _stabilise(decision, command)
        case cmd.Resolve():
            _resolve(decision, command)
        case cmd.Reopen():
            _reopen(decision, command)
        case cmd.Cancel():
            _cancel(decision, command)
        case cmd.Amend():
            editable(decision, command.entry, "amend", anybody=command.followed)
            if isinstance(decision.setting.entry, ev.ExternalPublished):
                line = f"amend {command.entry} {command.text}"
                only_commander(decision, what="changes what is public", line=line)
            decision.add(
                ev.EntryAmended(
                    at=decision.now, by=decision.by, entry=command.entry, text=command.text
                )
            )
        case cmd.Redact():
            editable(decision, command.entry, "redact", anybody=command.followed)
            for entry in (command.entry, *decision.setting.twins):
                decision.add(ev.EntryRedacted(at=decision.now, by=decision.by, entry=entry))
            forget(decision, decision.setting.redacted)
        case cmd.Mirror():
            mirror(decision, command.adapter)
        case cmd.EndMirror():
            end_mirror(decision, command.adapter)
        case cmd.NoteStalled():
            stalled(decision, command)
        case cmd.NoteResumed():
            resumed(decision, command.target)
        case cmd.NoteConversation():
            if decision.incident.room is None:
                decision.add(
                    ev.ConversationOpened(at=decision.now, conversation=command.conversation)
                )
        case cmd.NoteTicket():
            if decision.incident.ticket is None:
                decision.add(ev.TicketFiled(at=decision.now, ticket=command.ticket))
        case cmd.NoteUndelivered():
            undelivered(decision, command)
        case cmd.NoteTrouble():
            decision.add(
                ev.TroubleFound(
                    at=decision.now,
                    adapter=command.adapter,
                    conversation=command.conversation,
                    text=command.text,
                    reachable=command.reachable,
                )
            )
        case cmd.Declare():
            raise Rejected(f"{decision.incident.id} is declared already.")
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
            review(decision, command)
        case (
            cmd.AddAction()
            | cmd.ChangeAction()
            | cmd.FinishAction()
            | cmd.ReopenAction()
            | cmd.DropAction()
            | cmd.NoteActionTicket()
            | cmd.NoteTicketState()
        ):
            act(decision, command)
        case _:
            assert_never(command)


# --- severity -------------------------------------------------------------------------------------


def _declare(decision: Decision, command: cmd.Declare) -> None:
    actor, setting = acting_person(decision), decision.setting
    severity = command.severity or Severity.SEV1
    if command.kind is Kind.NEAR_MISS:
        severity = command.severity or Severity.SEV3
    process = severity <= Severity.SEV3 and command.kind is not Kind.NEAR_MISS
    decision.add(
        ev.Declared(
            at=decision.now,
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
        owe(decision)
    if not process:
        return
    if severity.commanded:
        begin_command(decision, named=command.commander, how=ev.How.DECLARED)
    decision.start_clocks()
    mirror_as_planned(decision)
    offer(decision)


def _assess(decision: Decision, command: cmd.Assess) -> None:
    under_way_or_sev4(decision)
    severity = assessed(command.answers)
    if severity is None:
        so_far = " ".join(("assess", *(a.value for a in command.answers)))
        raise Rejected(
            QUESTIONS[len(command.answers)],
            lines=tuple(f"{so_far} {a.value}" for a in cmd.Answer),
        )
    incident = decision.incident
    answers = command.answers[: min(severity, len(QUESTIONS))]
    in_time = decision.now - incident.declared_at <= decision.setting.policy.correct_within
    if severity > incident.severity:
        line = " ".join(("assess", *(a.value for a in answers)))
        only_commander(decision, what="lowers the severity", line=line)
    decision.add(ev.Assessed(at=decision.now, by=decision.by, answers=answers, severity=severity))
    if severity != incident.severity:
        _move_severity(decision, severity, reason="assessed from impact", corrected=in_time)


def _change_severity(decision: Decision, command: cmd.ChangeSeverity) -> None:
    under_way_or_sev4(decision)
    incident, severity = decision.incident, command.severity
    if severity is incident.severity:
        raise Rejected(f"{incident.id} is {severity.label} already.", lines=("status",))
    if severity > incident.severity:
        line = f"sev {severity.value} because <reason>"
        if command.reason is None and incident.commander in {None, decision.by}:
            raise Rejected("Lowering the severity needs its reason.", lines=(line,))
        only_commander(decision, what="lowers the severity, and says why", line=line)
    _move_severity(decision, severity, reason=command.reason, corrected=False)


def _move_severity(
    decision: Decision, severity: Severity, *, reason: str | None, corrected: bool
) -> None:
    was = decision.incident.severity
    decision.miss_until(decision.now)
    decision.add(
        ev.SeverityChanged(
            at=decision.now,
            by=decision.by,
            was=was,
            now=severity,
            reason=reason,
            corrected=corrected,
        )
    )
    if severity.commanded and decision.incident.commander is None:
        begin_command(decision, named=None, how=ev.How.RAISED)
    decision.replan()
    mirror_as_planned(decision)
    if severity is Severity.SEV4:
        follow(decision, Moment.RESOLVED)
    elif was is Severity.SEV4:
        follow(decision, Moment.REOPENED)
    if severity < was:
        offer(decision)


# --- cadence --------------------------------------------------------------------------------------


def _update(decision: Decision, command: cmd.PostUpdate) -> None:
    under_way(decision)
    at = decision.told_at
    decision.miss_until(at)
    decision.add(ev.UpdatePosted(at=at, by=decision.by, text=command.text))
    decision.keep(ClockName.INTERNAL, at=at)
    remind_of_cause(decision, command.text)


def _change_cadence(decision: Decision, command: cmd.ChangeCadence) -> None:
    under_way(decision)
    incident, clock, period = decision.incident, command.clock, command.period
    line = f"cadence {clock.value} {duration(period)} because <reason>"
    if not SHORTEST <= period <= LONGEST:
        raise Rejected(
            "A cadence is between 1 minute and 24 hours.",
            lines=(f"cadence {clock.value} 15m because <reason>",),
        )
    if clock not in decision.setting.audiences:
        why = (
            "No status page is configured"
            if clock is ClockName.EXTERNAL
            else "Nobody is subscribed"
        )
        raise Rejected(f"{why}, so that clock does not run.")
    decision.miss_until(decision.now)
    state = decision.incident.clocks.get(clock)
    if state is None or state.promise is None:
        was = state.period if state else timedelta(0)
        decision.add(
            ev.CadenceChanged(
                at=decision.now,
                by=decision.by,
                clock=clock,
                was=was,
                now=period,
                reason=command.reason,
            )
        )
        decision.promise(clock, at=decision.now, period=period)
        return
    if period == state.period:
        raise Rejected(f"The {clock.value} cadence is {duration(period)} already.")
    if period > state.period:
        if command.reason is None and incident.commander in {None, decision.by}:
            raise Rejected("A longer cadence is a new promise, and says why.", lines=(line,))
        only_commander(decision, what="lengthens a cadence, and says why", line=line)
    decision.change_period(clock, period, reason=command.reason)


# --- phases ---------------------------------------------------------------------------------------


def _enter(decision: Decision, phase: Phase) -> None:
    incident = decision.incident
    if phase not in NEXT[incident.phase]:
        raise Rejected(
            f"{incident.id} is {incident.phase.value}; it cannot become {phase.value}.",
            lines=("status",),
        )


def _stabilise(decision: Decision, command: cmd.Stabilise) -> None:
    under_way(decision)
    if decision.incident.phase is Phase.STABILISED:
        raise Rejected(f"{decision.incident.id} is stabilised already.", lines=("resolve <text>",))
    _enter(decision, Phase.STABILISED)
    decision.miss_until(decision.now)
    decision.add(ev.Stabilised(at=decision.now, by=decision.by, text=command.text))
    follow(decision, Moment.MONITORING)


def _resolve(decision: Decision, command: cmd.Resolve) -> None:
    incident = decision.incident
    if incident.phase is Phase.RESOLVED:
        raise Rejected(f"{incident.id} is resolved already.", lines=("reopen because <reason>",))
    under_way_or_sev4(decision)
    only_commander(decision, what="calls it resolved", line="resolve <text>")
    _enter(decision, Phase.RESOLVED)
    decision.miss_until(decision.now)
    if incident.phase is Phase.INVESTIGATING and incident.severity <= Severity.SEV3:
        decision.add(ev.Stabilised(at=decision.now, by=decision.by, implied=True))
    follow(decision, Moment.RESOLVED)
    decision.end_clocks()
    decision.add(ev.Resolved(at=decision.now, by=decision.by, text=command.text))
    owe(decision)


def _reopen(decision: Decision, command: cmd.Reopen) -> None:
    incident = decision.incident
    if incident.phase.active:
        raise Rejected(f"{incident.id} is open.", lines=("status",))
    if incident.kind is Kind.NEAR_MISS:
        raise Rejected(
            f"{incident.id} is a near miss: it never ran. If users are affected, declare it.",
            lines=("declare <title>",),
        )
    if command.reason is None:
        raise Rejected("Reopening needs its reason.", lines=("reopen because <reason>",))
    only_commander(decision, what="reopens", line="reopen because <reason>")
    _enter(decision, Phase.INVESTIGATING)
    decision.add(ev.Reopened(at=decision.now, by=decision.by, reason=command.reason))
    if incident.severity.commanded:
        last = incident.commander or acting_person(decision)
        decision.command_to(last, how=ev.How.REOPENED, acting=True)
        decision.ask_next()
    if incident.severity <= Severity.SEV3:
        decision.start_clocks()
    follow(decision, Moment.REOPENED)


def _cancel(decision: Decision, command: cmd.Cancel) -> None:
    under_way_or_sev4(decision)
    only_commander(decision, what="cancels", line="cancel because <reason>")
    if command.reason is None:
        raise Rejected("Cancelling needs its reason.", lines=("cancel because <reason>",))
    _enter(decision, Phase.CANCELLED)
    decision.miss_until(decision.now)
    follow(decision, Moment.CANCELLED)
    decision.end_clocks()
    decision.add(ev.Cancelled(at=decision.now, by=decision.by, reason=command.reason))
