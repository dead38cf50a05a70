"""Databases and apps to measure on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from bot import log
from bot.app import App
from bot.config.load import parse
from bot.config.sections import LogSection
from bot.contract.chat import ChatEvent
from bot.domain import commands as cmd
from bot.domain.decide import decide
from bot.domain.due import next_due
from bot.domain.events import Entry
from bot.domain.evolve import fold
from bot.domain.incident import Severity
from bot.domain.policy import Policy
from bot.domain.setting import Setting
from bot.plugin_manager import PluginManager
from bot.refs import ConversationRef, PersonId, UserRef
from bot.testing import ManualClock, RecordingAdapter
from storage import migrate, open_database, urls
from storage.models import EventRow, IncidentRow, OutboxRow

ROOT = Path(__file__).parents[1]
CONFIG = """
[people.ann]
users = { chat = "ann" }
[people.ben]
commander = true
users = { chat = "ben" }
[adapters.chat]
"""


def sqlite_url(folder: str, name: str = "sitrep.db") -> str:
    return f"sqlite://{folder}/{name}"


@asynccontextmanager
async def app_on(url: str) -> AsyncIterator[App]:
    """An app over a database, with a transport that costs nothing; nothing is running."""
    log.configure(LogSection())
    config, clock = parse(CONFIG, {}), ManualClock()
    plugins = PluginManager(clock, "/nonexistent", config.directory)
    plugins.load({"chat": {}}, {}, {"chat": RecordingAdapter().plugin()})
    async with open_database(url, tell=lambda _line: None) as store:
        yield App(config, store, clock, plugins)


def declaring(i: object) -> ChatEvent:
    return ChatEvent(
        id=str(i),
        conversation=ConversationRef("chat", f"room-{i}"),
        sender=UserRef("chat", "ann"),
        sender_name="ann",
        text="!inc declare sev1 Checkout answers 500 for everyone",
        written_at=ManualClock().now(),
    )


def incidents(count: int, at: datetime, first: int = 1) -> list[tuple[Any, list[Entry]]]:
    """Incidents that a commander has accepted at a time, with their timelines."""
    setting = Setting(
        policy=Policy(), actor=PersonId("ann"), name="INC-0", here=ConversationRef("chat", "room")
    )
    made = []
    declare = cmd.Declare(
        title="Checkout answers 500 for everyone",
        severity=Severity.SEV1,
        commander=PersonId("ann"),
    )
    step = cmd.TryStep(step=cmd.Step.ROLLBACK, text="release 311")
    events = decide(None, declare, at, setting).happened
    events += decide(fold(events), step, at, setting).happened
    for i in range(first, first + count):
        own = (replace(events[0], id=f"INC-{i}"), *events[1:])
        made.append(
            (fold(own), [Entry(n=n + 1, event=e, recorded_at=at) for n, e in enumerate(own)])
        )
    return made


async def fill(url: str, count: int, at: datetime, first: int = 1) -> None:
    """Store active incidents, many in a transaction."""
    made = incidents(count, at, first)
    due = next_due(made[0][0], Policy()) if made else None
    async with open_database(url, tell=lambda _line: None) as db:
        for start in range(0, len(made), 500):

            async def some(work: Any, start: int = start) -> None:
                for incident, entries in made[start : start + 500]:
                    await work.save(incident, entries, due_at=due)

            await db.transact(some)


@asynccontextmanager
async def raw_tortoise(url: str, **connection: Any) -> AsyncIterator[None]:
    """Tortoise as it comes, over the same schema."""
    await migrate.upgrade(url, tell=lambda _line: None)
    async with TortoiseContext() as context:
        if url.startswith("sqlite"):
            config = urls.connection_config(url)
            config["engine"] = "tortoise.backends.sqlite"
        else:
            config = url
        await context.init(migrate.tortoise_config({"default": config}), **connection)
        yield


async def four_rows(i: int) -> None:
    """One transaction of four rows: what a command must at least write."""
    async with in_transaction() as db:
        name = f"INC-{i}"
        state = "x" * 1200
        incident = await IncidentRow.create(
            id=name, state=state, schema=1, title="Checkout answers 500", severity=1,
            phase="investigating", running=True, declared_us=i, using_db=db,
        )  # fmt: skip
        await EventRow.create(
            incident=incident, n=1, type="Declared", schema=1, data=state[:400], recorded_us=i,
            using_db=db,
        )  # fmt: skip
        for part in "ab":
            await OutboxRow.create(
                key=f"{i}{part}", lane="chat/ops", target="chat", what=state, urgent=0,
                state="waiting", version=0, attempts=0, doubt=False, created_us=i, using_db=db,
            )  # fmt: skip
