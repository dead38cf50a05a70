"""What happened after an incident, in one line each."""

from __future__ import annotations

from datetime import datetime

from bot.contract.messages import At, Precision, Spans
from bot.domain import events as ev
from bot.domain.learned import OfActions, OfReview
from bot.domain.postmortem_values import TITLES, Promised
from bot.presenter.voice import Voice, shorten

OWED = {Promised.SCHEDULED: "scheduled", Promised.HELD: "held"}


def day(when: datetime) -> At:
    """Return an instant with its day."""
    return At(when, None, Precision.DAY)


def because(reason: str | None) -> Spans:
    """Return a reason as it follows a sentence."""
    return (f": {shorten(reason, 300)}",) if reason else ()


class Aftermath(Voice):
    """Lines of the timeline."""

    def later(self, event: OfReview | OfActions) -> Spans:
        """Return the timeline's line of what happened after the incident."""
        by = self.who(event.by)
        match event:
            case ev.PostmortemOpened():
                return ("A postmortem is owed by ", self.who(event.owner), *because(event.reason))
            case ev.PostmortemHandedOver():
                return (by, " handed the postmortem to ", self.who(event.owner))
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
                    *self.people(event.people),
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
            case ev.ActionAdded():
                return (
                    by,
                    f" added A{event.n}: {event.text} (",
                    self.who(event.owner),
                    f", {event.due})",
                )
            case ev.ActionChanged():
                return (
                    by,
                    f" changed A{event.n}: {event.text} (",
                    self.who(event.owner),
                    f", {event.due})",
                    *because(event.reason),
                )
            case ev.ActionDone():
                return (
                    (f"A{event.n} was closed in its tracker",)
                    if event.there
                    else (by, f" finished A{event.n}")
                )
            case ev.ActionReopened():
                if event.there:
                    return (f"A{event.n} was opened again in its tracker",)
                return (by, f" reopened A{event.n}")
            case ev.ActionDropped():
                return (by, f" dropped A{event.n}: {event.reason}")
            case ev.ActionFiled():
                return (f"A{event.n} is filed as {event.ticket.url or event.ticket.id}",)
            case ev.ActionChased():
                return ("Told ", *self.people(event.people), f": A{event.n} is overdue")
