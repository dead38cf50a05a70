"""The postmortem's document: drafted from the record, section by section, until people write it.

People appear by their role: the document names actions and outcomes (P3, P4).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from bot.contract.messages import At, Mention, Precision, Span, Spans, span_of, spans_text
from bot.domain import events as ev
from bot.domain.blameless import ReviewFinding, lint
from bot.domain.commands import NoteKind
from bot.domain.events import Entry
from bot.domain.incident import ClockName, Incident, Kind, Outcome, Role
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
from bot.presenter.boards import Boards
from bot.refs import PersonId

MINUTE = timedelta(minutes=1)

E = TypeVar("E", bound=ev.Happening)

_BLANKS = {
    Section.CAUSE: (
        "[What ultimately caused this. Contributing factors. Why the existing controls did not "
        "prevent it.]"
    ),
    Section.WELL: "- [Genuine positives — things we want to keep doing]",
    Section.POORLY: "- [Honest, specific — no blame language]",
    Section.LESSONS: ("[The durable takeaways — what should a different team learn from this?]"),
}
"""The policy's template, where the record says nothing."""

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
"""What the timeline of a postmortem leaves out: the promises have a list of their own."""

_KEPT = {
    Outcome.KEPT: "kept",
    Outcome.LATE: "kept late",
    Outcome.MISSED: "missed",
    Outcome.WITHDRAWN: "withdrawn",
}
_PROMISED = {
    ClockName.INTERNAL: "internal update",
    ClockName.EXTERNAL: "public update",
    ClockName.STAKEHOLDER: "stakeholder brief",
}


class Documents(Boards):
    """Documents about what is over."""

    def sections(self, incident: Incident, entries: Sequence[Entry]) -> dict[Section, str]:
        """Return every section as it stands: what people wrote, else the draft."""
        review = incident.review
        written = review.sections if review is not None else {}
        form = review.form if review is not None else "full"
        drafts = _Drafts(self, incident, corrected(entries))
        return {
            section: written[section] if section in written else drafts.of(section)
            for section in sections_of(form)
        }

    def document(self, incident: Incident, entries: Sequence[Entry]) -> str:
        """Return the whole document as Markdown, in the policy's shape (P3)."""
        sections = self.sections(incident, entries)
        return write(
            EditedPostmortem(
                title=incident.title,
                header=self._header(incident, entries, sections),
                sections={TITLES[s]: text for s, text in sections.items() if s in TITLES},
                actions=self._rows(incident),
            ),
        )

    def findings(self, incident: Incident, entries: Sequence[Entry]) -> tuple[ReviewFinding, ...]:
        """Return what the review finds in the document (P4)."""
        return lint(self.document(incident, entries), self.people_in(incident))

    def people_in(self, incident: Incident) -> tuple[str, ...]:
        """Return the names and handles that a narrative about an incident must not have."""
        people: list[str] = []
        for person in (*incident.participants, *(a.owner for a in incident.actions)):
            people += [self.directory.name(person), f"@{person}"]
        for known in self.directory.everybody:
            people += [known.name, f"@{known.id}"]
        return tuple(dict.fromkeys(people))

    def _header(
        self, incident: Incident, entries: Sequence[Entry], sections: dict[Section, str]
    ) -> dict[str, str]:
        stage = incident.review.stage if incident.review is not None else ReviewStage.DRAFT
        header = {
            "Date of incident": f"{incident.declared_at:%Y-%m-%d}",
            "Severity": self._severities(incident, entries),
            "Duration": self._duration(incident),
            "Authors": sections[Section.AUTHORS],
            "Status": stage.value,
            "Incident": incident.id,
        }
        if incident.review is not None and incident.review.waivers:
            header["Waived"] = "; ".join(
                f"{w.where}, {w.rule} “{w.words}”: {w.reason}" for w in incident.review.waivers
            )
        return header

    def _severities(self, incident: Incident, entries: Sequence[Entry]) -> str:
        if incident.kind is Kind.NEAR_MISS:
            return "near miss"
        steps = [e.event for e in entries if isinstance(e.event, ev.SeverityChanged)]
        if not steps:
            return incident.severity.label
        history = "; ".join(f"{s.at:%H:%M} {s.was.label} → {s.now.label}" for s in steps)
        return f"{incident.highest.label} at worst ({history})"

    def _duration(self, incident: Incident) -> str:
        if incident.kind is Kind.NEAR_MISS or incident.resolved_at is None:
            return "00:00 (caught before users were affected)"
        minutes = round((incident.resolved_at - incident.declared_at).total_seconds() / 60)
        start, end = incident.declared_at, incident.resolved_at
        until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
        return f"{minutes // 60:02d}:{minutes % 60:02d} ({start:%H:%M} → {until} UTC)"

    def _rows(self, incident: Incident) -> tuple[Row, ...]:
        return tuple(
            (
                action.label,
                action.text,
                self.directory.name(action.owner),
                action.due.isoformat(),
                action.category.value,
                action.strength.word,
                (action.ticket.url or action.ticket.id) if action.ticket is not None else "",
            )
            for action in incident.actions
            if action.dropped is None
        )


