"""The outbox: rows to deliver, in order within their lanes (D1, D2)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import uuid4

from typing_extensions import override

from bot.refs import Lane
from bot.store.queue import Queue
from bot.store.rows import Lease, Outgoing, Waiting
from storage.codec import (
    dump_outgoing,
    instant,
    load_incident,
    load_outgoing,
    micros,
)
from storage.places import place_of
from storage.sqlite import Direct, Statement
from storage.statements import Statements, portions

_URGENT = {"acknowledge": 3, "open": 2}
"""Bodies that go ahead even of urgent rows: the sender waits for a mark, the rest for a room."""


_FIRST = (
    "SELECT o.id, o.key, o.version, o.attempts, o.doubt, o.created_us, o.what,"
    " (SELECT real FROM place WHERE logical = o.lane) AS real,"
    " (SELECT value FROM reference WHERE name = o.slot) AS ref, i.state, i.schema"
    " FROM outbox o LEFT JOIN incident i ON i.id = o.incident"
    " WHERE o.lane = $1 AND o.state = 'waiting' ORDER BY o.urgent DESC, o.id LIMIT 1"
)


_HELD = "EXISTS (SELECT 1 FROM lane WHERE name = $2 AND fence = $3)"
"""The lease still holds: a worker that takes the lane raises its fence."""


_FINISH = (
    "UPDATE outbox SET state = $5, what = NULL, error = NULL, done_us = $6"
    f" WHERE id = $1 AND state = 'waiting' AND version = $4 AND {_HELD} RETURNING id"
)


def waiting_of(rows: Sequence[Mapping[str, Any]]) -> Waiting | None:
    """Return the row that `_FIRST` found."""
    if not rows:
        return None
    (row,) = rows
    state = row["state"]
    return Waiting(
        id=row["id"],
        key=row["key"],
        version=row["version"],
        attempts=row["attempts"],
        doubt=bool(row["doubt"]),
        created_at=instant(row["created_us"]),
        what=load_outgoing(row["what"]),
        incident=load_incident(state, row["schema"]) if state is not None else None,
        real=place_of(row["real"]) if row["real"] is not None else None,
        ref=row["ref"],
    )


_COLUMNS = ("text", "text", "text", "text", "text", "smallint", "text", "bigint")


@lru_cache(maxsize=1024)
def _selecting(offset: int, *, converging: bool) -> str:
    """Return the SELECT of one outbox row; a converging one is empty if its slot waits already."""
    key, lane, target, what, incident, urgent, slot, created = (
        f"CAST(${offset + i + 1} AS {kind})" for i, kind in enumerate(_COLUMNS)
    )
    where = (
        f" WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE slot = {slot} AND state = 'waiting')"
        if converging
        else ""
    )
    return (
        f"SELECT {key}, {lane}, {target}, {what}, {incident}, {urgent}, {slot},"
        f" 'waiting', 0, 0, FALSE, {created}{where}"
    )


class SqlQueue(Statements, Queue):
    """The outbox of one transaction (see `bot.store.queue.Queue`)."""

    @override
    async def send(self, what: Sequence[Outgoing], *, now: datetime) -> None:
        for some in portions(what):
            self._queue(some, now)

    def _queue(self, what: Sequence[Outgoing], now: datetime) -> None:
        lanes = sorted({each.lane for each in what})
        self._write(
            "INSERT INTO lane (name, fence, doubt) VALUES "
            + ", ".join(f"(${i + 1}, 0, FALSE)" for i in range(len(lanes)))
            + " ON CONFLICT (name) DO NOTHING",
            *lanes,
        )
        for each in what:
            if each.slot is not None:
                self._write(
                    "UPDATE outbox SET version = version + 1, what = $1"
                    " WHERE slot = $2 AND state = 'waiting'",
                    dump_outgoing(each),
                    each.slot,
                )
        self._write(
            "INSERT INTO outbox (key, lane, target, what, incident, urgent, slot, state, version,"
            " attempts, doubt, created_us) "
            + " UNION ALL ".join(
                _selecting(i * 8, converging=each.slot is not None) for i, each in enumerate(what)
            ),
            *(
                value
                for each in what
                for value in (
                    uuid4().hex,
                    each.lane,
                    each.target,
                    dump_outgoing(each),
                    each.incident,
                    _URGENT.get(each.body.kind, int(each.urgent)),
                    each.slot,
                    micros(now),
                )
            ),
        )

    @override
    async def scrub(self, incident: str, text: str, replacement: str) -> None:
        rows = await self._read(
            "SELECT id, what FROM outbox"
            " WHERE incident = $1 AND state IN ('waiting', 'dead') AND what IS NOT NULL",
            incident,
        )
        needle, thread = json.dumps(text)[1:-1], json.dumps(replacement)[1:-1]
        plain = json.dumps(text, ensure_ascii=False)[1:-1]
        for row in rows:
            what = row["what"].replace(plain, thread).replace(needle, thread)
            if what != row["what"]:
                self._write("UPDATE outbox SET what = $1 WHERE id = $2", what, row["id"])

    @override
    async def waiting(self, lease: Lease) -> Waiting | None:
        return waiting_of(await self._read(_FIRST, lease.lane))

    @override
    async def go_on(self, lease: Lease) -> Waiting | None:
        rows, self._ahead = self._ahead, None
        row = waiting_of(await self._read(_FIRST, lease.lane) if rows is None else rows)
        if row is None:
            self._write(
                "UPDATE lane SET owner = NULL, lease_us = NULL WHERE name = $1 AND fence = $2",
                lease.lane,
                lease.fence,
            )
        return row

    @override
    async def sent(self, lease: Lease, row: Waiting, *, now: datetime) -> bool:
        # The text is deleted: it stands in the room and in the timeline.
        if await self._finish(lease, row, "sent", now):
            return True
        return await self._changed(
            "UPDATE outbox SET attempts = 0, doubt = FALSE"
            f" WHERE id = $1 AND version > $4 AND {_HELD}"
            " RETURNING id",
            row.id,
            lease.lane,
            lease.fence,
            row.version,
        )

    @override
    async def dropped(self, lease: Lease, row: Waiting, *, now: datetime) -> bool:
        return await self._finish(lease, row, "dropped", now)

    async def _finish(self, lease: Lease, row: Waiting, state: str, now: datetime) -> bool:
        finishing: Statement = (
            self._dialect.text(_FINISH),
            (row.id, lease.lane, lease.fence, row.version, state, micros(now)),
        )
        if not isinstance(self._client, Direct):
            return await self._changed(*finishing[:1], *finishing[1])
        if self._writes:
            await self.flush()
        # What comes after it is most often asked for next: one trip for both.
        first: Statement = (self._dialect.text(_FIRST), (lease.lane,))
        finished, self._ahead = await self._client.fetch([finishing, first])
        return bool(finished)

    @override
    async def dead(self, lease: Lease, row: Waiting, why: str, *, now: datetime) -> bool:
        return await self._changed(
            "UPDATE outbox SET state = 'dead', error = $4, done_us = $5, attempts = attempts + 1"
            f" WHERE id = $1 AND state = 'waiting' AND {_HELD} RETURNING id",
            row.id,
            lease.lane,
            lease.fence,
            why[:2000],
            micros(now),
        )

    @override
    async def retry(
        self,
        lease: Lease,
        row: Waiting,
        why: str,
        *,
        not_before: datetime,
        unsure: bool = False,
    ) -> bool:
        held = await self._changed(
            "UPDATE outbox SET error = $4, attempts = attempts + 1, doubt = doubt OR $5"
            f" WHERE id = $1 AND state = 'waiting' AND {_HELD} RETURNING id",
            row.id,
            lease.lane,
            lease.fence,
            why[:2000],
            unsure,
        )
        if held:
            await self.hold_off(lease, not_before=not_before)
        return held

    @override
    async def waiting_in(self, lane: Lane) -> int:
        rows = await self._read(
            "SELECT COUNT(*) AS n FROM outbox WHERE lane = $1 AND state = 'waiting'", lane
        )
        return int(rows[0]["n"])

    @override
    async def hold_off(self, lease: Lease, *, not_before: datetime) -> None:
        self._write(
            "UPDATE lane SET not_before_us = $1 WHERE name = $2 AND fence = $3",
            micros(not_before),
            lease.lane,
            lease.fence,
        )
