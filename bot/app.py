"""The composition root: it builds every part and starts it. Alone it imports storage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from bot.clock import Settable, SystemClock, WatchedClock
from bot.config.model import Config
from bot.delivery.in_force import InForce
from bot.delivery.outbox import Outbox
from bot.delivery.plan import Targets
from bot.http.application import application
from bot.http.door import Door, listening
from bot.http.mail_links import Links
from bot.intake.entrance import Entrance
from bot.intake.intake import Intake
from bot.jobs.adapters import Adapters
from bot.jobs.clock_watch import ClockWatch
from bot.jobs.interpreter import unhindered
from bot.jobs.jobs import Jobs, RunOutcome
from bot.jobs.on_call import OnCall
from bot.network import http_client
from bot.plugin_manager import Core, PluginManager, PluginMemory, loaded
from bot.presenter import Presenter
from bot.store.work import Store
from storage import (
    copy_database,
    found_damage,
    open_database,
    pending_migrations,
    restore_database,
)

_log = structlog.stdlib.get_logger("sitrep.app")


class App:
    """Everything, put together."""

    def __init__(
        self,
        config: Config,
        store: Store,
        settable: Settable,
        plugins: PluginManager,
        door: Door | None = None,
    ) -> None:
        """Use `composed`."""
        self.store, self.clock, self.plugins = store, WatchedClock(settable), plugins
        self._door, self._targets = door, Targets.of(plugins)
        self._in_force, clock = InForce.of(config, self._targets), self.clock
        on_call = OnCall(self._now, clock, plugins.pagers)
        entering = (store, clock, self._targets, on_call.under, self._after_commit)
        self.entrance = enter = Entrance(self._in_force, *entering)
        self.receive = enter.receive
        self.outbox = Outbox(config.delivery, store, clock, plugins, self._now, enter.apply)
        self.adapters = Adapters(store, clock, self.outbox, enter.receive, enter.lost)
        parts, wake = (store, clock, plugins, on_call), self.outbox.wake
        self.jobs = Jobs(self._now, *parts, enter.tick, enter.apply, wake)
        self.clock_watch = ClockWatch(store, clock, enter.follow)
        self.jobs.loops["clock watch"] = self.clock_watch.run

    def put_in_force(self, config: Config) -> None:
        """Let a config hold for all that begins from now on; what is in work ends by its own (F13).

        The database, the addresses and the plugins wait for a restart (see `bot.config.reload`).
        """
        self._in_force = InForce.of(config, self._targets)
        self.entrance.put_in_force(self._in_force)
        self.plugins.know(config.directory)

    def _now(self) -> InForce:
        return self._in_force

    @property
    def config(self) -> Config:
        """The config in force."""
        return self._in_force.config

    @property
    def presenter(self) -> Presenter:
        """The words of the config in force."""
        return self._in_force.presenter

    @property
    def intake(self) -> Intake:
        """The intake of the config in force."""
        return self.entrance.intake

    def _after_commit(self, due_at: datetime | None) -> None:
        self.outbox.wake()
        self.jobs.due_times.hint(due_at)

    def numbers(self) -> dict[str, float]:
        """Return the counters of `/metrics`."""
        counted = {"inbound_total": self.entrance.handled, "refused_total": self.entrance.refused}
        sent = {"delivered_total": self.outbox.delivered, "put_off_total": self.outbox.retried}
        rest = {"dead_letters_total": self.outbox.dead, "ticks_total": self.jobs.due_times.fired}
        return {**counted, **sent, **rest, "clock_jumps_total": self.clock.jumps}

    async def run(self) -> RunOutcome:
        """Run until every adapter has nothing more to hear, then deliver what is due.

        A loop of the core that dies takes the process with it: its state is on disk.
        """
        due = self.jobs.due_times
        shown = self._door.showing(self._web()) if self._door is not None else nullcontext()
        async with shown, self.working():
            heard = await self.adapters.run(self.plugins.adapters)
            await due.run_due()
            waiting = await self.outbox.drain()
        dead, lost = self.outbox.dead, tuple(self.adapters.lost)
        refused, unread = self.entrance.refused, not heard
        return RunOutcome(refused=refused, unread=unread, waiting=waiting, dead=dead, lost=lost)

    async def _warn_of_the_unknown(self) -> None:
        """Log what waits for adapters and plugins that the config does not have."""
        known = {*self.config.adapters, *self.config.plugins}
        for name, count in sorted((await self.store.awaited()).items()):
            if name not in known:
                hint = "is it the right config?"
                _log.warning("not in this config", target=name, waiting=count, hint=hint)

    def _web(self) -> web.Application:
        routes, edge = self.plugins.routes(), self.config.http
        enter = self.entrance
        links = Links(ending=enter.ended_by_mail, confirming=enter.confirmed_by_mail)
        said = (self._waits_for, links, edge, self.clock)
        return application(self.store, self.numbers, routes, *said)

    def _waits_for(self) -> list[str]:
        """Return what keeps the bot from being ready, besides the database."""
        clocks = [] if self.jobs.due_times.started else ["its clocks do not run yet"]
        return [*clocks, *self.adapters.lacking()]

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Deliver and keep the clocks meanwhile."""
        with unhindered():
            async with http_client(self.config.delivery.timeout.total_seconds()) as session:
                memory = partial(PluginMemory, self.store, self.clock)
                core = Core(submit=self.entrance.submit, incidents=self.entrance.incidents)
                self.plugins.open(session, memory, self.jobs.ticket_states.hint, core)
                await self.entrance.remember_names()
                await self._warn_of_the_unknown()
                await self.clock_watch.begin()
                async with self.jobs.running(self.outbox.run):
                    yield


