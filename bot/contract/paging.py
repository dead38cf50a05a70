"""Paging services: the request to wake somebody, and the port of the plugin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bot.contract.chat import (
    Addressee,
)
from bot.domain.incident import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """A request to wake people."""

    incident: str
    """The incident's id."""
    severity: Severity
    people: tuple[Addressee, ...]
    """The people to wake; they may be unknown to the paging service."""
    service: str | None
    """The service whose on-call people are meant, if the incident names one."""
    text: str
    """The text to tell them."""


@runtime_checkable
class Pager(Protocol):
    """A paging service."""

    async def page(self, request: PageRequest, *, key: str) -> None:
        """Wake people; called for each page, before other deliveries to this plugin."""

    async def on_call(self, schedule: str) -> Sequence[str]:
        """Return who is on call for a service: ids or names of the config.

        Called every minute for each service of the config. If it raises or hangs, the last
        answer stays.
        """
