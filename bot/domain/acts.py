"""Acts: what a command does as the incident stands, as the table of permissions names it (F8)."""

from __future__ import annotations

from enum import StrEnum

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.decision import Decision
from bot.domain.durations import duration
from bot.domain.impact import assessed
from bot.domain.incident import Incident
from bot.domain.postmortem_values import ReviewStage
from bot.refs import PersonId


class Act(StrEnum):
    """The rows of the table: a verb, or what one verb does in one case of several."""

    DECLARE = "declare, drill, near-miss"
    RAISE = "sev, assess: raising"
    LOWER = "sev: lowering"
    ASSESS_DOWN = "assess: lowering"
    UPDATE = "update, nochange"
    SHORTEN = "cadence: starting or shortening"
    LENGTHEN = "cadence: lengthening"
    PUBLISH = "external: publishing"
    DRAFT = "external: drafting"
    APPROVE = "approve, reject"
    APPROVE_END = "approve: that it is over"
    BRIEF = "brief"
    ASK_COMMANDER = "ic @name: asking"
    HAND_OFF = "handoff, ic @name: handing over"
    ANSWER = "accept, decline"
    TAKE = "take ic"
    TAKE_ROLE = "role: taking a free one"
    GIVE_ROLE = "role: giving"
    JOIN = "join, leave"
    PAGE = "page"
    NOTE = "note, 📌"
    RECORD = "saw, did"
    RECORD_OTHERS = "decided, did … by:@name"
    TRY_STEP = "tried"
    IMPACT = "impact"
    STABILISE = "stabilised"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CANCEL = "cancel"
    AMEND = "amend"
    AMEND_PUBLIC = "amend: a public text"
    REDACT = "redact"
    REDACT_OWN = "redact: one's own entry"
    MIRROR = "mirror, unmirror"
    HIDE = "private on"
    REVEAL = "private off"
    FOLLOW = "subscribe, unsubscribe: oneself"
    FOLLOW_FOR_OTHERS = "subscribe, unsubscribe: a room, another's address"
    SHIELD = "shield"
    WRITE_POSTMORTEM = "pm start, set, add, keep, schedule, unschedule, held, review, draft"
    FINALISE = "pm finalise"
    WAIVE = "pm waive"
    HAND_OVER_POSTMORTEM = "pm owner"
    TAKE_BACK = "pm draft: of a final one"
    ADD_ACTION = "action"
    CHANGE_ACTION = "action done, reopen, drop, move, edit"


def act_of(decision: Decision, command: cmd.Command) -> Act | None:
    """Return the act that a command is; `None` if it names what is not there.

    A command about what is not there (an action, an entry, a postmortem) has no effect, and the
    rule that finds this out says what there is.
    """
    if isinstance(command, cmd.OnCommand):
        return _about_command(decision, command)
    if isinstance(command, cmd.OnPostmortem):
        return _about_postmortem(decision.incident, command)
    if isinstance(command, cmd.OnActions):
        return _about_action(decision.incident, command)
    if isinstance(command, cmd.OnPlatforms):
        return Act.MIRROR
    return _about_response(decision, command)


def _about_response(decision: Decision, command: cmd.Response) -> Act | None:
    incident = decision.incident
    match command:
        case cmd.Assess():
            severity = assessed(command.answers)
            lower = severity is not None and severity > incident.severity
            return Act.ASSESS_DOWN if lower else Act.RAISE
        case cmd.ChangeSeverity():
            return Act.LOWER if command.severity > incident.severity else Act.RAISE
        case cmd.PublishExternal():
            return Act.PUBLISH
        case cmd.Approve() if not incident.phase.active:
            return Act.APPROVE_END
        case cmd.ChangePrivacy():
            return Act.HIDE if command.private else Act.REVEAL
        case cmd.ChangeCadence():
            state = incident.clocks.get(command.clock)
            running = state is not None and state.promise is not None
            longer = state is not None and running and command.period > state.period
            return Act.LENGTHEN if longer else Act.SHORTEN
        case cmd.AddNote():
            return _noting(decision, command)
        case cmd.Amend() | cmd.Redact():
            return _changing(decision, command)
        case _:
            return _ALWAYS.get(type(command))


_ALWAYS: dict[type, Act] = {
    cmd.Declare: Act.DECLARE,
    cmd.PostUpdate: Act.UPDATE,
    cmd.Approve: Act.APPROVE,
    cmd.RejectDraft: Act.APPROVE,
    cmd.SendBrief: Act.BRIEF,
    cmd.Capture: Act.NOTE,
    cmd.OpenAudience: Act.FOLLOW,
    cmd.TryStep: Act.TRY_STEP,
    cmd.StateImpact: Act.IMPACT,
    cmd.Stabilise: Act.STABILISE,
    cmd.Resolve: Act.RESOLVE,
    cmd.Reopen: Act.REOPEN,
    cmd.Cancel: Act.CANCEL,
}


def _noting(decision: Decision, command: cmd.AddNote) -> Act:
    match command.kind:
        case cmd.NoteKind.NOTE:
            return Act.NOTE
        case cmd.NoteKind.SAW:
            return Act.RECORD
        case cmd.NoteKind.DID:
            own = command.doer in {None, decision.by}
            return Act.RECORD if own else Act.RECORD_OTHERS
        case cmd.NoteKind.DECIDED:
            return Act.RECORD_OTHERS


