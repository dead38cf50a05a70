"""The statements of one transaction; writes are gathered until the next read or the commit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

from tortoise.backends.base.client import BaseDBAsyncClient

from storage.sqlite import Direct, Statement


@lru_cache(maxsize=1024)
def _with_question_marks(statement: str) -> str:
    return statement.replace("$", "?")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The differences of the engines. Statements are written with PostgreSQL's `$1`."""

    is_sqlite: bool

    def text(self, statement: str) -> str:
        """Return a statement as the engine takes it."""
        return _with_question_marks(statement) if self.is_sqlite else statement

    def hold(self) -> str:
        """Return the clause with which a SELECT locks its row; SQLite has one writer anyway."""
        return "" if self.is_sqlite else " FOR UPDATE"

    def skip_locked(self, of: str = "") -> str:
        """Return the clause with which a SELECT skips rows that are locked."""
        return "" if self.is_sqlite else f" FOR UPDATE{of} SKIP LOCKED"


SQLITE, POSTGRES = Dialect(is_sqlite=True), Dialect(is_sqlite=False)


T = TypeVar("T")


AT_ONCE = 100
"""The most rows that one INSERT writes: SQLite takes 500 SELECTs, PostgreSQL 32,767 values."""


VALUES_AT_ONCE = 32_000
"""The most values in one statement: PostgreSQL counts them in 15 bits."""


_PARAMETER = re.compile(r"\$(\d+)")


def portions(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """Return things in portions that fit in one statement on either engine."""
    for start in range(0, len(things), AT_ONCE):
        yield things[start : start + AT_ONCE]


@lru_cache(maxsize=256)
def value_rows(count: int, width: int) -> str:
    """Return the parameters of a VALUES clause: `($1, $2), ($3, $4)`."""
    return ", ".join(
        "(" + ", ".join(f"${row * width + column + 1}" for column in range(width)) + ")"
        for row in range(count)
    )


def _batches(writes: Sequence[Statement]) -> Iterator[Sequence[Statement]]:
    """Return writes, in order, in batches that PostgreSQL takes as one statement."""
    first, count = 0, 0
    for n, (_, values) in enumerate(writes):
        if count + len(values) > VALUES_AT_ONCE:
            yield writes[first:n]
            first, count = n, 0
        count += len(values)
    if writes:
        yield writes[first:]


def _together(writes: Sequence[Statement]) -> Statement:
    """Return several writes as one statement, so that PostgreSQL runs them in one round trip.

    They see the same snapshot: no write may need a row of another, or change one.
    """
    shapes = tuple((statement, len(values)) for statement, values in writes)
    return _combined(shapes), [value for _, values in writes for value in values]


@lru_cache(maxsize=1024)
def _combined(shapes: tuple[tuple[str, int], ...]) -> str:
    parts: list[str] = []
    shift = 0
    for n, (statement, count) in enumerate(shapes):
        parts.append(f"w{n} AS ({_PARAMETER.sub(partial(_shifted, by=shift), statement)})")
        shift += count
    return f"WITH {', '.join(parts)} SELECT 1"


def _shifted(parameter: re.Match[str], *, by: int) -> str:
    return f"${int(parameter[1]) + by}"


class Statements:
    """The statements of one transaction, run over one connection."""

    def __init__(
        self, client: BaseDBAsyncClient, dialect: Dialect, *, locking: bool = True
    ) -> None:
        """Hold the rows that are read if `locking`; a reader beside a writer does not."""
        self._client, self._dialect, self._locking = client, dialect, locking
        self._writes: list[Statement] = []
        self._ahead: list[dict[str, Any]] | None = None
        self._saved: set[str] = set()

    def _write(self, statement: str, *values: object) -> None:
        self._ahead = None  # a write may change what was read ahead
        self._writes.append((self._dialect.text(statement), values))

    async def flush(self) -> None:
        """Run the gathered writes."""
        writes, self._writes = self._writes, []
        self._saved.clear()
        if writes and isinstance(self._client, Direct):
            await self._client.run(writes)
            return
        for some in _batches(writes):
            statement, values = _together(some)
            await self._client.execute_query_dict(statement, list(values))

    async def _read(self, statement: str, *values: object) -> list[dict[str, Any]]:
        if self._writes:
            await self.flush()
        return await self._client.execute_query_dict(self._dialect.text(statement), list(values))

    async def _changed(self, statement: str, *values: object) -> bool:
        """Run a statement that ends in RETURNING; return whether it changed a row."""
        return bool(await self._read(statement, *values))
