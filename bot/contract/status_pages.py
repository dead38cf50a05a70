"""Public status pages: the notice that one shows, and the port of its plugin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from bot.domain.publication import ComponentState, PublicState
from bot.refs import ExternalRef


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusUpdate:
    """One text of an incident on a status page. `n` is its name for ever.

    `health` is how the incident's components fared from then on.
    """

    n: int
    at: datetime
    state: PublicState
    text: str
    health: ComponentState


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusNotice:
    """What a status page shows of an incident: the whole of it, not a step.

    `updates` are oldest first, and at least one; the state is the last one's. `health` is how its
    components fare by this incident alone, `components` how each of them is to be shown: other
    incidents may keep one down. `next_update` is when the next text is promised.
    """

    incident: str
    title: str
    state: PublicState
    health: ComponentState
    updates: tuple[StatusUpdate, ...]
    components: Mapping[str, ComponentState]
    began_at: datetime
    next_update: datetime | None = None


@runtime_checkable
class StatusPage(Protocol):
    """A public status page. Converges: repeats and late starts end in the same page.

    One notice at a time is published, of all incidents.
    """

    async def publish(
        self, notice: StatusNotice, ref: ExternalRef | None, *, key: str
    ) -> ExternalRef:
        """Bring the page up to date, creating its incident where `ref` is none."""


@runtime_checkable
class Redrawable(Protocol):
    """What a status page may have besides, where it shows days and is not drawn when asked for."""

    async def redraw(self) -> None:
        """Draw what is published as of now; called at each start, and each hour."""
