"""What is said of postmortems and action items: where they stand, what is found, who is owed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from bot.contract.chat import Addressee
from bot.contract.messages import (
    Actions,
    Block,
    Bullets,
    Choice,
    Fields,
    File,
    Form,
    Heading,
    Input,
    Message,
    Row,
    Spans,
    Strong,
    Text,
    span_of,
)
from bot.contract.trackers import Ticket
from bot.domain import events as ev
from bot.domain.action_values import Action, Strength
from bot.domain.blameless import ReviewFinding, lint
from bot.domain.effects import Scene
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
from bot.presenter.aftermath import OWED, because, day
from bot.presenter.calendars import invitation
from bot.presenter.composing import E, message
from bot.presenter.documents import Documents
from bot.presenter.voice import joined, para, shorten
from bot.refs import PersonId
from bot.store.incidents import ActionLine

FINDINGS_SHOWN = 12
"""How many findings one message lists; the rest is counted."""

ACTIONS_SHOWN = 30


class Reviews(Documents):
    """Messages about what comes after an incident."""

    # --- the postmortem ---------------------------------------------------------------------------

    def postmortem(
        self, incident: Incident, entries: Sequence[Entry], now: datetime, *, forms: bool = True
    ) -> Message:
        """Return the answer to `pm`: where it stands, and the next step."""
        review = incident.review
        if review is None:
            return self._no_postmortem(incident)
        sections = self.sections(incident, entries)
        findings = self.findings(incident, entries)
        errors = sum(f.blocks for f in findings)
        open_warnings = sum(not f.blocks and not waived(f, review) for f in findings)
        rows = [
            Row("Status", (review.stage.value,)),
            Row("Owner", (self.who(review.owner),)),
            *self._promised_rows(review, now),
            Row("Sections", (self._written(review),)),
            Row("Actions", (self._counted(incident),)),
            Row("Review", (self._found(errors, open_warnings),)),
        ]
        step = self._next(incident, review, sections, errors + open_warnings)
        tools = self._tools(incident, review) if forms else ()
        return Message(
            summary=(f"Postmortem of {incident.id}: {review.stage.value.lower()}",),
            blocks=(Fields(tuple(rows)), Text(step), *tools),
        )

    def owing(self, incidents: Sequence[Incident], now: datetime) -> Message:
        """Return the answer to `list owing`: who owes what, by when (P1)."""
        items: list[Spans] = []
        for each in incidents:
            review = each.review
            owner = review.owner if review else each.commander or each.declared_by
            promised: list[Spans] = []
            for what, by in sorted(review.due.items() if review else ()):
                late = " was to be" if by < now else ""
                promised.append((f"{late} {OWED[what]} by ".lstrip(), day(by)))
            stage = review.stage.value.lower() if review else "draft"
            items.append(
                (
                    Strong(each.id),
                    f" {each.severity.label} · {each.postmortem or 'no'} postmortem, {stage} · ",
                    self.who(owner),
                    *joined([(" · ", *each) for each in promised], ""),
                    f" — {self.title(each)}",
                )
            )
        count = f"{len(items)} incident{'s' if len(items) != 1 else ''} owing a postmortem"
        return message((count,), Bullets(tuple(items)), (self.line("INC-42 pm"),))

    def _no_postmortem(self, incident: Incident) -> Message:
        if incident.phase.active:
            return message(
                (f"The postmortem of {incident.id} opens when it is resolved.",),
                ("What the record holds goes into it: ", self.line("note <text>")),
            )
        return message(
            (f"{incident.id} owes no postmortem.",),
            ("A pattern, a new factor? ", self.line("pm start because <reason>")),
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
            return (self.line("actions", incident),)
        if incident.phase.active:
            return ("It goes on when the incident is resolved again.",)
        if Promised.SCHEDULED in review.due:
            return ("Next: ", self.line("pm schedule <date> <time>", incident))
        blank = next((s for s in sections if s is not Section.AUTHORS and "[" in sections[s]), None)
        if blank is not None and blank not in review.sections:
            return (
                "Next: ",
                self.line(f"pm show {blank.value}", incident),
                "  ·  ",
                self.line(f"pm set {blank.value} <text>", incident),
            )
        if not incident.actions:
            form = "action <text> owner:@x due:<date> as:<strength>"
            return ("Next: ", self.line(form, incident))
        if review.stage is ReviewStage.DRAFT:
            return ("Next: ", self.line("pm review", incident))
        if findings:
            return ("Next: ", self.line("pm lint", incident))
        return ("Next: ", self.line("pm finalise", incident))

    def _tools(self, incident: Incident, review: Postmortem) -> tuple[Block, ...]:
        """Return what can be filled in and pressed, for a platform that has forms."""
        if not review.open:
            return ()
        sections = tuple(
            Choice(s.value, TITLES.get(s, "Authors")) for s in sections_of(review.form)
        )
        ways = (Choice("set", "In place of what stands there"), Choice("add", "At its end"))
        writing = Form(
            inputs=(
                Input("section", "Section", sections, value=Section.SUMMARY.value),
                Input("how", "Write it", ways, value="set"),
                Input("text", "Text, in Markdown", long=True),
            ),
            buttons=(self.button("Write", incident, "pm {how} {section} {text}"),),
            typed="pm set <section> <text>",
            label="Write a section",
            folded=True,
        )
        return (
            writing,
            self._acting(incident),
            Form(
                inputs=(Input("when", "When, in UTC, like 2026-12-01 14:00"),),
                buttons=(self.button("Schedule", incident, "pm schedule {when}"),),
                typed="pm schedule <date> <time>",
                label="Schedule the review",
                folded=True,
            ),
            Form(
                inputs=(Input("n", "Number of the finding"), Input("why", "Why it may stand")),
                buttons=(
                    self.button("Find", incident, "pm lint"),
                    self.button("Waive", incident, "pm waive {n} because {why}"),
                    self.button("Hand to review", incident, "pm review"),
                    self.button("Finalise", incident, "pm finalise"),
                ),
                typed="pm lint",
                label="Review",
                says=f"Waiving and finalising: {self.directory.name(review.owner)}.",
                folded=True,
            ),
        )

    def _acting(self, incident: Incident) -> Form:
        strengths = tuple(Choice(s.word, f"{s.value} · {_RUNG[s]}") for s in Strength)
        return Form(
            inputs=(
                Input("text", "What is there when it is done"),
                self._person("Who does it"),
                Input("due", "By when, like 2026-12-15"),
                Input("strength", "How durable", strengths, value=Strength.DETECT.word),
            ),
            buttons=(
                self.button(
                    "Add", incident, "action {text} [owner:{person}] due:{due} as:{strength}"
                ),
            ),
            typed="action <text> owner:@x due:<date> as:<strength>",
            label="Add an action",
            folded=True,
        )

    def section(
        self, incident: Incident, entries: Sequence[Entry], section: Section | None
    ) -> Message:
        """Return the answer to `pm show`."""
        if incident.review is None:
            return self._no_postmortem(incident)
        if section is None:
            text = self.document(incident, entries)
            return Message(
                summary=(f"Postmortem of {incident.id}, version {incident.review.versions}",),
                blocks=(para(text),),
            )
        stands = self.sections(incident, entries)
        if section not in stands:
            return message((f"A light postmortem has no section {section.value}.",))
        written = section in incident.review.sections
        how = "written" if written else "drafted from the record"
        keep: Spans | None = None
        if PROPOSED in stands[section]:
            keep = ("As it stands: ", self.line(f"pm keep {section.value}", incident))
        return message(
            (f"{TITLES.get(section, 'Authors')} of {incident.id}, {how}",),
            (stands[section],),
            keep,
            (
                self.line(f"pm set {section.value} <text>", incident),
                "  ·  ",
                self.line(f"pm add {section.value} <text>", incident),
            ),
        )

    def linted(self, incident: Incident, findings: Sequence[ReviewFinding]) -> Message:
        """Return the answer to `pm lint`: each finding, why, and what to write (P4)."""
        review = incident.review
        if review is None:
            return self._no_postmortem(incident)
        if not findings:
            return message(
                (f"Nothing found in the postmortem of {incident.id}.",),
                (self.line("pm review" if review.stage is ReviewStage.DRAFT else "pm finalise"),),
            )
        errors = sum(f.blocks for f in findings)
        items: list[Spans] = []
        explained: set[str] = set()
        for n, finding in enumerate(findings[:FINDINGS_SHOWN], 1):
            kind = "waived" if waived(finding, review) else finding.rule
            mark = "" if finding.blocks or kind == "waived" else " (warning)"
            why = "" if finding.rule in explained else f" {finding.why} {finding.advice}"
            explained.add(finding.rule)
            items.append(
                (
                    Strong(f"{n}"),
                    f" {finding.section}, line {finding.line} — {kind}{mark}: "
                    f"“{shorten(finding.words, 80)}”{why}",
                )
            )
        more = len(findings) - FINDINGS_SHOWN
        warnings = sum(not f.blocks and not waived(f, review) for f in findings)
        waive: Spans = (
            ("  ·  a warning may stand: ", self.line("pm waive <n> because <reason>"))
            if warnings
            else ()
        )
        return message(
            (f"{incident.id}: {self._found(errors, warnings)}.",),
            Bullets(tuple(items)),
            (f"And {more} more; they show when these are gone.",) if more > 0 else None,
            (self.line("pm set <section> <text>"), *waive),
        )

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
                            self.who(event.by),
                        )
                    )
                case (
                    ev.PostmortemOpened()
                    | ev.ReviewOpened()
                    | ev.DraftResumed()
                    | ev.PostmortemFinalised()
                    | ev.FindingWaived()
                ):
                    items.append((day(event.at), " ", *self.entry(event)))
                case _:
                    pass
        if not items:
            return self._no_postmortem(incident)
        return message(
            (f"Postmortem of {incident.id}: {version} version{'s' if version != 1 else ''}.",),
            Bullets(tuple(items)),
            (self.line("pm diff <version>"),),
        )

    def diff(self, incident: Incident, entries: Sequence[Entry], wanted: str) -> Message:
        """Return the answer to `pm diff`: what a version changed."""
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
                    before = self._first_draft(incident, entries[:index], event.section)
                last = (version, event, before)
            written[event.section] = event.text
        if last is None:
            return message(
                (f"There is no version {wanted}." if wanted else "Nobody has written yet.",),
                (self.line("pm history" if version else "pm set <section> <text>"),),
            )
        n, event, before = last
        lines = difflib.unified_diff(
            before.split("\n"), event.text.split("\n"), "before", "after", lineterm="", n=1
        )
        shown = "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
        return message(
            (
                f"Version {n} of {incident.id}: {TITLES.get(event.section, 'Authors')}, by ",
                self.who(event.by),
            ),
            (shown or "Nothing changed.",),
        )

    def _first_draft(self, incident: Incident, entries: Sequence[Entry], section: Section) -> str:
        review = incident.review
        if review is None:
            return ""
        bare = replace(incident, review=replace(review, sections={}))
        return self.sections(bare, entries).get(section, "")

    # --- action items -----------------------------------------------------------------------------

    def actions(self, what: str, found: Sequence[ActionLine], today: date) -> Message:
        """Return the answer to `actions`."""
        if not found:
            form = "action <text> owner:@x due:<date> as:<strength>"
            line = None if "overdue" in what else (self.line(form),)
            return message((f"No action item {what}".rstrip() + ".",), line)
        overdue = sum(_late(each.action, today) for each in found)
        late = f", {overdue} overdue" if overdue and "overdue" not in what else ""
        plural = "s" if len(found) != 1 else ""
        more = len(found) - ACTIONS_SHOWN
        return message(
            (f"{len(found)} action item{plural} {what}".rstrip() + f"{late}",),
            Bullets(tuple(self.action_line(each, today) for each in found[:ACTIONS_SHOWN])),
            (f"And {more} more: sitrep actions",) if more > 0 else None,
        )

    def action_line(self, each: ActionLine, today: date) -> Spans:
        """Return an action item in one line."""
        action = each.action
        ticket: Spans = ()
        if action.ticket is not None:
            ticket = (" · ", action.ticket.url or f"{action.ticket.plugin} {action.ticket.id}")
        return (
            Strong(f"{each.incident} {action.label}"),
            f" {self._state(action, today)} · ",
            self.who(action.owner),
            f" · {action.category.value}, {action.strength.word} — {shorten(action.text)}",
            *ticket,
        )

    def action_row(self, each: ActionLine, today: date) -> tuple[str, ...]:
        """Return an action item as a table has it."""
        action, ticket = each.action, each.action.ticket
        return (
            each.incident,
            action.label,
            action.text,
            self.directory.name(action.owner),
            action.due.isoformat(),
            action.category.value,
            action.strength.word,
            self._state(action, today),
            (ticket.url or ticket.id) if ticket is not None else "",
            each.title,
        )

    def _state(self, action: Action, today: date) -> str:
        if action.done:
            return "done"
        if action.dropped is not None:
            return "dropped"
        return f"overdue since {action.due}" if _late(action, today) else f"by {action.due}"

    def report(
        self, overdue: Sequence[ActionLine], done: int, in_time: int, today: date
    ) -> Message:
        """Return the weekly report: what is likely to happen again (A3)."""
        share = f"Done in time: {in_time} of {done}." if done else "None was due so far."
        if not overdue:
            return message(("No action item is overdue.",), (share,))
        incidents: dict[str, list[ActionLine]] = {}
        for each in overdue:
            incidents.setdefault(each.incident, []).append(each)
        blocks: list[Spans | Block] = []
        for name, lines in incidents.items():
            blocks.append(Heading(f"{name} — {shorten(lines[0].title, 80)}"))
            blocks.append(Bullets(tuple(self.action_line(each, today) for each in lines)))
        many = len(incidents) != 1
        return message(
            (
                f"{len(incidents)} incident{'s are' if many else ' is'} likely to repeat: "
                f"{len(overdue)} action{'s are' if len(overdue) != 1 else ' is'} overdue.",
            ),
            *blocks,
            (share,),
            (self.line("actions overdue"),),
        )

    def ticket(self, incident: Incident, n: int | None, tracker: str) -> Ticket:
        """Return what a tracker is to hold: the incident itself (S4), or one of its actions."""
        action = incident.action(n) if n is not None else None
        if action is None:
            return Ticket(
                marker=f"sitrep:{incident.id}",
                title=f"{incident.id}: {self.title(incident)}",
                text=incident.title,
                done=not incident.phase.active,
            )
        owner = Addressee(
            person=action.owner,
            name=self.directory.name(action.owner),
            user=self.directory.user(action.owner, tracker),
        )
        dropped = f"\n\nWill not be done: {action.dropped}" if action.dropped else ""
        return Ticket(
            marker=f"sitrep:{incident.id}/{action.label}",
            title=shorten(action.text, 200),
            text=(
                f"{action.text}\n\n"
                f"Action {action.label} of the postmortem of {incident.id} "
                f"({incident.highest.label}): {incident.title}\n\n"
                f"Owner: {owner.name}\n"
                f"Target date: {action.due}\n"
                f"Category: {action.category.value}; strength: {action.strength.value} "
                f"({action.strength.word}).\n\n"
                f"Until it is done, the same can happen again. Closing this ticket closes the "
                f"action.{dropped}"
            ),
            owner=owner,
            due=action.due,
            done=not action.open,
            closed=action.closed_there,
            labels=("postmortem", action.category.value),
        )

    def told_action(self, incident: Incident, event: ev.Event) -> Message | None:
        """Return what the room hears of an action item."""
        match event:
            case ev.ActionAdded():
                filed = " Its ticket is being filed." if self.tracker and not incident.drill else ""
                return message(
                    (
                        f"A{event.n}: {shorten(event.text, 200)} — ",
                        self.who(event.owner),
                        f", by {event.due}, {event.category.value} ({event.strength.word}).{filed}",
                    )
                )
            case ev.ActionChanged():
                moved = f", was {event.was_due}" if event.was_due else ""
                reason = f": {event.reason}" if event.reason else ""
                return message(
                    (
                        f"A{event.n}: {shorten(event.text, 200)} — ",
                        self.who(event.owner),
                        f", by {event.due}{moved}{reason}.",
                    )
                )
            case ev.ActionDone():
                how = "its ticket was closed" if event.there else "recorded"
                left = sum(a.open for a in incident.actions)
                rest = f"{left} still open." if left else "All of them are done or dropped."
                return message((f"A{event.n} is done ({how}). {rest}",))
            case ev.ActionReopened():
                how = "its ticket was opened again" if event.there else "it is open again"
                return message((f"A{event.n} is not done after all: {how}.",))
            case ev.ActionDropped():
                return message((f"A{event.n} will not be done: {event.reason}",))
            case ev.ActionFiled():
                where = event.ticket.url or event.ticket.id
                note: Spans | None = (event.note,) if event.note else None
                return message((f"A{event.n} is filed: {where}",), note)
            case _:
                return None

    def action_of(self, incident: Incident, event: ev.ActionAdded | ev.ActionChanged) -> Message:
        """Return what the owner of an action item is told of it."""
        return message(
            (f"{incident.id} A{event.n} is yours, by {event.due}: {event.text}",),
            (f"It follows from: {self.title(incident)}",),
            (
                self.line(f"action done {event.n}", incident),
                "  ·  ",
                self.line(f"action move {event.n} due:<date> because <reason>", incident),
            ),
        )

    def chased(self, incident: Incident, head: ev.ActionChased, now: datetime) -> Message:
        """Return what somebody is told of an overdue action (A3)."""
        action = incident.action(head.n)
        if action is None:
            return message((f"{incident.id}: an action is overdue.",))
        days = (now.date() - action.due).days
        ago = f"{days} day{'s' if days != 1 else ''} ago"
        lines = (
            self.line(f"action done {action.n}", incident),
            "  ·  ",
            self.line(f"action move {action.n} due:<date> because <reason>", incident),
        )
        first: Spans = (f"{incident.id} {action.label} was due {action.due}, {ago}",)
        owner: Spans = (": ",) if head.stage == 1 else (" by ", self.who(action.owner), ": ")
        return message(
            (*first, *owner, action.text),
            ("Until it is done, the same can happen again.",),
            lines,
            Actions((self.button("Done", incident, f"action done {action.n}"),)),
        )

    # --- what happened to the postmortem ----------------------------------------------------------

    def told_review(
        self, incident: Incident, event: ev.Event, scene: Scene, now: datetime
    ) -> Message | None:
        """Return what the room hears of its postmortem."""
        match event:
            case ev.PostmortemOpened():
                return message(
                    (f"A postmortem of {incident.id} is begun", *because(event.reason), "."),
                    ("Its owner is ", self.who(event.owner), ": ", self.line("pm")),
                )
            case ev.PostmortemHandedOver():
                return message((self.who(event.owner), " owns the postmortem now."))
            case ev.SectionWritten():
                return self._wrote(incident, event, scene)
            case ev.ReviewScheduled():
                return self._scheduled(incident, event, now)
            case ev.ReviewUnscheduled():
                return Message(
                    summary=("The review of ", day(event.was), " is called off."),
                    blocks=(para(self.line("pm schedule <date> <time>")),),
                    files=self._invitation(incident, event.was, event.sequence, now, off=True),
                )
            case ev.ReviewHeld():
                return message(("The review was held. ", self.line("pm")))
            case ev.ReviewReminded():
                return self._reminded(incident, event, now)
            case ev.ReviewOpened():
                return message(
                    (f"The postmortem of {incident.id} is in review: {self.title(incident)}",),
                    ("Read it, and say what is missing: ", self.line("pm show", incident)),
                    (self.line("pm add <section> <text>", incident),),
                )
            case ev.DraftResumed():
                return message(("The postmortem is a draft again", *because(event.reason), "."))
            case ev.FindingWaived():
                return message((f"“{shorten(event.words, 100)}” may stand: {event.reason}",))
            case ev.PostmortemFinalised():
                return self._finalised(incident)
            case _:
                return None

    def _wrote(self, incident: Incident, event: ev.SectionWritten, scene: Scene) -> Message:
        """Return that a section is written, and at once what is to be put right in it."""
        versions = incident.review.versions if incident.review else 0
        together = [TITLES.get(e.section, "Authors") for e in _of(scene, ev.SectionWritten)]
        together += [f"A{e.n}" for e in _of(scene, ev.ActionAdded)]
        together += [f"A{e.n}" for e in _of(scene, ev.ActionChanged)]
        if len(together) > 1:
            said = f"Written: {', '.join(together)} (version {versions}), by "
            return message((said, self.who(event.by), ". ", self.line("pm lint")))
        title = TITLES.get(event.section, "Authors")
        found = [
            finding
            for finding in lint(f"## {title}\n{event.text}", self.people_in(incident))
            if finding.blocks and event.section is not Section.AUTHORS
        ]
        first: Spans | None = None
        if found:
            more = f" And {len(found) - 1} more: " if len(found) > 1 else " "
            what = found[0]
            first = (
                f"To put right: “{shorten(what.words, 80)}” — {what.advice}{more}",
                self.line("pm lint"),
            )
        return message((f"{title} written (version {versions}). ", self.line("pm diff")), first)

    def _scheduled(self, incident: Incident, event: ev.ReviewScheduled, now: datetime) -> Message:
        review = incident.review
        was: Spans = (" (was ", day(event.was), ")") if event.was is not None else ()
        by = review.due.get(Promised.HELD) if review is not None else None
        late: Spans = ()
        if by is not None and event.when > by:
            late = ("That is after ", day(by), ", by when it was promised to be held.")
        return Message(
            summary=("The postmortem is reviewed on ", day(event.when), *was, "."),
            blocks=tuple(
                Text(spans)
                for spans in (
                    late,
                    (self.line("pm show", incident), "  ·  ", self.line("pm unschedule", incident)),
                )
                if spans
            ),
            files=self._invitation(incident, event.when, event.sequence, now, off=False),
        )

    def _invitation(
        self, incident: Incident, when: datetime, sequence: int, now: datetime, *, off: bool
    ) -> tuple[File, ...]:
        return (
            invitation(
                incident,
                when,
                sequence,
                now,
                cancelled=off,
                organizer=self.directory.mail(incident.review.owner) if incident.review else None,
                people=[
                    (self.directory.name(p), mail)
                    for p in self.invited(incident)
                    if (mail := self.directory.mail(p)) is not None
                ],
            ),
        )

    def invited(self, incident: Incident) -> tuple[PersonId, ...]:
        """Return who is invited to the review: whoever took part, and the service's owner."""
        owner = self.plan_for(incident.service).owner
        review = incident.review.owner if incident.review is not None else None
        people = (review, *incident.participants, owner, *(a.owner for a in incident.actions))
        return tuple(dict.fromkeys(p for p in people if p is not None))

    def _reminded(self, incident: Incident, event: ev.ReviewReminded, now: datetime) -> Message:
        step = "pm schedule <date> <time>" if event.promised is Promised.SCHEDULED else "pm held"
        what = OWED[event.promised]
        if not event.missed:
            return message(
                (
                    f"{incident.id}: its postmortem is to be {what} by ",
                    day(event.due_at),
                    f" (in {span_of(event.due_at - now)}). {self.title(incident)}",
                ),
                (self.line(step, incident), "  ·  ", self.line("pm", incident)),
            )
        return message(
            (
                f"{incident.id}: its postmortem was to be {what} by ",
                day(event.due_at),
                ", and is not. ",
                *joined([(self.who(p, notify=True),) for p in event.people], ", "),
            ),
            (self.line(step, incident), "  ·  ", self.line("pm owner @name", incident)),
        )

    def _finalised(self, incident: Incident) -> Message:
        left = [a for a in incident.actions if a.open]
        actions: Spans = ("No action is open.",)
        if left:
            first = min(a.due for a in left)
            actions = (
                f"{len(left)} action{'s' if len(left) != 1 else ''} to do, the first by {first}. ",
                self.line("actions", incident),
            )
        return message(
            (f"{incident.id} is closed: its postmortem is final. {self.title(incident)}",),
            actions,
            (self.line("pm show", incident),),
        )


_RUNG = {
    Strength.ELIMINATE: "makes it impossible",
    Strength.DETECT: "detects it by itself",
    Strength.RECOVER: "quicker to recover from",
    Strength.TRAIN: "training",
    Strength.CARE: "asks for care",
}


def _of(scene: Scene, kind: type[E]) -> list[E]:
    return [event for event in scene.events if isinstance(event, kind)]


def _late(action: Action, today: date) -> bool:
    return action.open and action.due < today
