"""Issue trackers: the ticket that one holds, and the port of its plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, runtime_checkable

from bot.contract.chat import (
    Addressee,
)
from bot.refs import ExternalRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The full desired state of a ticket, not a change."""

    marker: str
    """A name that no other ticket ever gets; put it where the tracker can search for it."""
    title: str
    text: str
    owner: Addressee | None = None
    """The assignee; `owner.user` is who they are on the tracker, if the config says so."""
    due: date | None = None
    done: bool = False
    """True if the ticket is to be closed."""
    labels: tuple[str, ...] = ()
    """The labels to file it under."""
    again: bool = False
    """True if an earlier try may have created it: look for the marker before creating it."""
    closed: bool = False
    """True if it was closed when last seen. If `done` agrees, leave the tracker's state alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """The outcome of `sync`."""

    ref: ExternalRef
    """The ticket; stored, and handed back at the next call."""
    note: str = ""
    """News for people, such as that nobody could be assigned; empty if all went well."""


@runtime_checkable
class TicketTracker(Protocol):
    """An issue tracker. `bot.plugin_kit.tracker.TicketClient` is a template for one."""

    async def sync(self, ticket: Ticket, ref: ExternalRef | None, *, key: str) -> Filed:
        """Bring a ticket up to date; create it if `ref` is `None`.

        Called when an action, or a SEV4 incident, is recorded, and when it changes.
        """

    async def closed(self, refs: Sequence[ExternalRef]) -> Mapping[str, bool]:
        """Return whether each ticket is closed, by the id of its ref; leave out what is gone.

        Called every few minutes, and at once after `PluginContext.changed`.
        """
