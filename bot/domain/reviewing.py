"""The postmortem: who owes it, its sections, its meeting, its gates (P1-P5)."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.blameless import Finding
from bot.domain.errors import Rejected
from bot.domain.following import add_action, change_action
from bot.domain.guards import acting_person
from bot.domain.incident import Incident, Phase
from bot.domain.learned import reminder
from bot.domain.postmortem import (
    Postmortem,
    Promised,
    Stage,
    added,
    confirmed,
    literal,
    sections_of,
)
from bot.domain.story import Story
from bot.refs import PersonId, Who

SHORTEST_REDACTED = 3
"""A shorter text is part of too many words to be looked for in a document."""


def owe(story: Story, *, reason: str | None = None) -> None:
    """Open the postmortem of what has just ended, with its two promises (P1, P2)."""
    incident, policy = story.incident, story.setting.policy
    form = incident.postmortem or ("full" if reason is not None else None)
    if form is None:
        return
    due = {Promised.HELD: story.now + policy.hold_within}
    if form == "full":
        due[Promised.SCHEDULED] = story.now + policy.schedule_within
    owner = incident.commander or incident.declared_by
    if incident.review is not None:
        owner = incident.review.owner
        meeting = incident.review.meeting
        if meeting is not None and meeting.at > story.now:
            due.pop(Promised.SCHEDULED, None)
    story.add(
        ev.PostmortemOpened(
            at=story.now,
            by=story.by,
            form=form,
            owner=owner,
            due=due,
            reason=reason,
        )
    )


def start(story: Story, reason: str | None) -> None:
    """Open one that no rule asks for: a SEV3's whose pattern repeats, a drill's (P1)."""
    incident = story.incident
    if incident.review is not None:
        raise Rejected(f"{incident.id} has its postmortem already.", lines=("pm",))
    if incident.phase.active or incident.phase is Phase.CANCELLED:
        raise Rejected(
            f"{incident.id} is {incident.phase.value}; a postmortem looks back on what is over.",
            lines=("resolve <text>",) if incident.phase.active else ("status",),
        )
    if incident.postmortem is None and reason is None:
        raise Rejected(
            f"{incident.id} owes no postmortem; one is started with its reason: a pattern, "
            "a new factor.",
            lines=("pm start because <reason>",),
        )
    owe(story, reason=reason)


def forget(story: Story, texts: tuple[str, ...]) -> None:
    """Remove a redacted entry's texts from what people wrote of it (L3)."""
    review = story.incident.review
    for section, text in review.sections.items() if review is not None else ():
        rid = without(text, texts)
        if rid != text:
            story.add(
                ev.SectionWritten(
                    at=story.now, by=story.by, section=section, text=rid, redacted=True
                )
            )
    for action in story.incident.actions:
        if (rid := without(action.text, texts)) != action.text:
            story.add(
                ev.ActionChanged(
                    at=story.now,
                    by=story.by,
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


def review(story: Story, command: cmd.OnPostmortem) -> None:
    """Do what is done to a postmortem."""
    if isinstance(command, cmd.StartPostmortem):
        start(story, command.reason)
        return
    if story.incident.review is None and not story.incident.phase.active:
        owe(story)  # resolved by a Sitrep that knew no postmortems
    owed = story.incident.review
    if owed is None:
        _none_there(story.incident)
        return
    match command:
        case cmd.WriteSection():
            _editable(story, owed)
            _write(story, command)
        case cmd.KeepSection():
            _editable(story, owed)
            text = confirmed(_standing(story, command.section))
            story.add(
                ev.SectionWritten(at=story.now, by=story.by, section=command.section, text=text)
            )
        case cmd.ScheduleReview():
            _schedule(story, owed, command.when)
        case cmd.UnscheduleReview():
            _unschedule(story, owed)
        case cmd.NoteHeld():
            if owed.held_at is not None:
                raise Rejected("The review is recorded as held already.", lines=("pm",))
            story.add(ev.ReviewHeld(at=story.now, by=story.by))
        case cmd.OpenReview():
            _editable(story, owed)
            _over(story)
            if owed.stage is Stage.IN_REVIEW:
                raise Rejected("It is in review already.", lines=("pm lint", "pm finalise"))
            story.add(ev.ReviewOpened(at=story.now, by=story.by))
        case cmd.BackToDraft():
            _back(story, owed, command.reason)
        case cmd.WaiveFinding():
            _editable(story, owed)
            _waive(story, command)
        case cmd.Finalise():
            _finalise(story, owed)
        case cmd.OwnPostmortem():
            _hand_over(story, owed, command.person)
        case cmd.ImportDocument():
            _editable(story, owed)
            _take_over(story, command)


def _none_there(incident: Incident) -> None:
    if incident.phase.active:
        raise Rejected(
            f"{incident.id} is {incident.phase.value}; its postmortem opens when it is resolved.",
            lines=("note <text>", "resolve <text>"),
        )
    raise Rejected(
        f"{incident.id} owes no postmortem; one is started with its reason.",
        lines=("pm start because <reason>",),
    )


def _editable(story: Story, owed: Postmortem) -> None:
    if not owed.open:
        raise Rejected(
            f"The postmortem of {story.incident.id} is final; nothing was changed.",
            lines=("pm draft because <reason>",),
        )


def _over(story: Story) -> None:
    if story.incident.phase.active:
        raise Rejected(
            f"{story.incident.id} is open again; its postmortem goes on after it.",
            lines=("resolve <text>",),
        )


def _led(story: Story, owed: Postmortem, *, what: str, line: str) -> None:
    """Refuse what only those do who answer for the postmortem (P4)."""
    may = {owed.owner, story.incident.commander, story.setting.plan.owner}
    if story.by not in may:
        raise Rejected(f"The postmortem's owner {what}.", lines=(line,), for_whom=Who(owed.owner))


def _standing(story: Story, section: str) -> str:
    return next((t for s, t in story.setting.document.items() if s == section), "")


def _write(story: Story, command: cmd.WriteSection) -> None:
    owed = story.incident.review
    if owed is not None and command.section not in sections_of(owed.form):
        raise Rejected(f"A light postmortem has no section {command.section.value}.", lines=("pm",))
    text = command.text
    if command.add:
        text = added(_standing(story, command.section), text)
    story.add(ev.SectionWritten(at=story.now, by=story.by, section=command.section, text=text))


def _schedule(story: Story, owed: Postmortem, when: datetime) -> None:
    _editable(story, owed)
    if when <= story.now:
        example = f"{(story.now + timedelta(days=1)):%Y-%m-%d} 14:00"
        raise Rejected("That time has gone by.", lines=(f"pm schedule {example}",))
    meeting = owed.meeting
    if meeting is not None and meeting.at == when:
        raise Rejected("It is scheduled for then already.", lines=("pm",))
    story.add(
        ev.ReviewScheduled(
            at=story.now,
            by=acting_person(story),
            when=when,
            was=meeting.at if meeting else None,
            sequence=owed.sequence + 1,
        )
    )


def _unschedule(story: Story, owed: Postmortem) -> None:
    if owed.meeting is None:
        raise Rejected("No meeting is scheduled.", lines=("pm schedule <date> <time>",))
    story.add(
        ev.ReviewUnscheduled(
            at=story.now, by=story.by, was=owed.meeting.at, sequence=owed.sequence + 1
        )
    )


def _back(story: Story, owed: Postmortem, reason: str | None) -> None:
    if owed.stage is Stage.DRAFT:
        raise Rejected("It is a draft.", lines=("pm",))
    if owed.stage is Stage.FINALISED:
        line = "pm draft because <reason>"
        _led(story, owed, what="takes back what is final, and says why", line=line)
        if reason is None:
            raise Rejected("Taking back what is final needs its reason.", lines=(line,))
    story.add(ev.DraftResumed(at=story.now, by=story.by, reason=reason))


def waived(finding: Finding, owed: Postmortem) -> bool:
    """Whether a finding's warning may stand (P4)."""
    return any(
        (w.rule, w.where, w.words) == (finding.rule, finding.section, finding.words)
        for w in owed.waivers
    )


def _waive(story: Story, command: cmd.WaiveFinding) -> None:
    owed = story.incident.review
    findings = story.setting.findings
    if owed is None:
        return
    if not 1 <= command.n <= len(findings):
        count = f"there are {len(findings)}" if findings else "there is none"
        raise Rejected(f"No finding {command.n}: {count}.", lines=("pm lint",))
    finding = findings[command.n - 1]
    if finding.blocks:
        raise Rejected(
            f"Finding {command.n} is no warning; it is put right in the text: {finding.advice}",
            lines=(f"pm set {finding.key} <text>",),
        )
    line = f"pm waive {command.n} because <reason>"
    _led(story, owed, what="waives a warning, with a reason", line=line)
    if command.reason is None:
        raise Rejected("A waiver carries its reason.", lines=(line,))
    if waived(finding, owed):
        raise Rejected(f"Finding {command.n} is waived already.", lines=("pm lint",))
    story.add(
        ev.FindingWaived(
            at=story.now,
            by=story.by,
            rule=finding.rule,
            where=finding.section,
            words=finding.words,
            reason=command.reason,
        )
    )


def _finalise(story: Story, owed: Postmortem) -> None:
    _editable(story, owed)
    _over(story)
    _led(story, owed, what="finalises it", line="pm finalise")
    if owed.stage is Stage.DRAFT:
        raise Rejected("It is a draft; it is reviewed before it is final.", lines=("pm review",))
    left = [f for f in story.setting.findings if f.blocks or not waived(f, owed)]
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
    story.add(ev.PostmortemFinalised(at=story.now, by=story.by))


def _hand_over(story: Story, owed: Postmortem, person: PersonId) -> None:
    _editable(story, owed)
    if person == owed.owner:
        raise Rejected(Who(person), " owns the postmortem already.")
    line = f"pm owner @{person}"
    _led(story, owed, what="hands it over", line=line)
    story.add(ev.PostmortemHandedOver(at=story.now, by=story.by, owner=person, was=owed.owner))


def _take_over(story: Story, command: cmd.ImportDocument) -> None:
    points: list[str] = []
    for section in command.sections:
        _write(story, section)
    for action in command.actions:
        try:
            if isinstance(action, cmd.AddAction):
                add_action(story, action)
            else:
                change_action(story, action)
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


def remind(story: Story, promised: Promised, *, missed: bool) -> None:
    """Remind the owner at half time; tell the room and the service's owner what was missed (P2)."""
    owed = story.incident.review
    if owed is None:
        return
    people = [owed.owner]
    if missed and story.setting.plan.owner is not None:
        people.append(story.setting.plan.owner)
    story.add(
        ev.ReviewReminded(
            at=story.now,
            promised=promised,
            due_at=owed.due[promised],
            missed=missed,
            people=tuple(dict.fromkeys(people)),
        )
    )
