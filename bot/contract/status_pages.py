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
    """One published text about an incident."""

    n: int
    """Its number, which never changes and never names another update of the incident."""
    at: datetime
    state: PublicState
    text: str
    """The text; it can change later, when it is redacted."""
    health: ComponentState
    """The state of the incident's components from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusNotice:
    """The full desired state of an incident on a status page, not a change."""

    incident: str
    """The incident's id."""
    title: str
    state: PublicState
    """The state of the last update."""
    health: ComponentState
    """The state of its components, judging by this incident alone."""
    updates: tuple[StatusUpdate, ...]
    """All its updates, oldest first; there is at least one."""
    components: Mapping[str, ComponentState]
    """How to show each of its components: another incident may keep one down."""
    began_at: datetime
    next_update: datetime | None = None
    """When the next update is promised."""


@runtime_checkable
class StatusPage(Protocol):
    """A public status page. Repeats and late starts must end in the same page."""

    async def publish(
        self, notice: StatusNotice, ref: ExternalRef | None, *, key: str
    ) -> ExternalRef:
        """Bring the page up to date; called whenever a text is published, changed or redacted.

        `ref` is what the last call for the incident returned; `None` for the first. All incidents
        share one queue: there is never more than one call at a time.
        """


@runtime_checkable
class Redrawable(Protocol):
    """An optional ability of a status page that is rendered ahead of time and shows days."""

    async def redraw(self) -> None:
        """Render what is published as of now; called at each start, and each hour."""
