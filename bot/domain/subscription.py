"""Subscriptions: the people outside the response who hear of incidents (H1, F18)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.effects import News
from bot.domain.incident import Severity
from bot.domain.policy import Bound
from bot.refs import PersonId

LAPSES = timedelta(days=7)
"""How long a mail address has to confirm what somebody else asked for it."""

ASKED_AT_MOST = 3
"""How often one address is asked in that time, by all people together."""

ASKS_AT_MOST = 10
"""How many addresses one person has asked in that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """An address with what it wants to hear of.

    `address` is `mail:<address>`, or a conversation as its lane is called. `severity` is the least
    that is told; with `service` or `incident`, only those; `postmortems`: nothing else. `digest`:
    once a day. `by` took it out; nobody did where the plan names the address. `token` ends it from
    a mail. `muted`: the plan names the address, and whoever reads it wants no more. `asked_at`:
    when somebody else's mail address was asked whether it wants this; nothing is sent before.
    """

    n: int = 0
    address: str
    by: PersonId | None = None
    severity: Severity | None = None
    service: str | None = None
    incident: str | None = None
    postmortems: bool = False
    digest: bool = False
    token: str = ""
    muted: bool = False
    asked_at: datetime | None = None

    @property
    def pending(self) -> bool:
        """Whether its address has not confirmed it yet."""
        return self.asked_at is not None

    def lapsed(self, now: datetime) -> bool:
        """Return whether its address has not confirmed it in time."""
        return self.asked_at is not None and now - self.asked_at >= LAPSES

    def same(self, other: Subscription) -> bool:
        """Return whether another one is of the same news to the same address."""
        return self._what() == other._what()

    def _what(self) -> Subscription:
        return replace(self, n=0, by=None, token="", muted=False, asked_at=None)

    def wants(self, incident: str, highest: Severity, service: str | None, news: News) -> bool:
        """Return whether news of an incident is for it."""
        return (
            not self.muted
            and not self.pending
            and (not self.postmortems or news is News.POSTMORTEM)
            and self.incident in {None, incident}
            and self.service in {None, service}
            and (self.severity is None or highest <= self.severity)
        )


MAIL = "mail:"
"""The prefix of a mail address among addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of news for people outside the response, without its words."""

    incident: str
    news: News
    highest: Severity
    service: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """An address, and how much it was told since the beginning of the bound's time."""

    address: str
    since: datetime
    told: int
    held: int | None = None
    """The number of the first piece that was held; `None`: the last one was told."""

    def after(self, n: int, now: datetime, bound: Bound) -> Reader:
        """Return the reader after piece `n`: told of it by itself, or held with the rest."""
        if self.held is not None:
            return replace(self, held=min(self.held, n))
        if not timedelta(0) <= now - self.since < bound.within:
            return Reader(address=self.address, since=now, told=1)
        if self.told < bound.most:
            return replace(self, told=self.told + 1)
        return replace(self, held=n)

    def after_gathering(self, now: datetime, bound: Bound) -> Reader:
        """Return the reader once all that was held is told: for a time, more is held again."""
        return replace(self, since=now, told=bound.most, held=None)
