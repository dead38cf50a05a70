"""Messages about the phases: stabilise first, then resolve (T1, T2, F6)."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.contract.messages import Actions, At, Message, Precision, Spans, span_of
from bot.domain import events as ev
from bot.domain.incident import Incident
from bot.domain.telling import Scene
from bot.presenter.public import PublicWords
from bot.presenter.voice import Occasion, Voice, first, message

OfPhases = (
    ev.StabiliseNudged
    | ev.UntouchedRaised
    | ev.Stabilised
    | ev.Resolved
    | ev.Reopened
    | ev.Cancelled
)


class PhaseWords:
    """Messages about phases, and reminders of the next one."""

    def __init__(self, voice: Voice, public: PublicWords) -> None:
        self._voice, self._public = voice, public

    def told(self, occasion: Occasion, head: OfPhases) -> Message:
        """Return the message for a conversation."""
        incident, scene, now = occasion.incident, occasion.scene, occasion.now
        match head:
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
                return self._cancelled(incident, head, scene)

    def entry(self, event: OfPhases | ev.CauseReminded) -> Spans:
        """Return the event's line on the timeline."""
        by = self._voice.who(event.by)
        match event:
            case ev.StabiliseNudged():
                return ("Asked the room for a stabilising step",)
            case ev.CauseReminded():
                return ("Reminded the room that the cause can wait",)
            case ev.UntouchedRaised():
                return ("Raised in triage: nobody took it up",)
            case ev.Stabilised():
                text = f": {event.text}" if event.text else ""
                implied = " (by resolving)" if event.implied else ""
                return (by, f" called it stabilised{text}{implied}")
            case ev.Resolved():
                return (by, f" resolved it{f': {event.text}' if event.text else ''}")
            case ev.Reopened():
                return (by, f" reopened it: {event.reason}")
            case ev.Cancelled():
                return (by, f" cancelled it: {event.reason}")

    # --- stabilise first --------------------------------------------------------------------------

    def cause_can_wait(self, scene: Scene) -> list[Spans]:
        """Return the reminder to stabilise first if it is among the events (T2)."""
        if first(scene, ev.CauseReminded) is None:
            return []
        return [
            (
                "The cause can wait until users are served again: roll back, fail over or switch "
                "the flag off first. ",
                self._voice.line("tried rollback <what>"),
            )
        ]

    def _nudge(self, incident: Incident, now: datetime) -> Message:
        since = span_of(now - (incident.commanded_since or incident.declared_at))
        return message(
            (
                f"{since} in, no stabilising step recorded. Roll back, fail over or switch the "
                "flag off first; the cause can wait.",
            ),
            (self._voice.line("tried rollback <what>"),),
            Actions(
                (
                    self._voice.button("Rolled back", incident, "tried rollback"),
                    self._voice.button("Failed over", incident, "tried failover"),
                    self._voice.button("Flag off", incident, "tried flag"),
                    self._voice.button("Nothing to undo", incident, "tried other nothing to undo"),
                )
            ),
        )

    def _untouched(self, incident: Incident) -> Message:
        return message(
            (f"{incident.id} SEV3 — {self._voice.title(incident)} — nobody took it up today.",),
            (
                "Declared at ",
                self._voice.second(incident.declared_at),
                " by ",
                self._voice.who(incident.declared_by),
                ".",
            ),
            (self._voice.line("join", incident),),
        )

    # --- ends -------------------------------------------------------------------------------------

    def _stabilised(self, incident: Incident, head: ev.Stabilised, scene: Scene) -> Message:
        after = span_of(head.at - incident.declared_at)
        text: Spans = (": ", head.text) if head.text else ()
        return message(
            (
                f"{self._voice.practice(incident)}Stabilised at ",
                self._voice.at(head.at),
                f", {after} after the start",
                *text,
                ".",
            ),
            ("Users are served again; diagnosis can begin.",),
            *self._public.publicly(incident, scene),
            (
                *self._voice.next_update(incident),
                " When the cause is contained: ",
                self._voice.line("resolve <text>"),
            ),
            Actions((self._voice.button("Resolved", incident, "resolve"),)),
        )

    def _resolved(self, incident: Incident, head: ev.Resolved, scene: Scene) -> Message:
        took = span_of(head.at - incident.declared_at)
        text: Spans = (": ", head.text) if head.text else ()
        record = self._voice.kept(incident)
        return message(
            (
                f"{self._voice.practice(incident)}RESOLVED at ",
                self._voice.at(head.at),
                f" after {took}",
                *text,
                ".",
            ),
            ("All responders are released; thank you.",),
            (f"Updates: {record}.",) if record else None,
            *self._public.publicly(incident, scene),
            self._owed(incident, head.at),
            self._draft_ready(incident),
            ("Not over? ", self._voice.line("reopen because <reason>", incident)),
        )

    def _draft_ready(self, incident: Incident) -> Spans | None:
        if incident.review is None:
            return None
        return (
            "The draft is ready; its owner is ",
            self._voice.who(incident.review.owner),
            ": ",
            self._voice.line("pm"),
        )

    def _owed(self, incident: Incident, since: datetime) -> Spans | None:
        """Return the dates by which the postmortem is owed (P1, P2)."""
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
        commander, title = self._voice.who(incident.commander), self._voice.title(incident)
        asked = tuple(a.person for a in incident.asked if not a.declined)
        return message(
            (
                f"{self._voice.practice(incident)}REOPENED — {incident.id} "
                f"{incident.severity.label} — {title}: ",
                head.reason,
            ),
            ("IC: ", commander, " (acting, until a commander accepts)")
            if incident.acting
            else None,
            ("Asked to take command: ", *self._voice.people(asked, notify=True), ".")
            if asked
            else None,
            *self._public.publicly(incident, scene),
            self._voice.next_update(incident, now),
        )

    def _cancelled(self, incident: Incident, head: ev.Cancelled, scene: Scene) -> Message:
        practice = self._voice.practice(incident)
        return message(
            (f"{practice}CANCELLED — {incident.id} was a false alarm: ", head.reason, "."),
            ("All responders are released. No postmortem is owed.",),
            *self._public.publicly(incident, scene),
            ("Real after all? ", self._voice.line("reopen because <reason>", incident)),
        )
