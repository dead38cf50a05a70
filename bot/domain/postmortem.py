"""The postmortem: who owes it, its sections, its meeting, its gates (P1-P5)."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.actions import add_action, change_action
from bot.domain.blameless import ReviewFinding
from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.incident import Incident, Phase
from bot.domain.learned import reminder
from bot.domain.permissions import only_named
from bot.domain.postmortem_values import (
    Postmortem,
    Promised,
    ReviewStage,
    added,
    confirmed,
    literal,
    sections_of,
)
from bot.refs import PersonId, Who, is_machine

SHORTEST_REDACTED = 3
"""A shorter text is part of too many words to be looked for in a document."""


def owe_postmortem(decision: Decision, *, reason: str | None = None) -> None:
    """Open the postmortem of what has just ended, with its two promises (P1, P2)."""
    incident, policy = decision.incident, decision.setting.policy
    form = incident.postmortem or ("full" if reason is not None else None)
    if form is None:
        return
    due = {Promised.HELD: decision.now + policy.hold_within}
    if form == "full":
        due[Promised.SCHEDULED] = decision.now + policy.schedule_within
    owner = _first_owner(decision)
    if incident.review is not None:
        owner = incident.review.owner
        meeting = incident.review.meeting
        if meeting is not None and meeting.at > decision.now:
            due.pop(Promised.SCHEDULED, None)
    decision.add(
        ev.PostmortemOpened(
            at=decision.now,
            by=decision.by,
            form=form,
            owner=owner,
            due=due,
            reason=reason,
        )
    )


def _first_owner(decision: Decision) -> PersonId:
    """Return who owns a postmortem at first: a person, where there is any to own it.

    A machine that declared owns it only if the plan names nobody; any named person may then hand it
    to somebody.
    """
    plan, contact = decision.setting.plan, decision.incident.contact
    people = (contact, plan.owner, *plan.on_call, *decision.setting.candidates)
    return next((p for p in people if p is not None and not is_machine(p)), contact)


def start(decision: Decision, reason: str | None) -> None:
    """Open one that no rule asks for: a SEV3's whose pattern repeats, a drill's (P1)."""
    incident = decision.incident
    if incident.review is not None:
        raise Rejected(f"{incident.id} has its postmortem already.", lines=("pm",))
    if incident.phase.active or incident.phase is Phase.CANCELLED:
        raise Rejected(
            f"{incident.id} is {incident.phase.value}; a postmortem looks back on what is over.",
            lines=("resolve <text>",) if incident.phase.active else ("status",),
        )
    if incident.postmortem is None and reason is None:
        raise Rejected(
            f"{incident.id} owes no postmortem; starting one needs a reason: a pattern, "
            "a new factor.",
            lines=("pm start because <reason>",),
        )
    owe_postmortem(decision, reason=reason)


def forget_redacted(decision: Decision, texts: tuple[str, ...]) -> None:
    """Remove a redacted entry's texts from what people wrote of it (L3)."""
    review = decision.incident.review
    for section, text in review.sections.items() if review is not None else ():
        rid = without(text, texts)
        if rid != text:
            decision.add(
                ev.SectionWritten(
                    at=decision.now, by=decision.by, section=section, text=rid, redacted=True
                )
            )
    for action in decision.incident.actions:
        if (rid := without(action.text, texts)) != action.text:
            decision.add(
                ev.ActionChanged(
                    at=decision.now,
                    by=decision.by,
                    n=action.n,
                    text=rid,
                    owner=action.owner,
                    due=action.due,
                    strength=action.strength,
                    category=action.category,
                )
            )


def without(text: str, texts: tuple[str, ...]) -> str:
    """Return a section without some texts, however they stand in it."""
    for gone in texts:
        for form in dict.fromkeys((literal(gone), gone)):
            if len(form) >= SHORTEST_REDACTED:
                text = text.replace(form, ev.REDACTED)
    return text


