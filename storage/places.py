"""Conversations, their names on their platforms, and platform references."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from typing_extensions import override

from bot.refs import ConversationRef, Lane
from bot.store.places import Places
from storage.codec import (
    micros,
)
from storage.statements import Statements


def place(ref: ConversationRef) -> str:
    """Return a conversation as stored."""
    return Lane.of(ref)


def place_of(stored: str) -> ConversationRef:
    """Return a stored conversation."""
    return Lane(stored).conversation


PLACED = "SELECT logical FROM place WHERE real = $1 AND own"


class SqlPlaces(Statements, Places):
    """The conversations of one transaction (see `bot.store.places.Places`)."""

    @override
    async def real(self, logical: ConversationRef) -> ConversationRef | None:
        rows = await self._read("SELECT real FROM place WHERE logical = $1", place(logical))
        return place_of(rows[0]["real"]) if rows else None

    @override
    async def is_own(self, real: ConversationRef) -> bool:
        return bool(await self._read(PLACED, place(real)))

    @override
    async def opened(
        self, logical: ConversationRef, real: ConversationRef, *, own: bool = True
    ) -> None:
        self._write(
            "INSERT INTO place (logical, real, own) VALUES ($1, $2, $3)"
            " ON CONFLICT (logical) DO UPDATE SET real = excluded.real, own = excluded.own",
            place(logical),
            place(real),
            own,
        )

    @override
    async def moved(self, was: ConversationRef, now: ConversationRef) -> None:
        moved = await self._changed(
            "UPDATE place SET real = $1 WHERE real = $2 RETURNING logical", place(now), place(was)
        )
        if not moved:
            await self.opened(was, now)

    @override
    async def join(self, incident: str, conversation: ConversationRef) -> None:
        self._write(
            "INSERT INTO member (incident_id, conversation) VALUES ($1, $2)"
            " ON CONFLICT (conversation, incident_id) DO NOTHING",
            incident,
            place(conversation),
        )

    @override
    async def ref(self, name: str) -> str | None:
        rows = await self._read("SELECT value FROM reference WHERE name = $1", name)
        return str(rows[0]["value"]) if rows else None

    @override
    async def refs_under(self, prefix: str) -> Mapping[str, str]:
        rows = await self._read(
            "SELECT name, value FROM reference WHERE substr(name, 1, length($1)) = $1",
            prefix,
        )
        return {row["name"].removeprefix(prefix): row["value"] for row in rows}

    @override
    async def store_ref(self, name: str, value: str, *, kept_at: datetime | None = None) -> None:
        self._write(
            "INSERT INTO reference (name, value, kept_us) VALUES ($1, $2, $3)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value, kept_us = excluded.kept_us",
            name,
            value,
            micros(kept_at) if kept_at is not None else None,
        )
