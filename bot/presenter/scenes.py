"""What happened, told to the room and to single people."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.contract.messages import (
    Actions,
    At,
    Message,
    Place,
    Precision,
    Spans,
    Strong,
    span_of,
)
from bot.domain import events as ev
from bot.domain.commands import NoteKind
from bot.domain.durations import duration
from bot.domain.effects import Scene
from bot.domain.incident import (
    ClockName,
    Incident,
    Outcome,
    RungKind,
)
from bot.domain.timeline import text_of
from bot.presenter.composing import first, message
from bot.presenter.openings import Openings
from bot.presenter.reviews import Reviews
from bot.presenter.voice import KEEPING, shorten
from bot.refs import ConversationRef, Lane, PersonId


def _place(lane: Lane) -> str:
    """Return a lane as people know it: a room, a person, a plugin."""
    if lane.is_plugin:
        return lane.target
    room = lane.conversation
    name = room.direct_to.id if room.direct_to is not None else room.pending or room.id
    return f"{name} on {room.adapter.capitalize()}"


class Scenes(Openings, Reviews):
    """Messages about events."""

    def tell(
        self,
        incident: Incident,
        scene: Scene,
        now: datetime,
        to: ConversationRef | None = None,
    ) -> Message:
        """Return what a conversation of the incident is told; `to` is that conversation."""
        head = scene.head
        match head:
            case ev.Declared():
                return self.declared(incident, head, scene, now)
            case ev.Assessed() | ev.SeverityChanged():
                return self.severity(incident, scene, now)
            case ev.CommanderChanged():
                return self.commander(incident, head, scene, now)
            case ev.CommanderAsked():
                return message(
                    (self.who(head.person, notify=True), " has been asked to take command."),
                    self.accept_line(head.person),
                )
            case ev.CommanderDeclined():
                return self.declined(incident, head, scene)
            case ev.CandidatesExhausted():
                return message(self.nobody_left(incident), (self.line("ic @name"),))
            case ev.HandoffOffered():
                return message(
                    (
                        "Command is offered to ",
                        self.who(head.person, notify=True),
                        "; ",
                        self.who(incident.commander),
                        " commands until they accept.",
                    ),
                    self.accept_line(head.person),
                )
            case ev.ResponseEscalated():
                return self.escalated(incident, head, scene)
            case ev.RoleAssigned():
                role = head.role.value
                was: Spans = (" (was ", self.who(head.was), ")") if head.was else ()
                return message((self.who(head.person), f" is {role}", *was, "."))
            case ev.ResponderJoined():
                return message(self._joined(incident, head))
            case ev.ResponderLeft():
                return message((self.who(head.person), " left the response."))
            case ev.PagedOut():
                return message(self._paged(head), *self._reason(head.reason))
            case ev.NoteAdded():
                return self._noted(incident, head, scene, to)
            case ev.MessageCaptured() | ev.StepTried() | ev.ImpactStated():
                return message(self._recorded(incident, scene, to), *self._cause(scene))
            case ev.UpdatePosted():
                return self._update(incident, head, scene, to)
            case ev.ExternalPublished():
                return self._outward(incident, head, ClockName.EXTERNAL, scene)
            case ev.ExternalDrafted():
                return self.drafted_external(incident, head)
            case ev.DraftRejected():
                to_whom: Spans = (self.who(head.author), ": ") if head.author else ()
                return message(
                    ("Not published", *self._because(head.reason), " — ", self.who(head.by)),
                    (*to_whom, self.line("external <text>")),
                )
            case ev.Mirrored():
                return self._mirrored(incident, head, now, to)
            case ev.MirrorEnded():
                return self._mirror_ended(incident, head, to)
            case ev.DeliveryStalled():
                return self._stalled(incident, head)
            case ev.DeliveryResumed():
                page = head.target.status_page
                there = f"The status page {page}" if page else self.platform_of(head.target)
                what = "updates" if page else "messages"
                return message((f"{there} takes {what} again; what waited is on its way.",))
            case ev.BriefSent():
                return self._outward(incident, head, ClockName.STAKEHOLDER, scene)
            case ev.CadenceChanged():
                return self._cadence(incident, head, now)
            case ev.PromiseSettled():
                return self._missed(incident, head, scene, now)
            case ev.RungFired():
                return self._rung(incident, head, now)
            case ev.StabiliseNudged():
                return self._nudge(incident, now)
            case ev.UntouchedRaised():
                return self._untouched(incident)
            case ev.Stabilised():
                return self._stabilised(incident, head, scene)
            case ev.Resolved():
                return self._resolved(incident, head, scene)
            case ev.Reopened():
                return self._reopened(incident, head, scene, now)
            case ev.Cancelled():
                return message(
                    (
                        f"{self.practice(incident)}CANCELLED — {incident.id} was a false alarm: ",
                        head.reason,
                        ".",
                    ),
                    ("All responders are released. No postmortem is owed.",),
                    *self.publicly(incident, scene),
                )
            case ev.EntryAmended():
                return message((f"Entry {head.entry} now says: ", shorten(head.text, 300)))
            case ev.EntryRedacted():
                return message((f"The text of entry {head.entry} is removed, for good.",))
            case ev.TicketFiled():
                where = head.ticket.url or f"{head.ticket.plugin} {head.ticket.id}"
                return message((f"{incident.id} is filed as a ticket: ", where))
            case ev.DeliveryFailed():
                return self._undelivered(incident, head)
            case ev.TroubleFound():
                return message((f"{self.label(incident)}: {head.text}",))
            case ev.ActionChased():
                return self.chased(incident, head, now)
            case _:
                told = self.told_review(incident, head, scene, now)
                told = told or self.told_action(incident, head)
                return told or message((f"{incident.id}: {type(head).__name__}",))

    def tell_person(
        self, incident: Incident, person: PersonId, scene: Scene, now: datetime
    ) -> Message:
        """Return what one person is told directly."""
        head = scene.head
        name = (f"{self.practice(incident)}{incident.id} ", Strong(self.title(incident)))
        match head:
            case ev.CommanderAsked() if head.person == person:
                return message(
                    (f"{self.label(incident)}: take command? {self.title(incident)}",),
                    *self.brief(incident, now),
                    self.accept_buttons(incident),
                )
            case ev.HandoffOffered() if head.person == person:
                return message(
                    (
                        f"{self.label(incident)}: ",
                        self.who(incident.commander),
                        " hands command to you. ",
                        self.title(incident),
                    ),
                    *self.brief(incident, now),
                    self.accept_buttons(incident),
                )
            case ev.RungFired(kind=RungKind.PROMPT):
                what = {
                    ClockName.INTERNAL: "an update",
                    ClockName.EXTERNAL: "a public update",
                    ClockName.STAKEHOLDER: "a brief",
                }[head.clock]
                return message(
                    (
                        f"{self.practice(incident)}{incident.id} promised {what} at ",
                        self.at(head.due_at, now),
                        ".",
                    ),
                    (self.line(KEEPING[head.clock], incident),),
                    *self.keeping(incident, head.clock),
                )
            case ev.RungFired():
                return message(
                    (
                        f"📟 {self.label(incident)}: the ",
                        self.at(head.due_at),
                        " update is overdue. ",
                        self.title(incident),
                    ),
                    *self.brief(incident, now),
                    (self.line(KEEPING[head.clock], incident),),
                    self.no_change(incident) if head.clock is ClockName.INTERNAL else None,
                )
            case ev.ResponseEscalated():
                return message(
                    (f"📟 {self.label(incident)} has no commander yet: {self.title(incident)}",),
                    *self.brief(incident, now),
                    (self.line("take ic", incident),),
                )
            case ev.PagedOut():
                return message(
                    (f"📟 {self.label(incident)}: {self.title(incident)}",),
                    ("Paged by ", self.who(head.by), *((": ", head.reason) if head.reason else ())),
                    *self.brief(incident, now),
                    (self.line("join", incident),),
                )
            case ev.RoleAssigned():
                return message(
                    (*name, f": you are {head.role.value}, by ", self.who(head.by), "."),
                    *self.brief(incident, now),
                )
            case ev.ActionAdded() | ev.ActionChanged():
                return self.action_of(incident, head)
            case ev.PostmortemHandedOver():
                return message(
                    (*name, ": its postmortem is yours now, by ", self.who(head.by), "."),
                    (self.line("pm", incident),),
                )
            case ev.ExternalDrafted():
                return self.drafted_external(incident, head, elsewhere=True)
            case ev.DraftRejected():
                return message(
                    (f"{incident.id}: not published", *self._because(head.reason), "."),
                    (self.line("external <text>", incident),),
                )
            case ev.CommanderChanged():
                return message((*name, ": ", self.who(head.now), " commands; nothing to answer."))
            case ev.CommanderDeclined():
                return message(
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

    # --- responders ---

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

    def _recorded(
        self, incident: Incident, scene: Scene, to: ConversationRef | None = None
    ) -> Spans:
        """Return that it was noted; with what, where nobody has read it yet."""
        head = scene.head
        n = incident.entries - len(scene.events) + scene.events.index(head) + 1
        text = text_of(head)
        if text is None or not (across := self.across(head, to)):
            return ("Noted ", self.second(head.at), f" as entry {n}.")
        author = head.author if isinstance(head, ev.MessageCaptured) else head.by
        said = shorten(text, 1000) or "a step"
        return (self.second(head.at), " ", self.who(author), f"{across}: {said} — entry {n}.")

    def _noted(
        self, incident: Incident, head: ev.NoteAdded, scene: Scene, to: ConversationRef | None
    ) -> Message:
        if not head.hands_on:
            return message(self._recorded(incident, scene, to), *self._cause(scene))
        suggested = incident.declared_by if incident.declared_by != incident.commander else None
        return message(
            (
                *self._recorded(incident, scene, to),
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
        if first(scene, ev.CauseReminded) is None:
            return []
        return [
            (
                "The cause can wait until users are served again: roll back, fail over or switch "
                "the flag off first. ",
                self.line("tried rollback <what>"),
            )
        ]

    # --- cadence ----------------------------------------------------------------------------------

    def _settled(self, scene: Scene, clock: ClockName) -> str:
        settled = [e for e in scene.events if isinstance(e, ev.PromiseSettled) and e.clock is clock]
        missed = sum(e.outcome is Outcome.MISSED for e in settled)
        text = f"{missed} missed before it. " if missed else ""
        if settled and settled[-1].outcome is Outcome.LATE:
            text += f"Kept {span_of(settled[-1].late_by)} late. "
        elif settled and settled[-1].outcome is Outcome.KEPT:
            text += "Kept. "
        return text

    def _update(
        self, incident: Incident, head: ev.UpdatePosted, scene: Scene, to: ConversationRef | None
    ) -> Message:
        stamp = f"{head.at:%H:%M} {self.practice(incident)}"
        due = self.next_update(incident)
        return message(
            (stamp, head.text, " — ", self.who(head.by), self.across(head, to)),
            (self._settled(scene, ClockName.INTERNAL), *due) if due else None,
            *self._cause(scene),
        )

    def _because(self, reason: str | None) -> Spans:
        return (f": {shorten(reason, 300)}",) if reason else ()

    def _outward(
        self,
        incident: Incident,
        head: ev.ExternalPublished | ev.BriefSent,
        clock: ClockName,
        scene: Scene,
    ) -> Message:
        verb = "Sending to the stakeholders"
        if isinstance(head, ev.ExternalPublished):
            verb = f"Publishing as {head.state.value}" if head.state else "Publishing"
        due = self.next_update(incident, None, clock)
        if incident.drill:
            verb = f"{verb} (practice: it goes nowhere)"
        return message(
            (f"{verb}: ", head.text, " — ", self.who(head.by)),
            (self._settled(scene, clock), *due) if due else None,
        )

    def _cadence(self, incident: Incident, head: ev.CadenceChanged, now: datetime) -> Message:
        was = f", was {duration(head.was)}" if head.was else ""
        reason = f": {shorten(head.reason, 200)}" if head.reason else ""
        longer = head.was and head.now > head.was
        return message(
            (f"The {head.clock.value} cadence is {duration(head.now)}{was}{reason}.",),
            ("The promise that runs stands; the longer period starts with the next update.",)
            if longer
            else None,
            self.next_update(incident, now, head.clock),
        )

    def _missed(
        self, incident: Incident, head: ev.PromiseSettled, scene: Scene, now: datetime
    ) -> Message:
        missed = [
            e
            for e in scene.events
            if isinstance(e, ev.PromiseSettled)
            and e.clock is head.clock
            and e.outcome is Outcome.MISSED
        ] or [head]
        what = {
            ClockName.INTERNAL: "update",
            ClockName.EXTERNAL: "public update",
            ClockName.STAKEHOLDER: "brief",
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
        behind = now - missed[0].at
        return message(
            first,
            (f"Sitrep was not running then; this comes {span_of(behind)} late.",)
            if behind >= timedelta(minutes=1)
            else None,
            (*self.next_update(incident, None, head.clock), " ", self.line(KEEPING[head.clock])),
            self.no_change(incident) if head.clock is ClockName.INTERNAL else None,
        )

    def _rung(self, incident: Incident, head: ev.RungFired, now: datetime) -> Message:
        what = "update" if head.clock is ClockName.INTERNAL else f"{head.clock.value} update"
        late: Spans = (
            (f" (said {span_of(head.late_by)} late)",)
            if head.late_by >= timedelta(minutes=1)
            else ()
        )
        keep: Actions | None = (
            self.no_change(incident) if head.clock is ClockName.INTERNAL else None
        )
        line = (self.line(KEEPING[head.clock]),)
        match head.kind:
            case RungKind.OVERDUE | RungKind.PROMPT:
                owed: Spans = (" ", self.who(head.owed_by, notify=True), " owes it.")
                return message(
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
                since = span_of(now - head.due_at)
                paged: Spans = (" Paged: ", *self.people(head.people, notify=True), ".")
                return message(
                    (f"The {what} is {since} overdue.", *late, *(paged if head.people else ())),
                    line,
                    keep,
                )
            case RungKind.NEXT:
                since = span_of(now - head.due_at)
                called: Spans = (
                    (" Paged next: ", *self.people(head.people, notify=True), ".")
                    if head.people
                    else (" Nobody is left in the rotation to page.",)
                )
                return message(
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
        return message(
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
        return message(
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

    def _stabilised(self, incident: Incident, head: ev.Stabilised, scene: Scene) -> Message:
        after = span_of(head.at - incident.declared_at)
        text: Spans = (": ", head.text) if head.text else ()
        return message(
            (
                f"{self.practice(incident)}Stabilised at ",
                self.at(head.at),
                f", {after} after the start",
                *text,
                ".",
            ),
            ("Users are served again; diagnosis can begin.",),
            *self.publicly(incident, scene),
            (
                *self.next_update(incident),
                " When the cause is contained: ",
                self.line("resolve <text>"),
            ),
            Actions((self.button("Resolved", incident, "resolve"),)),
        )

    def _resolved(self, incident: Incident, head: ev.Resolved, scene: Scene) -> Message:
        took = span_of(head.at - incident.declared_at)
        text: Spans = (": ", head.text) if head.text else ()
        record = self.kept(incident)
        return message(
            (
                f"{self.practice(incident)}RESOLVED at ",
                self.at(head.at),
                f" after {took}",
                *text,
                ".",
            ),
            ("All responders are released; thank you.",),
            (f"Updates: {record}.",) if record else None,
            *self.publicly(incident, scene),
            self.owed(incident, head.at),
            self._draft_ready(incident),
        )

    def _draft_ready(self, incident: Incident) -> Spans | None:
        if incident.review is None:
            return None
        return (
            "The draft is ready; its owner is ",
            self.who(incident.review.owner),
            ": ",
            self.line("pm"),
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

    def _reopened(
        self, incident: Incident, head: ev.Reopened, scene: Scene, now: datetime
    ) -> Message:
        ic: Spans = ("IC: ", self.who(incident.commander), " (acting, until a commander accepts)")
        asked = tuple(a.person for a in incident.asked if not a.declined)
        return message(
            (
                f"{self.practice(incident)}REOPENED — {incident.id} {incident.severity.label} — "
                f"{self.title(incident)}: ",
                head.reason,
            ),
            ic if incident.acting else None,
            ("Asked to take command: ", *self.people(asked, notify=True), ".") if asked else None,
            *self.publicly(incident, scene),
            self.next_update(incident, now),
        )

    # --- several platforms ------------------------------------------------------------------------

    def _mirrored(
        self, incident: Incident, head: ev.Mirrored, now: datetime, to: ConversationRef | None
    ) -> Message:
        there = self.platform(head.conversation.adapter)
        if to != head.conversation:
            return message(
                (f"{incident.id} is told on {there} too: ", Place(head.conversation, incident.id)),
                (self.line(f"unmirror {head.conversation.adapter}"), " ends that."),
            )
        here = self.platform(incident.conversation.adapter)
        return message(
            (f"{self.label(incident)} — {self.title(incident)} — runs on {here}, and here.",),
            ("Commands work on both; each promise counts once.",),
            *self.brief(incident, now),
        )

    def _mirror_ended(
        self, incident: Incident, head: ev.MirrorEnded, to: ConversationRef | None
    ) -> Message:
        here = self.platform(incident.conversation.adapter)
        if to == head.conversation:
            return message((f"{incident.id} is told here no more; it goes on on {here}.",))
        there = self.platform(head.conversation.adapter)
        return message((f"{incident.id} is not told on {there} any more.",))

    def _stalled(self, incident: Incident, head: ev.DeliveryStalled) -> Message:
        if (page := head.target.status_page) is not None:
            return self.page_away(page, head)
        there = self.platform_of(head.target)
        others = [c.adapter for c in incident.conversations if self.platform(c.adapter) != there]
        whole: Spans = (f"{self.platform(others[0])} is complete. ",) if others else ()
        wait = f"{head.waiting} {'waits' if head.waiting == 1 else 'wait'}"
        return message(
            (
                f"{there} has not taken messages since ",
                self.at(head.since),
                f"; {wait}. ",
                *whole,
                "Retrying.",
            )
        )

    def _undelivered(self, incident: Incident, head: ev.DeliveryFailed) -> Message:
        if (page := head.target.status_page) is not None:
            return self.page_refused(page, head.why, incident)
        if head.audience:
            return message(
                (f"{incident.id}: a stakeholder was not told: {head.what}.",),
                (f"Why: {shorten(head.why, 300)}",),
                ("More of that are on the timeline, and not told one by one.",),
            )
        return message(
            (f"Not delivered to {_place(head.target)}: {head.what}.",),
            (f"Why: {shorten(head.why, 300)}",),
            ("It will not be tried again; tell them another way.",),
        )
