"""Inbound events: each is stored once, with the number it needs (D3, F9)."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from uuid import uuid4

from typing_extensions import override

from bot.refs import ConversationRef
from bot.store.inbox import Arrival, Inbox
from storage.codec import (
    micros,
)
from storage.incidents import SERVED, served_by
from storage.places import PLACED, place, place_of
from storage.sqlite import Direct, Statement
from storage.statements import Statements


def _mark(source: str, event: str) -> str:
    """Return the inbox key of an event; a long id is replaced by its digest."""
    whole = f"{source}/{event}"
    return (
        whole
        if len(whole) <= 300
        else f"{source[:64]}/{hashlib.sha256(whole.encode()).hexdigest()}"
    )


_MARK = (
    "INSERT INTO inbox (id, received_us) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING RETURNING id"
)


_COUNT_UP = " ON CONFLICT (series) DO UPDATE SET value = counter.value + 1 RETURNING value"


_NUMBER = f"INSERT INTO counter (series, value) VALUES ($1, 1){_COUNT_UP}"


_NUMBER_IF_MARKED = (
    f"INSERT INTO counter (series, value) SELECT $1, 1 WHERE changes() = 1{_COUNT_UP}"
)
"""SQLite's `changes()` counts the INSERT before it, so a repeated event takes no number (F9)."""


HAS_SUBSCRIBERS = (
    "SELECT EXISTS (SELECT 1 FROM subscription WHERE person IS NOT NULL"
    " AND asked_us IS NULL) AS has_subscribers"
)


class SqlInbox(Statements, Inbox):
    """The inbox of one transaction (see `bot.store.inbox.Inbox`)."""

    @override
    async def arrive(
        self,
        source: str,
        event: str,
        conversation: ConversationRef,
        *,
        at: datetime,
        series: str | None = None,
    ) -> Arrival | None:
        mark, moment, real = _mark(source, event), micros(at), place(conversation)
        number: int | None = None
        if isinstance(self._client, Direct):
            statements: list[Statement] = [
                (self._dialect.text(_MARK), (mark, moment)),
                (self._dialect.text(PLACED), (real,)),
                (SERVED, ()),
                (HAS_SUBSCRIBERS, ()),
            ]
            if series is not None:
                statements.append((self._dialect.text(_NUMBER_IF_MARKED), (series,)))
            marked, placed, rows, known, *numbered = await self._client.fetch(statements)
            logical = placed[0]["logical"] if placed else None
            has_subscribers = bool(known[0]["has_subscribers"])
            if marked and numbered:
                number = numbered[0][0]["value"]
        else:
            # One round trip for the three; PostgreSQL gives rows within a row as JSON.
            placing = PLACED.replace("$1", "$3")
            marked = await self._read(
                f"WITH marked AS ({_MARK}) SELECT ({placing} LIMIT 1) AS logical,"
                f" (SELECT json_agg(s) FROM ({SERVED}) s)::text AS served,"
                f" ({HAS_SUBSCRIBERS}) AS has_subscribers FROM marked",
                mark,
                moment,
                real,
            )
            rows = json.loads(marked[0]["served"] or "[]") if marked else []
            logical = marked[0]["logical"] if marked else None
            has_subscribers = bool(marked[0]["has_subscribers"]) if marked else False
            if marked and series is not None:
                number = await self.number(series)
        if not marked:
            return None
        return Arrival(
            conversation=place_of(logical) if logical else conversation,
            served=served_by(rows),
            number=number,
            has_subscribers=has_subscribers,
        )

    @override
    async def outcome(self, source: str, event: str, outcome: str, sender: str) -> None:
        self._write(
            "UPDATE inbox SET outcome = $1, sender = $2 WHERE id = $3",
            outcome[:64],
            sender[:512],
            _mark(source, event),
        )

    @override
    async def release(self, source: str, event: str) -> None:
        self._write(
            "UPDATE inbox SET id = $1 WHERE id = $2",
            _mark(source, f"{event}/{uuid4().hex}"),
            _mark(source, event),
        )

    async def number(self, series: str) -> int:
        """Return the next number of a series, from 1 and without gaps (F9)."""
        (row,) = await self._read(_NUMBER, series)
        return int(row["value"])
