"""Finished postmortems: the document, and the port that publishes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from bot.domain.incident import Severity
from bot.refs import ExternalRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A finished postmortem."""

    incident: str
    """The incident's id."""
    title: str
    markdown: str
    at: datetime
    """When the incident was declared."""
    severity: Severity
    """The worst that the incident had."""
    service: str | None = None
    """The service that the incident was about, if it names one."""


@runtime_checkable
class PostmortemPublisher(Protocol):
    """A place where finished postmortems are published."""

    async def publish(
        self, document: Document, ref: ExternalRef | None, *, key: str
    ) -> ExternalRef:
        """Publish a document; called when a postmortem is finished, and when it is corrected later.

        `ref` is what the last call returned; `None` for the first.
        """
