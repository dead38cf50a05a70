"""Messages about a postmortem's way from its first draft to the final version (P1, P2, P5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.contract.messages import File, Message, Spans, Text, span_of
from bot.domain import events as ev
from bot.domain.drafting import blocking
from bot.domain.incident import Incident
from bot.domain.learned import OfReview
from bot.domain.policy import Plan
from bot.domain.postmortem_values import TITLES, Promised
from bot.domain.telling import Scene
from bot.presenter.calendar import invitation
from bot.presenter.voice import (
    Occasion,
    Voice,
    all_of,
    because,
    day,
    joined,
    message,
    para,
    shorten,
)
from bot.refs import PersonId

OWED = {Promised.SCHEDULED: "scheduled", Promised.HELD: "held"}


class ReviewWords:
    """Messages and timeline lines about the events of a postmortem."""

    def __init__(self, voice: Voice, plan_for: Callable[[str | None], Plan]) -> None:
        """`plan_for` returns a service's communication plan, which names the service's owner."""
        self._voice, self._plan_for = voice, plan_for

    def told(self, occasion: Occasion, head: OfReview) -> Message:
        """Return the message for a conversation."""
        incident, now = occasion.incident, occasion.now
        match head:
            case ev.PostmortemOpened():
                return message(
                    (f"A postmortem of {incident.id} is begun", *because(head.reason), "."),
                    ("Its owner is ", self._voice.who(head.owner), ": ", self._voice.line("pm")),
                )
            case ev.PostmortemHandedOver():
                return message((self._voice.who(head.owner), " owns the postmortem now."))
            case ev.SectionWritten():
                return self._wrote(incident, head, occasion.scene)
            case ev.ReviewScheduled():
                return self._scheduled(incident, head, now)
            case ev.ReviewUnscheduled():
                return Message(
                    summary=("The review of ", day(head.was), " is called off."),
                    blocks=(para(self._voice.line("pm schedule <date> <time>")),),
                    files=self._invitation(incident, head.was, head.sequence, now, off=True),
                )
            case ev.ReviewHeld():
                return message(("The review was held. ", self._voice.line("pm")))
            case ev.ReviewReminded():
                return self._reminded(incident, head, now)
            case ev.ReviewOpened():
                title = self._voice.title(incident)
                return message(
                    (f"The postmortem of {incident.id} is in review: {title}",),
                    ("Read it, and say what is missing: ", self._voice.line("pm show", incident)),
                    (self._voice.line("pm add <section> <text>", incident),),
                )
            case ev.DraftResumed():
                return message(("The postmortem is a draft again", *because(head.reason), "."))
            case ev.FindingWaived():
                return message((f"“{shorten(head.words, 100)}” may stand: {head.reason}",))
            case ev.PostmortemFinalised():
                return self._finalised(incident)

    def told_person(self, occasion: Occasion, head: OfReview) -> Message | None:
        """Return the direct message for one person; `None` if they get the room's message."""
        if not isinstance(head, ev.PostmortemHandedOver):
            return None
        name, by = self._voice.name(occasion.incident), self._voice.who(head.by)
        return message(
            (*name, ": its postmortem is yours now, by ", by, "."),
            (self._voice.line("pm", occasion.incident),),
        )

    def entry(self, event: OfReview) -> Spans:
        """Return the event's line on the timeline."""
        by = self._voice.who(event.by)
        match event:
            case ev.PostmortemOpened():
                return (
                    "A postmortem is owed by ",
                    self._voice.who(event.owner),
                    *because(event.reason),
                )
            case ev.PostmortemHandedOver():
                return (by, " handed the postmortem to ", self._voice.who(event.owner))
            case ev.SectionWritten():
                what = TITLES.get(event.section, "Authors")
                verb = " removed a redacted text from: " if event.redacted else " wrote: "
                return (by, verb, what)
            case ev.ReviewScheduled():
                return (by, " scheduled the review for ", day(event.when))
            case ev.ReviewUnscheduled():
                return (by, " called off the review of ", day(event.was))
            case ev.ReviewHeld():
                return (by, " recorded the review as held")
            case ev.ReviewReminded():
                verb = "Told" if event.missed else "Reminded"
                what = OWED[event.promised]
                return (
                    f"{verb} ",
                    *self._voice.people(event.people),
                    f": to be {what} by ",
                    day(event.due_at),
                )
            case ev.ReviewOpened():
                return (by, " handed the postmortem to review")
            case ev.DraftResumed():
                return (by, " took the postmortem back to a draft", *because(event.reason))
            case ev.FindingWaived():
                return (by, f" waived {event.rule} “{shorten(event.words, 80)}”: {event.reason}")
            case ev.PostmortemFinalised():
                return (by, " finalised the postmortem")

    def _wrote(self, incident: Incident, event: ev.SectionWritten, scene: Scene) -> Message:
        """Return the message that a section is written, with the first thing to put right in it."""
        versions = incident.review.versions if incident.review else 0
        together = [TITLES.get(e.section, "Authors") for e in all_of(scene, ev.SectionWritten)]
        together += [f"A{e.n}" for e in all_of(scene, ev.ActionAdded)]
        together += [f"A{e.n}" for e in all_of(scene, ev.ActionChanged)]
        if len(together) > 1:
            said = f"Written: {', '.join(together)} (version {versions}), by "
            return message((said, self._voice.who(event.by), ". ", self._voice.line("pm lint")))
        title = TITLES.get(event.section, "Authors")
        found = blocking(incident, event.section, event.text, self._voice.directory)
        first: Spans | None = None
        if found:
            more = f" And {len(found) - 1} more: " if len(found) > 1 else " "
            what = found[0]
            first = (
                f"To put right: “{shorten(what.words, 80)}” — {what.advice}{more}",
                self._voice.line("pm lint"),
            )
        return message(
            (f"{title} written (version {versions}). ", self._voice.line("pm diff")), first
        )

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
                    (
                        self._voice.line("pm show", incident),
                        "  ·  ",
                        self._voice.line("pm unschedule", incident),
                    ),
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
                organizer=self._voice.directory.mail(incident.review.owner)
                if incident.review
                else None,
                people=[
                    (self._voice.directory.name(p), mail)
                    for p in self.invited(incident)
                    if (mail := self._voice.directory.mail(p)) is not None
                ],
            ),
        )

    def invited(self, incident: Incident) -> tuple[PersonId, ...]:
        """Return the people to invite to the review: all who took part, and the service's owner."""
        owner = self._plan_for(incident.service).owner
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
                    f" (in {span_of(event.due_at - now)}). {self._voice.title(incident)}",
                ),
                (self._voice.line(step, incident), "  ·  ", self._voice.line("pm", incident)),
            )
        return message(
            (
                f"{incident.id}: its postmortem was to be {what} by ",
                day(event.due_at),
                ", and is not. ",
                *joined([(self._voice.who(p, notify=True),) for p in event.people], ", "),
            ),
            (
                self._voice.line(step, incident),
                "  ·  ",
                self._voice.line("pm owner @name", incident),
            ),
        )

    def _finalised(self, incident: Incident) -> Message:
        left = [a for a in incident.actions if a.open]
        actions: Spans = ("No action is open.",)
        if left:
            first = min(a.due for a in left)
            actions = (
                f"{len(left)} action{'s' if len(left) != 1 else ''} to do, the first by {first}. ",
                self._voice.line("actions", incident),
            )
        return message(
            (f"{incident.id} is closed: its postmortem is final. {self._voice.title(incident)}",),
            actions,
            (self._voice.line("pm show", incident),),
        )
