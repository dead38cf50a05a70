"""Messages about declarations and changes of severity (S1, S2, S3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.contract.messages import (
    Actions,
    Button,
    Fields,
    Message,
    Place,
    Row,
    Spans,
    span_of,
)
from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.incident import IMPACT, RESPONSE, ClockName, Incident, Kind, Severity
from bot.domain.policy import Plan
from bot.domain.telling import Scene
from bot.presenter.command import CommandWords
from bot.presenter.floods import bounded
from bot.presenter.public import PublicWords
from bot.presenter.voice import (
    Occasion,
    Voice,
    day,
    first,
    joined,
    last,
    message,
    next_label,
    shorten,
)

OfSeverity = ev.Declared | ev.Assessed | ev.SeverityChanged


class SeverityWords:
    """Messages about declarations and severity."""

    def __init__(
        self,
        voice: Voice,
        command: CommandWords,
        public: PublicWords,
        plan_for: Callable[[str | None], Plan],
        *,
        tracker: bool,
    ) -> None:
        """`plan_for` returns a service's communication plan; `tracker`: tickets are filed."""
        self._voice, self._command, self._public = voice, command, public
        self._plan_for, self._tracker = plan_for, tracker

    def told(self, occasion: Occasion, head: OfSeverity) -> Message:
        """Return the message for a conversation."""
        if isinstance(head, ev.Declared):
            return self._declared(occasion.incident, head, occasion.scene, occasion.now)
        return self._changed(occasion.incident, occasion.scene, occasion.now)

    def entry(self, event: OfSeverity) -> Spans:
        """Return the event's line on the timeline."""
        by = self._voice.who(event.by)
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

    def preview(self, declaration: cmd.Declare, line: str, period: timedelta | None) -> Message:
        """Return the severity that a declaration would get, and the button that declares it."""
        severity = declaration.severity or Severity.SEV1
        updates = f"every {span_of(period)}" if period is not None else "no clock"
        return Message(
            summary=(f"This would be {severity.label}: {IMPACT[severity]}",),
            blocks=(
                Fields(
                    (
                        Row("Title", (shorten(declaration.title),)),
                        Row("Response", (RESPONSE[severity],)),
                        Row("Updates", (updates,)),
                    )
                ),
                Actions((Button(f"Declare {severity.label}", line),)),
            ),
        )

    def _declared(
        self, incident: Incident, head: ev.Declared, scene: Scene, now: datetime
    ) -> Message:
        """Return the declaration, in the policy's template."""
        if head.kind is Kind.NEAR_MISS:
            return self._near_miss(incident, now)
        if head.severity is Severity.SEV4:
            return self._ticket(incident)
        plan = self._plan_for(head.service)
        asked = last(scene, ev.CommanderAsked)
        impact: Spans = (
            ("Impact: ", head.impact)
            if head.impact
            else ("Impact: not stated yet — ", self._voice.line("impact <one line>"))
        )
        ic = self._commanded_by(incident)
        return message(
            (
                f"🚨 {self._voice.practice(incident)}INCIDENT DECLARED — {head.severity.label} — "
                f"{self._voice.title(incident)}",
            ),
            joined([p for p in (ic, *self._voice.roles(incident)[1:]) if p]),
            impact,
            joined(self._where(incident, head, plan.status_page)),
            *self._promised(incident),
            ("Private: only those who take part read it.",) if incident.private else None,
            self._why_sev1(incident) if not head.given else None,
            self._gathered(incident, head),
            self._command.asked(incident, asked.person) if asked else None,
            self._command.nobody_left(incident)
            if first(scene, ev.CandidatesExhausted) and not incident.unled
            else None,
            (f"{RESPONSE[Severity.SEV3]}: ", self._voice.line("join"))
            if head.severity is Severity.SEV3
            else None,
            *self._public.plan_line(incident, plan, scene),
            Actions((self._voice.button("Join as responder", incident, "join"),))
            if head.severity.commanded
            else None,
        )

    def _near_miss(self, incident: Incident, now: datetime) -> Message:
        return message(
            (f"{incident.id} recorded: near miss — {self._voice.title(incident)}",),
            (
                "Nobody is paged, no clock runs. It owes a light postmortem, held by ",
                day(now + timedelta(days=7)),
                ".",
            ),
        )

    def _ticket(self, incident: Incident) -> Message:
        return message(
            (
                f"{self._voice.practice(incident)}{incident.id} recorded — SEV4 — ",
                self._voice.title(incident),
            ),
            (
                "A ticket, not an incident process. If users are affected: ",
                self._voice.line("sev 3", incident),
            ),
            None if self._tracker else ("No tracker is configured; it is on record here.",),
        )

    def _commanded_by(self, incident: Incident) -> Spans:
        if incident.unled:
            return ("IC: ", *self._voice.ic(incident))
        if incident.acting:
            return ("IC: ", *self._command.acting(incident.commander))
        return ("IC: ", *self._voice.ic(incident)) if incident.commander else ()

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
                lines.append((f"{next_label(clock)}: ", self._voice.at(state.promise.due_at)))
        return [joined(lines)] if lines else []

    def _why_sev1(self, incident: Incident) -> Spans:
        return (
            "SEV1 because no level was given. Three questions find the right one: ",
            self._voice.line("assess", incident),
        )

    def _gathered(self, incident: Incident, head: ev.Declared | ev.SeverityChanged) -> Spans:
        """Return that people are called once for all that somebody declared (F18)."""
        if head.beyond is None:
            return ()
        line = self._voice.line("page @name", incident)
        return (
            f"{bounded(head.beyond)} This goes beyond: they get one call for all of them. "
            "Somebody whom it names can call at once: ",
            line,
        )

    def _changed(self, incident: Incident, scene: Scene, now: datetime) -> Message:
        """Return the message about a changed severity, or an assessed one that stands (S2, S3)."""
        change, assessed = first(scene, ev.SeverityChanged), first(scene, ev.Assessed)
        asked = last(scene, ev.CommanderAsked)
        commander = last(scene, ev.CommanderChanged)
        if change is None:
            return message(
                (f"Assessed: {incident.severity.label} stands.",),
                self._voice.next_update(incident, now),
            )
        verb = "raised" if change.now < change.was else "lowered"
        reason = f": {change.reason}" if change.reason else ""
        why = " — assessed from impact" if assessed else reason
        ended = change.was.commanded and not change.now.commanded
        return message(
            (
                f"{self._voice.practice(incident)}{incident.id} is {change.now.label}, {verb} from "
                f"{change.was.label}{why}.",
            ),
            ("IC: ", *self._command.acting(commander.now)) if commander else None,
            self._gathered(incident, change),
            self._command.asked(incident, asked.person) if asked else None,
            self._command.nobody_left(incident) if first(scene, ev.CandidatesExhausted) else None,
            (
                "The update clock has ended; ",
                self._voice.who(incident.commander),
                " stays until resolved.",
            )
            if ended and incident.running and incident.commander
            else None,
            ("It is a ticket now, not an incident process.",)
            if change.now is Severity.SEV4
            else None,
            self._voice.next_update(incident, now),
        )
