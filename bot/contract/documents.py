"""Finished postmortems: the document, and the port that publishes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from bot.domain.incident import Severity
from bot.refs import ExternalRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A finished document. `at` is the day of the incident, `service` what it was about."""

    incident: str
    title: str
    markdown: str
    at: datetime
    severity: Severity
    service: str | None = None


@runtime_checkable
class PostmortemPublisher(Protocol):
    """Where finished postmortems go."""

    async def publish(
        self, document: Document, ref: ExternalRef | None, *, key: str
    ) -> ExternalRef:
        """Bring the published document up to date."""
