"""One transaction's reads and writes; writes are gathered until the next read or the commit."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import lru_cache, partial
from typing import Any, Literal, TypeVar
from uuid import uuid4

from tortoise.backends.base.client import BaseDBAsyncClient

from bot.domain.events import (
    REDACTED,
    ActionDone,
    Entry,
    EntryAmended,
    EntryRedacted,
    Mirrored,
)
from bot.domain.incident import Incident, Phase, Severity
from bot.domain.learned import OfActions
from bot.domain.postmortem import without
from bot.domain.subscription import Subscription
from bot.domain.timeline import Learned, text_of, texts_of, with_text
from bot.refs import ConversationRef, Lane, PersonId
from bot.store.inbox import Arrival
from bot.store.incidents import ActionLine, Summary
from bot.store.rows import Lease, Outgoing, Waiting
from storage.codec import (
    SCHEMA,
    dump_action,
    dump_event,
    dump_incident,
    dump_outgoing,
    instant,
    load_action,
    load_event,
    load_incident,
    load_outgoing,
    micros,
)
from storage.models import IncidentRow
from storage.sqlite import Direct, Statement

_DAY = 24 * 3600 * 1_000_000

_ACTIONS = (
    "SELECT a.incident_id, i.title, a.data, a.done_us FROM action a"
    " JOIN incident i ON i.id = a.incident_id"
)


def _end_of(day: date) -> int:
    """Return the end of a day in UTC, as stored."""
    return micros(datetime.combine(day, time(), UTC)) + _DAY


_SUBSCRIBED = (
    "SELECT id, address, person, severity, service, incident, postmortems, digest, token, muted"
    " FROM subscription"
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
    )


def _action_line(row: Mapping[str, Any]) -> ActionLine:
    return ActionLine(
        incident=row["incident_id"],
        title=row["title"],
        action=load_action(row["data"]),
        finished_at=instant(row["done_us"]) if row["done_us"] is not None else None,
    )


@lru_cache(maxsize=1024)
def _with_question_marks(statement: str) -> str:
    return statement.replace("$", "?")


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where the engines differ. Statements are written with PostgreSQL's `$1`."""

    is_sqlite: bool

    def text(self, statement: str) -> str:
        """Return a statement as the engine takes it."""
        return _with_question_marks(statement) if self.is_sqlite else statement

    def hold(self) -> str:
        """Return what makes a SELECT hold its row; SQLite's one writer holds everything."""
        return "" if self.is_sqlite else " FOR UPDATE"

    def skip_locked(self, of: str = "") -> str:
        """Return what makes a SELECT take only rows that nobody holds."""
        return "" if self.is_sqlite else f" FOR UPDATE{of} SKIP LOCKED"


SQLITE, POSTGRES = Dialect(is_sqlite=True), Dialect(is_sqlite=False)


def place(ref: ConversationRef) -> str:
    """Return a conversation as stored."""
    return Lane.of(ref)


def _place(stored: str) -> ConversationRef:
    return Lane(stored).conversation


def _mark(source: str, event: str) -> str:
    """Return the inbox key of an event; a digest of a long id."""
    whole = f"{source}/{event}"
    return (
        whole
        if len(whole) <= 300
        else f"{source[:64]}/{hashlib.sha256(whole.encode()).hexdigest()}"
    )


