"""Messages about an incident that others read: remembered, and taken back once it is private (F17).

`private on` and the mark that a message was sent both hold the incident until they end, so one of
the two takes back a message that is being sent meanwhile. One that may be there already, since a
try was cut short, is sent once more without its words, which tells where it is.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from bot.domain.effects import PublishPostmortem
from bot.domain.incident import Incident
from bot.refs import Lane
from bot.store.rows import (
    Brief,
    Events,
    FanOut,
    Letter,
    Outgoing,
    TakeBack,
    Waiting,
)
from bot.store.work import Work

_TOLD = "told/"
"""The prefix of references to messages about an incident that others read."""


def is_outside(row: Waiting, confidants: Collection[str]) -> bool:
    """Return whether a row tells its incident to people or plugins who take no part in it.

    A post is none of them: it says itself whom it tells (`Post.about`). `confidants`: the plugins
    that hear of private incidents, too.
    """
    incident, what = row.incident, row.what
    if incident is None:
        return False
    match what.body:
        case Brief() | FanOut() | PublishPostmortem():
            return True
        case Letter(mail=mail):
            return mail.about == incident.id  # gathered news has no words of one incident
        case Events():
            return what.target not in confidants
        case _:
            return False


async def keep_told(
    work: Work, incident: str, message: str, row: Waiting, *, now: datetime
) -> Sequence[Outgoing]:
    """Remember a message that others read; if it must be taken back at once, return the row."""
    found, lane = await work.incident(incident), row.what.lane
    if found is not None and found.private:
        return [_taken_back(incident, lane, message)]
    told = json.dumps([lane, message])
    await work.store_ref(f"{_TOLD}{incident}/{row.key}", told, kept_at=now)
    return []


async def take_back(work: Work, incident: Incident, *, now: datetime) -> Sequence[Outgoing]:
    """Return the rows that take back what others were told of an incident: each message once."""
    prefix = f"{_TOLD}{incident.id}/"
    rows: list[Outgoing] = []
    for name, told in (await work.refs_under(prefix)).items():
        if told:
            lane, message = json.loads(told)
            rows.append(_taken_back(incident.id, Lane(lane), message))
            await work.store_ref(f"{prefix}{name}", "", kept_at=now)
    return rows


def _taken_back(incident: str, lane: Lane, message: str) -> Outgoing:
    body = TakeBack(message=message)
    return Outgoing(target=lane.target, lane=lane, body=body, incident=incident, urgent=True)
