"""`decide`: a command, the incident as it stands and the setting become events, or a refusal."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import assert_never

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.durations import duration
from bot.domain.errors import Rejected
from bot.domain.evolve import evolve, fold
from bot.domain.incident import (
    NEXT,
    Clock,
    Incident,
    Kind,
    Phase,
    Role,
    Severity,
)
from bot.domain.policies import LONGEST, SHORTEST, Setting
from bot.domain.story import Story, owing
from bot.domain.ticking import next_due, tick
from bot.refs import PersonId, Who

__all__ = ["assessed", "decide", "evolve", "fold", "next_due", "owing", "tell"]

QUESTIONS: tuple[str, ...] = (
    "Is a core service down, a revenue path broken, or data at risk?",
    "Is a major feature degraded, or a significant group affected without a workaround?",
    "Is any user affected?",
)
"""The three impact questions, most severe first (S2)."""

_CAUSE = re.compile(
    r"\b(root cause|caused by|cause (is|was|seems)|the cause|culprit|because of|"
    r"why (did|does|is|was|it|this|that))\b",
    re.IGNORECASE,
)

_EDITABLE = (
    ev.Declared,
    ev.NoteAdded,
    ev.MessageCaptured,
    ev.StepTried,
    ev.ImpactStated,
    ev.UpdatePosted,
    ev.ExternalPublished,
    ev.BriefSent,
)


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
            _publish(story, command)
        case cmd.SendBrief():
            _brief(story, command)
        case cmd.ChangeCadence():
            _change_cadence(story, command)
        case cmd.ChangeSeverity():
            _change_severity(story, command)
        case cmd.NameCommander():
            _name_commander(story, command.person)
        case cmd.AcceptCommand():
            _accept(story)
        case cmd.DeclineCommand():
            _decline(story)
        case cmd.TakeCommand():
            _take(story)
        case cmd.HandOff():
            _hand_off(story, command.person)
        case cmd.AssignRole():
            _assign(story, command)
        case cmd.Join():
            _join(story)
        case cmd.Leave():
            _leave(story)
        case cmd.PageOut():
            _page(story, command)
        case cmd.AddNote():
            _note(story, command)
        case cmd.Capture():
            _capture(story, command)
        case cmd.TryStep():
            _try_step(story, command)
        case cmd.StateImpact():
            _under_way(story)
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
            _editable(story, command.entry, "amend")
            story.add(
                ev.EntryAmended(at=story.now, by=story.by, entry=command.entry, text=command.text)
            )
        case cmd.Redact():
            _editable(story, command.entry, "redact")
            story.add(ev.EntryRedacted(at=story.now, by=story.by, entry=command.entry))
        case cmd.NoteConversation():
            if story.incident.room is None:
                story.add(ev.ConversationOpened(at=story.now, conversation=command.conversation))
        case cmd.NoteTicket():
            if story.incident.ticket is None:
                story.add(ev.TicketFiled(at=story.now, ticket=command.ticket))
        case cmd.NoteUndelivered():
            story.add(
                ev.DeliveryFailed(
                    at=story.now, target=command.target, what=command.what, why=command.why
                )
            )
        case cmd.Declare():
            raise Rejected(f"{story.incident.id} is declared already.")
        case _:
            assert_never(command)


# --- who may, and when ----------------------------------------------------------------------------


def _under_way(story: Story) -> None:
    incident = story.incident
    if incident.severity is Severity.SEV4 and incident.phase.active:
        raise Rejected(
            f"{incident.id} is a SEV4: a ticket, not an incident process.",
            lines=("sev 3 because <what changed>",),
        )
    if not incident.phase.active:
        raise Rejected(
            f"{incident.id} is {incident.phase.value}; nothing was changed.",
            lines=("reopen because <reason>", "note <text>"),
        )


def _only_commander(story: Story, *, what: str, line: str) -> None:
    """Refuse what only the commander does, where there is one (C5)."""
    commander = story.incident.commander
    if commander is None or story.by == commander:
        return
    raise Rejected(f"Only the commander {what}.", lines=(line,), for_whom=Who(commander))


def _actor(story: Story) -> PersonId:
    if story.by is None:
        raise Rejected("A person has to say that.")
    return story.by


# --- severity -------------------------------------------------------------------------------------


def _declare(story: Story, command: cmd.Declare) -> None:
    actor, setting = _actor(story), story.setting
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
    if not process:
        return
    if severity.commanded:
        _begin_command(story, named=command.commander, how=ev.How.DECLARED)
    story.start_clocks()


def _begin_command(story: Story, *, named: PersonId | None, how: ev.How) -> None:
    """Make the actor acting commander, and ask for a deliberate one (C1, C2)."""
    actor = _actor(story)
    story.command_to(actor, how=how, acting=named != actor)
    if named is not None and named != actor:
        story.add(ev.CommanderAsked(at=story.now, by=actor, person=named))
    elif named is None:
        story.ask_next()


def _assess(story: Story, command: cmd.Assess) -> None:
    _under_way_or_sev4(story)
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
        _only_commander(story, what="lowers the severity", line=line)
    story.add(ev.Assessed(at=story.now, by=story.by, answers=answers, severity=severity))
    if severity != incident.severity:
        _move_severity(story, severity, reason="assessed from impact", corrected=in_time)


def _under_way_or_sev4(story: Story) -> None:
    if story.incident.severity is not Severity.SEV4 or not story.incident.phase.active:
        _under_way(story)


def _change_severity(story: Story, command: cmd.ChangeSeverity) -> None:
    _under_way_or_sev4(story)
    incident, severity = story.incident, command.severity
    if severity is incident.severity:
        raise Rejected(f"{incident.id} is {severity.label} already.", lines=("status",))
    if severity > incident.severity:
        line = f"sev {severity.value} because <reason>"
        if command.reason is None and incident.commander in {None, story.by}:
            raise Rejected("Lowering the severity needs its reason.", lines=(line,))
        _only_commander(story, what="lowers the severity, and says why", line=line)
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
        _begin_command(story, named=None, how=ev.How.RAISED)
    story.replan()


# --- command --------------------------------------------------------------------------------------


def _commanded(story: Story) -> Incident:
    _under_way(story)
    incident = story.incident
    if incident.commander is None:
        raise Rejected(
            f"{incident.id} is {incident.severity.label}: it has no commander.",
            lines=("sev 2", "join"),
        )
    return incident


def _name_commander(story: Story, person: PersonId) -> None:
    incident = _commanded(story)
    if person == incident.commander:
        if story.by == person and incident.acting:
            story.command_to(person, how=ev.How.ACCEPTED, acting=False)
            return
        raise Rejected(Who(person), " commands already.", lines=("who",))
    if person == story.by:
        _take(story)
    elif incident.accepted:
        _hand_off(story, person)
    elif any(ask.person == person and not ask.declined for ask in incident.asked):
        raise Rejected(
            Who(person), " has been asked already.", lines=("accept",), for_whom=Who(person)
        )
    else:
        story.add(ev.CommanderAsked(at=story.now, by=story.by, person=person))


def _accept(story: Story) -> None:
    incident, actor = _commanded(story), _actor(story)
    if incident.offered_to == actor:
        story.command_to(actor, how=ev.How.HANDED, acting=False)
    elif incident.acting and (
        actor == incident.commander or any(ask.person == actor for ask in incident.asked)
    ):
        story.command_to(actor, how=ev.How.ACCEPTED, acting=False)
    elif incident.commander == actor:
        raise Rejected("You command already.", lines=("update <text>",))
    elif incident.acting and actor in story.setting.trained:
        raise Rejected("You were not asked, and may take it all the same.", lines=("take ic",))
    else:
        _refuse_command(incident, actor)


def _refuse_command(incident: Incident, actor: PersonId) -> None:
    if incident.commander is None:
        raise Rejected("There is no commander.")
    raise Rejected(
        Who(incident.commander),
        " is acting commander." if incident.acting else " commands.",
        " Command changes hands when they offer it.",
        lines=(f"handoff @{actor}",),
        for_whom=Who(incident.commander),
    )


def _decline(story: Story) -> None:
    incident, actor = _commanded(story), _actor(story)
    if incident.offered_to == actor:
        story.add(ev.CommanderDeclined(at=story.now, by=actor, person=actor, handoff=True))
    elif any(ask.person == actor and not ask.declined for ask in incident.asked):
        story.add(ev.CommanderDeclined(at=story.now, by=actor, person=actor, handoff=False))
        if story.next_candidate() or all(ask.declined for ask in story.incident.asked):
            story.ask_next()
    elif incident.commander == actor:
        raise Rejected("You command. Hand over instead.", lines=("handoff @name",))
    else:
        raise Rejected("You have not been asked to command.", lines=("who",))


def _take(story: Story) -> None:
    incident, actor = _commanded(story), _actor(story)
    if incident.commander == actor:
        if incident.acting:
            story.command_to(actor, how=ev.How.ACCEPTED, acting=False)
            return
        raise Rejected("You command already.", lines=("update <text>",))
    asked = any(ask.person == actor for ask in incident.asked)
    open_to_all = incident.acting or incident.escalated
    if open_to_all and (actor in story.setting.trained or (asked and incident.acting)):
        story.command_to(actor, how=ev.How.TAKEN, acting=False)
    elif open_to_all:
        raise Rejected(
            "Taking command unasked is for trained commanders.",
            lines=(f"ic @{actor}",),
            for_whom=Who(incident.commander) if incident.commander else None,
        )
    else:
        _refuse_command(incident, actor)


def _hand_off(story: Story, person: PersonId) -> None:
    incident = _commanded(story)
    _only_commander(story, what="hands over", line=f"handoff @{person}")
    if person == incident.commander:
        raise Rejected("You command already; name somebody else.", lines=("handoff @name",))
    if person == incident.offered_to:
        raise Rejected(
            Who(person), " has been offered it already.", lines=("accept",), for_whom=Who(person)
        )
    story.add(ev.HandoffOffered(at=story.now, by=story.by, person=person))


# --- roles ----------------------------------------------------------------------------------------


def _assign(story: Story, command: cmd.AssignRole) -> None:
    _under_way(story)
    was = story.incident.roles.get(command.role)
    if was == command.person:
        raise Rejected(Who(was), f" is {command.role.value} already.", lines=("who",))
    story.add(
        ev.RoleAssigned(
            at=story.now, by=story.by, role=command.role, person=command.person, was=was
        )
    )


def _join(story: Story) -> None:
    _under_way(story)
    actor, incident = _actor(story), story.incident
    if actor in incident.responders:
        raise Rejected("You are a responder already.", lines=("who",))
    if actor == incident.commander:
        who = "acting commander" if incident.acting else "commander"
        raise Rejected(
            f"You are {who}. The commander coordinates; hands-on work pulls the eyes off the",
            " whole. Hand over first.",
            lines=("handoff @name",),
        )
    story.add(ev.ResponderJoined(at=story.now, by=actor, person=actor))


def _leave(story: Story) -> None:
    _under_way(story)
    actor = _actor(story)
    if actor not in story.incident.responders:
        raise Rejected("You are not a responder here.", lines=("who",))
    story.add(ev.ResponderLeft(at=story.now, by=actor, person=actor))


def _page(story: Story, command: cmd.PageOut) -> None:
    _under_way(story)
    people: tuple[PersonId, ...] = ()
    if command.person is not None:
        people = (command.person,)
    elif command.service is not None:
        people = story.setting.on_call.get(command.service, ())
        if not people and not story.setting.pager:
            raise Rejected(
                f"Nobody is on call for {command.service}, as far as the config knows.",
                lines=("page @name <reason>",),
            )
    story.add(
        ev.PagedOut(
            at=story.now,
            by=story.by,
            people=people,
            service=command.service,
            reason=command.reason,
        )
    )


# --- the record -----------------------------------------------------------------------------------


def _note(story: Story, command: cmd.AddNote) -> None:
    incident = story.incident
    doer = command.doer or story.by
    hands_on = (
        command.kind is cmd.NoteKind.DID
        and incident.running
        and doer is not None
        and doer == incident.commander
    )
    story.add(
        ev.NoteAdded(
            at=story.written_at,
            by=story.by,
            kind=command.kind,
            text=command.text,
            doer=command.doer,
            hands_on=hands_on,
        )
    )
    _remind_of_cause(story, command.text)


def _capture(story: Story, command: cmd.Capture) -> None:
    story.add(
        ev.MessageCaptured(
            at=min(command.written_at, story.now),
            by=story.by,
            author=command.author,
            text=command.text,
        )
    )
    _remind_of_cause(story, command.text)


def _try_step(story: Story, command: cmd.TryStep) -> None:
    _under_way(story)
    story.add(ev.StepTried(at=story.written_at, by=story.by, step=command.step, text=command.text))


def _remind_of_cause(story: Story, text: str) -> None:
    """Say once that the cause can wait (T2), unless the room has just heard something (F14)."""
    incident = story.incident
    quiet = incident.quiet_until is not None and story.now < incident.quiet_until
    if (
        incident.running
        and incident.severity.commanded
        and incident.phase is Phase.INVESTIGATING
        and not incident.cause_reminded
        and not quiet
        and _CAUSE.search(text)
    ):
        story.add(ev.CauseReminded(at=story.now))


def _editable(story: Story, n: int, verb: str) -> None:
    entry, incident = story.setting.entry, story.incident
    if entry is None:
        raise Rejected(
            f"{incident.id} has no entry {n}; its timeline ends at {incident.entries}.",
            lines=("timeline",),
        )
    if not isinstance(entry, _EDITABLE):
        raise Rejected(
            f"Entry {n} is the bot's own record; only what people wrote can be changed.",
            lines=("note <text>",),
        )
    author = entry.author if isinstance(entry, ev.MessageCaptured) else entry.by
    may = {author, entry.by, incident.commander, incident.roles.get(Role.SCRIBE)}
    if story.by not in may:
        holder = incident.roles.get(Role.SCRIBE) or incident.commander or entry.by
        raise Rejected(
            "An entry is changed by its author, the scribe or the commander.",
            lines=(f"{verb} {n}" + (" <text>" if verb == "amend" else ""),),
            for_whom=Who(holder) if holder else None,
        )


# --- cadence --------------------------------------------------------------------------------------


def _update(story: Story, command: cmd.PostUpdate) -> None:
    _under_way(story)
    at = story.told_at
    story.miss_until(at)
    story.add(ev.UpdatePosted(at=at, by=story.by, text=command.text))
    story.keep(Clock.INTERNAL, at=at)
    _remind_of_cause(story, command.text)


def _publish(story: Story, command: cmd.PublishExternal) -> None:
    _under_way(story)
    if Clock.EXTERNAL not in story.setting.audiences:
        raise Rejected(
            "No status page is configured, so there is nowhere to publish.",
            lines=("update <text>",),
        )
    _only_commander(story, what="publishes", line=f"external {command.text}")
    story.add(ev.ExternalPublished(at=story.now, by=story.by, text=command.text))
    story.keep(Clock.EXTERNAL, at=story.now)


def _brief(story: Story, command: cmd.SendBrief) -> None:
    _under_way(story)
    if Clock.STAKEHOLDER not in story.setting.audiences:
        raise Rejected(
            "No stakeholder channel is configured, so there is nobody to brief.",
            lines=("update <text>",),
        )
    incident = story.incident
    may = {incident.commander, incident.roles.get(Role.LIAISON), incident.roles.get(Role.COMMS)}
    if incident.commander is not None and story.by not in may:
        holder = owing(incident, Clock.STAKEHOLDER)
        raise Rejected(
            "Briefs are the liaison's.",
            lines=(f"brief {command.text}",),
            for_whom=Who(holder) if holder else None,
        )
    story.add(ev.BriefSent(at=story.now, by=story.by, text=command.text))
    story.keep(Clock.STAKEHOLDER, at=story.now)


def _change_cadence(story: Story, command: cmd.ChangeCadence) -> None:
    _under_way(story)
    incident, clock, period = story.incident, command.clock, command.period
    line = f"cadence {clock.value} {duration(period)} because <reason>"
    if not SHORTEST <= period <= LONGEST:
        raise Rejected(
            "A cadence is between 1 minute and 24 hours.",
            lines=(f"cadence {clock.value} 15m because <reason>",),
        )
    if clock not in story.setting.audiences:
        where = "status page" if clock is Clock.EXTERNAL else "stakeholder channel"
        raise Rejected(f"No {where} is configured, so that clock does not run.")
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
        _only_commander(story, what="lengthens a cadence, and says why", line=line)
    story.change_period(clock, period, reason=command.reason)


# --- phases ---------------------------------------------------------------------------------------


def _enter(story: Story, phase: Phase) -> None:
    if phase not in NEXT[story.incident.phase]:
        raise Rejected(
            f"{story.incident.id} is {story.incident.phase.value}; it cannot become {phase.value}.",
            lines=("status",),
        )


def _stabilise(story: Story, command: cmd.Stabilise) -> None:
    _under_way(story)
    if story.incident.phase is Phase.STABILISED:
        raise Rejected(f"{story.incident.id} is stabilised already.", lines=("resolve <text>",))
    _enter(story, Phase.STABILISED)
    story.miss_until(story.now)
    story.add(ev.Stabilised(at=story.now, by=story.by, text=command.text))


def _resolve(story: Story, command: cmd.Resolve) -> None:
    incident = story.incident
    if incident.phase is Phase.RESOLVED:
        raise Rejected(f"{incident.id} is resolved already.", lines=("reopen because <reason>",))
    _under_way_or_sev4(story)
    _only_commander(story, what="calls it resolved", line="resolve <text>")
    _enter(story, Phase.RESOLVED)
    story.miss_until(story.now)
    if incident.phase is Phase.INVESTIGATING and incident.severity <= Severity.SEV3:
        story.add(ev.Stabilised(at=story.now, by=story.by, implied=True))
    story.end_clocks()
    story.add(ev.Resolved(at=story.now, by=story.by, text=command.text))


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
    _only_commander(story, what="reopens", line="reopen because <reason>")
    _enter(story, Phase.INVESTIGATING)
    story.add(ev.Reopened(at=story.now, by=story.by, reason=command.reason))
    if incident.severity.commanded:
        last = incident.commander or _actor(story)
        story.command_to(last, how=ev.How.REOPENED, acting=True)
        story.ask_next()
    if incident.severity <= Severity.SEV3:
        story.start_clocks()


def _cancel(story: Story, command: cmd.Cancel) -> None:
    _under_way_or_sev4(story)
    _only_commander(story, what="cancels", line="cancel because <reason>")
    if command.reason is None:
        raise Rejected("Cancelling needs its reason.", lines=("cancel because <reason>",))
    _enter(story, Phase.CANCELLED)
    story.miss_until(story.now)
    story.end_clocks()
    story.add(ev.Cancelled(at=story.now, by=story.by, reason=command.reason))