class SqlWork:
    """See `bot.store.work.Work`."""

    def __init__(
        self, client: BaseDBAsyncClient, dialect: Dialect, *, locking: bool = True
    ) -> None:
        """`locking`: rows that are read are held; off for reading beside a writer."""
        self._client, self._dialect, self._locking = client, dialect, locking
        self._writes: list[Statement] = []
        self._ahead: list[dict[str, Any]] | None = None
        self._saved: set[str] = set()

    # --- running statements -----------------------------------------------------------------------

    def _write(self, statement: str, *values: object) -> None:
        self._ahead = None  # it may look otherwise after this
        self._writes.append((self._dialect.text(statement), values))

    async def flush(self) -> None:
        """Run the gathered writes."""
        writes, self._writes = self._writes, []
        self._saved.clear()
        if writes and isinstance(self._client, Direct):
            await self._client.run(writes)
        elif writes:
            statement, values = _together(writes)
            await self._client.execute_query_dict(statement, list(values))

    async def _read(self, statement: str, *values: object) -> list[dict[str, Any]]:
        if self._writes:
            await self.flush()
        return await self._client.execute_query_dict(self._dialect.text(statement), list(values))

    async def _changed(self, statement: str, *values: object) -> bool:
        """Run a statement that ends in RETURNING; return whether it changed anything."""
        return bool(await self._read(statement, *values))

    # --- inbox ------------------------------------------------------------------------------------

    async def arrive(
        self,
        source: str,
        event: str,
        conversation: ConversationRef,
        *,
        at: datetime,
        series: str | None = None,
    ) -> Arrival | None:
        """See `ports`."""
        mark, moment, real = _mark(source, event), micros(at), place(conversation)
        number: int | None = None
        if isinstance(self._client, Direct):
            statements: list[Statement] = [
                (self._dialect.text(_MARK), (mark, moment)),
                (self._dialect.text(_PLACED), (real,)),
                (_SERVED, ()),
                (_FOLLOWED, ()),
            ]
            if series is not None:
                statements.append((self._dialect.text(_NUMBER_IF_MARKED), (series,)))
            marked, placed, rows, follow, *numbered = await self._client.fetch(statements)
            logical = placed[0]["logical"] if placed else None
            followed = bool(follow[0]["followed"])
            if marked and numbered:
                number = numbered[0][0]["value"]
        else:
            # One round trip for the three; PostgreSQL gives rows within a row as JSON.
            placing = _PLACED.replace("$1", "$3")
            marked = await self._read(
                f"WITH marked AS ({_MARK}) SELECT ({placing} LIMIT 1) AS logical,"
                f" (SELECT json_agg(s) FROM ({_SERVED}) s)::text AS served,"
                f" ({_FOLLOWED}) AS followed FROM marked",
                mark,
                moment,
                real,
            )
            rows = json.loads(marked[0]["served"] or "[]") if marked else []
            logical = marked[0]["logical"] if marked else None
            followed = bool(marked[0]["followed"]) if marked else False
            if marked and series is not None:
                number = await self.number(series)
        if not marked:
            return None
        return Arrival(
            conversation=_place(logical) if logical else conversation,
            served=_served(rows),
            number=number,
            followed=followed,
        )

    async def outcome(self, source: str, event: str, outcome: str, sender: str) -> None:
        """See `ports`."""
        self._write(
            "UPDATE inbox SET outcome = $1, sender = $2 WHERE id = $3",
            outcome[:64],
            sender[:512],
            _mark(source, event),
        )

    # --- incidents --------------------------------------------------------------------------------

    async def number(self, series: str) -> int:
        """Return the next number of a series, from 1 and without gaps (F9)."""
        (row,) = await self._read(_NUMBER, series)
        return int(row["value"])

    async def incident(self, incident: str) -> Incident | None:
        """See `ports`."""
        hold = self._dialect.hold() if self._locking else ""
        rows = await self._read(f"SELECT state, schema FROM incident WHERE id = $1{hold}", incident)
        return load_incident(rows[0]["state"], rows[0]["schema"]) if rows else None

    async def held(self, incident: Incident) -> Incident | None:
        """See `ports`. SQLite's one writer holds everything: what was read is how it stands."""
        return incident if self._dialect.is_sqlite else await self.incident(incident.id)

    async def due(self, now: datetime) -> Incident | None:
        """See `ports`."""
        rows = await self._read(
            "SELECT state, schema FROM incident WHERE due_us <= $1 ORDER BY due_us LIMIT 1"
            + self._dialect.skip_locked(),
            micros(now),
        )
        return load_incident(rows[0]["state"], rows[0]["schema"]) if rows else None

    async def postpone(self, incident: str, until: datetime | None) -> None:
        """See `ports`."""
        due_us = micros(until) if until is not None else None
        self._write("UPDATE incident SET due_us = $1 WHERE id = $2", due_us, incident)

    async def incidents_in(self, conversation: ConversationRef) -> Sequence[Incident]:
        """See `ports`."""
        rows = await self._read(
            "SELECT i.state, i.schema FROM member m JOIN incident i ON i.id = m.incident_id"
            " WHERE m.conversation = $1 ORDER BY m.id DESC LIMIT 50",
            place(conversation),
        )
        return [load_incident(row["state"], row["schema"]) for row in rows]

    async def save(
        self,
        incident: Incident,
        entries: Sequence[Entry],
        *,
        due_at: datetime | None,
    ) -> None:
        """See `ports`."""
        if incident.id in self._saved:
            await self.flush()  # one statement changes a row once
        self._saved.add(incident.id)
        self._write(
            "INSERT INTO incident (id, state, schema, title, severity, phase, running,"
            " postmortem, commander, declared_us, due_us)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
            " ON CONFLICT (id) DO UPDATE SET state = excluded.state, schema = excluded.schema,"
            " title = excluded.title, severity = excluded.severity, phase = excluded.phase,"
            " running = excluded.running, postmortem = excluded.postmortem,"
            " commander = excluded.commander, due_us = excluded.due_us",
            incident.id,
            dump_incident(incident),
            SCHEMA,
            incident.title,
            int(incident.severity),
            incident.phase.value,
            incident.running,
            incident.postmortem,
            incident.commander,
            micros(incident.declared_at),
            micros(due_at) if due_at is not None else None,
        )
        for some in _portions(entries):
            values: list[object] = []
            for entry in some:
                event = entry.event
                values += (incident.id, entry.n, type(event).__name__, SCHEMA, dump_event(event))
                values.append(micros(entry.recorded_at))
            self._write(
                "INSERT INTO event (incident_id, n, type, schema, data, recorded_us) VALUES "
                + _rows(len(some), 6),
                *values,
            )
        if entries and entries[0].n == 1:
            for conversation in incident.conversations:
                await self.join(incident.id, conversation)
        for entry in entries:
            if isinstance(entry.event, Mirrored):
                await self.join(incident.id, entry.event.conversation)
            if isinstance(entry.event, EntryRedacted):
                await self._redact(incident.id, entry.event.entry)
        acted: dict[int, list[OfActions]] = {}
        for entry in entries:
            if isinstance(entry.event, OfActions):
                acted.setdefault(entry.event.n, []).append(entry.event)
        for n, events in acted.items():
            self._note_action(incident, n, events)

    def _note_action(self, incident: Incident, n: int, events: Sequence[OfActions]) -> None:
        """Keep the table of action items as `events` left one; one statement changes a row once."""
        action = incident.action(n)
        if action is None:
            return
        done = [event.at for event in events if isinstance(event, ActionDone)]
        finished = micros(done[-1]) if done else None
        ticket = f"{action.ticket.plugin}/{action.ticket.id}" if action.ticket else None
        self._write(
            "INSERT INTO action"
            " (incident_id, n, data, owner, ticket, state, drill, due_us, done_us)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
            " ON CONFLICT (incident_id, n) DO UPDATE SET data = excluded.data,"
            " owner = excluded.owner, ticket = excluded.ticket, state = excluded.state,"
            " due_us = excluded.due_us, done_us = CASE WHEN excluded.state = 1"
            " THEN COALESCE(excluded.done_us, action.done_us) ELSE NULL END",
            incident.id,
            action.n,
            dump_action(action),
            action.owner,
            ticket,
            1 if action.done else 2 if action.dropped is not None else 0,
            incident.drill,
            _end_of(action.due),
            finished,
        )

    async def actions(
        self,
        which: Literal["open", "overdue", "all"],
        *,
        today: date,
        incident: str | None = None,
        owner: PersonId | None = None,
        limit: int = 500,
    ) -> Sequence[ActionLine]:
        """See `ports`."""
        conditions, values = [], list[object]()
        if which != "all":
            conditions.append("a.state = 0")
        if which == "overdue":
            values.append(_end_of(today) - _DAY)
            conditions.append(f"a.due_us <= ${len(values)}")
        if incident is not None:
            values.append(incident)
            conditions.append(f"a.incident_id = ${len(values)}")
        else:
            conditions.append("NOT a.drill")
        if owner is not None:
            values.append(owner)
            conditions.append(f"a.owner = ${len(values)}")
        order = "a.n" if incident is not None else "a.due_us, a.id"
        rows = await self._read(
            f"{_ACTIONS} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT {limit:d}",
            *values,
        )
        return [_action_line(row) for row in rows]

    async def ticketed(self, plugin: str, ticket: str | None = None) -> Sequence[ActionLine]:
        """See `ports`."""
        if ticket is not None:
            rows = await self._read(f"{_ACTIONS} WHERE a.ticket = $1", f"{plugin}/{ticket}")
        else:
            rows = await self._read(
                f"{_ACTIONS} WHERE a.state = 0 AND substr(a.ticket, 1, length($1)) = $1"
                " ORDER BY a.id",
                f"{plugin}/",
            )
        return [_action_line(row) for row in rows]

    async def shares(self, today: date) -> tuple[int, int]:
        """See `ports`."""
        (row,) = await self._read(
            "SELECT COUNT(*) AS counted,"
            " COALESCE(SUM(CASE WHEN state = 1 AND done_us < due_us THEN 1 ELSE 0 END), 0) AS kept"
            " FROM action WHERE NOT drill AND (state = 1 OR (state = 0 AND due_us <= $1))",
            _end_of(today) - _DAY,
        )
        return int(row["counted"]), int(row["kept"])

    async def join(self, incident: str, conversation: ConversationRef) -> None:
        """Make a conversation one of an incident's."""
        self._write(
            "INSERT INTO member (incident_id, conversation) VALUES ($1, $2)"
            " ON CONFLICT (conversation, incident_id) DO NOTHING",
            incident,
            place(conversation),
        )

    async def _redact(self, incident: str, n: int) -> None:
        """Remove a text from the record itself: a redacted text does not stay (L3)."""
        entries = await self.timeline(incident)
        gone = texts_of(entries, n)
        for entry in entries:
            event = entry.event
            if isinstance(event, Learned):
                rid = without(event.text, gone)
                if rid != event.text:
                    self._write(
                        "UPDATE event SET data = $1 WHERE incident_id = $2 AND n = $3",
                        dump_event(replace(event, text=rid)),
                        incident,
                        entry.n,
                    )
            amends = isinstance(event, EntryAmended) and event.entry == n
            if entry.n == n or amends:
                self._write(
                    "UPDATE event SET data = $1 WHERE incident_id = $2 AND n = $3",
                    dump_event(with_text(event, REDACTED)),
                    incident,
                    entry.n,
                )
                if text := text_of(event):
                    await self.scrub(incident, text, REDACTED)
                    # What a plugin keeps may hold it, too: a text that was too long to be said.
                    self._write(
                        "UPDATE reference SET value = replace(value, $1, $2)"
                        " WHERE kept_us IS NOT NULL",
                        text,
                        REDACTED,
                    )

    async def entry(self, incident: str, n: int) -> Entry | None:
        """See `ports`."""
        rows = await self._read(
            "SELECT n, type, schema, data, recorded_us FROM event"
            " WHERE incident_id = $1 AND n = $2",
            incident,
            n,
        )
        return _entry(rows[0]) if rows else None

    async def timeline(self, incident: str, first: int = 1) -> Sequence[Entry]:
        """See `ports`."""
        rows = await self._read(
            "SELECT n, type, schema, data, recorded_us FROM event"
            " WHERE incident_id = $1 AND n >= $2 ORDER BY n",
            incident,
            first,
        )
        return [_entry(row) for row in rows]

    async def list(self, which: Literal["open", "owing", "all"], limit: int) -> Sequence[Summary]:
        """See `ports`."""
        await self.flush()
        query = IncidentRow.all()
        if which == "open":
            query = query.filter(running=True)
        elif which == "owing":
            query = query.filter(postmortem__isnull=False, phase=Phase.RESOLVED.value)
        rows = await query.order_by("-declared_us", "-id").limit(limit).using_db(self._client)
        return [
            Summary(
                id=row.id,
                title=row.title,
                severity=Severity(row.severity),
                phase=Phase(row.phase),
                declared_at=instant(row.declared_us),
                commander=PersonId(row.commander) if row.commander else None,
                postmortem=row.postmortem,
            )
            for row in rows
        ]

    async def public(self) -> Sequence[Incident]:
        """See `ports`."""
        rows = await self._read(
            "SELECT state, schema FROM incident WHERE phase IN ('investigating', 'stabilised')"
        )
        found = (load_incident(row["state"], row["schema"]) for row in rows)
        return [incident for incident in found if incident.public]

    async def changed_since(self, when: datetime) -> Sequence[Incident]:
        """See `ports`."""
        rows = await self._read(
            "SELECT state, schema FROM incident WHERE id IN"
            " (SELECT DISTINCT incident_id FROM event WHERE recorded_us >= $1)"
            " ORDER BY declared_us, id",
            micros(when),
        )
        return [load_incident(row["state"], row["schema"]) for row in rows]

    # --- subscriptions ----------------------------------------------------------------------------

    async def followed(self, incident: str, service: str | None) -> tuple[bool, bool]:
        """See `ports`."""
        rows = await self._read(
            "SELECT DISTINCT postmortems, digest FROM subscription WHERE person IS NOT NULL"
            " AND (incident IS NULL OR incident = $1) AND (service IS NULL OR service = $2)",
            incident,
            service,
        )
        return bool(rows), any(not row["postmortems"] and not row["digest"] for row in rows)

    async def subscriptions(
        self, *, incident: str | None = None, by: PersonId | None = None
    ) -> Sequence[Subscription]:
        """See `ports`."""
        if incident is not None:
            condition, values = "incident IS NULL OR incident = $1", [incident]
        elif by is not None:
            condition, values = "person = $1", [by]
        else:
            condition, values = "TRUE", []
        rows = await self._read(f"{_SUBSCRIBED} WHERE {condition} ORDER BY id", *values)
        return [_subscription(row) for row in rows]

    async def subscription(self, key: int | str) -> Subscription | None:
        """See `ports`."""
        column = "id" if isinstance(key, int) else "token"
        rows = await self._read(f"{_SUBSCRIBED} WHERE {column} = $1", key)
        return _subscription(rows[0]) if rows else None

    async def subscribe(self, subscription: Subscription) -> Subscription:
        """See `ports`."""
        each = subscription
        severity = int(each.severity) if each.severity is not None else None
        what = "|".join(
            str(part or "")
            for part in (severity, each.service, each.incident, each.postmortems, each.digest)
        )
        await self._read(
            "INSERT INTO subscription (address, what, person, severity, service, incident,"
            " postmortems, digest, token, muted) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, FALSE)"
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
        )
        rows = await self._read(
            f"{_SUBSCRIBED} WHERE address = $1 AND what = $2", each.address, what
        )
        return _subscription(rows[0])

    async def unsubscribe(self, n: int) -> None:
        """See `ports`."""
        self._write("DELETE FROM subscription WHERE id = $1 AND person IS NOT NULL", n)
        self._write("UPDATE subscription SET muted = TRUE WHERE id = $1 AND person IS NULL", n)

    # --- rotation ---------------------------------------------------------------------------------

    async def served(self) -> Mapping[PersonId, datetime]:
        """See `ports`."""
        return _served(await self._read(_SERVED))

    async def note_served(self, person: PersonId, at: datetime) -> None:
        """See `ports`."""
        self._write(
            "INSERT INTO rotation (person, served_us) VALUES ($1, $2)"
            " ON CONFLICT (person) DO UPDATE SET served_us = excluded.served_us",
            person,
            micros(at),
        )

    # --- outbox: asking ---------------------------------------------------------------------------

    async def send(self, what: Sequence[Outgoing], *, now: datetime) -> None:
        """See `ports`."""
        for some in _portions(what):
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

    async def scrub(self, incident: str, text: str, replacement: str) -> None:
        """See `ports`."""
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

    # --- conversations ----------------------------------------------------------------------------

    async def real(self, logical: ConversationRef) -> ConversationRef | None:
        """See `ports`."""
        rows = await self._read("SELECT real FROM place WHERE logical = $1", place(logical))
        return _place(rows[0]["real"]) if rows else None

    async def is_own(self, real: ConversationRef) -> bool:
        """See `ports`."""
        return bool(await self._read(_PLACED, place(real)))

    async def opened(
        self, logical: ConversationRef, real: ConversationRef, *, own: bool = True
    ) -> None:
        """See `ports`."""
        self._write(
            "INSERT INTO place (logical, real, own) VALUES ($1, $2, $3)"
            " ON CONFLICT (logical) DO UPDATE SET real = excluded.real, own = excluded.own",
            place(logical),
            place(real),
            own,
        )

    async def moved(self, was: ConversationRef, now: ConversationRef) -> None:
        """See `ports`."""
        moved = await self._changed(
            "UPDATE place SET real = $1 WHERE real = $2 RETURNING logical", place(now), place(was)
        )
        if not moved:
            await self.opened(was, now)

    async def ref(self, name: str) -> str | None:
        """See `ports`."""
        rows = await self._read("SELECT value FROM reference WHERE name = $1", name)
        return str(rows[0]["value"]) if rows else None

    async def refs_under(self, prefix: str) -> Mapping[str, str]:
        """See `ports`."""
        rows = await self._read(
            "SELECT name, value FROM reference WHERE substr(name, 1, length($1)) = $1",
            prefix,
        )
        return {row["name"].removeprefix(prefix): row["value"] for row in rows}

    async def store_ref(self, name: str, value: str, *, kept_at: datetime | None = None) -> None:
        """See `ports`."""
        self._write(
            "INSERT INTO reference (name, value, kept_us) VALUES ($1, $2, $3)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value, kept_us = excluded.kept_us",
            name,
            value,
            micros(kept_at) if kept_at is not None else None,
        )

    # --- outbox: delivering -----------------------------------------------------------------------

    async def waiting(self, lease: Lease) -> Waiting | None:
        """See `ports`."""
        return _waiting(await self._read(_FIRST, lease.lane))

    async def go_on(self, lease: Lease) -> Waiting | None:
        """See `ports`."""
        rows, self._ahead = self._ahead, None
        row = _waiting(await self._read(_FIRST, lease.lane) if rows is None else rows)
        if row is None:
            self._write(
                "UPDATE lane SET owner = NULL, lease_us = NULL WHERE name = $1 AND fence = $2",
                lease.lane,
                lease.fence,
            )
        return row

    async def sent(self, lease: Lease, row: Waiting, *, now: datetime) -> bool:
        """See `ports`. The text goes: what was said stands in the room and in the timeline."""
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

    async def dropped(self, lease: Lease, row: Waiting, *, now: datetime) -> bool:
        """See `ports`."""
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

    async def dead(self, lease: Lease, row: Waiting, why: str, *, now: datetime) -> bool:
        """See `ports`."""
        return await self._changed(
            "UPDATE outbox SET state = 'dead', error = $4, done_us = $5, attempts = attempts + 1"
            f" WHERE id = $1 AND state = 'waiting' AND {_HELD} RETURNING id",
            row.id,
            lease.lane,
            lease.fence,
            why[:2000],
            micros(now),
        )

    async def retry(
        self,
        lease: Lease,
        row: Waiting,
        why: str,
        *,
        not_before: datetime,
        unsure: bool = False,
    ) -> bool:
        """See `ports`."""
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

    async def waiting_in(self, lane: Lane) -> int:
        """See `ports`."""
        rows = await self._read(
            "SELECT COUNT(*) AS n FROM outbox WHERE lane = $1 AND state = 'waiting'", lane
        )
        return int(rows[0]["n"])

    async def hold_off(self, lease: Lease, *, not_before: datetime) -> None:
        """See `ports`."""
        self._write(
            "UPDATE lane SET not_before_us = $1 WHERE name = $2 AND fence = $3",
            micros(not_before),
            lease.lane,
            lease.fence,
        )


