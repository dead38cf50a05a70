"""The public draft that each conversation was shown last: an approval means that one (X3)."""

from __future__ import annotations

from datetime import datetime

from bot.contract.messages import Message
from bot.refs import Lane
from bot.store.work import Work

_SHOWN = "shown/"
"""The prefix of references that hold the draft, and since when it is there to be read."""


def shown_in(message: Message, lane: Lane, now: datetime) -> tuple[tuple[str, str], ...]:
    """Return the reference to store once a conversation has a message that shows a draft."""
    if message.shows is None:
        return ()
    incident, _, entry = message.shows.partition(" ")
    return ((_name(incident, lane), f"{entry} {now.isoformat()}"),)


async def draft_seen(work: Work, incident: str, lane: Lane, *, by: datetime) -> int:
    """Return the entry of the draft that a conversation had shown by then; 0 if it had none."""
    entry, _, since = (await work.ref(_name(incident, lane)) or "0").partition(" ")
    return int(entry) if since and datetime.fromisoformat(since) <= by else 0


def _name(incident: str, lane: Lane) -> str:
    return f"{_SHOWN}{incident}/{lane}"
