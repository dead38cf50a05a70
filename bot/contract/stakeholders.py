"""People outside the response: the updates and mail they get, and the ports that bring them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from bot.contract.messages import File
from bot.domain.effects import News
from bot.domain.events import Entry
from bot.domain.incident import ClockName, Incident, Phase, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class StakeholderUpdate:
    """What people outside the response are told: `text` says it whole.

    `highest` is the worst severity that the incident had: who was told of it hears how it ends.
    """

    incident: str
    title: str
    severity: Severity
    phase: Phase
    text: str
    at: datetime
    news: News = News.BRIEF
    highest: Severity | None = None
    service: str | None = None
    impact: str | None = None
    since: datetime | None = None
    next_update: datetime | None = None


@runtime_checkable
class StakeholderChannel(Protocol):
    """Where summaries go: mail, a room, direct messages."""

    async def send(self, update: StakeholderUpdate, *, key: str) -> None:
        """Deliver the summary to everybody the channel is for."""


@runtime_checkable
class Summarizer(Protocol):
    """Drafts a brief from the record; a person publishes it."""

    async def summarize(
        self, incident: Incident, timeline: Sequence[Entry], audience: ClockName
    ) -> str:
        """Return a draft in plain text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail to one person. `about` makes one thread of all that is about it.

    `unsubscribe` is where its reader ends such mail, with one POST (RFC 8058).
    """

    to: str
    subject: str
    text: str
    about: str
    files: tuple[File, ...] = ()
    html: str | None = None
    unsubscribe: str | None = None


@runtime_checkable
class Mailer(Protocol):
    """A way to send mail."""

    async def mail(self, mail: Mail, *, key: str) -> None:
        """Send it; `key` is its message id, so that a repeat is known for one."""