T = TypeVar("T")

_MARK = (
    "INSERT INTO inbox (id, received_us) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING RETURNING id"
)
_COUNT_UP = " ON CONFLICT (series) DO UPDATE SET value = counter.value + 1 RETURNING value"
_NUMBER = f"INSERT INTO counter (series, value) VALUES ($1, 1){_COUNT_UP}"
_NUMBER_IF_MARKED = (
    f"INSERT INTO counter (series, value) SELECT $1, 1 WHERE changes() = 1{_COUNT_UP}"
)
"""SQLite's `changes()` is that of the INSERT before it: a repeated event takes no number (F9)."""

_URGENT = {"acknowledge": 3, "open": 2}
"""What goes ahead even of the urgent: a sign to who waits for one, and what the rest waits for."""

_PLACED = "SELECT logical FROM place WHERE real = $1 AND own"
_SERVED = "SELECT person, served_us FROM rotation"
_FOLLOWED = "SELECT EXISTS (SELECT 1 FROM subscription WHERE person IS NOT NULL) AS followed"
_PARAMETER = re.compile(r"\$(\d+)")

AT_ONCE = 100
"""How many rows one INSERT writes: SQLite takes 500 SELECTs in one, PostgreSQL 32,767 values."""

_FIRST = (
    "SELECT o.id, o.key, o.version, o.attempts, o.doubt, o.created_us, o.what,"
    " (SELECT real FROM place WHERE logical = o.lane) AS real,"
    " (SELECT value FROM reference WHERE name = o.slot) AS ref, i.state, i.schema"
    " FROM outbox o LEFT JOIN incident i ON i.id = o.incident"
    " WHERE o.lane = $1 AND o.state = 'waiting' ORDER BY o.urgent DESC, o.id LIMIT 1"
)

