"""The rate limits that Teams publishes, kept by the bot itself; urgent messages go first."""

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
"""How many messages a bot may send to one conversation, in how much time."""

SHORT = timedelta(seconds=1)
"""The longest pause that is slept through; the outbox does something else in a longer one."""

URGENT_SHARE = 0.2
"""The share of the tenant's rate that is reserved for urgent messages."""

CONVERSATIONS = 5000
"""How many conversations are remembered; the one idle longest is forgotten first."""


class RateLimits:
    """The limits of each conversation, and of each tenant."""

    def __init__(self, clock: Clock, per_second: int) -> None:
        """`per_second` is the limit of a whole tenant."""
        self._clock, self._per_second = clock, per_second
        self._conversations: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._tenants: dict[str, deque[datetime]] = {}

    async def wait(self, conversation: str, tenant: str, *, urgent: bool) -> None:
        """Wait until a message may be sent.

        Raises:
            RateLimited: That takes longer than `SHORT`.
        """
        while (pause := self._take(conversation, tenant, urgent=urgent)) > timedelta(0):
            if pause > SHORT:
                raise RateLimited(f"paced: {conversation}", retry_after=pause)
            await self._clock.sleep(pause)

    def _take(self, conversation: str, tenant: str, *, urgent: bool) -> timedelta:
        """Count a message if it may be sent now; else return how long to wait."""
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
    """Return how long to wait until one more message keeps every limit."""
    longest = limits[-1][1]
    while sent and (now - sent[0] >= longest or sent[0] > now):  # or the clock jumped back
        sent.popleft()
    pause = timedelta(0)
    for most, within in limits:
        if len(sent) >= most:
            pause = max(pause, sent[-most] + within - now)
    return pause
