"""How fast commands and reminders become durable."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import timedelta

from bench.making import ROOT, app_on, declaring, fill, four_rows, raw_tortoise, sqlite_url
from bench.result import Result
from bot.domain.policy import Policy
from bot.testing import START

COMMANDS, ROUNDS = 200, 5
BURST, ACTIVE = 1000, 10_000


def durable_commands() -> Result:
    result = Result(
        unit="1/s",
        aim=">= 0.8",
        note=(
            "declare commands committed per second, each with its inbox mark, timeline, clocks and"
            " messages, over a raw Tortoise transaction of four rows on the same engine;"
            " PostgreSQL with eight tasks on each side. `python_ms` is what deciding, wording and"
            " writing down one command costs the process; where it is near `ours_ms` that is the"
            " limit of one process, and on PostgreSQL another process adds its own"
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        urls = sqlite_url(folder, "ours.db"), sqlite_url(folder, "raw.db")
        asyncio.run(_commands(result, *urls, tasks=1))
        raw = _raw_sqlite3(f"{folder}/plain.db")
    # Tortoise keeps one dialect's statements with its models: another engine, another process.
    out = subprocess.run(
        [sys.executable, "-m", "bench.throughput"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    postgres = json.loads(out.stdout.splitlines()[-1])
    result.counts |= {
        "postgres_python_ms": postgres["ours_python_ms"],
        "postgres_ours_ms": postgres["ours_ms"],
        "postgres_ratio": postgres["ratio"],
        "postgres_ours": round(postgres["ours"]),
        "postgres_baseline": round(postgres["baseline"]),
        "postgres_range": postgres["range"],
        "raw_sqlite3": round(raw),
    }
    return result


def _on_postgres() -> Result:
    from tests.peers.postgres import Postgres

    result = Result(unit="1/s", aim=">= 0.8", note="")
    server = Postgres(durable=True).start()
    try:
        asyncio.run(_commands(result, server.database(), server.database(), tasks=8))
    finally:
        server.stop()
    return result


def _raw_sqlite3(path: str) -> float:
    """Four rows a transaction through the standard library alone."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT)")
        began = time.perf_counter()
        for i in range(COMMANDS):
            db.execute("BEGIN IMMEDIATE")
            for _ in range(4):
                db.execute("INSERT INTO t (a, b) VALUES (?, ?)", (str(i), "x" * 1000))
            db.execute("COMMIT")
        return COMMANDS / (time.perf_counter() - began)


async def _commands(result: Result, ours: str, raw: str, *, tasks: int) -> None:
    numbers = itertools.count(1)
    async with app_on(ours) as app:

        async def declare() -> None:
            await app.intake.service.receive(declaring(next(numbers)))

        async def plain() -> None:
            await four_rows(next(numbers))

        async with raw_tortoise(raw):
            await _rate(declare, 30, tasks)
            await _rate(plain, 30, tasks)
            python = 0.0
            for _ in range(ROUNDS):
                began = time.thread_time()
                ours_rate = await _rate(declare, COMMANDS, tasks)
                python += time.thread_time() - began
                result.add(ours_rate, await _rate(plain, COMMANDS, tasks))
            per_command = python / (ROUNDS * COMMANDS) * 1000
            result.counts["ours_python_ms"] = round(per_command, 3)
            result.counts["ours_ms"] = round(1000 / result.entry()["ours"], 3)


async def _rate(one, count: int, tasks: int) -> float:
    async def some() -> None:
        for _ in range(count // tasks):
            await one()

    began = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(tasks)))
    return count / (time.perf_counter() - began)


def reminder_burst() -> Result:
    result = Result(
        unit="s",
        aim="<= 1.3",
        note=(
            f"{BURST} of {ACTIVE} active incidents due at one instant, to durable rows, over"
            f" {BURST} raw Tortoise transactions of four rows"
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_burst(result, sqlite_url(folder, "ours.db"), sqlite_url(folder, "raw.db")))
    return result


async def _burst(result: Result, ours: str, raw: str) -> None:
    rounds = 3
    for group in range(rounds):
        await fill(ours, BURST, START + timedelta(hours=10 * group), first=1 + group * BURST)
    left = ACTIVE - rounds * BURST
    await fill(ours, left, START + timedelta(days=30), first=1 + rounds * BURST)
    prompt = Policy().ladder(timedelta(minutes=15))[0].offset
    late: list[float] = []
    dropped = 0
    numbers = itertools.count(1)
    async with app_on(ours) as app, raw_tortoise(raw):
        for group in range(rounds):
            due = START + timedelta(hours=10 * group, minutes=15) + prompt
            await app.clock.set(due)
            begun = app.jobs.due_times.fired
            started = time.perf_counter()
            while await app.intake.ticks.tick():
                app.jobs.due_times.fired += 1
                late.append(time.perf_counter() - started)
            took = time.perf_counter() - started
            dropped += BURST - (app.jobs.due_times.fired - begun)
            began = time.perf_counter()
            for _ in range(BURST):
                await four_rows(next(numbers))
            result.add(took, time.perf_counter() - began)
            await _park(app, group)
    late.sort()
    result.counts = {"dropped": dropped, "p99_late_s": round(late[int(len(late) * 0.99)], 3)}


async def _park(app, group: int) -> None:
    """Put a group's next rungs out of the way of the next group's instant."""
    await app.store._ask(
        "UPDATE incident SET due_us = NULL WHERE declared_us = $1 RETURNING id",
        int((START + timedelta(hours=10 * group)).timestamp() * 1e6),
    )


if __name__ == "__main__":
    print(json.dumps(_on_postgres().entry()))