def review_postmortem(decision: Decision, command: cmd.OnPostmortem) -> None:
    """Do what is done to a postmortem."""
    if isinstance(command, cmd.StartPostmortem):
        start(decision, command.reason)
        return
    if decision.incident.review is None and not decision.incident.phase.active:
        owe_postmortem(decision)  # resolved by a Sitrep that knew no postmortems
    owed = decision.incident.review
    if owed is None:
        _none_there(decision.incident)
        return
    match command:
        case cmd.WriteSection():
            _editable(decision, owed)
            _write(decision, command)
        case cmd.KeepSection():
            _editable(decision, owed)
            text = confirmed(_standing(decision, command.section))
            decision.add(
                ev.SectionWritten(
                    at=decision.now, by=decision.by, section=command.section, text=text
                )
            )
        case cmd.ScheduleReview():
            _schedule(decision, owed, command.when)
        case cmd.UnscheduleReview():
            _unschedule(decision, owed)
        case cmd.NoteHeld():
            if owed.held_at is not None:
                raise Rejected("The review is recorded as held already.", lines=("pm",))
            decision.add(ev.ReviewHeld(at=decision.now, by=decision.by))
        case cmd.OpenReview():
            _editable(decision, owed)
            _over(decision)
            if owed.stage is ReviewStage.IN_REVIEW:
                raise Rejected(
                    "The postmortem is in review already.", lines=("pm lint", "pm finalise")
                )
            decision.add(ev.ReviewOpened(at=decision.now, by=decision.by))
        case cmd.BackToDraft():
            _back(decision, owed, command.reason)
        case cmd.WaiveFinding():
            _editable(decision, owed)
            _waive(decision, command)
        case cmd.Finalise():
            _finalise(decision, owed)
        case cmd.OwnPostmortem():
            _hand_over(decision, owed, command.person)
        case cmd.ImportDocument():
            _editable(decision, owed)
            _take_over(decision, command)


def _none_there(incident: Incident) -> None:
    if incident.phase.active:
        raise Rejected(
            f"{incident.id} is {incident.phase.value}; its postmortem opens when it is resolved.",
            lines=("note <text>", "resolve <text>"),
        )
    raise Rejected(
        f"{incident.id} owes no postmortem; starting one needs a reason.",
        lines=("pm start because <reason>",),
    )


def _editable(decision: Decision, owed: Postmortem) -> None:
    if not owed.open:
        raise Rejected(
            f"The postmortem of {decision.incident.id} is final; nothing was changed.",
            lines=("pm draft because <reason>",),
        )


def _over(decision: Decision) -> None:
    if decision.incident.phase.active:
        raise Rejected(
            f"{decision.incident.id} is open again; its postmortem goes on after it.",
            lines=("resolve <text>",),
        )


def _standing(decision: Decision, section: str) -> str:
    return next((t for s, t in decision.setting.document.items() if s == section), "")


def _write(decision: Decision, command: cmd.WriteSection) -> None:
    owed = decision.incident.review
    if owed is not None and command.section not in sections_of(owed.form):
        raise Rejected(f"A light postmortem has no section {command.section.value}.", lines=("pm",))
    text = command.text
    if command.add:
        text = added(_standing(decision, command.section), text)
    decision.add(
        ev.SectionWritten(at=decision.now, by=decision.by, section=command.section, text=text)
    )


def _schedule(decision: Decision, owed: Postmortem, when: datetime) -> None:
    _editable(decision, owed)
    if when <= decision.now:
        example = f"{(decision.now + timedelta(days=1)):%Y-%m-%d} 14:00"
        raise Rejected("That time is in the past.", lines=(f"pm schedule {example}",))
    meeting = owed.meeting
    if meeting is not None and meeting.at == when:
        raise Rejected("The review is scheduled for then already.", lines=("pm",))
    decision.add(
        ev.ReviewScheduled(
            at=decision.now,
            by=decision.person,
            when=when,
            was=meeting.at if meeting else None,
            sequence=owed.sequence + 1,
        )
    )


def _unschedule(decision: Decision, owed: Postmortem) -> None:
    if owed.meeting is None:
        raise Rejected("No meeting is scheduled.", lines=("pm schedule <date> <time>",))
    decision.add(
        ev.ReviewUnscheduled(
            at=decision.now, by=decision.by, was=owed.meeting.at, sequence=owed.sequence + 1
        )
    )


def _back(decision: Decision, owed: Postmortem, reason: str | None) -> None:
    if owed.stage is ReviewStage.DRAFT:
        raise Rejected("The postmortem is a draft already.", lines=("pm",))
    if owed.stage is ReviewStage.FINALISED:
        line = "pm draft because <reason>"
        if reason is None:
            raise Rejected("Making a final postmortem a draft again needs a reason.", lines=(line,))
    decision.add(ev.DraftResumed(at=decision.now, by=decision.by, reason=reason))


