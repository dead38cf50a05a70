"""Calendar files that invite to a review (RFC 5545)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from bot.contract.messages import File
from bot.domain.incident import Incident

NOBODY = "noreply@sitrep.invalid"
"""The organizer if the owner has no mail address; a request must name one (RFC 5546)."""

LENGTH = timedelta(hours=1)
"""The length of the meeting that people are invited to."""


def invitation(  # noqa: PLR0913 - an invitation has these
    incident: Incident,
    when: datetime,
    sequence: int,
    now: datetime,
    *,
    cancelled: bool,
    people: Sequence[tuple[str, str]],
    organizer: str | None,
) -> File:
    """Return the file that puts a review into a calendar, moves it there, or takes it out again.

    Args:
        incident: The incident; its invitations keep one UID for ever.
        when: The start of the meeting.
        sequence: A number that grows with each change, so that calendars know the last one.
        now: The time of writing.
        cancelled: Take the meeting out again.
        people: Names, with mail addresses.
        organizer: The owner's mail address.
    """
    from icalendar import Calendar, Event, vCalAddress, vText  # noqa: PLC0415 - 30 ms, seldom used

    title = f"Postmortem {incident.id}: {incident.title}"[:200]
    event = Event()
    event.add("uid", f"{incident.id.lower()}-{incident.declared_at:%Y%m%d%H%M%S}@sitrep")
    event.add("summary", title)
    event.add("dtstamp", now)
    event.add("dtstart", when)
    event.add("dtend", when + LENGTH)
    event.add("sequence", sequence)
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("description", f"The draft: !inc {incident.id} pm show")
    event.add("organizer", vCalAddress(f"mailto:{organizer or NOBODY}"))
    for name, mail in people:
        attendee = vCalAddress(f"mailto:{mail}")
        attendee.params["CN"] = vText(name)
        attendee.params["RSVP"] = vText("TRUE")
        event.add("attendee", attendee, encode=False)
    calendar = Calendar()
    calendar.add("prodid", "-//Sitrep//Postmortems//EN")
    calendar.add("version", "2.0")
    method = "CANCEL" if cancelled else "REQUEST"
    calendar.add("method", method)
    calendar.add_component(event)
    return File(
        name=f"{incident.id}.ics",
        media=f"text/calendar; method={method}; charset=UTF-8",
        text=calendar.to_ical().decode(),
        link=None if cancelled else _outlook(title, when),
        label="Put it into the calendar",
    )


def _outlook(title: str, when: datetime) -> str:
    """Return the address that opens Outlook with the review filled in."""
    query = {
        "subject": title,
        "startdt": when.isoformat(),
        "enddt": (when + LENGTH).isoformat(),
        "path": "/calendar/action/compose",
    }
    return f"https://outlook.office.com/calendar/0/deeplink/compose?{urlencode(query)}"
