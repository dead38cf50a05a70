"""Lanes: taken under a lease by one worker at a time, put off, and given back (D1, D2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.refs import Lane
from bot.store.rows import Lease
from storage.codec import instant, micros
from storage.transactions import Transactions

_SECOND = 1_000_000


_CLAIMABLE = (
    "SELECT l.name FROM lane l JOIN ("
    "SELECT lane, MAX(urgent) AS urgent, MIN(id) AS oldest FROM outbox"
    " WHERE state = 'waiting' GROUP BY lane) w ON w.lane = l.name"
    f" WHERE (l.lease_us IS NULL OR l.lease_us < $2 OR l.lease_us > $2 + {60 * _SECOND})"
    f" AND (l.not_before_us IS NULL OR l.not_before_us <= $2"
    f" OR l.not_before_us > $2 + {2 * 3600 * _SECOND})"
)
"""The lanes that have something to send, that nobody holds, and that are not put off.

A lease or a delay longer than the longest that is ever given was written before the clock was set
back, and counts as over.
"""


def _besides(adapters: Sequence[str], first: int) -> str:
    """Return the condition that excludes the lanes of adapters; their names are parameters."""
    return "".join(
        f" AND substr(l.name, 1, length(${n})) <> ${n}" for n in range(first, first + len(adapters))
    )


class Lanes(Transactions):
    """The lanes of the outbox, and the sessions that one process has at a time."""

    async def claim(
        self,
        owner: str,
        *,
        now: datetime,
        until: datetime,
        limit: int,
        without: Sequence[str] = (),
    ) -> list[Lease]:
        """Take lanes that have something to send and that nobody holds."""
        rows = await self._ask(
            "UPDATE lane SET doubt = owner IS NOT NULL, owner = $1, lease_us = $3,"
            " fence = fence + 1 WHERE name IN ("
            f"{_CLAIMABLE}{_besides(without, 4)} ORDER BY w.urgent DESC, w.oldest LIMIT {limit:d}"
            f"{self._sql.skip_locked(' OF l')}) RETURNING name, fence, doubt,"
            " (SELECT MAX(urgent) FROM outbox WHERE lane = name AND state = 'waiting') AS urgent,"
            " (SELECT MIN(id) FROM outbox WHERE lane = name AND state = 'waiting') AS oldest",
            owner,
            micros(now),
            micros(until),
            *(Lane.prefix(adapter) for adapter in without),
        )
        # An UPDATE returns its rows in any order; the oldest row is delivered first.
        for row in rows:
            if row["doubt"]:
                # The last holder may have been sending the first row of either urgency.
                await self._ask(
                    "UPDATE outbox SET doubt = TRUE WHERE id IN (SELECT MIN(id) FROM outbox"
                    " WHERE lane = $1 AND state = 'waiting' GROUP BY urgent) RETURNING id",
                    row["name"],
                )
        rows.sort(key=lambda row: (-(row["urgent"] or 0), row["oldest"] or 0))
        return [Lease(lane=Lane(row["name"]), fence=row["fence"]) for row in rows]

    async def claimable(self, now: datetime, without: Sequence[str] = ()) -> bool:
        """Return whether there is a lane to take."""
        asked = f"{_CLAIMABLE.replace('$2', '$1')}{_besides(without, 2)} LIMIT 1"
        return bool(await self._ask(asked, micros(now), *(Lane.prefix(name) for name in without)))

    async def hold(self, name: str, owner: str, *, now: datetime, until: datetime) -> bool:
        """Take or keep a session; return whether it is this owner's now."""
        await self._ask(
            "INSERT INTO lane (name, fence, doubt) VALUES ($1, 0, FALSE)"
            " ON CONFLICT (name) DO NOTHING RETURNING name",
            name,
        )
        rows = await self._ask(
            "UPDATE lane SET owner = $1, lease_us = $4, fence = fence + 1 WHERE name = $2 AND ("
            "owner IS NULL OR owner = $1 OR lease_us IS NULL OR lease_us < $3"
            # Twice as long as anybody asks for: it was written before the clock was set back.
            " OR lease_us > $5) RETURNING name",
            owner,
            name,
            micros(now),
            micros(until),
            micros(until + (until - now)),
        )
        return bool(rows)

    async def let_go(self, name: str, owner: str) -> None:
        """Give back a session that `hold` took."""
        await self._ask(
            "UPDATE lane SET owner = NULL, lease_us = NULL WHERE name = $1 AND owner = $2"
            " RETURNING name",
            name,
            owner,
        )

    async def renew(self, owner: str, leases: Sequence[Lease], *, until: datetime) -> None:
        """Hold lanes for longer."""
        for lease in leases:
            await self._ask(
                "UPDATE lane SET lease_us = $1 WHERE name = $2 AND owner = $3 AND fence = $4"
                " RETURNING name",
                micros(until),
                lease.lane,
                owner,
                lease.fence,
            )

    async def release(self, owner: str, lease: Lease) -> None:
        """Give a lane back."""
        await self._ask(
            "UPDATE lane SET owner = NULL, lease_us = NULL"
            " WHERE name = $1 AND owner = $2 AND fence = $3 RETURNING name",
            lease.lane,
            owner,
            lease.fence,
        )

    async def end_leases(self) -> None:
        """Let every lane and session be taken at once: nobody else can have it (SQLite, at start).

        The owner stays on the lane, so that what it was sending is known to be in doubt.
        """
        await self._ask("UPDATE lane SET lease_us = 0 WHERE lease_us IS NOT NULL RETURNING name")

    async def hasten(self, target: str, now: datetime) -> None:
        """Let every lane of a target be claimed at once: the target works again."""
        await self._ask(
            "UPDATE lane SET not_before_us = NULL WHERE substr(name, 1, length($1)) = $1"
            " AND not_before_us > $2 RETURNING name",
            Lane.prefix(target),
            micros(now),
        )

    async def end_delays(self, now: datetime) -> None:
        """Let every lane be claimed at once that is put off: the clock has jumped meanwhile."""
        await self._ask(
            "UPDATE lane SET not_before_us = NULL WHERE not_before_us > $1 RETURNING name",
            micros(now),
        )

    async def next_retry(self, now: datetime) -> datetime | None:
        """Return when the next lane may be claimed that was put off or whose lease runs out."""
        (row,) = await self._ask(
            "SELECT MIN(CASE WHEN COALESCE(not_before_us, 0) > COALESCE(lease_us, 0)"
            " THEN not_before_us ELSE lease_us END) AS soonest FROM lane"
            " WHERE (not_before_us > $1 OR lease_us IS NOT NULL)"
            " AND name IN (SELECT DISTINCT lane FROM outbox WHERE state = 'waiting')",
            micros(now),
        )
        return instant(row["soonest"]) if row["soonest"] is not None else None
