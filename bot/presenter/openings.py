"""How an incident begins, and who commands it: declaring, severity, command."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.contract.messages import Actions, At, Message, Place, Precision, Spans, span_of
from bot.domain import events as ev
from bot.domain.effects import Scene
from bot.domain.incident import RESPONSE, ClockName, Incident, Kind, Severity
from bot.presenter.composing import first, last, message
from bot.presenter.outside import Outside
from bot.presenter.voice import CLOCKS, joined, shorten
from bot.refs import PersonId


class Openings(Outside):
    """Messages about beginnings and command."""

    # --- beginning --------------------------------------------------------------------------------

    def declared(
        self, incident: Incident, head: ev.Declared, scene: Scene, now: datetime
    ) -> Message:
        """Return the declaration, in the policy's template."""
        if head.kind is Kind.NEAR_MISS:
            return message(
                (f"{incident.id} recorded: near miss — {self.title(incident)}",),
                (
                    "Nobody is paged, no clock runs. It owes a light postmortem, held by ",
                    At(now + timedelta(days=7), None, Precision.DAY),
                    ".",
                ),
            )
        if head.severity is Severity.SEV4:
            return message(
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
        asked = last(scene, ev.CommanderAsked)
        impact: Spans = (
            ("Impact: ", head.impact)
            if head.impact
            else ("Impact: not stated yet — ", self.line("impact <one line>"))
        )
        ic: Spans = ("IC: ", *self.ic(incident)) if incident.commander else ()
        if incident.acting:
            ic = ("IC: ", self.who(incident.commander), " (acting, until a commander accepts)")
        return message(
            (
                f"🚨 {self.practice(incident)}INCIDENT DECLARED — {head.severity.label} — "
                f"{self.title(incident)}",
            ),
            joined([p for p in (ic, *self.roles(incident)[1:]) if p]),
            impact,
            joined(self._where(incident, head, plan.status_page)),
            *self._promised(incident),
            self._why_sev1(incident) if not head.given else None,
            self.asked(incident, asked.person) if asked else None,
            self.nobody_left(incident) if first(scene, ev.CandidatesExhausted) else None,
            (f"{RESPONSE[Severity.SEV3]}: ", self.line("join"))
            if head.severity is Severity.SEV3
            else None,
            *self.plan_line(incident, plan, scene),
            Actions((self.button("Join as responder", incident, "join"),))
            if head.severity.commanded
            else None,
        )

    def _where(self, incident: Incident, head: ev.Declared, status_page: str | None) -> list[Spans]:
        parts: list[Spans] = [("Channel: ", Place(incident.conversation, incident.id))]
        if head.service:
            parts.append((f"Service: {head.service}",))
        if status_page and not incident.drill:
            parts.append((f"Status page: {status_page.removeprefix('https://')}",))
        return parts

    def _promised(self, incident: Incident) -> list[Spans]:
        lines: list[Spans] = []
        for clock in ClockName:
            state = incident.clocks.get(clock)
            if state is not None and state.promise is not None:
                lines.append((f"{CLOCKS[clock]}: ", self.at(state.promise.due_at)))
        return [joined(lines)] if lines else []

    def _why_sev1(self, incident: Incident) -> Spans:
        return (
            "SEV1 because no level was given. Three questions find the right one: ",
            self.line("assess", incident),
        )

    def asked(self, incident: Incident, person: PersonId) -> Spans:
        """Return that somebody was asked to command (F4)."""
        ways = ": accept, or decline" if incident.acting else ""
        return (self.who(person, notify=True), f" has been asked to take command{ways}.")

    def nobody_left(self, incident: Incident) -> Spans:
        """Return that nobody is left to ask, and how to change that (F4)."""
        return (
            "Nobody is left in the rotation to ask. Command stays with ",
            self.who(incident.commander),
            "; to change that: ",
            self.line("ic @name"),
        )

    def accept_line(self, person: PersonId) -> Spans:
        """Return how to answer, typed."""
        return (self.who(person), ": ", self.line("accept"), "  ·  ", self.line("decline"))

    def accept_buttons(self, incident: Incident) -> Actions:
        """Return how to answer, in one tap."""
        return Actions(
            (
                self.button("Accept", incident, "accept"),
                self.button("Decline", incident, "decline"),
            )
        )

    def brief(self, incident: Incident, now: datetime) -> list[Spans]:
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
        if (draft := incident.draft) is not None:
            waits = f"A public text waits for the commander: {shorten(draft.text, 200)} "
            lines.append((waits, self.line("approve", incident)))
        due = joined(
            [self.next_update(incident, now, c) for c in ClockName if c in incident.clocks], " "
        )
        if due:
            lines.append(due)
        return lines

    # --- severity and command ---------------------------------------------------------------------

    def severity(self, incident: Incident, scene: Scene, now: datetime) -> Message:
        """Return a change of severity, or that it stands (S2, S3)."""
        change, assessed = first(scene, ev.SeverityChanged), first(scene, ev.Assessed)
        asked = last(scene, ev.CommanderAsked)
        commander = last(scene, ev.CommanderChanged)
        if change is None:
            return message(
                (f"Assessed: {incident.severity.label} stands.",),
                self.next_update(incident, now),
            )
        verb = "raised" if change.now < change.was else "lowered"
        reason = f": {change.reason}" if change.reason else ""
        why = " — assessed from impact" if assessed else reason
        ended = change.was.commanded and not change.now.commanded
        return message(
            (
                f"{self.practice(incident)}{incident.id} is {change.now.label}, {verb} from "
                f"{change.was.label}{why}.",
            ),
            ("IC: ", self.who(commander.now), " (acting, until a commander accepts)")
            if commander
            else None,
            self.asked(incident, asked.person) if asked else None,
            self.nobody_left(incident) if first(scene, ev.CandidatesExhausted) else None,
            ("The update clock has ended; ", self.who(incident.commander), " stays until resolved.")
            if ended and incident.running and incident.commander
            else None,
            ("It is a ticket now, not an incident process.",)
            if change.now is Severity.SEV4
            else None,
            self.next_update(incident, now),
        )

    def commander(
        self, incident: Incident, head: ev.CommanderChanged, scene: Scene, now: datetime
    ) -> Message:
        """Return who commands now, and what that ends (C1)."""
        left = first(scene, ev.ResponderLeft)
        released = head.was not in {None, head.now}
        notes: list[Spans] = []
        if released:
            notes.append((self.who(head.was), " is released from the role."))
        if left is not None:
            notes.append((self.who(left.person), " is no longer a responder."))
        if head.how is ev.How.TAKEN and released:
            notes.append(("Command was taken without an answer; it is on the record.",))
        due = self.next_update(incident, now)
        state = incident.clocks.get(ClockName.INTERNAL)
        if due and state is not None and state.promise is not None:
            due = (
                "Next update by ",
                self.who(head.now),
                ": ",
                self.at(state.promise.due_at, now),
                ".",
            )
        return message((self.who(head.now), " is incident commander."), joined(notes, " "), due)

    def declined(self, incident: Incident, head: ev.CommanderDeclined, scene: Scene) -> Message:
        """Return that somebody declined, and who is next (F4)."""
        asked = first(scene, ev.CommanderAsked)
        after: Spans = ()
        if asked is not None:
            after = (" ", *self.asked(incident, asked.person))
        elif first(scene, ev.CandidatesExhausted):
            after = (" ", *self.nobody_left(incident))
        elif head.handoff:
            after = (" ", self.who(incident.commander), " stays commander.")
        return message((self.who(head.person), " declined.", *after))

    def escalated(self, incident: Incident, head: ev.ResponseEscalated, scene: Scene) -> Message:
        """Return that nobody accepted in time, and who was paged (F16)."""
        asked = last(scene, ev.CommanderAsked)
        called = self.people(head.people, notify=True)
        who: Spans = ("Paged: ", *called, ".") if head.people else ("Nobody is left to page.",)
        minutes = span_of(head.at - (incident.acting_since or incident.declared_at))
        return message(
            (f"{incident.id} has had no accepted commander for {minutes}. ", *who),
            self.asked(incident, asked.person)
            if asked and asked.person not in head.people
            else None,
            ("Any trained commander: ", self.line("take ic")),
        )
