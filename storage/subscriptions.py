"""Subscriptions of people outside the response (H1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from typing_extensions import override

from bot.domain.incident import Severity
from bot.domain.subscription import Subscription
from bot.refs import PersonId
from bot.store.subscriptions import Subscribed, Subscriptions
from storage.codec import instant, micros
from storage.statements import Statements

_SUBSCRIBED = (
    "SELECT id, address, person, severity, service, incident, postmortems, digest, token, muted,"
    " asked_us FROM subscription"
)


def _subscription(row: Mapping[str, Any]) -> Subscription:
    return Subscription(
        n=row["id"],
        address=row["address"],
        by=PersonId(row["person"]) if row["person"] is not None else None,
        severity=Severity(row["severity"]) if row["severity"] is not None else None,
        service=row["service"],
        incident=row["incident"],
        postmortems=bool(row["postmortems"]),
        digest=bool(row["digest"]),
        token=row["token"],
        muted=bool(row["muted"]),
        asked_at=instant(row["asked_us"]) if row["asked_us"] is not None else None,
    )


class SqlSubscriptions(Statements, Subscriptions):
    """The subscriptions of one transaction (see `bot.store.subscriptions.Subscriptions`)."""

    @override
    async def subscribed(self, incident: str, service: str | None) -> Subscribed:
        rows = await self._read(
            "SELECT DISTINCT postmortems, digest FROM subscription WHERE person IS NOT NULL"
            " AND asked_us IS NULL"
            " AND (incident IS NULL OR incident = $1) AND (service IS NULL OR service = $2)",
            incident,
            service,
        )
        to_briefs = any(not row["postmortems"] and not row["digest"] for row in rows)
        return Subscribed(anyone=bool(rows), to_briefs=to_briefs)

    @override
    async def subscriptions(
        self,
        *,
        incident: str | None = None,
        by: PersonId | None = None,
        address: str | None = None,
    ) -> Sequence[Subscription]:
        if incident is not None:
            condition, values = "incident IS NULL OR incident = $1", [incident]
        elif by is not None:
            condition, values = "person = $1", [by]
        elif address is not None:
            condition, values = "address = $1", [address]
        else:
            condition, values = "TRUE", []
        rows = await self._read(f"{_SUBSCRIBED} WHERE {condition} ORDER BY id", *values)
        return [_subscription(row) for row in rows]

    @override
    async def subscription(self, key: int | str) -> Subscription | None:
        column = "id" if isinstance(key, int) else "token"
        rows = await self._read(f"{_SUBSCRIBED} WHERE {column} = $1", key)
        return _subscription(rows[0]) if rows else None

    @override
    async def subscribe(self, subscription: Subscription) -> Subscription:
        each = subscription
        severity = int(each.severity) if each.severity is not None else None
        what = "|".join(
            str(part or "")
            for part in (severity, each.service, each.incident, each.postmortems, each.digest)
        )
        await self._read(
            "INSERT INTO subscription (address, what, person, severity, service, incident,"
            " postmortems, digest, token, muted, asked_us)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, FALSE, $10)"
            " ON CONFLICT (address, what) DO NOTHING RETURNING id",
            each.address,
            what,
            each.by,
            severity,
            each.service,
            each.incident,
            each.postmortems,
            each.digest,
            each.token,
            micros(each.asked_at) if each.asked_at is not None else None,
        )
        rows = await self._read(
            f"{_SUBSCRIBED} WHERE address = $1 AND what = $2", each.address, what
        )
        return _subscription(rows[0])

    @override
    async def unsubscribe(self, n: int) -> None:
        self._write(
            "DELETE FROM subscription WHERE id = $1 AND person IS NOT NULL AND asked_us IS NULL", n
        )
        # Unconfirmed subscriptions are kept until they lapse: they count how often one is asked.
        self._write(
            "UPDATE subscription SET muted = TRUE"
            " WHERE id = $1 AND (person IS NULL OR asked_us IS NOT NULL)",
            n,
        )

    @override
    async def confirm(self, n: int) -> None:
        self._write("UPDATE subscription SET asked_us = NULL, muted = FALSE WHERE id = $1", n)

    @override
    async def renew_asking(self, n: int) -> None:
        self._write(
            "UPDATE subscription SET muted = FALSE WHERE id = $1 AND asked_us IS NOT NULL", n
        )

    @override
    async def lapse(self, by: datetime) -> None:
        self._write("DELETE FROM subscription WHERE asked_us <= $1", micros(by))
