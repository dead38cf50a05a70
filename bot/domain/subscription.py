"""Subscriptions: the people outside the response who hear of incidents (H1)."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.effects import News
from bot.domain.incident import Severity
from bot.refs import PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """An address with what it wants to hear of.

    `address` is `mail:<address>`, or a conversation as its lane is called. `severity` is the least
    that is told; with `service` or `incident`, only those; `postmortems`: nothing else. `digest`:
    once a day. `by` took it out; nobody did where the plan names the address. `token` ends it from
    a mail. `muted`: the plan names the address, and whoever reads it wants no more.
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

    def wants(self, incident: str, highest: Severity, service: str | None, news: News) -> bool:
        """Return whether news of an incident is for it."""
        return (
            not self.muted
            and (not self.postmortems or news is News.POSTMORTEM)
            and self.incident in {None, incident}
            and self.service in {None, service}
            and (self.severity is None or highest <= self.severity)
        )


MAIL = "mail:"
"""The prefix of a mail address among addresses."""
