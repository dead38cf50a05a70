"""Messages about the commander, the roles, the responders and pages (C1-C6, F4)."""

from __future__ import annotations

from datetime import datetime

from bot.contract.messages import Actions, Message, Spans, span_of
from bot.domain import events as ev
from bot.domain.incident import ClockName, Incident
from bot.domain.telling import Scene
from bot.presenter.forms import approve_line
from bot.presenter.voice import Occasion, Voice, first, joined, last, message, shorten
from bot.refs import PersonId

OfCommand = (
    ev.CommanderChanged
    | ev.CommanderAsked
    | ev.CommanderDeclined
    | ev.CandidatesExhausted
    | ev.HandoffOffered
    | ev.ResponseEscalated
    | ev.RoleAssigned
    | ev.ResponderJoined
    | ev.ResponderLeft
    | ev.PagedOut
)


class CommandWords:
    """Messages about people's parts in the response."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def told(self, occasion: Occasion, head: OfCommand) -> Message:
        """Return the message for a conversation."""
        incident, scene, voice = occasion.incident, occasion.scene, self._voice
        match head:
            case ev.CommanderChanged():
                return self._commander(incident, head, scene, occasion.now)
            case ev.CommanderAsked():
                return message(
                    (voice.who(head.person, notify=True), " has been asked to take command."),
                    self._to_answer(head.person),
                )
            case ev.CommanderDeclined():
                return self._declined(incident, head, scene)
            case ev.CandidatesExhausted():
                return message(self.nobody_left(incident), (voice.line("ic @name"),))
            case ev.HandoffOffered():
                return self._offered(incident, head)
            case ev.ResponseEscalated():
                return self._escalated(incident, head, scene)
            case ev.RoleAssigned():
                was: Spans = (" (was ", voice.who(head.was), ")") if head.was else ()
                return message((voice.who(head.person), f" is {head.role.value}", *was, "."))
            case ev.ResponderJoined():
                return message(self._joined(incident, head))
            case ev.ResponderLeft():
                return message((voice.who(head.person), " left the response."))
            case ev.PagedOut():
                return message(self._paged(head), *self._reason(head.reason))

    def told_person(self, occasion: Occasion, head: OfCommand, person: PersonId) -> Message | None:
        """Return the direct message for one person; `None` if they get the room's message."""
        incident, now, voice = occasion.incident, occasion.now, self._voice
        match head:
            case ev.CommanderAsked() if head.person == person:
                question = f"{voice.label(incident)}: take command? {voice.title(incident)}"
                return message(
                    (question,),
                    self._appointed(incident, person),
                    *self.briefing(incident, now),
                    self._buttons(incident),
                )
            case ev.HandoffOffered() if head.person == person:
                return self._offered_to_you(incident, now)
            case ev.ResponseEscalated():
                return message(
                    (f"📟 {voice.label(incident)} has no commander yet: {voice.title(incident)}",),
                    *self.briefing(incident, now),
                    (voice.line("take ic", incident),),
                )
            case ev.PagedOut():
                return self._paged_you(incident, head, now)
            case ev.RoleAssigned():
                role = head.role.value
                return message(
                    (*voice.name(incident), f": you are {role}, by ", voice.who(head.by), "."),
                    *self.briefing(incident, now),
                )
            case ev.CommanderChanged():
                commands = (voice.who(head.now), " commands; nothing to answer.")
                return message((*voice.name(incident), ": ", *commands))
            case ev.CommanderDeclined():
                declined = (voice.who(head.person), " declined; you stay commander.")
                return message(
                    (*voice.name(incident), ": ", *declined),
                    (voice.line("handoff @name", incident),),
                )
            case _:
                return None

    def entry(self, event: OfCommand) -> Spans:
        """Return the event's line on the timeline."""
        by = self._voice.who(event.by)
        match event:
            case ev.CommanderChanged():
                how = "acting commander" if event.acting else "commander"
                return (self._voice.who(event.now), f" is {how} ({event.how.value})")
            case ev.CommanderAsked():
                return (self._voice.who(event.person), " was asked to take command")
            case ev.CommanderDeclined():
                return (self._voice.who(event.person), " declined command")
            case ev.CandidatesExhausted():
                return ("Nobody was left in the rotation to ask",)
            case ev.HandoffOffered():
                return (by, " offered command to ", self._voice.who(event.person))
            case ev.RoleAssigned():
                return (by, f" made {event.role.value}: ", self._voice.who(event.person))
            case ev.ResponderJoined():
                return (self._voice.who(event.person), " joined as responder")
            case ev.ResponderLeft():
                return (self._voice.who(event.person), " left the response")
            case ev.PagedOut():
                service = f" (on call for {event.service})" if event.service else ""
                reason = f": {event.reason}" if event.reason else ""
                return (by, " paged ", *self._voice.people(event.people), service, reason)
            case ev.ResponseEscalated():
                people = self._voice.people(event.people)
                return ("No commander accepted in time; paged ", *people)

    # --- what other parts say too -----------------------------------------------------------------

    def asked(self, incident: Incident, person: PersonId) -> Spans:
        """Return the line that somebody was asked to command (F4)."""
        ways = ": accept, or decline" if incident.acting or incident.unled else ""
        return (self._voice.who(person, notify=True), f" has been asked to take command{ways}.")

    def acting(self, person: PersonId | None) -> Spans:
        """Return who is acting commander, and how that ends (C1)."""
        who = self._voice.who(person)
        if self._voice.named(person):
            return (who, " (acting, until a commander accepts)")
        return (
            who,
            " (acting: keeps the clocks and the record, and decides nothing). "
            "Any of the people of the config may take command: ",
            self._voice.line("take ic"),
        )

    def _appointed(self, incident: Incident, person: PersonId) -> Spans | None:
        """Return that somebody acts, since a machine declared; `None` for others asked (C1)."""
        if not (incident.acting and incident.commander == person):
            return None
        by = self._voice.who(incident.declared_by)
        return (by, " declared it; you are acting commander until you or somebody else accepts.")

    def nobody_left(self, incident: Incident) -> Spans:
        """Return the line that nobody is left to ask, and how to name somebody (F4)."""
        if not self._voice.named(incident.commander):
            return (
                "Nobody is left in the rotation to ask. Any of the people of the config may take "
                "command: ",
                self._voice.line("take ic"),
            )
        return (
            "Nobody is left in the rotation to ask. Command stays with ",
            self._voice.who(incident.commander),
            "; to change that: ",
            self._voice.line("ic @name"),
        )

    def briefing(self, incident: Incident, now: datetime) -> list[Spans]:
        """Return what a new commander needs to know: the state, the last texts, the clocks (C4)."""
        lines: list[Spans] = [
            (
                f"{self._voice.state(incident)} since ",
                self._voice.at(incident.declared_at, now),
                f" · Impact: {shorten(incident.impact, 200)}" if incident.impact else "",
            )
        ]
        if (said := incident.last_update) is not None:
            lines.append(("Last update ", self._voice.at(said.at), ": ", shorten(said.text, 300)))
        lines += [
            ("Decided ", self._voice.at(each.at), ": ", shorten(each.text, 200))
            for each in incident.decisions
        ]
        if (draft := incident.draft) is not None:
            waits = f"A public text waits for the commander: {shorten(draft.text, 200)} "
            lines.append((waits, self._voice.line(approve_line(incident), incident)))
        due = joined(
            [self._voice.next_update(incident, now, c) for c in ClockName if c in incident.clocks],
            " ",
        )
        if due:
            lines.append(due)
        return lines

    # --- command ----------------------------------------------------------------------------------

    def _to_answer(self, person: PersonId) -> Spans:
        """Return the lines that accept and decline."""
        return (
            self._voice.who(person),
            ": ",
            self._voice.line("accept"),
            "  ·  ",
            self._voice.line("decline"),
        )

    def _buttons(self, incident: Incident) -> Actions:
        """Return the buttons that accept and decline."""
        return Actions(
            (
                self._voice.button("Accept", incident, "accept"),
                self._voice.button("Decline", incident, "decline"),
            )
        )

    def _commander(
        self, incident: Incident, head: ev.CommanderChanged, scene: Scene, now: datetime
    ) -> Message:
        """Return the message about a new commander, and which roles that ends (C1)."""
        left = first(scene, ev.ResponderLeft)
        released = head.was not in {None, head.now}
        notes: list[Spans] = []
        if released:
            notes.append((self._voice.who(head.was), " is released from the role."))
        if left is not None:
            notes.append((self._voice.who(left.person), " is no longer a responder."))
        if head.how is ev.How.TAKEN and released:
            notes.append(("Command was taken without an answer; it is on the record.",))
        due = self._voice.next_update(incident, now)
        state = incident.clocks.get(ClockName.INTERNAL)
        if due and state is not None and state.promise is not None:
            due = (
                "Next update by ",
                self._voice.who(head.now),
                ": ",
                self._voice.at(state.promise.due_at, now),
                ".",
            )
        return message(
            (self._voice.who(head.now), " is incident commander."), joined(notes, " "), due
        )

    def _declined(self, incident: Incident, head: ev.CommanderDeclined, scene: Scene) -> Message:
        """Return the message that somebody declined, and who is asked next (F4)."""
        asked = first(scene, ev.CommanderAsked)
        after: Spans = ()
        if asked is not None:
            after = (" ", *self.asked(incident, asked.person))
        elif first(scene, ev.CandidatesExhausted):
            after = (" ", *self.nobody_left(incident))
        elif head.handoff:
            after = (" ", self._voice.who(incident.commander), " stays commander.")
        return message((self._voice.who(head.person), " declined.", *after))

    def _offered(self, incident: Incident, head: ev.HandoffOffered) -> Message:
        return message(
            (
                "Command is offered to ",
                self._voice.who(head.person, notify=True),
                "; ",
                self._voice.who(incident.commander),
                " commands until they accept.",
            ),
            self._to_answer(head.person),
        )

    def _offered_to_you(self, incident: Incident, now: datetime) -> Message:
        return message(
            (
                f"{self._voice.label(incident)}: ",
                self._voice.who(incident.commander),
                " hands command to you. ",
                self._voice.title(incident),
            ),
            *self.briefing(incident, now),
            self._buttons(incident),
        )

    def _escalated(self, incident: Incident, head: ev.ResponseEscalated, scene: Scene) -> Message:
        """Return the message that nobody accepted in time, and who was paged (F16)."""
        asked = last(scene, ev.CommanderAsked)
        called = self._voice.people(head.people, notify=True)
        who: Spans = ("Paged: ", *called, ".") if head.people else ("Nobody is left to page.",)
        minutes = span_of(head.at - (incident.acting_since or incident.declared_at))
        return message(
            (f"{incident.id} has had no accepted commander for {minutes}. ", *who),
            self.asked(incident, asked.person)
            if asked and asked.person not in head.people
            else None,
            ("Any trained commander: ", self._voice.line("take ic")),
        )

    # --- responders -------------------------------------------------------------------------------

    def _joined(self, incident: Incident, head: ev.ResponderJoined) -> Spans:
        others = tuple(p for p in incident.responders if p != head.person)
        beside: Spans = (" Beside: ", *self._voice.people(others), ".") if others else ()
        return (self._voice.who(head.person), " is a responder.", *beside)

    def _paged(self, head: ev.PagedOut) -> Spans:
        whom: Spans = self._voice.people(head.people, notify=True) if head.people else ()
        if head.service:
            on_call: Spans = (f"on call for {head.service}",)
            whom = (*whom, " (", *on_call, ")") if whom else ("whoever is ", *on_call)
        return ("📟 Paged: ", *whom, ".")

    def _reason(self, reason: str | None) -> list[Spans]:
        return [(shorten(reason, 300),)] if reason else []

    def _paged_you(self, incident: Incident, head: ev.PagedOut, now: datetime) -> Message:
        reason = (": ", head.reason) if head.reason else ()
        return message(
            (f"📟 {self._voice.label(incident)}: {self._voice.title(incident)}",),
            ("Paged by ", self._voice.who(head.by), *reason),
            *self.briefing(incident, now),
            (self._voice.line("join", incident),),
        )

    def page_text(self, incident: Incident, scene: Scene) -> str:
        """Return the one line that a pager shows."""
        reason = scene.head.reason if isinstance(scene.head, ev.PagedOut) else None
        why = f" — {reason}" if reason else ""
        label = incident.severity.label
        if incident.private:
            return f"{incident.id} {label}: private, answer in chat"
        return shorten(f"{incident.id} {label}: {self._voice.title(incident)}{why}", 300)
