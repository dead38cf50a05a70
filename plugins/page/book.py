"""The page's data: each incident as last published, and the state of each component."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from bot.contract import ComponentState, Memory, PublicState, StatusNotice

DAYS = 90
"""How many days of history a component shows."""

_INCIDENT = "incident/"
_REVISION = "revision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One published text."""

    n: int
    at: datetime
    state: PublicState
    text: str
    health: ComponentState
    """The state of the incident's components from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An incident as it was last published."""

    id: str
    title: str
    components: tuple[str, ...]
    updates: tuple[Update, ...]
    """All updates, oldest first; there is at least one."""
    began_at: datetime
    next_update: datetime | None
    """When the next update is promised."""

    @property
    def last(self) -> Update:
        """The newest text."""
        return self.updates[-1]

    @property
    def over(self) -> bool:
        """Return whether it is resolved."""
        return self.last.state is PublicState.RESOLVED

    @property
    def worst(self) -> ComponentState:
        """The worst state of its components."""
        return max(update.health for update in self.updates)

    def spans(self, now: datetime) -> Iterable[tuple[datetime, datetime, ComponentState]]:
        """Return the stretches of time, with the state of its components in each."""
        moments = [*self.updates, None]
        for update, after in pairwise(moments):
            if update is not None:
                yield update.at, after.at if after is not None else now, update.health


@dataclass(frozen=True, slots=True, kw_only=True)
class DayState:
    """The worst state of a component on a day."""

    day: date
    state: ComponentState


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A component of the page."""

    key: str
    name: str
    state: ComponentState
    """Its state now."""
    days: tuple[DayState, ...]
    """Its last `DAYS` days, oldest first."""
    available: float
    """The share of that time without an outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """All that was published, newest first, as of `now`."""

    incidents: tuple[Told, ...]
    components: tuple[Component, ...]
    now: datetime

    @property
    def open(self) -> tuple[Told, ...]:
        """The incidents that are not over."""
        return tuple(told for told in self.incidents if not told.over)

    @property
    def state(self) -> ComponentState:
        """The worst state of all open incidents."""
        return max((told.last.health for told in self.open), default=ComponentState.OPERATIONAL)

    @property
    def updated_at(self) -> datetime | None:
        """When something was last published; `None` if nothing ever was."""
        return max((told.last.at for told in self.incidents), default=None)

    def incident(self, name: str) -> Told | None:
        """Return an incident by its id."""
        return next((told for told in self.incidents if told.id == name), None)


def opened(incidents: Iterable[Told], names: Mapping[str, str], now: datetime) -> Book:
    """Return the book of incidents; `names` are the page's components, in its order."""
    newest = tuple(sorted(incidents, key=lambda told: (told.began_at, told.id), reverse=True))
    components = tuple(_component(key, name, newest, now) for key, name in names.items())
    return Book(incidents=newest, components=components, now=now)


def _component(key: str, name: str, incidents: Sequence[Told], now: datetime) -> Component:
    concerned = [told for told in incidents if key in told.components]
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    began = datetime.combine(first, time(), UTC)
    worst = {first + timedelta(days=n): ComponentState.OPERATIONAL for n in range(DAYS)}
    out: list[tuple[datetime, datetime]] = []
    for told in concerned:
        for since, until, state in told.spans(now):
            start, end = max(since, began), min(until, now)
            if state is ComponentState.OPERATIONAL or end < began:
                continue
            if state >= ComponentState.PARTIAL:
                out.append((start, end))
            day = start.date()
            while day <= end.date():
                worst[day] = max(worst.get(day, state), state)
                day += timedelta(days=1)
    length = (now - began).total_seconds()
    return Component(
        key=key,
        name=name,
        state=max(
            (told.last.health for told in concerned if not told.over),
            default=ComponentState.OPERATIONAL,
        ),
        days=tuple(DayState(day=day, state=state) for day, state in worst.items()),
        available=1 - _together(out) / length if length else 1.0,
    )


def _together(spans: Iterable[tuple[datetime, datetime]]) -> float:
    """Return the length of the union of all spans, in seconds."""
    total, reached = 0.0, datetime.min.replace(tzinfo=UTC)
    for start, end in sorted(spans):
        begin = max(start, reached)
        if end > begin:
            total += (end - begin).total_seconds()
            reached = end
    return total


# --- keeping --------------------------------------------------------------------------------------


async def write_down(memory: Memory, notice: StatusNotice, key: str) -> None:
    """Keep an incident as it is to be shown, and then a new revision."""
    await memory.keep(f"{_INCIDENT}{notice.incident}", _dump(notice))
    await memory.keep(_REVISION, f"{notice.incident} {key}")


async def revision(memory: Memory) -> str | None:
    """Return the revision, which changes whenever something is published."""
    return await memory.recall(_REVISION)


async def read_back(memory: Memory) -> list[Told]:
    """Return all incidents."""
    return [_load(name, text) for name, text in (await memory.under(_INCIDENT)).items()]


def _dump(notice: StatusNotice) -> str:
    return json.dumps(
        {
            "title": notice.title,
            "components": sorted(notice.components),
            "began_at": notice.began_at.isoformat(),
            "next_update": notice.next_update.isoformat() if notice.next_update else None,
            "updates": [
                {
                    "n": update.n,
                    "at": update.at.isoformat(),
                    "state": update.state.value,
                    "text": update.text,
                    "health": int(update.health),
                }
                for update in notice.updates
            ],
        },
        ensure_ascii=False,
    )


def _load(name: str, text: str) -> Told:
    kept = json.loads(text)
    due = kept["next_update"]
    return Told(
        id=name,
        title=kept["title"],
        components=tuple(kept["components"]),
        began_at=datetime.fromisoformat(kept["began_at"]),
        next_update=datetime.fromisoformat(due) if due else None,
        updates=tuple(
            Update(
                n=each["n"],
                at=datetime.fromisoformat(each["at"]),
                state=PublicState(each["state"]),
                text=each["text"],
                health=ComponentState(each["health"]),
            )
            for each in kept["updates"]
        ),
    )
