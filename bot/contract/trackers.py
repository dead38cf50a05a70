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
    """What a tracker holds: the whole of it, not a step.

    `marker` is unique for ever and goes into the ticket where it can be listed by. `again`: an
    earlier try may have created it, so look for its marker before creating one. `owner.user` is who
    they are on the tracker, where the config says so. `labels` are what it is filed under.
    `closed`: it was closed there when it was last seen; where `done` says so too, leave its state.
    """

    marker: str
    title: str
    text: str
    owner: Addressee | None = None
    due: date | None = None
    done: bool = False
    labels: tuple[str, ...] = ()
    again: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A ticket as it is kept; `note` is what people should know, as that nobody is assigned."""

    ref: ExternalRef
    note: str = ""


@runtime_checkable
class TicketTracker(Protocol):
    """An issue tracker."""

    async def sync(self, ticket: Ticket, ref: ExternalRef | None, *, key: str) -> Filed:
        """Bring the ticket up to date, creating it where `ref` is none."""

    async def closed(self, refs: Sequence[ExternalRef]) -> Mapping[str, bool]:
        """Return whether each ticket is closed, by the id of its ref; leave out what is gone.

        Asked for every few minutes, and at once after `PluginContext.changed`.
        """
