"""Requests that are not commands, and the answer to a line that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain import commands as cmd
from bot.domain.incident import Severity


class Query(StrEnum):
    """The things that can be read without changing anything."""

    STATUS = "status"
    TIMELINE = "timeline"
    WHO = "who"
    LIST = "list"
    HELP = "help"
    DRAFT = "draft"
    PREVIEW = "preview"
    POSTMORTEM = "postmortem"
    SECTION = "section"
    LINT = "lint"
    DIFF = "diff"
    HISTORY = "history"
    ACTIONS = "actions"
    EXTERNAL = "external"
    SUBSCRIPTIONS = "subscriptions"
    SCORE = "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question about the record."""

    query: Query
    argument: str = ""
    """The choice: a list, a section, a version, or the verb that `help` explains."""
    declaration: cmd.Declare | None = None
    """The declaration that a preview shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """A wish to hear of incidents (H1)."""

    incident: str | None = None
    everything: bool = False
    """Whether every incident is meant, even where one runs in the conversation."""
    postmortems: bool = False
    severity: Severity | None = None
    service: str | None = None
    to: str | None = None
    """The address: `here`, `mail` (one's own), or one in full; a direct message if `None`."""
    digest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """A wish to hear no more (H1): of the incident in the conversation if nothing is named."""

    n: int | None = None
    """The subscription's number."""
    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetShield:
    """A switch: the bot answers questions for news in this conversation, or does not (H2)."""

    on: bool


OfAudience = Subscribe | Unsubscribe | SetShield
"""Requests about the audience; no incident records them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageError:
    """A line that was not understood (D5)."""

    problem: str
    lines: tuple[str, ...] = ()
    """Lines that would work."""
    incident: str | None = None
    """The id that the line began with."""
    form: bool = False
    """Whether the form to declare with helps more than a line."""
