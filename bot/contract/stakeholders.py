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
    """An update for people outside the response."""

    incident: str
    """The incident's id."""
    title: str
    severity: Severity
    phase: Phase
    text: str
    """The whole update, in words."""
    at: datetime
    news: News = News.BRIEF
    """The kind of event that the update is about."""
    highest: Severity | None = None
    """The worst severity so far: whoever was told of that is also told how it ends."""
    service: str | None = None
    impact: str | None = None
    since: datetime | None = None
    """When the incident was declared."""
    next_update: datetime | None = None
    """When the next update is promised."""


@runtime_checkable
class StakeholderChannel(Protocol):
    """A way to people outside the response: mail, a room, direct messages."""

    async def send(self, update: StakeholderUpdate, *, key: str) -> None:
        """Deliver an update to everybody the channel is for; called for each update."""


@runtime_checkable
class Summarizer(Protocol):
    """A drafter of briefs."""

    async def summarize(
        self, incident: Incident, timeline: Sequence[Entry], audience: ClockName
    ) -> str:
        """Return a draft in plain text; called when a person asks for one, who then publishes it.

        If it raises, or takes too long, the built-in draft is shown in its place.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail to one person."""

    to: str
    """The address."""
    subject: str
    text: str
    about: str
    """The subject matter's id: all mails about the same thing form one thread."""
    files: tuple[File, ...] = ()
    html: str | None = None
    """The text as HTML, if there is such a version."""
    unsubscribe: str | None = None
    """The URL where its reader ends such mail with one POST (RFC 8058)."""


@runtime_checkable
class Mailer(Protocol):
    """A way to send mail."""

    async def mail(self, mail: Mail, *, key: str) -> None:
        """Send a mail; use `key` as its message id, so that a repeat can be recognised."""
