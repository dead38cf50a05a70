"""A day of five hundred incidents with three clocks each: every promise has an end (K1-K7)."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from bot.app import App, composed
from bot.cli.checks import verify
from bot.config.load import parse
from bot.contract.chat import ChatEvent
from bot.domain import events as ev
from bot.domain.incident import ClockName, Incident, Outcome
from bot.refs import ConversationRef, UserRef
from bot.store.work import Work
from bot.testing import TEAM, ManualClock, RecordingAdapter, RecordingProvider

INCIDENTS = 500
PLANNED = TEAM.replace(
    'comms = "priya"',
    'comms = "priya"\nliaison = "dev"\nexternal = { sev1 = "20m", sev2 = "40m" }\n'
    'audiences = { sev1 = ["chat:board"], sev2 = ["chat:board"] }',
)

for _name in ("ann", "ben", "cara", "dev"):
    PLANNED = PLANNED.replace(
        f"[people.{_name}]\n", f'[people.{_name}]\nusers = {{ chat = "{_name}" }}\n'
    )

Line = tuple[timedelta, str, str, str]


def lived(chance: random.Random, n: int) -> list[Line]:
    """Return what people type over one incident: some on time, some late, some never."""
    room, begun = f"room{n}", timedelta(minutes=chance.uniform(0, 24 * 60 - 180))
    severity = chance.choice((1, 1, 2, 2, 3))
    length = chance.uniform(15, 120)
    lines = [(0.0, "ann", f"declare sev{severity} t{n} service:checkout")]
    lines.append((0.5, "ben", "ic @ben") if severity == 3 else (0.5, "ben", "take ic"))
    care = chance.choice((1.0, 1.0, 1.3, 3.0))
    for who, line, every in (
        ("ben", "update u", 13),
        ("ben", "external e", 18 if severity == 1 else 36),
        ("dev", "brief b", 27),
    ):
        at = 1.0
        while severity < 3 and (at := at + every * care * chance.uniform(0.7, 1.15)) < length:
            lines.append((at, who, line))
    if chance.random() < 0.2:
        lines.append((length / 2, "ben", f"sev {max(1, severity - 1)} because worse"))
    if chance.random() < 0.1:
        lines.append((length / 3, "ben", "cadence internal 30m because we wait"))
    if chance.random() < 0.7:
        lines.append((length * 0.8, "ben", "stabilised"))
    lines.append((length, "ben", "resolve"))
    return [(begun + timedelta(minutes=at), who, line, room) for at, who, line in lines]


async def through(app: App, clock: ManualClock, lines: list[Line]) -> None:
    """Let the lines be said at their times, and everything fall due between them."""
    started = clock.now()
    for n, (at, who, line, room) in enumerate(lines):
        when = started + at
        while (due := await app.store.next_due()) is not None and due <= when:
            await clock.set(max(due, clock.now()))
            await app.jobs.due_times.run_due()
        await clock.set(when)
        event = ChatEvent(
            id=f"e{n}",
            conversation=ConversationRef("chat", room),
            sender=UserRef("chat", who),
            sender_name=who,
            text=f"!inc {line}",
            written_at=when,
            message=f"e{n}",
        )
        await app.receive(event)


@pytest.mark.slow
async def test_every_promise_of_a_day_is_settled(tmp_path, record_property):
    """K1 K3 K5 K6 K7 F2"""
    chance = random.Random(7)
    lines = sorted(line for n in range(INCIDENTS) for line in lived(chance, n))
    given = {
        "chat": RecordingAdapter().plugin(),
        "outside": RecordingProvider().plugin("register_status_page"),
    }
    config, clock = parse(f"{PLANNED}[plugins.outside]\n", {}), ManualClock()
    outcomes: dict[ClockName, Counter[Outcome]] = {each: Counter() for each in ClockName}
    async with composed(config, tmp_path, clock, given=given, tell=lambda _line: None) as app:
        await through(app, clock, lines)
        for n in range(1, INCIDENTS + 1):
            incident, events = await _read(app, f"INC-{n}")
            made = [e for e in events if isinstance(e, ev.PromiseMade)]
            settled = [e for e in events if isinstance(e, ev.PromiseSettled)]
            assert sorted(map(_which, made)) == sorted(map(_which, settled))
            rungs = Counter((e.clock, e.n, e.kind) for e in events if isinstance(e, ev.RungFired))
            assert all(count == 1 for count in rungs.values())
            assert all(state.promise is None for state in incident.clocks.values())
            assert not incident.public
            for e in settled:
                outcomes[e.clock][e.outcome] += 1
        assert await verify(app.store) == []
    for each, counted in outcomes.items():
        assert set(counted) == set(Outcome), each
    for each, counted in outcomes.items():
        judged = sum(counted.values()) - counted[Outcome.WITHDRAWN]
        share = counted[Outcome.KEPT] / judged
        parts = ", ".join(f"{counted[outcome]} {outcome.value}" for outcome in Outcome)
        record_property("figure", f"{each.value}: {judged} promises, {share:.0%} kept ({parts})")


async def _read(app: App, name: str) -> tuple[Incident, list[ev.Event]]:
    async def both(work: Work) -> tuple[Incident, list[ev.Event]]:
        incident = await work.incident(name)
        assert incident is not None
        return incident, [entry.event for entry in await work.timeline(name)]

    return await app.store.read(both)


def _which(event: ev.PromiseMade | ev.PromiseSettled) -> tuple[str, int]:
    return event.clock.value, event.n
