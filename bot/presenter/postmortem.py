"""Answers about a postmortem: its status, sections, findings and versions (P1-P5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bot.contract.messages import Bullets, Fields, Message, Row, Spans, Strong, Text
from bot.domain import drafting
from bot.domain import events as ev
from bot.domain.blameless import ReviewFinding
from bot.domain.events import Entry
from bot.domain.incident import Incident
from bot.domain.postmortem import waived
from bot.domain.postmortem_values import (
    PROPOSED,
    TITLES,
    Postmortem,
    Promised,
    ReviewStage,
    Section,
    sections_of,
)
from bot.likeness import changed_lines
from bot.presenter.drafting import DraftWords
from bot.presenter.forms import FormWords
from bot.presenter.review import OWED, ReviewWords
from bot.presenter.voice import Voice, day, joined, message, para, shorten

FINDINGS_SHOWN = 12
"""The number of findings that one message lists; the others are counted."""


class PostmortemWords:
    """Answers to questions about postmortems."""

    def __init__(
        self, voice: Voice, forms: FormWords, review: ReviewWords, draft: DraftWords
    ) -> None:
        self._voice, self._forms, self._review, self._draft = voice, forms, review, draft

    def status(
        self, incident: Incident, entries: Sequence[Entry], now: datetime, *, forms: bool = True
    ) -> Message:
        """Return the answer to `pm`: the status, and the next step."""
        review = incident.review
        if review is None:
            return self._no_postmortem(incident)
        sections = drafting.sections(incident, entries, self._draft)
        findings = drafting.findings(incident, entries, self._draft)
        errors = sum(f.blocks for f in findings)
        open_warnings = sum(not f.blocks and not waived(f, review) for f in findings)
        rows = [
            Row("Status", (review.stage.value,)),
            Row("Owner", (self._voice.who(review.owner),)),
            *self._promised_rows(review, now),
            Row("Sections", (self._written(review),)),
            Row("Actions", (self._counted(incident),)),
            Row("Review", (self._found(errors, open_warnings),)),
        ]
        step = self._next(incident, review, sections, errors + open_warnings)
        tools = self._forms.review(incident, review) if forms else ()
        return Message(
            summary=(f"Postmortem of {incident.id}: {review.stage.value.lower()}",),
            blocks=(Fields(tuple(rows)), Text(step), *tools),
        )

    def owing(self, incidents: Sequence[Incident], now: datetime) -> Message:
        """Return the answer to `list owing`: the postmortems owed, by whom and by when (P1)."""
        items: list[Spans] = []
        for each in incidents:
            review = each.review
            owner = review.owner if review else each.contact
            promised: list[Spans] = []
            for what, by in sorted(review.due.items() if review else ()):
                late = " was to be" if by < now else ""
                promised.append((f"{late} {OWED[what]} by ".lstrip(), day(by)))
            stage = review.stage.value.lower() if review else "draft"
            items.append(
                (
                    Strong(each.id),
                    f" {each.severity.label} · {each.postmortem or 'no'} postmortem, {stage} · ",
                    self._voice.who(owner),
                    *joined([(" · ", *each) for each in promised], ""),
                    f" — {self._voice.title(each)}",
                )
            )
        count = f"{len(items)} incident{'s' if len(items) != 1 else ''} owing a postmortem"
        return message((count,), Bullets(tuple(items)), (self._voice.line("INC-42 pm"),))

    def _no_postmortem(self, incident: Incident) -> Message:
        if incident.phase.active:
            return message(
                (f"The postmortem of {incident.id} opens when it is resolved.",),
                ("What the record holds goes into it: ", self._voice.line("note <text>")),
            )
        return message(
            (f"{incident.id} owes no postmortem.",),
            ("A pattern, a new factor? ", self._voice.line("pm start because <reason>")),
        )

    def _promised_rows(self, review: Postmortem, now: datetime) -> list[Row]:
        rows = []
        for promised, by in sorted(review.due.items(), key=lambda item: item[1]):
            late = by < now
            label = "Was to be" if late else "To be"
            rows.append(Row(f"{label} {OWED[promised]} by", (day(by),)))
        if review.meeting is not None and review.held_at is None:
            rows.append(Row("Review meeting", (day(review.meeting.at),)))
        if review.held_at is not None:
            rows.append(Row("Held", (day(review.held_at),)))
        return rows

    def _written(self, review: Postmortem) -> str:
        drafted = [
            s.value
            for s in sections_of(review.form)
            if s not in review.sections and s is not Section.AUTHORS and s is not Section.TIMELINE
        ]
        return f"still as drafted: {', '.join(drafted)}" if drafted else "all written"

    def _counted(self, incident: Incident) -> str:
        kept = [a for a in incident.actions if a.dropped is None]
        done = sum(a.done for a in kept)
        return f"{len(kept)}, {done} done" if kept else "none yet"

    def _found(self, errors: int, warnings: int) -> str:
        if not errors and not warnings:
            return "nothing found"
        parts = [f"{errors} to put right"] if errors else []
        if warnings:
            parts.append(f"{warnings} warning{'s' if warnings != 1 else ''}")
        return ", ".join(parts)

    def _next(
        self,
        incident: Incident,
        review: Postmortem,
        sections: Mapping[Section, str],
        findings: int,
    ) -> Spans:
        if review.stage is ReviewStage.FINALISED:
            return (self._voice.line("actions", incident),)
        if incident.phase.active:
            return ("It goes on when the incident is resolved again.",)
        if Promised.SCHEDULED in review.due:
            return ("Next: ", self._voice.line("pm schedule <date> <time>", incident))
        blank = next((s for s in sections if s is not Section.AUTHORS and "[" in sections[s]), None)
        if blank is not None and blank not in review.sections:
            return (
                "Next: ",
                self._voice.line(f"pm show {blank.value}", incident),
                "  ·  ",
                self._voice.line(f"pm set {blank.value} <text>", incident),
            )
        if not incident.actions:
            form = "action <text> owner:@x due:<date> as:<strength>"
            return ("Next: ", self._voice.line(form, incident))
        if review.stage is ReviewStage.DRAFT:
            return ("Next: ", self._voice.line("pm review", incident))
        if findings:
            return ("Next: ", self._voice.line("pm lint", incident))
        return ("Next: ", self._voice.line("pm finalise", incident))

    def section(
        self, incident: Incident, entries: Sequence[Entry], section: Section | None
    ) -> Message:
        """Return the answer to `pm show`."""
        if incident.review is None:
            return self._no_postmortem(incident)
        if section is None:
            text = drafting.document(incident, entries, self._draft)
            return Message(
                summary=(f"Postmortem of {incident.id}, version {incident.review.versions}",),
                blocks=(para(text),),
            )
        stands = drafting.sections(incident, entries, self._draft)
        if section not in stands:
            return message((f"A light postmortem has no section {section.value}.",))
        written = section in incident.review.sections
        how = "written" if written else "drafted from the record"
        keep: Spans | None = None
        if PROPOSED in stands[section]:
            keep = ("As it stands: ", self._voice.line(f"pm keep {section.value}", incident))
        return message(
            (f"{TITLES.get(section, 'Authors')} of {incident.id}, {how}",),
            (stands[section],),
            keep,
            (
                self._voice.line(f"pm set {section.value} <text>", incident),
                "  ·  ",
                self._voice.line(f"pm add {section.value} <text>", incident),
            ),
        )

    def linted(self, incident: Incident, findings: Sequence[ReviewFinding]) -> Message:
        """Return the answer to `pm lint`: each finding, its reason, and a better wording (P4)."""
        review = incident.review
        if review is None:
            return self._no_postmortem(incident)
        if not findings:
            step = "pm review" if review.stage is ReviewStage.DRAFT else "pm finalise"
            return message(
                (f"Nothing found in the postmortem of {incident.id}.",),
                (self._voice.line(step),),
            )
        errors = sum(f.blocks for f in findings)
        warnings = sum(not f.blocks and not waived(f, review) for f in findings)
        more = len(findings) - FINDINGS_SHOWN
        waive: Spans = ()
        if warnings:
            waivable = self._voice.line("pm waive <n> because <reason>")
            waive = ("  ·  a warning may stand: ", waivable)
        return message(
            (f"{incident.id}: {self._found(errors, warnings)}.",),
            Bullets(tuple(self._findings(findings[:FINDINGS_SHOWN], review))),
            (f"And {more} more; they show when these are gone.",) if more > 0 else None,
            (self._voice.line("pm set <section> <text>"), *waive),
        )

    def _findings(self, findings: Sequence[ReviewFinding], review: Postmortem) -> Iterator[Spans]:
        """Yield findings, numbered; each rule is explained once."""
        explained: set[str] = set()
        for n, finding in enumerate(findings, 1):
            kind = "waived" if waived(finding, review) else finding.rule
            mark = "" if finding.blocks or kind == "waived" else " (warning)"
            why = "" if finding.rule in explained else f" {finding.why} {finding.advice}"
            explained.add(finding.rule)
            where = f" {finding.section}, line {finding.line} — {kind}{mark}: "
            yield Strong(f"{n}"), f"{where}“{shorten(finding.words, 80)}”{why}"

    def history(self, incident: Incident, entries: Sequence[Entry]) -> Message:
        """Return the answer to `pm history`."""
        items: list[Spans] = []
        version = 0
        for entry in entries:
            event = entry.event
            match event:
                case ev.SectionWritten():
                    version += 1
                    what = "redacted" if event.redacted else TITLES.get(event.section, "Authors")
                    items.append(
                        (
                            Strong(f"{version}"),
                            " ",
                            day(event.at),
                            f" {what} — ",
                            self._voice.who(event.by),
                        )
                    )
                case (
                    ev.PostmortemOpened()
                    | ev.ReviewOpened()
                    | ev.DraftResumed()
                    | ev.PostmortemFinalised()
                    | ev.FindingWaived()
                ):
                    items.append((day(event.at), " ", *self._review.entry(event)))
                case _:
                    pass
        if not items:
            return self._no_postmortem(incident)
        return message(
            (f"Postmortem of {incident.id}: {version} version{'s' if version != 1 else ''}.",),
            Bullets(tuple(items)),
            (self._voice.line("pm diff <version>"),),
        )

    def diff(self, incident: Incident, entries: Sequence[Entry], wanted: str) -> Message:
        """Return the answer to `pm diff`: the change that a version made."""
        version, written = 0, dict[Section, str]()
        last: tuple[int, ev.SectionWritten, str] | None = None
        for index, entry in enumerate(entries):
            event = entry.event
            if not isinstance(event, ev.SectionWritten):
                continue
            version += 1
            if wanted in {"", str(version)}:
                before = written.get(event.section)
                if before is None:
                    before = drafting.first_draft(
                        incident, entries[:index], event.section, self._draft
                    )
                last = (version, event, before)
            written[event.section] = event.text
        if last is None:
            return message(
                (f"There is no version {wanted}." if wanted else "Nobody has written yet.",),
                (self._voice.line("pm history" if version else "pm set <section> <text>"),),
            )
        n, event, before = last
        shown = "\n".join(changed_lines(before.split("\n"), event.text.split("\n")))
        return message(
            (
                f"Version {n} of {incident.id}: {TITLES.get(event.section, 'Authors')}, by ",
                self._voice.who(event.by),
            ),
            (shown or "Nothing changed.",),
        )
