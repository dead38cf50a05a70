"""Another process that speaks as the bot: a restored copy beside the one it was made from.

A homeserver returns the transaction id of an event to the device that sent it, and to no other. So
somebody else sent an event of the bot's own user if it comes without a transaction id, or with one
that this process did not use. Replicas that share a database have a device each, and speak one at a
time: what another one said before this one began, or while it noticed that it had ended, proves
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from adapters.matrix import inbound
from adapters.matrix.homeserver import Homeserver
from adapters.matrix.inbound import Event
from bot.contract import Clock

SETTLED = timedelta(minutes=1)
"""How long after its beginning what was sent before may still come."""

APART = timedelta(seconds=30)
"""How far apart two foreign events must be: a replica that was frozen still ends a sentence."""

KINDS = frozenset({"m.room.message", "m.room.encrypted", "m.reaction"})
"""The kinds of events that are sent under a transaction id."""


class Twins:
    """Watches the bot's own events."""

    def __init__(self, server: Homeserver, clock: Clock) -> None:
        self._server, self._clock, self._began = server, clock, clock.now()
        self._first: datetime | None = None
        self._gives_ids_back = self._told = False

    def shown_by(self, event: Event) -> bool:
        """Return whether an event of the bot's own user shows a twin; `True` once only."""
        if self._told or not self._is_foreign(event):
            return False
        at = inbound.written_at(event)
        if self._first is None or at < self._first:
            self._first = at
        self._told = at - self._first >= APART
        return self._told

    def _is_foreign(self, event: Event) -> bool:
        unsigned = event.get("unsigned")
        key = unsigned.get("transaction_id") if isinstance(unsigned, Mapping) else None
        if key in self._server.sent or event.get("event_id") in self._server.sent:
            self._gives_ids_back |= key is not None
            return False
        settled = self._began + SETTLED
        if min(inbound.written_at(event), self._clock.now()) < settled:
            return False
        if inbound.kind(event) not in KINDS:
            return False
        # Where a homeserver gives no ids back, what is just being sent may come before its answer.
        return key is not None or self._gives_ids_back or not self._server.sending