class _Drafts:
    """What the record says, section by section."""

    def __init__(self, voice: Documents, incident: Incident, entries: Sequence[Entry]) -> None:
        self._voice, self._incident = voice, incident
        self._entries, self._roles = entries, _Roles(incident)
        self._lines: list[tuple[ev.Event, str]] | None = None

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
                return _BLANKS[section]

    def _authors(self) -> str:
        review = self._incident.review
        owner = review.owner if review is not None else self._incident.declared_by
        people = dict.fromkeys((owner, *(review.authors if review is not None else ())))
        return ", ".join(self._voice.directory.name(p) for p in people)

    def _summary(self) -> str:
        incident = self._incident
        said = [f"{literal(incident.title).rstrip('.')}."]
        if incident.kind is Kind.NEAR_MISS:
            return f"{said[0]} It was caught before users were affected."
        if incident.impact:
            said.append(f"Impact: {literal(incident.impact).rstrip('.')}.")
        if incident.resolved_at is not None:
            took = span_of(incident.resolved_at - incident.declared_at)
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
        lines += [line for _event, line in self._told()]
        promises = self._promises()
        if promises:
            lines += ["", "### Promised updates", "", *promises]
        return "\n".join(lines)

    def _told(self) -> list[tuple[ev.Event, str]]:
        if self._lines is None:
            self._lines = []
            for entry in self._entries:
                self._roles.follow(entry.event)
                if isinstance(entry.event, (*_ELSEWHERE, OfReview, OfActions)):
                    continue
                spans = _without_names(entry.event) or self._voice.entry(entry.event)
                text = literal(spans_text(self._roles.spoken(spans)))
                self._lines.append((entry.event, f"- {self._time(entry.event.at)} — {text}"))
        return self._lines

    def _time(self, when: datetime) -> str:
        same = when.date() == self._incident.declared_at.date()
        return f"{when:%H:%M:%S}" if same else f"{when:%Y-%m-%d %H:%M:%S}"

    def _promises(self) -> list[str]:
        found = []
        for event in self._events(ev.PromiseSettled):
            late = f" by {span_of(event.late_by)}" if event.outcome is Outcome.LATE else ""
            what = _PROMISED[event.clock]
            found.append(f"- {self._time(event.due_at)} — {what}: {_KEPT[event.outcome]}{late}")
        return found

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
        parts = [_BLANKS[Section.CAUSE]]
        if before:
            parts.append("### Recorded before it was stabilised\n\n" + "\n".join(before))
        if after:
            parts.append("### Recorded after it was stabilised\n\n" + "\n".join(after))
        return "\n\n".join(parts)

    def _facts(self, facts: list[str], section: Section) -> str:
        return "\n".join(f"- {PROPOSED}{fact}" for fact in facts) or _BLANKS[section]

    def _went_well(self) -> list[str]:
        incident = self._incident
        facts = []
        first_step = next(iter(self._events(ev.StepTried)), None)
        if first_step is not None and self._since(first_step.at) <= timedelta(minutes=10):
            facts.append(
                f"A stabilising step ({first_step.step.value}) was taken "
                f"{_after(self._since(first_step.at))}."
            )
        stabilised = self._stabilised_after()
        if stabilised is not None and stabilised <= timedelta(minutes=30):
            facts.append(f"Users were served again {_after(stabilised)}.")
        for clock, state in incident.clocks.items():
            if state.kept and not state.late and not state.missed:
                what = "promise" if state.kept == 1 else "promises"
                facts.append(f"All {state.kept} {clock.value} {what} of an update were kept.")
        taken = self._commanded_after()
        if taken is not None and taken <= timedelta(minutes=5):
            facts.append(f"A commander accepted {_after(taken)}.")
        return facts

    def _went_poorly(self) -> list[str]:
        facts = []
        for event in self._events(ev.PromiseSettled):
            if event.outcome is Outcome.LATE:
                facts.append(
                    f"The {_PROMISED[event.clock]} of {event.due_at:%H:%M} UTC came "
                    f"{span_of(event.late_by)} late."
                )
            elif event.outcome is Outcome.MISSED:
                facts.append(
                    f"The {_PROMISED[event.clock]} promised for {event.due_at:%H:%M} UTC was "
                    "missed."
                )
        stabilised = self._stabilised_after()
        if stabilised is not None and stabilised > timedelta(minutes=30):
            facts.append(f"Users were served again only {span_of(stabilised)} after the start.")
        first_step = next(iter(self._events(ev.StepTried)), None)
        if first_step is not None and self._since(first_step.at) > timedelta(minutes=10):
            facts.append(
                f"The first stabilising step came {span_of(self._since(first_step.at))} after the "
                "start."
            )
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


