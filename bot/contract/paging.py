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
    """Somebody to wake: people, or whoever is on call for a service."""

    incident: str
    severity: Severity
    people: tuple[Addressee, ...]
    service: str | None
    text: str


@runtime_checkable
class Pager(Protocol):
    """A paging service."""

    async def page(self, request: PageRequest, *, key: str) -> None:
        """Wake them."""

    async def on_call(self, schedule: str) -> Sequence[str]:
        """Return who is on call for a service: ids or names of the config."""