def _changing(decision: Decision, command: cmd.Amend | cmd.Redact) -> Act | None:
    entry = decision.setting.entry
    if entry is None:
        return None
    if isinstance(command, cmd.Redact):
        return Act.REDACT_OWN if decision.by in authors(entry) else Act.REDACT
    return Act.AMEND_PUBLIC if isinstance(entry, ev.ExternalPublished) else Act.AMEND


def authors(entry: ev.Event) -> set[PersonId | None]:
    """Return the people whose entry it is: the writer, and whoever put it on the timeline."""
    return {entry.by, entry.author if isinstance(entry, ev.MessageCaptured) else entry.by}


def _about_command(decision: Decision, command: cmd.OnCommand) -> Act:
    incident = decision.incident
    match command:
        case cmd.NameCommander(person=person):
            if person == decision.by:
                return Act.TAKE
            return Act.HAND_OFF if incident.accepted else Act.ASK_COMMANDER
        case cmd.AcceptCommand() | cmd.DeclineCommand():
            return Act.ANSWER
        case cmd.TakeCommand():
            return Act.TAKE
        case cmd.HandOff():
            return Act.HAND_OFF
        case cmd.AssignRole(role=role, person=person):
            free = role not in incident.roles
            return Act.TAKE_ROLE if free and person == decision.by else Act.GIVE_ROLE
        case cmd.Join() | cmd.Leave():
            return Act.JOIN
        case cmd.PageOut():
            return Act.PAGE


def _about_postmortem(incident: Incident, command: cmd.OnPostmortem) -> Act:
    match command:
        case cmd.Finalise():
            return Act.FINALISE
        case cmd.WaiveFinding():
            return Act.WAIVE
        case cmd.OwnPostmortem():
            return Act.HAND_OVER_POSTMORTEM
        case cmd.BackToDraft():
            review = incident.review
            final = review is not None and review.stage is ReviewStage.FINALISED
            return Act.TAKE_BACK if final else Act.WRITE_POSTMORTEM
        case _:
            return Act.WRITE_POSTMORTEM


def _about_action(incident: Incident, command: cmd.OnActions) -> Act | None:
    if isinstance(command, cmd.AddAction):
        return Act.ADD_ACTION
    return Act.CHANGE_ACTION if incident.action(command.n) is not None else None


def line_of(command: cmd.Command) -> str | None:
    """Return the line that gives a command, for somebody else to type; `None` if it is long."""
    match command:
        case cmd.ChangeCadence():
            period = duration(command.period)
            return f"cadence {command.clock.value} {period} because <reason>"
        case cmd.ChangeSeverity():
            return f"sev {command.severity.value} because <reason>"
        case cmd.Assess():
            return " ".join(("assess", *(answer.value for answer in command.answers)))
        case cmd.PublishExternal():
            return f"external {command.text}"
        case cmd.Approve():
            return "approve"
        case cmd.RejectDraft():
            return "reject <why>"
        case cmd.SendBrief():
            return f"brief {command.text}"
        case cmd.NameCommander():
            return f"ic @{command.person}"
        case cmd.HandOff():
            return f"handoff @{command.person}"
        case cmd.AssignRole():
            return f"role {command.role.value} @{command.person}"
        case cmd.Amend():
            return f"amend {command.entry} <text>"
        case cmd.Redact():
            return f"redact {command.entry}"
        case cmd.Resolve():
            return "resolve <text>"
        case cmd.Reopen():
            return "reopen because <reason>"
        case cmd.Cancel():
            return "cancel because <reason>"
        case cmd.BackToDraft():
            return "pm draft because <reason>"
        case cmd.WaiveFinding():
            return f"pm waive {command.n} because <reason>"
        case cmd.Finalise():
            return "pm finalise"
        case cmd.OwnPostmortem():
            return f"pm owner @{command.person}"
        case cmd.FinishAction():
            return f"action done {command.n}"
        case cmd.ReopenAction():
            return f"action reopen {command.n}"
        case cmd.DropAction():
            return f"action drop {command.n} because <reason>"
        case cmd.ChangeAction():
            return f"action edit {command.n} <text>"
        case cmd.PageOut():
            whom = command.service or f"@{command.person}"
            return " ".join(("page", whom, *((command.reason,) if command.reason else ())))
        case cmd.Mirror():
            return f"mirror {command.adapter}"
        case cmd.EndMirror():
            return f"unmirror {command.adapter}"
        case cmd.ChangePrivacy():
            return f"private {'on' if command.private else 'off'} because <reason>"
        case cmd.StartPostmortem():
            return "pm start because <reason>"
        case cmd.WriteSection():
            return f"pm set {command.section.value} <text>"
        case cmd.ScheduleReview():
            return f"pm schedule {command.when:%Y-%m-%d %H:%M}"
        case cmd.NoteHeld():
            return "pm held"
        case cmd.AddAction():
            return "action <text> owner:@name due:<date> as:<strength>"
        case _:
            return None
