"""A postmortem's document: each section is drafted from the record until people write it (P3, P4).

A draft names roles instead of people: it is about actions and outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from bot.domain import events as ev
from bot.domain.blameless import ReviewFinding, lint
from bot.domain.commands import NoteKind
from bot.domain.draft_words import BLANKS, ROLES, DraftingWords, PeopleNames
from bot.domain.events import Entry
from bot.domain.incident import Incident, Kind, Outcome, Role
from bot.domain.learned import OfActions, OfReview
from bot.domain.postmortem_values import (
    PROPOSED,
    TITLES,
    EditedPostmortem,
    ReviewStage,
    Row,
    Section,
    literal,
    sections_of,
    write,
)
from bot.domain.timeline import corrected
from bot.refs import PersonId

E = TypeVar("E", bound=ev.Happening)

MINUTE = timedelta(minutes=1)

_ELSEWHERE = (
    ev.PromiseMade,
    ev.PromiseSettled,
    ev.RungFired,
    ev.ConversationOpened,
    ev.Mirrored,
    ev.MirrorEnded,
    ev.EntryAmended,
    ev.EntryRedacted,
    ev.TicketFiled,
    ev.CadenceChanged,
)
"""Events that a postmortem's timeline leaves out; promises have a list of their own."""


def sections(
    incident: Incident, entries: Sequence[Entry], words: DraftingWords
) -> dict[Section, str]:
    """Return every section: the text that people wrote, or else the draft."""
    review = incident.review
    written = review.sections if review is not None else {}
    form = review.form if review is not None else "full"
    drafts = _Drafts(incident, corrected(entries), words)
    return {
        section: written[section] if section in written else drafts.of(section)
        for section in sections_of(form)
    }


def first_draft(
    incident: Incident, entries: Sequence[Entry], section: Section, words: DraftingWords
) -> str:
    """Return the draft of a section, even if people have written it since."""
    review = incident.review
    if review is None:
        return ""
    bare = replace(incident, review=replace(review, sections={}))
    return sections(bare, entries, words).get(section, "")


def document(incident: Incident, entries: Sequence[Entry], words: DraftingWords) -> str:
    """Return the whole document as Markdown, in the policy's shape (P3)."""
    stands = sections(incident, entries, words)
    return write(
        EditedPostmortem(
            title=incident.title,
            header=_header(incident, entries, stands),
            sections={TITLES[s]: text for s, text in stands.items() if s in TITLES},
            actions=_rows(incident, words.names),
        ),
    )


def findings(
    incident: Incident, entries: Sequence[Entry], words: DraftingWords
) -> tuple[ReviewFinding, ...]:
    """Return the findings of the review in the whole document (P4)."""
    return lint(document(incident, entries, words), _people(incident, words.names))


def blocking(
    incident: Incident, section: Section, text: str, names: PeopleNames
) -> tuple[ReviewFinding, ...]:
    """Return the findings in one section that keep the postmortem from being final (P4)."""
    if section is Section.AUTHORS:
        return ()
    found = lint(f"## {TITLES[section]}\n{text}", _people(incident, names))
    return tuple(finding for finding in found if finding.blocks)


def _people(incident: Incident, names: PeopleNames) -> tuple[str, ...]:
    """Return the names and handles that must not stand in the text (P4)."""
    people: list[str] = []
    for person in (*incident.participants, *(a.owner for a in incident.actions)):
        people += [names.name(person), f"@{person}"]
    for known in names.everybody:
        people += [known.name, f"@{known.id}"]
    return tuple(dict.fromkeys(people))


def _header(
    incident: Incident, entries: Sequence[Entry], sections: dict[Section, str]
) -> dict[str, str]:
    stage = incident.review.stage if incident.review is not None else ReviewStage.DRAFT
    header = {
        "Date of incident": f"{incident.declared_at:%Y-%m-%d}",
        "Severity": _severities(incident, entries),
        "Duration": _duration(incident),
        "Authors": sections[Section.AUTHORS],
        "Status": stage.value,
        "Incident": incident.id,
    }
    if incident.review is not None and incident.review.waivers:
        header["Waived"] = "; ".join(
            f"{w.where}, {w.rule} “{w.words}”: {w.reason}" for w in incident.review.waivers
        )
    return header


def _severities(incident: Incident, entries: Sequence[Entry]) -> str:
    if incident.kind is Kind.NEAR_MISS:
        return "near miss"
    steps = [e.event for e in entries if isinstance(e.event, ev.SeverityChanged)]
    if not steps:
        return incident.severity.label
    history = "; ".join(f"{s.at:%H:%M} {s.was.label} → {s.now.label}" for s in steps)
    return f"{incident.highest.label} at worst ({history})"


