"""The recent declarations of one person, and the one call for all of them (F18).

It is kept as a reference until delivered rows are pruned.
"""

from __future__ import annotations

import hashlib
from functools import cache

from pydantic import TypeAdapter

from bot.domain.floods import Burst
from bot.domain.incident import Incident
from bot.refs import Lane, PersonId
from bot.store.rows import GatheredCalls, GatheredNews, Outgoing
from bot.store.work import Work

_BURST = "burst/"
"""The prefix of references that hold a person's burst."""


GATHERED = "gathered"
"""The target of rows that gather. It is not a plugin's name."""


async def burst_of(work: Work, person: PersonId) -> Burst | None:
    """Return the last burst of a person."""
    stored = await work.ref(f"{_BURST}{person}")
    return _bursts().validate_json(stored) if stored is not None else None


async def store_burst(work: Work, person: PersonId, burst: Burst) -> None:
    """Store the burst of a person."""
    written = _bursts().dump_json(burst).decode()
    await work.store_ref(f"{_BURST}{person}", written, kept_at=burst.last)


def call(incident: Incident, person: PersonId, pager: str | None = None) -> Outgoing:
    """Return the row that calls somebody once for all that the same person declared."""
    by = incident.flooded_by or incident.declared_by
    burst = hashlib.sha256(by.encode()).hexdigest()[:16]  # a user's id may be long
    lane = Lane.of_plugin(GATHERED, f"{burst}/{pager or 'chat'}/{person}")
    body = GatheredCalls(by=by, person=person, adapter=incident.conversation.adapter, pager=pager)
    return Outgoing(target=GATHERED, lane=lane, body=body, urgent=True, slot=f"calls/{lane}")


def gathered(address: str) -> Outgoing:
    """Return the row that tells a reader all the news that is held for them."""
    lane = Lane.of_plugin(GATHERED, address)
    body = GatheredNews(address=address)
    return Outgoing(target=GATHERED, lane=lane, body=body, slot=f"news/{lane}", audience=True)


@cache
def _bursts() -> TypeAdapter[Burst]:
    return TypeAdapter(Burst)
