"""Opaque identities: the bottom of everything. Nothing here looks inside an id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

PersonId = NewType("PersonId", str)
"""A person, whatever platform they speak on.

The key of their section in the config, or `adapter:user-id` for somebody the config does not name.
"""


@dataclass(frozen=True, slots=True, order=True)
class UserRef:
    """A user of one platform."""

    adapter: str
    id: str


@dataclass(frozen=True, slots=True, order=True)
class ConversationRef:
    """A room, channel, thread or chat of one platform."""

    adapter: str
    id: str


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A message that can be edited, pinned or answered later."""

    conversation: ConversationRef
    id: str


@dataclass(frozen=True, slots=True)
class ExternalRef:
    """A thing on another system: a ticket, a page, a published document."""

    plugin: str
    id: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Who:
    """A person inside a text; shown in each platform's own way."""

    person: PersonId


PAGES = "pages"
"""What a status page's lane ends with: one for all incidents, for they share components."""


def page_lane(plugin: str) -> str:
    """Return the lane of a status page."""
    return f"plugin/{plugin}/{PAGES}"


def page_of(lane: str) -> str | None:
    """Return whose lane it is; none where it is no status page's."""
    kind, _, rest = lane.partition("/")
    plugin, _, what = rest.partition("/")
    return plugin if (kind, what) == ("plugin", PAGES) else None