def _without_names(event: ev.Event) -> Spans:
    """Return what happened to a role, where the timeline of the chat says to whom."""
    match event:
        case ev.CommanderChanged(acting=True):
            return (f"An acting commander was in charge ({event.how.value})",)
        case ev.CommanderChanged():
            return (f"A commander took command ({event.how.value})",)
        case ev.CommanderAsked():
            return ("A trained commander was asked to take command",)
        case ev.CommanderDeclined():
            return ("A trained commander declined command",)
        case ev.HandoffOffered():
            return ("The commander offered command to somebody else",)
        case ev.RoleAssigned():
            return (f"Named: {_ROLES[event.role]}",)
        case ev.ResponderJoined():
            return ("A responder joined",)
        case ev.ResponderLeft():
            return ("A responder left the response",)
        case _:
            return ()


def _after(length: timedelta) -> str:
    return f"{span_of(length)} after the start" if length >= MINUTE else "at once"


class _Roles:
    """Who is what, as the timeline goes on."""

    def __init__(self, incident: Incident) -> None:
        self._commander: PersonId | None = None
        self._roles: dict[PersonId, str] = {}
        self._reporter = incident.declared_by

    def follow(self, event: ev.Event) -> None:
        match event:
            case ev.CommanderChanged():
                self._commander = event.now
            case ev.RoleAssigned():
                self._roles[event.person] = _ROLES[event.role]
            case ev.Declared():
                for person, role in ((event.comms, Role.COMMS), (event.liaison, Role.LIAISON)):
                    if person is not None:
                        self._roles[person] = _ROLES[role]
            case _:
                pass

    def spoken(self, spans: Spans) -> Spans:
        """Return a line with roles for people, and instants in full."""
        said = [self._said(span) for span in spans]
        if said and isinstance(said[0], str):
            said[0] = said[0][:1].upper() + said[0][1:]
        return tuple(said)

    def _said(self, span: Span) -> Span:
        if isinstance(span, Mention):
            return self._role(span.person)
        if isinstance(span, At):
            return At(span.when, None, Precision.SECOND)
        return span

    def _role(self, person: PersonId) -> str:
        if person == self._commander:
            return "the commander"
        if person in self._roles:
            return self._roles[person]
        return "the reporter" if person == self._reporter else "a responder"


_ROLES = {Role.SCRIBE: "the scribe", Role.COMMS: "comms", Role.LIAISON: "the liaison"}