def _duration(incident: Incident) -> str:
    if incident.kind is Kind.NEAR_MISS or incident.resolved_at is None:
        return "00:00 (caught before users were affected)"
    minutes = round((incident.resolved_at - incident.declared_at).total_seconds() / 60)
    start, end = incident.declared_at, incident.resolved_at
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{minutes // 60:02d}:{minutes % 60:02d} ({start:%H:%M} → {until} UTC)"


def _rows(incident: Incident, names: PeopleNames) -> tuple[Row, ...]:
    return tuple(
        (
            action.label,
            action.text,
            names.name(action.owner),
            action.due.isoformat(),
            action.category.value,
            action.strength.word,
            (action.ticket.url or action.ticket.id) if action.ticket is not None else "",
        )
        for action in incident.actions
        if action.dropped is None
    )


class _Drafts:
    """The drafts of one incident's sections."""

    def __init__(self, incident: Incident, entries: Sequence[Entry], words: DraftingWords) -> None:
        self._incident, self._entries, self._words = incident, entries, words
        self._roles = _Roles(incident)

    def of(self, section: Section) -> str:
        match section:
            case Section.AUTHORS:
                return self._authors()
            case Section.SUMMARY:
                return self._summary()
            case Section.IMPACT:
                return self._impact()
            case Section.TIMELINE:
                return self._timeline()
            case Section.CAUSE:
                return self._cause()
            case Section.WELL:
                return self._facts(self._went_well(), section)
            case Section.POORLY:
                return self._facts(self._went_poorly(), section)
            case Section.LESSONS:
                return BLANKS[section]

    def _authors(self) -> str:
        review = self._incident.review
        owner = review.owner if review is not None else self._incident.declared_by
        people = dict.fromkeys((owner, *(review.authors if review is not None else ())))
        return ", ".join(self._words.names.name(p) for p in people)

    def _summary(self) -> str:
        incident = self._incident
        said = [f"{literal(incident.title).rstrip('.')}."]
        if incident.kind is Kind.NEAR_MISS:
            return f"{said[0]} It was caught before users were affected."
        if incident.impact:
            said.append(f"Impact: {literal(incident.impact).rstrip('.')}.")
        if incident.resolved_at is not None:
            took = self._words.length(incident.resolved_at - incident.declared_at)
            said.append(
                f"It lasted {took}, from {incident.declared_at:%H:%M} to "
                f"{incident.resolved_at:%H:%M} UTC."
            )
        resolved = next((e for e in self._events(ev.Resolved) if e.text), None)
        if resolved is not None and resolved.text:
            said.append(f"It was resolved by this: {literal(resolved.text).rstrip('.')}.")
        return " ".join(said)

    def _impact(self) -> str:
        incident = self._incident
        lines = ["- Users affected: [estimate]"]
        declared = next(iter(self._events(ev.Declared)), None)
        if declared is not None and declared.impact:
            lines.append(f"- {declared.at:%H:%M:%S} — {literal(declared.impact)}")
        lines += [f"- {e.at:%H:%M:%S} — {literal(e.text)}" for e in self._events(ev.ImpactStated)]
        lines.append(f"- Services affected: {incident.service or '[list]'}")
        lines.append("- Revenue/business impact: [if measurable]")
        lines.append("- Data integrity impact: [if any]")
        return "\n".join(lines)

    def _timeline(self) -> str:
        lines = ["(All times UTC)", ""]
        lines += self._told()
        promises = self._promises()
        if promises:
            lines += ["", "### Promised updates", "", *promises]
        return "\n".join(lines)

    def _told(self) -> list[str]:
        lines = []
        for entry in self._entries:
            event = entry.event
            self._roles.follow(event)
            if isinstance(event, (*_ELSEWHERE, OfReview, OfActions)):
                continue
            text = literal(self._words.entry(event, self._roles.of))
            lines.append(f"- {self._time(event.at)} — {text}")
        return lines

    def _time(self, when: datetime) -> str:
        same = when.date() == self._incident.declared_at.date()
        return f"{when:%H:%M:%S}" if same else f"{when:%Y-%m-%d %H:%M:%S}"

    def _promises(self) -> list[str]:
        words = self._words
        return [
            f"- {self._time(e.due_at)} — {words.promise(e.clock)}: {words.outcome(e)}"
            for e in self._events(ev.PromiseSettled)
        ]

    def _cause(self) -> str:
        before: list[str] = []
        after: list[str] = []
        stabilised = False
        for event in (entry.event for entry in self._entries):
            stabilised = (stabilised or isinstance(event, ev.Stabilised)) and not isinstance(
                event, ev.Reopened
            )
            if isinstance(event, ev.NoteAdded) and event.kind in {NoteKind.SAW, NoteKind.DECIDED}:
                line = f"- {self._time(event.at)} — {event.kind.value}: {literal(event.text)}"
                (after if stabilised else before).append(line)
        parts = [BLANKS[Section.CAUSE]]
        if before:
            parts.append("### Recorded before it was stabilised\n\n" + "\n".join(before))
        if after:
            parts.append("### Recorded after it was stabilised\n\n" + "\n".join(after))
        return "\n\n".join(parts)

    def _facts(self, facts: list[str], section: Section) -> str:
        return "\n".join(f"- {PROPOSED}{fact}" for fact in facts) or BLANKS[section]

    def _went_well(self) -> list[str]:
        incident = self._incident
        facts = []
        first_step = next(iter(self._events(ev.StepTried)), None)
        if first_step is not None and self._since(first_step.at) <= timedelta(minutes=10):
            facts.append(
                f"A stabilising step ({first_step.step.value}) was taken "
                f"{self._after(self._since(first_step.at))}."
            )
        stabilised = self._stabilised_after()
        if stabilised is not None and stabilised <= timedelta(minutes=30):
            facts.append(f"Users were served again {self._after(stabilised)}.")
        for clock, state in incident.clocks.items():
            if state.kept and not state.late and not state.missed:
                what = "promise" if state.kept == 1 else "promises"
                facts.append(f"All {state.kept} {clock.value} {what} of an update were kept.")
        taken = self._commanded_after()
        if taken is not None and taken <= timedelta(minutes=5):
            facts.append(f"A commander accepted {self._after(taken)}.")
        return facts

    def _went_poorly(self) -> list[str]:
        facts = []
        for event in self._events(ev.PromiseSettled):
            promise = self._words.promise(event.clock)
            if event.outcome is Outcome.LATE:
                facts.append(
                    f"The {promise} of {event.due_at:%H:%M} UTC came "
                    f"{self._words.length(event.late_by)} late."
                )
            elif event.outcome is Outcome.MISSED:
                more = f", and {event.count - 1} after it" if event.count > 1 else ""
                facts.append(
                    f"The {promise} promised for {event.due_at:%H:%M} UTC was missed{more}."
                )
        stabilised = self._stabilised_after()
        if stabilised is not None and stabilised > timedelta(minutes=30):
            facts.append(
                f"Users were served again only {self._words.length(stabilised)} after the start."
            )
        first_step = next(iter(self._events(ev.StepTried)), None)
        if first_step is not None and self._since(first_step.at) > timedelta(minutes=10):
            after = self._words.length(self._since(first_step.at))
            facts.append(f"The first stabilising step came {after} after the start.")
        if any(self._events(ev.ResponseEscalated)):
            facts.append("No commander had accepted within the response time; paging went on.")
        if any(self._events(ev.SeverityChanged)) and self._raised():
            facts.append("The severity was raised while the incident ran.")
        return facts

    def _raised(self) -> bool:
        return any(e.now < e.was and not e.corrected for e in self._events(ev.SeverityChanged))

    def _since(self, when: datetime) -> timedelta:
        return when - self._incident.declared_at

    def _stabilised_after(self) -> timedelta | None:
        found = next((e for e in self._events(ev.Stabilised) if not e.implied), None)
        return self._since(found.at) if found is not None else None

    def _commanded_after(self) -> timedelta | None:
        found = next((e for e in self._events(ev.CommanderChanged) if not e.acting), None)
        return self._since(found.at) if found is not None else None

    def _events(self, kind: type[E]) -> list[E]:
        return [entry.event for entry in self._entries if isinstance(entry.event, kind)]

    def _after(self, length: timedelta) -> str:
        return f"{self._words.length(length)} after the start" if length >= MINUTE else "at once"


class _Roles:
    """People's roles at each point of the timeline."""

    def __init__(self, incident: Incident) -> None:
        self._commander: PersonId | None = None
        self._roles: dict[PersonId, str] = {}
        self._reporter = incident.declared_by

    def follow(self, event: ev.Event) -> None:
        match event:
            case ev.CommanderChanged():
                self._commander = event.now
            case ev.RoleAssigned():
                self._roles[event.person] = ROLES[event.role]
            case ev.Declared():
                for person, role in ((event.comms, Role.COMMS), (event.liaison, Role.LIAISON)):
                    if person is not None:
                        self._roles[person] = ROLES[role]
            case _:
                pass

    def of(self, person: PersonId) -> str:
        if person == self._commander:
            return "the commander"
        if person in self._roles:
            return self._roles[person]
        return "the reporter" if person == self._reporter else "a responder"
