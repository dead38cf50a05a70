"""How an incident stands: the status card, and what people ask to see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.contract.messages import (
    At,
    Block,
    Bullets,
    Fields,
    Heading,
    Message,
    Place,
    Precision,
    Row,
    Spans,
    Strong,
    span_of,
    spans_text,
)
from bot.domain import events as ev
from bot.domain.decision import owing
from bot.domain.durations import duration
from bot.domain.events import Entry
from bot.domain.incident import IMPACT, ClockName, Incident, Outcome, Phase, RungKind, Severity
from bot.domain.timeline import corrected
from bot.presenter.aftermath import Aftermath
from bot.presenter.forms import Forms
from bot.presenter.voice import CLOCKS, joined, para, shorten
from bot.refs import PersonId
from bot.store.incidents import Summary

TIMELINE_SHOWN = 40
"""How many of the last entries the chat shows; `sitrep export` has them all."""

_RECORDED = {
    Outcome.KEPT: "kept",
    Outcome.LATE: "kept late",
    Outcome.MISSED: "missed",
    Outcome.WITHDRAWN: "withdrawn",
}


class Boards(Forms, Aftermath):
    """Messages about states."""

    def card(
        self, incident: Incident, *, forms: bool = False, viewer: PersonId | None = None
    ) -> Message:
        """Return the status card (L2).

        `forms`: with what can be pressed and filled in, for a platform that has such. `viewer`: as
        this person may; none: as everybody sees it.
        """
        rows = [
            Row("State", (self.state(incident),)),
            Row("IC", self.ic(incident)),
            Row("Roles", joined(self.roles(incident)[1:])),
        ]
        if incident.responders:
            rows.append(Row("Responders", self.people(incident.responders)))
        rows.append(Row("Impact", (shorten(incident.impact or "not stated yet", 300),)))
        if (said := incident.last_update) is not None:
            rows.append(Row("Last update", (self.at(said.at), ": ", shorten(said.text, 300))))
        if incident.publications:
            out = incident.publications[-1]
            where = "Public (practice)" if incident.drill else "Public"
            said_so = (f"{out.state.value}, ", self.at(out.at), f": {shorten(out.text, 200)}")
            rows.append(Row(where, said_so))
        rows += [
            Row(CLOCKS[clock], (self.at(state.promise.due_at),))
            for clock, state in incident.clocks.items()
            if state.promise is not None
        ]
        if incident.mirrors:
            told = ", ".join(self.platform(c.adapter) for c in incident.conversations)
            rows.append(Row("Told on", (told,)))
        rows.append(
            Row("Declared", (self.at(incident.declared_at), " by ", self.who(incident.declared_by)))
        )
        if incident.resolved_at is not None:
            took = span_of(incident.resolved_at - incident.declared_at)
            rows.append(Row("Resolved", (self.at(incident.resolved_at), f" after {took}")))
        if incident.service:
            rows.append(Row("Service", (incident.service,)))
        if incident.ticket is not None:
            rows.append(Row("Ticket", (incident.ticket.url or incident.ticket.id,)))
        title = f"{self.practice(incident)}{incident.id} · {self.title(incident)}"
        tools = self.tools(incident, viewer) if forms else ()
        return Message(
            summary=(title,),
            blocks=(Fields(tuple(rows)), *tools),
            card_of=incident.id if forms else None,
        )

    def status(self, incident: Incident, now: datetime) -> Message:
        """Return the answer to `status`: the card, and what to do next."""
        card = self.card(incident)
        return Message(summary=card.summary, blocks=(*card.blocks, *self._next_step(incident, now)))

    def _next_step(self, incident: Incident, now: datetime) -> list[Block]:
        if not incident.running:
            owed = incident.postmortem and incident.phase is Phase.RESOLVED
            if not owed or incident.review is None:
                return [para("A postmortem is owed.")] if owed else []
            return [
                para(
                    "A postmortem is owed by ",
                    self.who(incident.review.owner),
                    ": ",
                    self.line("pm"),
                )
            ]
        due = self.next_update(incident, now)
        if due:
            owed_by = owing(incident, ClockName.INTERNAL)
            return [para(*due, " ", self.who(owed_by), " owes it: ", self.line("update <text>"))]
        return [para(self.line("update <text>"), "  ·  ", self.line("resolve <text>"))]

    def people_of(self, incident: Incident) -> Message:
        """Return the answer to `who`."""
        asked = tuple(a.person for a in incident.asked if not a.declined)
        rows = [
            Row("IC", self.ic(incident)),
            Row("Roles", joined(self.roles(incident)[1:])),
            Row("Responders", self.people(incident.responders)),
        ]
        if asked:
            rows.append(Row("Asked to command", self.people(asked)))
        if incident.offered_to is not None:
            rows.append(Row("Offered command", (self.who(incident.offered_to),)))
        rows.append(Row("Took part", self.people(incident.participants)))
        return Message(summary=(f"{incident.id}: who is who",), blocks=(Fields(tuple(rows)),))

    def listing(self, which: str, found: Sequence[Summary]) -> Message:
        """Return the answer to `list`."""
        what = {"open": "open", "owing": "owing a postmortem", "all": "on record"}[which]
        if not found:
            return Message(
                summary=(f"No incident is {what}.",),
                blocks=(para(self.line("declare <title>")),) if which == "open" else (),
            )
        items: list[Spans] = []
        for each in found:
            owing_mark = (
                " · postmortem owing" if each.postmortem and each.phase is Phase.RESOLVED else ""
            )
            ticket = each.severity is Severity.SEV4 and each.phase.active
            phase = "ticket" if ticket else each.phase.value
            ic: Spans = (" · IC: ", self.who(each.commander)) if each.commander else ()
            items.append(
                (
                    Strong(each.id),
                    f" {each.severity.label} · {phase}{owing_mark} · ",
                    At(each.declared_at, None, Precision.DAY),
                    *ic,
                    f" — {shorten(each.title)}",
                )
            )
        count = f"{len(found)} incident{'s' if len(found) != 1 else ''} {what}"
        return Message(summary=(count,), blocks=(Bullets(tuple(items)),))

    def board(self, running: Sequence[Incident]) -> Message:
        """Return the list that stands pinned where incidents are declared."""
        declare = para("Something is broken? ", self.line("declare <what>"))
        if not running:
            return Message(summary=("No incident runs.",), blocks=(declare,))
        items: list[Spans] = [
            (
                Place(each.conversation, each.id),
                f" {self.practice(each)}{each.severity.label} · {each.phase.value} · IC: ",
                *self.ic(each),
                f" — {self.title(each)}",
            )
            for each in running
        ]
        count = f"{len(running)} incident{'s run' if len(running) != 1 else ' runs'}"
        return Message(summary=(count,), blocks=(Bullets(tuple(items)), declare))

    def timeline(self, incident: Incident, entries: Sequence[Entry]) -> Message:
        """Return the answer to `timeline`: the last entries, numbered."""
        shown = corrected(entries)[-TIMELINE_SHOWN:]
        items = [
            (Strong(f"{e.n}"), " ", self.second(e.event.at), " ", *self.entry(e.event))
            for e in shown
        ]
        blocks: list[Block] = [Bullets(tuple(items))]
        if len(shown) < len(entries):
            blocks.append(
                para(f"{len(entries) - len(shown)} earlier entries: sitrep export {incident.id}")
            )
        summary = f"{incident.id}: {len(entries)} entries, times in UTC"
        return Message(summary=(summary,), blocks=tuple(blocks))

    def entry(self, event: ev.Event) -> Spans:
        """Return one line of the timeline (L1)."""
        by = self.who(event.by)
        match event:
            case ev.Declared():
                return (by, f" declared {event.severity.label}: {event.title}")
            case ev.SeverityChanged():
                reason = f": {event.reason}" if event.reason else ""
                verb = "raised" if event.now < event.was else "lowered"
                return (by, f" {verb} {event.was.label} to {event.now.label}{reason}")
            case ev.Assessed():
                answers = ", ".join(a.value for a in event.answers)
                return (
                    by,
                    f" assessed {event.severity.label} ({answers}): {IMPACT[event.severity]}",
                )
            case ev.CommanderChanged():
                how = "acting commander" if event.acting else "commander"
                return (self.who(event.now), f" is {how} ({event.how.value})")
            case ev.CommanderAsked():
                return (self.who(event.person), " was asked to take command")
            case ev.CommanderDeclined():
                return (self.who(event.person), " declined command")
            case ev.CandidatesExhausted():
                return ("Nobody was left in the rotation to ask",)
            case ev.HandoffOffered():
                return (by, " offered command to ", self.who(event.person))
            case ev.RoleAssigned():
                return (by, f" made {event.role.value}: ", self.who(event.person))
            case ev.ResponderJoined():
                return (self.who(event.person), " joined as responder")
            case ev.ResponderLeft():
                return (self.who(event.person), " left the response")
            case ev.PagedOut():
                service = f" (on call for {event.service})" if event.service else ""
                reason = f": {event.reason}" if event.reason else ""
                return (by, " paged ", *self.people(event.people), service, reason)
            case ev.ResponseEscalated():
                return ("No commander accepted in time; paged ", *self.people(event.people))
            case ev.NoteAdded():
                doer: Spans = (" by ", self.who(event.doer)) if event.doer else ()
                kind = "" if event.kind.value == "note" else f"{event.kind.value}: "
                return (by, f" — {kind}{event.text}", *doer)
            case ev.MessageCaptured():
                return (self.who(event.author), f" wrote: {event.text} (captured by ", by, ")")
            case ev.StepTried():
                return (by, f" — tried {event.step.value}: {event.text}".rstrip(": "))
            case ev.ImpactStated():
                return (by, f" — impact: {event.text}")
            case ev.UpdatePosted():
                return (by, f" — update: {event.text}")
            case ev.ExternalPublished():
                state = f" as {event.state.value}" if event.state else ""
                return (by, f" published{state}: {event.text}")
            case ev.ExternalDrafted(by=None):
                return (f"Offered for the status page: {event.text}",)
            case ev.ExternalDrafted():
                return (by, f" drafted for the status page: {event.text}")
            case ev.DraftRejected():
                reason = f": {event.reason}" if event.reason else ""
                whose: Spans = (" of ", self.who(event.author)) if event.author else ()
                return (by, " sent back the draft", *whose, reason)
            case ev.BriefSent():
                return (by, f" briefed the stakeholders: {event.text}")
            case ev.PromiseMade():
                return (f"{event.clock.value} update promised for ", self.second(event.due_at))
            case ev.PromiseSettled():
                late = f" by {span_of(event.late_by)}" if event.outcome is Outcome.LATE else ""
                return (
                    f"{event.clock.value} promise for ",
                    self.second(event.due_at),
                    f": {_RECORDED[event.outcome]}{late}",
                )
            case ev.RungFired():
                return self._rung_entry(event)
            case ev.CadenceChanged():
                reason = f": {event.reason}" if event.reason else ""
                who: Spans = (by, " set ") if event.by else ("Set ",)
                return (*who, f"the {event.clock.value} cadence to {duration(event.now)}{reason}")
            case ev.StabiliseNudged():
                return ("Asked the room for a stabilising step",)
            case ev.CauseReminded():
                return ("Reminded the room that the cause can wait",)
            case ev.UntouchedRaised():
                return ("Raised in triage: nobody took it up",)
            case ev.Stabilised():
                text = f": {event.text}" if event.text else ""
                return (
                    by,
                    f" called it stabilised{text}{' (by resolving)' if event.implied else ''}",
                )
            case ev.Resolved():
                return (by, f" resolved it{f': {event.text}' if event.text else ''}")
            case ev.Reopened():
                return (by, f" reopened it: {event.reason}")
            case ev.Cancelled():
                return (by, f" cancelled it: {event.reason}")
            case ev.EntryAmended():
                return (by, f" amended entry {event.entry}: {event.text}")
            case ev.EntryRedacted():
                return (by, f" redacted entry {event.entry}")
            case ev.ConversationOpened():
                return (f"The room {event.conversation.id} was opened",)
            case ev.Mirrored():
                return (f"Mirrored to {self.platform(event.conversation.adapter)}",)
            case ev.MirrorEnded():
                return (f"No longer mirrored to {self.platform(event.conversation.adapter)}",)
            case ev.DeliveryStalled():
                return (
                    f"{self.platform_of(event.target)} has not taken messages since ",
                    self.second(event.since),
                    f"; {event.waiting} wait",
                )
            case ev.DeliveryResumed():
                return (f"{self.platform_of(event.target)} takes messages again",)
            case ev.TicketFiled():
                return (f"Filed as {event.ticket.url or event.ticket.id}",)
            case ev.DeliveryFailed():
                return (f"Not delivered to {event.target}: {event.what} ({event.why})",)
            case ev.TroubleFound():
                return (event.text,)
            case _:
                return self.later(event)

    def _rung_entry(self, event: ev.RungFired) -> Spans:
        what = f"the {event.clock.value} update promised for "
        people = self.people(event.people)
        late = f" ({span_of(event.late_by)} late)" if event.late_by.total_seconds() >= 1 else ""
        silent = " (not said: a later step said more)" if event.silent else ""
        due = self.second(event.due_at)
        match event.kind:
            case RungKind.PROMPT:
                return ("Reminded ", *people, " of ", what, due, late, silent)
            case RungKind.OVERDUE:
                return ("Told the room: overdue is ", what, due, late, silent)
            case RungKind.PAGE:
                return ("Paged ", *people, ": overdue is ", what, due, late, silent)
            case RungKind.NEXT:
                return ("Paged next ", *people, ": overdue is ", what, due, late, silent)

    def export_markdown(self, incident: Incident, entries: Sequence[Entry]) -> str:
        """Return the whole timeline as Markdown, what people wrote shown literally."""
        heading = Heading(f"{incident.id}: {incident.title}")
        lines = [f"# {_literal(heading.text)}", ""]
        card = self.card(incident)
        for block in card.blocks:
            if isinstance(block, Fields):
                lines += [f"- **{r.label}:** {_literal(spans_text(r.value))}" for r in block.rows]
        record = self.kept(incident)
        if record:
            lines.append(f"- **Updates:** {record}")
        lines += ["", "## Timeline", "", "(All times UTC)", ""]
        for each in corrected(entries):
            text = _literal(spans_text(self.entry(each.event)))
            recorded = (
                f" (recorded {each.recorded_at:%Y-%m-%d %H:%M:%S})"
                if abs((each.recorded_at - each.event.at).total_seconds()) >= 1
                else ""
            )
            lines.append(f"- {each.event.at:%Y-%m-%d %H:%M:%S} — {text}{recorded}")
        return "\n".join(lines) + "\n"


def _literal(text: str) -> str:
    """Return text that Markdown shows as it is."""
    escaped = "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-!|~&" else c for c in text)
    return escaped.replace("\n", " ")