_HELD = "EXISTS (SELECT 1 FROM lane WHERE name = $2 AND fence = $3)"
"""The lease is still ours: whoever took the lane since has raised its fence."""


_FINISH = (
    "UPDATE outbox SET state = $5, what = NULL, error = NULL, done_us = $6"
    f" WHERE id = $1 AND state = 'waiting' AND version = $4 AND {_HELD} RETURNING id"
)


def _waiting(rows: Sequence[Mapping[str, Any]]) -> Waiting | None:
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
        real=_place(row["real"]) if row["real"] is not None else None,
        ref=row["ref"],
    )


def _together(writes: Sequence[Statement]) -> Statement:
    """Return PostgreSQL's way to run several writes in one round trip.

    They see the same snapshot, so none may need another's rows, or change a row of another's.
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


def _served(rows: Sequence[Mapping[str, Any]]) -> Mapping[PersonId, datetime]:
    return {PersonId(row["person"]): instant(row["served_us"]) for row in rows}


def _portions(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """Return things in portions that fit in one statement on either engine."""
    for start in range(0, len(things), AT_ONCE):
        yield things[start : start + AT_ONCE]


@lru_cache(maxsize=256)
def _rows(count: int, width: int) -> str:
    return ", ".join(
        "(" + ", ".join(f"${row * width + column + 1}" for column in range(width)) + ")"
        for row in range(count)
    )


_COLUMNS = ("text", "text", "text", "text", "text", "smallint", "text", "bigint")


@lru_cache(maxsize=1024)
def _selecting(offset: int, *, converging: bool) -> str:
    """Return the SELECT of one outbox row; one that converges comes only where none waits."""
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


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        n=row["n"],
        event=load_event(row["type"], row["data"], row["schema"]),
        recorded_at=instant(row["recorded_us"]),
    )
