"""Messages about updates and the promises they keep or break (K1-K7)."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.contract.messages import Actions, Block, Message, Spans, span_of
from bot.domain import events as ev
from bot.domain.durations import duration
from bot.domain.incident import ClockName, Incident, Outcome, RungKind
from bot.domain.telling import Scene
from bot.presenter.briefs import BriefWords
from bot.presenter.command import CommandWords
from bot.presenter.phases import PhaseWords
from bot.presenter.public import BUTTON_LENGTH, PublicWords
from bot.presenter.voice import PROMISES, Occasion, Voice, all_of, message, outcome, shorten
from bot.refs import ConversationRef

OfCadence = ev.UpdatePosted | ev.PromiseSettled | ev.RungFired | ev.CadenceChanged


class CadenceWords:
    """Messages about updates and their clocks."""

    def __init__(
        self,
        voice: Voice,
        command: CommandWords,
        phases: PhaseWords,
        public: PublicWords,
        briefs: BriefWords,
    ) -> None:
        self._voice, self._command, self._phases = voice, command, phases
        self._public, self._briefs = public, briefs

    def told(self, occasion: Occasion, head: OfCadence) -> Message:
        """Return the message for a conversation."""
        incident, scene, now = occasion.incident, occasion.scene, occasion.now
        match head:
            case ev.UpdatePosted():
                return self._update(incident, head, scene, occasion.to)
            case ev.PromiseSettled():
                return self._missed(incident, head, scene, now)
            case ev.RungFired():
                return self._rung(incident, head, now)
            case ev.CadenceChanged():
                return self._cadence(incident, head, now)

    def told_person(self, occasion: Occasion, head: ev.RungFired) -> Message:
        """Return the direct message for somebody who owes an update or is paged for it."""
        incident, now, voice = occasion.incident, occasion.now, self._voice
        keep = (voice.line(PROMISES[head.clock].line, incident),)
        if head.kind is RungKind.PROMPT:
            what = f"{PROMISES[head.clock].article} {PROMISES[head.clock].noun}"
            promised = f"{voice.practice(incident)}{incident.id} promised {what} at "
            return message(
                (promised, voice.at(head.due_at, now), "."),
                keep,
                *self._ways_to_keep(incident, head.clock),
            )
        return message(
            (
                f"📟 {voice.label(incident)}: the ",
                voice.at(head.due_at),
                " update is overdue. ",
                voice.title(incident),
            ),
            *self._command.briefing(incident, now),
            keep,
            voice.no_change(incident) if head.clock is ClockName.INTERNAL else None,
        )

    def entry(self, event: OfCadence | ev.PromiseMade) -> Spans:
        """Return the event's line on the timeline."""
        by, second = self._voice.who(event.by), self._voice.second
        match event:
            case ev.UpdatePosted():
                return (by, f" — update: {event.text}")
            case ev.PromiseMade():
                return (f"{event.clock.value} update promised for ", second(event.due_at))
            case ev.PromiseSettled():
                promised = f"{event.clock.value} promise for "
                return (promised, second(event.due_at), f": {outcome(event)}")
            case ev.RungFired():
                return self._rung_entry(event)
            case ev.CadenceChanged():
                reason = f": {event.reason}" if event.reason else ""
                who: Spans = (by, " set ") if event.by else ("Set ",)
                return (*who, f"the {event.clock.value} cadence to {duration(event.now)}{reason}")

    def _ways_to_keep(self, incident: Incident, clock: ClockName) -> list[Block | Spans]:
        """Return a button that keeps the promise, with the text that it would post."""
        if clock is ClockName.INTERNAL:
            return [self._voice.no_change(incident)]
        if clock is ClockName.STAKEHOLDER:
            text, command = self._briefs.draft(incident), "brief"
        else:
            text, command = self._public.example(incident), "external"
        if len(text) > BUTTON_LENGTH:
            return []
        return [
            (f"For example: {text}",),
            Actions((self._voice.button("Say that", incident, f"{command} {text}"),)),
        ]

    def _update(
        self, incident: Incident, head: ev.UpdatePosted, scene: Scene, to: ConversationRef | None
    ) -> Message:
        stamp = f"{head.at:%H:%M} {self._voice.practice(incident)}"
        due = self._voice.next_update(incident)
        return message(
            (stamp, head.text, " — ", self._voice.who(head.by), self._voice.across(head, to)),
            (self._voice.settled(scene, ClockName.INTERNAL), *due) if due else None,
            *self._phases.cause_can_wait(scene),
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
            self._voice.next_update(incident, now, head.clock),
        )

    def _missed(
        self, incident: Incident, head: ev.PromiseSettled, scene: Scene, now: datetime
    ) -> Message:
        missed = [
            e
            for e in all_of(scene, ev.PromiseSettled)
            if e.clock is head.clock and e.outcome is Outcome.MISSED
        ] or [head]
        what, count = PROMISES[head.clock].noun, sum(e.count for e in missed)
        if count == 1:
            first: Spans = (
                f"The {what} promised for ",
                self._voice.at(head.due_at),
                " was missed.",
            )
        else:
            first = (
                f"{count} {what}s were missed, the first promised for ",
                self._voice.at(missed[0].due_at),
                ".",
            )
        behind = now - missed[0].due_at - missed[0].late_by
        return message(
            first,
            (f"Sitrep was not running then; this comes {span_of(behind)} late.",)
            if behind >= timedelta(minutes=1)
            else None,
            (
                *self._voice.next_update(incident, None, head.clock),
                " ",
                self._voice.line(PROMISES[head.clock].line),
            ),
            self._voice.no_change(incident) if head.clock is ClockName.INTERNAL else None,
        )

    def _rung(self, incident: Incident, head: ev.RungFired, now: datetime) -> Message:
        """Return the message that an update is overdue, and who is paged for it (K3)."""
        keep = self._voice.no_change(incident) if head.clock is ClockName.INTERNAL else None
        line: Spans | None = (self._voice.line(PROMISES[head.clock].line),)
        if head.kind is RungKind.NEXT:
            line = None
            if incident.escalated:
                may = "While the commander is silent, a trained commander may: "
                line = (may, self._voice.line("take ic"))
        return message(self._overdue(head, now), line, keep)

    def _overdue(self, head: ev.RungFired, now: datetime) -> Spans:
        # Not `PROMISES[…].noun`: here the room reads the clock's own name.
        what = "update" if head.clock is ClockName.INTERNAL else f"{head.clock.value} update"
        late: Spans = ()
        if head.late_by >= timedelta(minutes=1):
            late = (f" (said {span_of(head.late_by)} late)",)
        people = self._voice.people(head.people, notify=True)
        since = f"The {what} is {span_of(now - head.due_at)} overdue."
        match head.kind:
            case RungKind.OVERDUE | RungKind.PROMPT:
                owed: Spans = ()
                if head.owed_by:
                    owed = (" ", self._voice.who(head.owed_by, notify=True), " owes it.")
                return ("The ", self._voice.at(head.due_at), f" {what} is overdue.", *late, *owed)
            case RungKind.PAGE:
                return (since, *late, *((" Paged: ", *people, ".") if head.people else ()))
            case RungKind.NEXT:
                nobody: Spans = (" Nobody is left in the rotation to page.",)
                called = (" Paged next: ", *people, ".") if head.people else nobody
                return (since, *late, *called)

    def _rung_entry(self, event: ev.RungFired) -> Spans:
        what = f"the {event.clock.value} update promised for "
        people = self._voice.people(event.people)
        late = f" ({span_of(event.late_by)} late)" if event.late_by.total_seconds() >= 1 else ""
        silent = " (not said: a later step said more)" if event.silent else ""
        due = self._voice.second(event.due_at)
        match event.kind:
            case RungKind.PROMPT:
                return ("Reminded ", *people, " of ", what, due, late, silent)
            case RungKind.OVERDUE:
                return ("Told the room: overdue is ", what, due, late, silent)
            case RungKind.PAGE:
                return ("Paged ", *people, ": overdue is ", what, due, late, silent)
            case RungKind.NEXT:
                return ("Paged next ", *people, ": overdue is ", what, due, late, silent)
