"""What happened, told to the room and to single people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

from bot.domain import events as ev
from bot.domain.commands import NoteKind
from bot.domain.durations import duration
from bot.domain.effects import Scene
from bot.domain.incident import (
    RESPONSE,
    Clock,
    Incident,
    Kind,
    Outcome,
    RungKind,
    Severity,
)
from bot.messages import Actions, At, Block, Message, Precision, Spans, Strong, Text, span_of
from bot.presenter.voice import CLOCKS, KEEPING, Voice, joined, shorten
from bot.refs import PersonId

E = TypeVar("E", bound=ev.Happening)


def _first(scene: Scene, kind: type[E]) -> E | None:
    return next((e for e in scene.events if isinstance(e, kind)), None)


def _last(scene: Scene, kind: type[E]) -> E | None:
    return next((e for e in reversed(scene.events) if isinstance(e, kind)), None)


def _message(*lines: Spans | Block | None) -> Message:
    """Return a message of lines; the first is its summary, empty ones are left out."""
    kept = [line for line in lines if line]
    summary = kept[0] if isinstance(kept[0], tuple) else ("",)
    blocks = tuple(Text(line) if isinstance(line, tuple) else line for line in kept[1:])
    return Message(summary=summary, blocks=blocks)


def _place(lane: str) -> str:
    """Return a lane as people know it: a room, a person, a plugin."""
    kind, _, name = lane.partition("/")
    return name.partition("/")[0] if kind == "plugin" else name.removeprefix("direct:")


class Scenes(Voice):
    """Messages about events."""

    def tell(self, incident: Incident, scene: Scene, now: datetime) -> Message:
        """Return what a conversation of the incident is told."""
        head = scene.head
        match head:
            case ev.Declared():
                return self._declared(incident, head, scene, now)
            case ev.Assessed() | ev.SeverityChanged():
                return self._severity(incident, scene, now)
            case ev.CommanderChanged():
                return self._commander(incident, head, scene, now)
            case ev.CommanderAsked():
                return _message(
                    (self.who(head.person, notify=True), " has been asked to take command."),
                    self._accept_line(head.person),
                )
            case ev.CommanderDeclined():
                return self._declined(incident, head, scene)
            case ev.CandidatesExhausted():
                return _message(self._nobody_left(incident), (self.line("ic @name"),))
            case ev.HandoffOffered():
                return _message(
                    (
                        "Command is offered to ",
                        self.who(head.person, notify=True),
                        "; ",
                        self.who(incident.commander),
                        " commands until they accept.",
                    ),
                    self._accept_line(head.person),
                )
            case ev.ResponseEscalated():
                return self._escalated(incident, head, scene)
            case ev.RoleAssigned():
                role = head.role.value
                was: Spans = (" (was ", self.who(head.was), ")") if head.was else ()
                return _message((self.who(head.person), f" is {role}", *was, "."))
            case ev.ResponderJoined():
                return _message(self._joined(incident, head))
            case ev.ResponderLeft():
                return _message((self.who(head.person), " left the response."))
            case ev.PagedOut():
                return _message(self._paged(head), *self._reason(head.reason))
            case ev.NoteAdded():
                return self._noted(incident, head, scene)
            case ev.MessageCaptured() | ev.StepTried() | ev.ImpactStated():
                return _message(self._recorded(incident, scene), *self._cause(scene))
            case ev.UpdatePosted():
                return self._update(incident, head, scene)
            case ev.ExternalPublished():
                return self._outward(incident, head, Clock.EXTERNAL, scene)
            case ev.BriefSent():
                return self._outward(incident, head, Clock.STAKEHOLDER, scene)
            case ev.CadenceChanged():
                return self._cadence(incident, head, now)
            case ev.PromiseSettled():
                return self._missed(incident, head, scene)
            case ev.RungFired():
                return self._rung(incident, head, now)
            case ev.StabiliseNudged():
                return self._nudge(incident, now)
            case ev.UntouchedRaised():
                return self._untouched(incident)
            case ev.Stabilised():
                return self._stabilised(incident, head)
            case ev.Resolved():
                return self._resolved(incident, head)
            case ev.Reopened():
                return self._reopened(incident, head, now)
            case ev.Cancelled():
                return _message(
                    (
                        f"{self.practice(incident)}CANCELLED — {incident.id} was a false alarm: ",
                        head.reason,
                        ".",
                    ),
                    ("All responders are released. No postmortem is owed.",),
                )
            case ev.EntryAmended():
                return _message((f"Entry {head.entry} now says: ", shorten(head.text, 300)))
            case ev.EntryRedacted():
                return _message((f"The text of entry {head.entry} is removed, for good.",))
            case ev.TicketFiled():
                where = head.ticket.url or f"{head.ticket.plugin} {head.ticket.id}"
                return _message((f"{incident.id} is filed as a ticket: ", where))
            case ev.DeliveryFailed():
                return self._undelivered(head)
            case _:
                return _message((f"{incident.id}: {type(head).__name__}",))

    def tell_person(
        self, incident: Incident, person: PersonId, scene: Scene, now: datetime
    ) -> Message:
        """Return what one person is told directly."""
        head = scene.head
        name = (f"{self.practice(incident)}{incident.id} ", Strong(self.title(incident)))
        match head:
            case ev.CommanderAsked() if head.person == person:
                return _message(
                    (f"{self.label(incident)}: take command? {self.title(incident)}",),
                    *self._brief(incident, now),
                    self._accept_buttons(incident),
                )
            case ev.HandoffOffered() if head.person == person:
                return _message(
                    (
                        f"{self.label(incident)}: ",
                        self.who(incident.commander),
                        " hands command to you. ",
                        self.title(incident),
                    ),
                    *self._brief(incident, now),
                    self._accept_buttons(incident),
                )
            case ev.RungFired(kind=RungKind.PROMPT):
                what = {
                    Clock.INTERNAL: "an update",
                    Clock.EXTERNAL: "a public update",
                    Clock.STAKEHOLDER: "a brief",
                }[head.clock]
                return _message(
                    (
                        f"{self.practice(incident)}{incident.id} promised {what} at ",
                        self.at(head.due_at, now),
                        ".",
                    ),
                    (self.line(KEEPING[head.clock], incident),),
                    self.no_change(incident) if head.clock is Clock.INTERNAL else None,
                )
            case ev.RungFired():
                return _message(
                    (
                        f"📟 {self.label(incident)}: the ",
                        self.at(head.due_at),
                        " update is overdue. ",
                        self.title(incident),
                    ),
                    *self._brief(incident, now),
                    (self.line(KEEPING[head.clock], incident),),
                    self.no_change(incident) if head.clock is Clock.INTERNAL else None,
                )
            case ev.ResponseEscalated():
                return _message(
                    (f"📟 {self.label(incident)} has no commander yet: {self.title(incident)}",),
                    *self._brief(incident, now),
                    (self.line("take ic", incident),),
                )
            case ev.PagedOut():
                return _message(
                    (f"📟 {self.label(incident)}: {self.title(incident)}",),
                    ("Paged by ", self.who(head.by), *((": ", head.reason) if head.reason else ())),
                    *self._brief(incident, now),
                    (self.line("join", incident),),
                )
            case ev.RoleAssigned():
                return _message(
                    (*name, f": you are {head.role.value}, by ", self.who(head.by), "."),
                    *self._brief(incident, now),
                )
            case ev.CommanderChanged():
                return _message((*name, ": ", self.who(head.now), " commands; nothing to answer."))
            case ev.CommanderDeclined():
                return _message(
                    (*name, ": ", self.who(head.person), " declined; you stay commander."),
                    (self.line("handoff @name", incident),),
                )
            case _:
                return self.tell(incident, scene, now)

    def page_text(self, incident: Incident, scene: Scene) -> str:
        """Return what a pager says: one line."""
        reason = scene.head.reason if isinstance(scene.head, ev.PagedOut) else None
        why = f" — {reason}" if reason else ""
        label = incident.severity.label
        return shorten(f"{incident.id} {label}: {self.title(incident)}{why}", 300)

    # --- beginning --------------------------------------------------------------------------------

    def _declared(
        self, incident: Incident, head: ev.Declared, scene: Scene, now: datetime
    ) -> Message:
        if head.kind is Kind.NEAR_MISS:
            return _message(
                (f"{incident.id} recorded: near miss — {self.title(incident)}",),
                (
                    "Nobody is paged, no clock runs. It owes a light postmortem, held by ",
                    At(now + timedelta(days=7), None, Precision.DAY),
                    ".",
                ),
            )
        if head.severity is Severity.SEV4:
            return _message(
                (
                    f"{self.practice(incident)}{incident.id} recorded — SEV4 — ",
                    self.title(incident),
                ),
                (
                    "A ticket, not an incident process. If users are affected: ",
                    self.line("sev 3", incident),
                ),
                None if self.tracker else ("No tracker is configured; it is on record here.",),
            )
        plan = self.plan_for(head.service)
        asked = _last(scene, ev.CommanderAsked)
        impact: Spans = (
            ("Impact: ", head.impact)
            if head.impact
            else ("Impact: not stated yet — ", self.line("impact <one line>"))
        )
        ic: Spans = ("IC: ", *self.ic(incident)) if incident.commander else ()
        if incident.acting:
            ic = ("IC: ", self.who(incident.commander), " (acting, until a commander accepts)")
        return _message(
            (
                f"🚨 {self.practice(incident)}INCIDENT DECLARED — {head.severity.label} — "
                f"{self.title(incident)}",
            ),
            joined([p for p in (ic, *self.roles(incident)[1:]) if p]),
            impact,
            joined(self._where(incident, head, plan.status_page)),
            *self._promised(incident),
            self._why_sev1(incident) if not head.given else None,
            self._asked(incident, asked.person) if asked else None,
            self._nobody_left(incident) if _first(scene, ev.CandidatesExhausted) else None,
            (f"{RESPONSE[Severity.SEV3]}: ", self.line("join"))
            if head.severity is Severity.SEV3
            else None,
            (f"No communication plan for {head.service}; the default one applies.",)
            if plan.missing and head.service
            else None,
        )

    def _where(self, incident: Incident, head: ev.Declared, status_page: str | None) -> list[Spans]:
        parts: list[Spans] = [("Channel: ", Strong(incident.id))]
        if head.service:
            parts.append((f"Service: {head.service}",))
        if status_page and not incident.drill:
            parts.append((f"Status page: {status_page.removeprefix('https://')}",))
        return parts

    def _promised(self, incident: Incident) -> list[Spans]:
        lines: list[Spans] = []
        for clock in Clock:
            state = incident.clocks.get(clock)
            if state is not None and state.promise is not None:
                lines.append((f"{CLOCKS[clock]}: ", self.at(state.promise.due_at)))
        return [joined(lines)] if lines else []

    def _why_sev1(self, incident: Incident) -> Spans:
        return (
            "SEV1 because no level was given. Three questions find the right one: ",
            self.line("assess", incident),
        )

    def _asked(self, incident: Incident, person: PersonId) -> Spans:
        ways = ": accept, or decline" if incident.acting else ""
        return (self.who(person, notify=True), f" has been asked to take command{ways}.")

    def _nobody_left(self, incident: Incident) -> Spans:
        return (
            "Nobody is left in the rotation to ask. Command stays with ",
            self.who(incident.commander),
            "; to change that: ",
            self.line("ic @name"),
        )

    def _accept_line(self, person: PersonId) -> Spans:
        return (self.who(person), ": ", self.line("accept"), "  ·  ", self.line("decline"))

    def _accept_buttons(self, incident: Incident) -> Actions:
        return Actions(
            (
                self.button("Accept", incident, "accept"),
                self.button("Decline", incident, "decline"),
            )
        )

    def _brief(self, incident: Incident, now: datetime) -> list[Spans]:
        """Return what a new commander needs: the state, the last word, the clocks (C4)."""
        lines: list[Spans] = [
            (
                f"{self.state(incident)} since ",
                self.at(incident.declared_at, now),
                f" · Impact: {shorten(incident.impact, 200)}" if incident.impact else "",
            )
        ]
        if (said := incident.last_update) is not None:
            lines.append(("Last update ", self.at(said.at), ": ", shorten(said.text, 300)))
        lines += [
            ("Decided ", self.at(each.at), ": ", shorten(each.text, 200))
            for each in incident.decisions
        ]
        due = joined(
            [self.next_update(incident, now, c) for c in Clock if c in incident.clocks], " "
        )
        if due:
            lines.append(due)
        return lines

    # --- severity and command ---------------------------------------------------------------------

    def _severity(self, incident: Incident, scene: Scene, now: datetime) -> Message:
        change, assessed = _first(scene, ev.SeverityChanged), _first(scene, ev.Assessed)
        asked = _last(scene, ev.CommanderAsked)
        commander = _last(scene, ev.CommanderChanged)
        if change is None:
            return _message(
                (f"Assessed: {incident.severity.label} stands.",),
                self.next_update(incident, now),
            )
        verb = "raised" if change.now < change.was else "lowered"
        reason = f": {change.reason}" if change.reason else ""
        why = " — assessed from impact" if assessed else reason
        ended = change.was.commanded and not change.now.commanded
        return _message(
            (
                f"{self.practice(incident)}{incident.id} is {change.now.label}, {verb} from "
                f"{change.was.label}{why}.",
            ),
            ("IC: ", self.who(commander.now), " (acting, until a commander accepts)")
            if commander
            else None,
            self._asked(incident, asked.person) if asked else None,
            self._nobody_left(incident) if _first(scene, ev.CandidatesExhausted) else None,
            ("The update clock has ended; ", self.who(incident.commander), " stays until resolved.")
            if ended and incident.running and incident.commander
            else None,
            ("It is a ticket now, not an incident process.",)
            if change.now is Severity.SEV4
            else None,
            self.next_update(incident, now),
        )

    def _commander(
        self, incident: Incident, head: ev.CommanderChanged, scene: Scene, now: datetime
    ) -> Message:
        left = _first(scene, ev.ResponderLeft)
        released = head.was not in {None, head.now}
        notes: list[Spans] = []
        if released:
            notes.append((self.who(head.was), " is released from the role."))
        if left is not None:
            notes.append((self.who(left.person), " is no longer a responder."))
        if head.how is ev.How.TAKEN and released:
            notes.append(("Command was taken without an answer; it is on the record.",))
        due = self.next_update(incident, now)
        state = incident.clocks.get(Clock.INTERNAL)
        if due and state is not None and state.promise is not None:
            due = (
                "Next update by ",
                self.who(head.now),
                ": ",
                self.at(state.promise.due_at, now),
                ".",
            )
        return _message((self.who(head.now), " is incident commander."), joined(notes, " "), due)

    def _declined(self, incident: Incident, head: ev.CommanderDeclined, scene: Scene) -> Message:
        asked = _first(scene, ev.CommanderAsked)
        after: Spans = ()
        if asked is not None:
            after = (" ", *self._asked(incident, asked.person))
        elif _first(scene, ev.CandidatesExhausted):
            after = (" ", *self._nobody_left(incident))
        elif head.handoff:
            after = (" ", self.who(incident.commander), " stays commander.")
        return _message((self.who(head.person), " declined.", *after))

    def _escalated(self, incident: Incident, head: ev.ResponseEscalated, scene: Scene) -> Message:
        asked = _last(scene, ev.CommanderAsked)
        called = self.people(head.people, notify=True)
        who: Spans = ("Paged: ", *called, ".") if head.people else ("Nobody is left to page.",)
        minutes = span_of(head.at - (incident.acting_since or incident.declared_at))
        return _message(
            (f"{incident.id} has had no accepted commander for {minutes}. ", *who),
            self._asked(incident, asked.person)
            if asked and asked.person not in head.people
            else None,
            ("Any trained commander: ", self.line("take ic")),
        )

    def _joined(self, incident: Incident, head: ev.ResponderJoined) -> Spans:
        others = tuple(p for p in incident.responders if p != head.person)
        beside: Spans = (" Beside: ", *self.people(others), ".") if others else ()
        return (self.who(head.person), " is a responder.", *beside)

    def _paged(self, head: ev.PagedOut) -> Spans:
        whom: Spans = self.people(head.people, notify=True) if head.people else ()
        if head.service:
            on_call: Spans = (f"on call for {head.service}",)
            whom = (*whom, " (", *on_call, ")") if whom else ("whoever is ", *on_call)
        return ("📟 Paged: ", *whom, ".")

    def _reason(self, reason: str | None) -> list[Spans]:
        return [(shorten(reason, 300),)] if reason else []

    # --- the record -------------------------------------------------------------------------------

    def _recorded(self, incident: Incident, scene: Scene) -> Spans:
        n = incident.entries - len(scene.events) + scene.events.index(scene.head) + 1
        return ("Noted ", self.second(scene.head.at), f" as entry {n}.")

    def _noted(self, incident: Incident, head: ev.NoteAdded, scene: Scene) -> Message:
        if not head.hands_on:
            return _message(self._recorded(incident, scene), *self._cause(scene))
        suggested = incident.declared_by if incident.declared_by != incident.commander else None
        return _message(
            (
                *self._recorded(incident, scene),
                " The commander coordinates; hands-on work pulls the eyes off the whole.",
            ),
            (
                "Hand over: ",
                self.line(f"handoff {self.handle(suggested)}"),
                "  ·  or note another's work: ",
                self.line(f"{NoteKind.DID.value} <text> by:@name"),
            ),
            *self._cause(scene),
        )

    def _cause(self, scene: Scene) -> list[Spans]:
        if _first(scene, ev.CauseReminded) is None:
            return []
        return [
            (
                "The cause can wait until users are served again: roll back, fail over or switch "
                "the flag off first. ",
                self.line("tried rollback <what>"),
            )
        ]

    # --- cadence ----------------------------------------------------------------------------------

    def _settled(self, scene: Scene, clock: Clock) -> str:
        settled = [e for e in scene.events if isinstance(e, ev.PromiseSettled) and e.clock is clock]
        missed = sum(e.outcome is Outcome.MISSED for e in settled)
        text = f"{missed} missed before it. " if missed else ""
        if settled and settled[-1].outcome is Outcome.LATE:
            text += f"Kept {span_of(settled[-1].late_by)} late. "
        elif settled and settled[-1].outcome is Outcome.KEPT:
            text += "Kept. "
        return text

    def _update(self, incident: Incident, head: ev.UpdatePosted, scene: Scene) -> Message:
        stamp = f"{head.at:%H:%M} {self.practice(incident)}"
        due = self.next_update(incident)
        return _message(
            (stamp, head.text, " — ", self.who(head.by)),
            (self._settled(scene, Clock.INTERNAL), *due) if due else None,
            *self._cause(scene),
        )

    def _outward(
        self,
        incident: Incident,
        head: ev.ExternalPublished | ev.BriefSent,
        clock: Clock,
        scene: Scene,
    ) -> Message:
        verb = "Publishing" if clock is Clock.EXTERNAL else "Sending to the stakeholders"
        due = self.next_update(incident, None, clock)
        if incident.drill:
            verb = f"{verb} (practice: it goes nowhere)"
        return _message(
            (f"{verb}: ", head.text, " — ", self.who(head.by)),
            (self._settled(scene, clock), *due) if due else None,
        )

    def _cadence(self, incident: Incident, head: ev.CadenceChanged, now: datetime) -> Message:
        was = f", was {duration(head.was)}" if head.was else ""
        reason = f": {shorten(head.reason, 200)}" if head.reason else ""
        longer = head.was and head.now > head.was
        return _message(
            (f"The {head.clock.value} cadence is {duration(head.now)}{was}{reason}.",),
            ("The promise that runs stands; the longer period starts with the next update.",)
            if longer
            else None,
            self.next_update(incident, now, head.clock),
        )

    def _missed(self, incident: Incident, head: ev.PromiseSettled, scene: Scene) -> Message:
        missed = [
            e
            for e in scene.events
            if isinstance(e, ev.PromiseSettled)
            and e.clock is head.clock
            and e.outcome is Outcome.MISSED
        ]
        what = {
            Clock.INTERNAL: "update",
            Clock.EXTERNAL: "public update",
            Clock.STAKEHOLDER: "brief",
        }[head.clock]
        if len(missed) == 1:
            first: Spans = (f"The {what} promised for ", self.at(head.due_at), " was missed.")
        else:
            first = (
                f"{len(missed)} {what}s were missed, promised for ",
                self.at(missed[0].due_at),
                " to ",
                self.at(head.due_at),
                ".",
            )
        return _message(
            first,
            (*self.next_update(incident, None, head.clock), " ", self.line(KEEPING[head.clock])),
            self.no_change(incident) if head.clock is Clock.INTERNAL else None,
        )

    def _rung(self, incident: Incident, head: ev.RungFired, now: datetime) -> Message:
        what = "update" if head.clock is Clock.INTERNAL else f"{head.clock.value} update"
        late: Spans = (
            (f" (said {span_of(head.late_by)} late)",)
            if head.late_by >= timedelta(minutes=1)
            else ()
        )
        keep: Actions | None = self.no_change(incident) if head.clock is Clock.INTERNAL else None
        line = (self.line(KEEPING[head.clock]),)
        match head.kind:
            case RungKind.OVERDUE | RungKind.PROMPT:
                owed: Spans = (" ", self.who(head.owed_by, notify=True), " owes it.")
                return _message(
                    (
                        "The ",
                        self.at(head.due_at),
                        f" {what} is overdue.",
                        *late,
                        *(owed if head.owed_by else ()),
                    ),
                    line,
                    keep,
                )
            case RungKind.PAGE:
                since = span_of(max(now - head.due_at, timedelta(0)))
                paged: Spans = (" Paged: ", *self.people(head.people, notify=True), ".")
                return _message(
                    (f"The {what} is {since} overdue.", *late, *(paged if head.people else ())),
                    line,
                    keep,
                )
            case RungKind.NEXT:
                since = span_of(max(now - head.due_at, timedelta(0)))
                called: Spans = (
                    (" Paged next: ", *self.people(head.people, notify=True), ".")
                    if head.people
                    else (" Nobody is left in the rotation to page.",)
                )
                return _message(
                    (f"The {what} is {since} overdue.", *late, *called),
                    (
                        "While the commander is silent, a trained commander may: ",
                        self.line("take ic"),
                    )
                    if incident.escalated
                    else None,
                    keep,
                )

    # --- stabilise first --------------------------------------------------------------------------

    def _nudge(self, incident: Incident, now: datetime) -> Message:
        since = span_of(now - (incident.commanded_since or incident.declared_at))
        return _message(
            (
                f"{since} in, no stabilising step recorded. Roll back, fail over or switch the "
                "flag off first; the cause can wait.",
            ),
            (self.line("tried rollback <what>"),),
            Actions(
                (
                    self.button("Rolled back", incident, "tried rollback"),
                    self.button("Failed over", incident, "tried failover"),
                    self.button("Flag off", incident, "tried flag"),
                    self.button("Nothing to undo", incident, "tried other nothing to undo"),
                )
            ),
        )

    def _untouched(self, incident: Incident) -> Message:
        return _message(
            (f"{incident.id} SEV3 — {self.title(incident)} — nobody took it up today.",),
            (
                "Declared at ",
                self.second(incident.declared_at),
                " by ",
                self.who(incident.declared_by),
                ".",
            ),
            (self.line("join", incident),),
        )

    # --- ends -------------------------------------------------------------------------------------

    def _stabilised(self, incident: Incident, head: ev.Stabilised) -> Message:
        after = span_of(head.at - incident.declared_at)
        text: Spans = (": ", head.text) if head.text else ()
        return _message(
            (
                f"{self.practice(incident)}Stabilised at ",
                self.at(head.at),
                f", {after} after the start",
                *text,
                ".",
            ),
            ("Users are served again; diagnosis can begin.",),
            (
                *self.next_update(incident),
                " When the cause is contained: ",
                self.line("resolve <text>"),
            ),
        )

    def _resolved(self, incident: Incident, head: ev.Resolved) -> Message:
        took = span_of(head.at - incident.declared_at)
        text: Spans = (": ", head.text) if head.text else ()
        record = self.kept(incident)
        return _message(
            (
                f"{self.practice(incident)}RESOLVED at ",
                self.at(head.at),
                f" after {took}",
                *text,
                ".",
            ),
            ("All responders are released; thank you.",),
            (f"Updates: {record}.",) if record else None,
            self.owed(incident, head.at),
        )

    def owed(self, incident: Incident, since: datetime) -> Spans | None:
        """Return what the end of an incident obliges to (P1, P2)."""
        if incident.postmortem is None:
            return None
        held = At(since + timedelta(days=7), None, Precision.DAY)
        if incident.postmortem == "light":
            return ("A light postmortem is owed: hold it by ", held, ".")
        return (
            "A postmortem is owed: schedule it by ",
            At(since + timedelta(hours=48), None, Precision.DAY),
            ", hold it by ",
            held,
            ".",
        )

    def _reopened(self, incident: Incident, head: ev.Reopened, now: datetime) -> Message:
        ic: Spans = ("IC: ", self.who(incident.commander), " (acting, until a commander accepts)")
        asked = tuple(a.person for a in incident.asked if not a.declined)
        return _message(
            (
                f"{self.practice(incident)}REOPENED — {incident.id} {incident.severity.label} — "
                f"{self.title(incident)}: ",
                head.reason,
            ),
            ic if incident.acting else None,
            ("Asked to take command: ", *self.people(asked, notify=True), ".") if asked else None,
            self.next_update(incident, now),
        )

    def _undelivered(self, head: ev.DeliveryFailed) -> Message:
        return _message(
            (f"Not delivered to {_place(head.target)}: {head.what}.",),
            (f"Why: {shorten(head.why, 300)}",),
            ("It will not be tried again; tell them another way.",),
        )
