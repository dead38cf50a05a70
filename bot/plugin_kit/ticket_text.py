"""Sitrep's part of a ticket's text, and the note about its assignee.

The part stands between two marks, in HTML comments; what people write around it stays.
"""

from __future__ import annotations

import re

from bot.contract.trackers import Ticket


def ours(ticket: Ticket) -> str:
    """Return Sitrep's part, which ends with the ticket's marker."""
    return f"<!-- begin {ticket.marker} -->\n{ticket.text}\n{mark(ticket.marker)}"


def mark(marker: str) -> str:
    """Return the mark that stands in the text of the ticket with a marker."""
    return f"<!-- {marker} -->"


def renewed(text: str, ticket: Ticket) -> str:
    """Return a ticket's text with Sitrep's part brought up to date, the rest unchanged."""
    part = re.compile(
        rf"<!-- begin {re.escape(ticket.marker)} -->.*?{re.escape(mark(ticket.marker))}",
        re.DOTALL,
    )
    new = ours(ticket)
    if part.search(text) is None:
        return f"{text}\n\n{new}".strip()
    return part.sub(lambda _match: new, text, count=1)


def unassigned(ticket: Ticket, tracker: str, *, assigned: bool, why: str) -> str:
    """Return the note that nobody is assigned, and why; empty if somebody is assigned."""
    if ticket.owner is None or assigned:
        return ""
    if ticket.owner.user is None:
        return f"Nobody is assigned: {ticket.owner.name} has no {tracker} user in the config."
    return f"Nobody is assigned: {ticket.owner.name} {why}."
