"""The rates that Teams publishes, kept before it has to refuse; what keeps a promise goes first."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta

from bot.contract import Clock, RateLimited

LIMITS = (
    (7, timedelta(seconds=1)),
    (8, timedelta(seconds=2)),
    (60, timedelta(seconds=30)),
    (1800, timedelta(hours=1)),
)
"""How many messages one conversation takes from a bot within what time."""

SHORT = timedelta(seconds=1)
"""A wait that is waited out; for a longer one the outbox does something else meanwhile."""

URGENT_SHARE = 0.2
"""The share of the tenant's rate that only the urgent gets."""

CONVERSATIONS = 5000
"""How many conversations are remembered, the quietest forgotten first."""


class RateLimits:
    """Says when something may be sent."""

    def __init__(self, clock: Clock, per_second: int) -> None:
        """`per_second`: what a whole tenant takes."""
        self._clock, self._per_second = clock, per_second
        self._conversations: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._tenants: dict[str, deque[datetime]] = {}

    async def wait(self, conversation: str, tenant: str, *, urgent: bool) -> None:
        """Wait for one's turn.

        Raises:
            RateLimited: It is too long to wait for.
        """
        while (pause := self._take(conversation, tenant, urgent=urgent)) > timedelta(0):
            if pause > SHORT:
                raise RateLimited(f"paced: {conversation}", retry_after=pause)
            await self._clock.sleep(pause)

    def _take(self, conversation: str, tenant: str, *, urgent: bool) -> timedelta:
        """Take a turn now, or return how long there is none."""
        now = self._clock.now()
        sent = self._conversations.setdefault(conversation, deque())
        self._conversations.move_to_end(conversation)
        if len(self._conversations) > CONVERSATIONS:
            self._conversations.popitem(last=False)
        everybody = self._tenants.setdefault(tenant, deque())
        most = self._per_second if urgent else round(self._per_second * (1 - URGENT_SHARE))
        pause = max(
            _pause(sent, LIMITS, now), _pause(everybody, ((most, timedelta(seconds=1)),), now)
        )
        if pause <= timedelta(0):
            sent.append(now)
            everybody.append(now)
        return pause


def _pause(
    sent: deque[datetime], limits: tuple[tuple[int, timedelta], ...], now: datetime
) -> timedelta:
    """Return how long it is until one more keeps to every limit."""
    longest = limits[-1][1]
    while sent and (now - sent[0] >= longest or sent[0] > now):  # or the clock jumped back
        sent.popleft()
    pause = timedelta(0)
    for most, within in limits:
        if len(sent) >= most:
            pause = max(pause, sent[-most] + within - now)
    return pause
