"""Incidents, their timelines and action items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any, Literal

from typing_extensions import override

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
from bot.domain.timeline import WrittenAfterwards, text_of, texts_of, with_text
from bot.refs import ConversationRef, PersonId
from bot.store.incidents import ActionLine, Incidents, Summary
from storage.codec import (
    SCHEMA,
    dump_action,
    dump_event,
    dump_incident,
    instant,
    load_action,
    load_event,
    load_incident,
    micros,
)
from storage.places import SqlPlaces, place
from storage.queue import SqlQueue
from storage.statements import portions, value_rows

DAY = 24 * 3600 * 1_000_000


_ACTIONS = (
    "SELECT a.incident_id, i.title, a.data, a.done_us, i.state LIKE '%\"private\":true%' AS private"
    " FROM action a"
    " JOIN incident i ON i.id = a.incident_id"
)


_PRIVATE = '"private":true'
"""The mark of a private incident in its stored state; a text in there has its quotes escaped."""


def end_of(day: date) -> int:
    """Return the end of a day in UTC, as stored."""
    return micros(datetime.combine(day, time(), UTC)) + DAY


def _action_line(row: Mapping[str, Any]) -> ActionLine:
    return ActionLine(
        incident=row["incident_id"],
        title=row["title"],
        action=load_action(row["data"]),
        finished_at=instant(row["done_us"]) if row["done_us"] is not None else None,
        private=bool(row["private"]),
    )


SERVED = "SELECT person, served_us FROM rotation"


def served_by(rows: Sequence[Mapping[str, Any]]) -> Mapping[PersonId, datetime]:
    """Return when each commander last served."""
    return {PersonId(row["person"]): instant(row["served_us"]) for row in rows}


def entry_of(row: Mapping[str, Any]) -> Entry:
    """Return a stored timeline entry."""
    return Entry(
        n=row["n"],
        event=load_event(row["type"], row["data"], row["schema"]),
        recorded_at=instant(row["recorded_us"]),
    )


_LISTED = {
    "open": " WHERE running = TRUE",
    "owing": f" WHERE postmortem IS NOT NULL AND phase = '{Phase.RESOLVED.value}'",
    "all": "",
}
"""The condition of each list of incidents."""


class SqlIncidents(SqlPlaces, SqlQueue, Incidents):
    """The incidents of one transaction (see `bot.store.incidents.Incidents`)."""

    @override
    async def incident(self, incident: str) -> Incident | None:
        hold = self._dialect.hold() if self._locking else ""
        rows = await self._read(f"SELECT state, schema FROM incident WHERE id = $1{hold}", incident)
        return load_incident(rows[0]["state"], rows[0]["schema"]) if rows else None

    @override
    async def held(self, incident: Incident) -> Incident | None:
        # SQLite has one writer, so what it has read cannot have changed.
        return incident if self._dialect.is_sqlite else await self.incident(incident.id)

    @override
    async def due(self, now: datetime) -> Incident | None:
        rows = await self._read(
            "SELECT state, schema FROM incident WHERE due_us <= $1 ORDER BY due_us LIMIT 1"
            + self._dialect.skip_locked(),
            micros(now),
        )
        return load_incident(rows[0]["state"], rows[0]["schema"]) if rows else None

    @override
    async def postpone(self, incident: str, until: datetime | None) -> None:
        due_us = micros(until) if until is not None else None
        self._write("UPDATE incident SET due_us = $1 WHERE id = $2", due_us, incident)

    @override
    async def incidents_in(self, conversation: ConversationRef) -> Sequence[Incident]:
        rows = await self._read(
            "SELECT i.state, i.schema FROM member m JOIN incident i ON i.id = m.incident_id"
            " WHERE m.conversation = $1 ORDER BY m.id DESC LIMIT 50",
            place(conversation),
        )
        return [load_incident(row["state"], row["schema"]) for row in rows]

    @override
    async def save(
        self,
        incident: Incident,
        entries: Sequence[Entry],
        *,
        due_at: datetime | None,
    ) -> None:
        if incident.id in self._saved:
            await self.flush()  # writes that run together may not change one row twice
        self._saved.add(incident.id)
        self._write_state(incident, due_at)
        self._write_entries(incident.id, entries)
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

    def _write_state(self, incident: Incident, due_at: datetime | None) -> None:
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

    def _write_entries(self, incident: str, entries: Sequence[Entry]) -> None:
        for some in portions(entries):
            values: list[object] = []
            for entry in some:
                event = entry.event
                values += (incident, entry.n, type(event).__name__, SCHEMA, dump_event(event))
                values.append(micros(entry.recorded_at))
            self._write(
                "INSERT INTO event (incident_id, n, type, schema, data, recorded_us) VALUES "
                + value_rows(len(some), 6),
                *values,
            )

    def _note_action(self, incident: Incident, n: int, events: Sequence[OfActions]) -> None:
        """Write an action item as `events` left it, in one statement: a row is changed once."""
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
            end_of(action.due),
            finished,
        )

    async def _redact(self, incident: str, n: int) -> None:
        """Remove a text from the record itself: a redacted text does not stay there (L3)."""
        entries = await self.timeline(incident)
        gone = texts_of(entries, n)
        for entry in entries:
            event = entry.event
            if isinstance(event, WrittenAfterwards):
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
                    # A plugin's memory may hold the text, too.
                    self._write(
                        "UPDATE reference SET value = replace(value, $1, $2)"
                        " WHERE kept_us IS NOT NULL",
                        text,
                        REDACTED,
                    )

    @override
    async def entry(self, incident: str, n: int) -> Entry | None:
        rows = await self._read(
            "SELECT n, type, schema, data, recorded_us FROM event"
            " WHERE incident_id = $1 AND n = $2",
            incident,
            n,
        )
        return entry_of(rows[0]) if rows else None

    @override
    async def timeline(self, incident: str, first: int = 1) -> Sequence[Entry]:
        rows = await self._read(
            "SELECT n, type, schema, data, recorded_us FROM event"
            " WHERE incident_id = $1 AND n >= $2 ORDER BY n",
            incident,
            first,
        )
        return [entry_of(row) for row in rows]

    @override
    async def list(self, which: Literal["open", "owing", "all"], limit: int) -> Sequence[Summary]:
        rows = await self._read(
            "SELECT id, title, severity, phase, declared_us, commander, postmortem, state"
            f" FROM incident{_LISTED[which]} ORDER BY declared_us DESC, id DESC LIMIT {limit:d}"
        )
        return [
            Summary(
                id=row["id"],
                title=row["title"],
                severity=Severity(row["severity"]),
                phase=Phase(row["phase"]),
                declared_at=instant(row["declared_us"]),
                commander=PersonId(row["commander"]) if row["commander"] else None,
                postmortem=row["postmortem"],
                private=_PRIVATE in row["state"],
            )
            for row in rows
        ]

    @override
    async def public(self) -> Sequence[Incident]:
        rows = await self._read(
            "SELECT state, schema FROM incident WHERE phase IN ('investigating', 'stabilised')"
        )
        found = (load_incident(row["state"], row["schema"]) for row in rows)
        return [incident for incident in found if incident.public]

    @override
    async def changed_since(self, when: datetime) -> Sequence[Incident]:
        rows = await self._read(
            "SELECT state, schema FROM incident WHERE id IN"
            " (SELECT DISTINCT incident_id FROM event WHERE recorded_us >= $1)"
            " ORDER BY declared_us, id",
            micros(when),
        )
        return [load_incident(row["state"], row["schema"]) for row in rows]

    @override
    async def actions(
        self,
        which: Literal["open", "overdue", "all"],
        *,
        today: date,
        incident: str | None = None,
        owner: PersonId | None = None,
        limit: int = 500,
    ) -> Sequence[ActionLine]:
        conditions, values = [], list[object]()
        if which != "all":
            conditions.append("a.state = 0")
        if which == "overdue":
            values.append(end_of(today) - DAY)
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

    @override
    async def ticketed(self, plugin: str, ticket: str | None = None) -> Sequence[ActionLine]:
        if ticket is not None:
            rows = await self._read(f"{_ACTIONS} WHERE a.ticket = $1", f"{plugin}/{ticket}")
        else:
            rows = await self._read(
                f"{_ACTIONS} WHERE a.state = 0 AND substr(a.ticket, 1, length($1)) = $1"
                " ORDER BY a.id",
                f"{plugin}/",
            )
        return [_action_line(row) for row in rows]

    @override
    async def shares(self, today: date) -> tuple[int, int]:
        (row,) = await self._read(
            "SELECT COUNT(*) AS counted,"
            " COALESCE(SUM(CASE WHEN state = 1 AND done_us < due_us THEN 1 ELSE 0 END), 0) AS kept"
            " FROM action WHERE NOT drill AND (state = 1 OR (state = 0 AND due_us <= $1))",
            end_of(today) - DAY,
        )
        return int(row["counted"]), int(row["kept"])

    @override
    async def served(self) -> Mapping[PersonId, datetime]:
        return served_by(await self._read(SERVED))

    @override
    async def note_served(self, person: PersonId, at: datetime) -> None:
        self._write(
            "INSERT INTO rotation (person, served_us) VALUES ($1, $2)"
            " ON CONFLICT (person) DO UPDATE SET served_us = excluded.served_us",
            person,
            micros(at),
        )