@asynccontextmanager
async def composed(
    config: Config,
    home: Path,
    clock: Settable,
    *,
    given: Mapping[str, object] | None = None,
    tell: Callable[[str], None] = print,
) -> AsyncIterator[App]:
    """Put everything together over an open, upgraded database.

    Raises:
        BotError: Something is wrong that the operator can mend; the text says how.
    """
    plugins = loaded(config, home, clock, given)
    url = config.database_url(home)
    async with listening(config.http) as door, open_database(url, tell=tell) as store:
        yield App(config, store, clock, plugins, door)


@asynccontextmanager
async def reading(config: Config, home: Path) -> AsyncIterator[Store]:
    """Open the database for reading, beside a bot that may be running."""
    async with open_database(config.database_url(home), exclusive=False, upgrade=False) as store:
        yield store


@asynccontextmanager
async def writing(config: Config, home: Path) -> AsyncIterator[App]:
    """Put everything together beside a bot that may be running: it delivers what is queued."""
    plugins = loaded(config, home, SystemClock())
    async with reading(config, home) as store:
        yield App(config, store, SystemClock(), plugins)


async def pending(config: Config, home: Path) -> list[str]:
    """Return the migrations that the next start would run."""
    return await pending_migrations(config.database_url(home))


async def upgraded(config: Config, home: Path, *, tell: Callable[[str], None]) -> None:
    """Bring the database to this program's schema, with no bot running on it."""
    async with open_database(config.database_url(home), tell=tell):
        pass


async def damaged(config: Config, home: Path) -> list[str]:
    """Return what the database's own checks find, a line each."""
    return await found_damage(config.database_url(home))


async def restored(config: Config, home: Path, backup: Path) -> tuple[str, str | None]:
    """Put a backup's database in this one's place; return where, and where that one went."""
    return await restore_database(config.database_url(home), backup / "sitrep.db")


async def copied(config: Config, home: Path, to: Path) -> str:
    """Copy the database beside a bot that may be running; return where it went."""
    return await copy_database(config.database_url(home), to / "sitrep.db")
