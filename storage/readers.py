"""News and its readers (F18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from typing_extensions import override

from bot.domain.effects import News
from bot.domain.incident import Severity
from bot.domain.subscription import Piece, Reader
from bot.store.readers import Readers
from storage.codec import instant, micros
from storage.statements import Statements, portions, value_rows

_READER = "SELECT address, since_us, told, held FROM reader"


def _reader(row: Mapping[str, Any]) -> Reader:
    since = instant(row["since_us"])
    return Reader(address=row["address"], since=since, told=row["told"], held=row["held"])


class SqlReaders(Statements, Readers):
    """The news and readers of one transaction (see `bot.store.readers.Readers`)."""

    @override
    async def add_news(self, piece: Piece, *, at: datetime) -> int:
        if not self._dialect.is_sqlite:
            # One at a time until the transaction ends, as SQLite has it: readers are to meet the
            # news in the order of its numbers, or what was told alone is gathered, too.
            await self._read("LOCK TABLE news IN SHARE ROW EXCLUSIVE MODE")
        (row,) = await self._read(
            "INSERT INTO news (incident, what, highest, service, at_us)"
            " VALUES ($1, $2, $3, $4, $5) RETURNING id",
            piece.incident,
            piece.news.value,
            int(piece.highest),
            piece.service,
            micros(at),
        )
        return int(row["id"])

    @override
    async def news_from(self, n: int) -> Sequence[Piece]:
        rows = await self._read(
            "SELECT incident, what, highest, service FROM news WHERE id >= $1 ORDER BY id", n
        )
        return [
            Piece(
                incident=row["incident"],
                news=News(row["what"]),
                highest=Severity(row["highest"]),
                service=row["service"],
            )
            for row in rows
        ]

    @override
    async def reader(self, address: str) -> Reader | None:
        rows = await self._read(f"{_READER} WHERE address = $1", address)
        return _reader(rows[0]) if rows else None

    @override
    async def readers(self, addresses: Sequence[str], *, at: datetime) -> Sequence[Reader]:
        found: list[Reader] = []
        for some in portions(sorted(addresses)):  # in one order, so that nobody locks crosswise
            shown = ", ".join(f"(${n}, $1, 0)" for n in range(2, len(some) + 2))
            await self._read(
                f"INSERT INTO reader (address, since_us, told) VALUES {shown}"
                " ON CONFLICT (address) DO NOTHING RETURNING address",
                micros(at),
                *some,
            )
            listed = ", ".join(f"${n + 1}" for n in range(len(some)))
            rows = await self._read(
                f"{_READER} WHERE address IN ({listed}) ORDER BY address{self._dialect.hold()}",
                *some,
            )
            found += [_reader(row) for row in rows]
        return found

    @override
    async def store_readers(self, readers: Sequence[Reader]) -> None:
        for some in portions(sorted(readers, key=lambda each: each.address)):
            self._write(
                "INSERT INTO reader (address, since_us, told, held)"
                f" VALUES {value_rows(len(some), 4)} ON CONFLICT (address) DO UPDATE SET"
                " since_us = excluded.since_us, told = excluded.told, held = excluded.held",
                *(
                    value
                    for each in some
                    for value in (each.address, micros(each.since), each.told, each.held)
                ),
            )
