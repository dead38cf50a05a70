"""Sitrep's part of a ticket's text, between two marks: what people add around it stays.

For plugins of trackers whose text takes HTML comments.
"""

from __future__ import annotations

import re

from bot.ports import Ticket


def ours(ticket: Ticket) -> str:
    """Return Sitrep's part, which ends with the ticket's marker."""
    return f"<!-- begin {ticket.marker} -->\n{ticket.text}\n{mark(ticket.marker)}"


def mark(marker: str) -> str:
    """Return what stands in the text of the ticket that has a marker."""
    return f"<!-- {marker} -->"


def renewed(text: str, ticket: Ticket) -> str:
    """Return a ticket's text with Sitrep's part brought up to date, and the rest as it is."""
    part = re.compile(
        rf"<!-- begin {re.escape(ticket.marker)} -->.*?{re.escape(mark(ticket.marker))}",
        re.DOTALL,
    )
    new = ours(ticket)
    if part.search(text) is None:
        return f"{text}\n\n{new}".strip()
    return part.sub(lambda _match: new, text, count=1)