def waived(finding: ReviewFinding, owed: Postmortem) -> bool:
    """Return whether a finding's warning may stand (P4)."""
    return any(
        (w.rule, w.where, w.words) == (finding.rule, finding.section, finding.words)
        for w in owed.waivers
    )


def _waive(decision: Decision, command: cmd.WaiveFinding) -> None:
    owed = decision.incident.review
    findings = decision.setting.findings
    if owed is None:
        return
    if not 1 <= command.n <= len(findings):
        count = f"there are {len(findings)}" if findings else "there is none"
        raise Rejected(f"No finding {command.n}: {count}.", lines=("pm lint",))
    finding = findings[command.n - 1]
    if finding.blocks:
        raise Rejected(
            f"Finding {command.n} is not a warning; put it right in the text: {finding.advice}",
            lines=(f"pm set {finding.key} <text>",),
        )
    line = f"pm waive {command.n} because <reason>"
    if command.reason is None:
        raise Rejected("Waiving a warning needs a reason.", lines=(line,))
    if waived(finding, owed):
        raise Rejected(f"Finding {command.n} is waived already.", lines=("pm lint",))
    decision.add(
        ev.FindingWaived(
            at=decision.now,
            by=decision.by,
            rule=finding.rule,
            where=finding.section,
            words=finding.words,
            reason=command.reason,
        )
    )


def _finalise(decision: Decision, owed: Postmortem) -> None:
    _editable(decision, owed)
    _over(decision)
    if owed.stage is ReviewStage.DRAFT:
        raise Rejected(
            "The postmortem has to be reviewed before it is final.", lines=("pm review",)
        )
    left = [f for f in decision.setting.findings if f.blocks or not waived(f, owed)]
    if left:
        errors = sum(f.blocks for f in left)
        warnings = len(left) - errors
        counted = []
        if errors:
            counted.append(f"{errors} to put right")
        if warnings:
            counted.append(f"{warnings} to put right or to waive")
        raise Rejected(
            f"Not final yet: {', '.join(counted)}.",
            lines=("pm lint", *(("pm waive <n> because <reason>",) if warnings else ())),
        )
    decision.add(ev.PostmortemFinalised(at=decision.now, by=decision.by))


def _hand_over(decision: Decision, owed: Postmortem, person: PersonId) -> None:
    _editable(decision, owed)
    if person == owed.owner:
        raise Rejected(Who(person), " owns the postmortem already.")
    only_named(decision, person)
    decision.add(
        ev.PostmortemHandedOver(at=decision.now, by=decision.by, owner=person, was=owed.owner)
    )


def _take_over(decision: Decision, command: cmd.ImportDocument) -> None:
    points: list[str] = []
    for section in command.sections:
        _write(decision, section)
    for action in command.actions:
        try:
            if isinstance(action, cmd.AddAction):
                add_action(decision, action)
            else:
                change_action(decision, action)
        except Rejected as refusal:
            said = "".join(p if isinstance(p, str) else p.person for p in refusal.parts)
            what = action.text or f"A{getattr(action, 'n', '')}"
            points += [f"“{what}”: {point}" for point in (refusal.points or (said,))]
    if points:
        raise Rejected("Nothing was imported:", points=tuple(points))


# --- time -----------------------------------------------------------------------------------------


def promises(incident: Incident) -> list[tuple[datetime, Promised, bool]]:
    """Return the reminders that a postmortem still has before it: when, of what, whether missed."""
    owed = incident.review
    if owed is None or not owed.open or incident.phase is not Phase.RESOLVED:
        return []
    found = []
    for promised, by in owed.due.items():
        half = owed.opened_at + (by - owed.opened_at) / 2
        for when, missed in ((half, False), (by, True)):
            if reminder(promised, missed=missed) not in owed.reminded:
                found.append((when, promised, missed))
    return found


def remind(decision: Decision, promised: Promised, *, missed: bool) -> None:
    """Remind the owner at half time; tell the room and the service's owner what was missed (P2)."""
    owed = decision.incident.review
    if owed is None:
        return
    people = [owed.owner]
    if missed and decision.setting.plan.owner is not None:
        people.append(decision.setting.plan.owner)
    decision.add(
        ev.ReviewReminded(
            at=decision.now,
            promised=promised,
            due_at=owed.due[promised],
            missed=missed,
            people=tuple(dict.fromkeys(people)),
        )
    )
