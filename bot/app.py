"""The composition root: config, storage, plugins, one task group. Alone it imports storage."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import structlog
from aiohttp import ClientSession, ClientTimeout

from bot import http
from bot.clock import SystemClock
from bot.config.model import Config
from bot.contract.chat import ChatAdapter, Inbound, Receipt
from bot.contract.context import Clock, PluginContext
from bot.contract.errors import (
    ConfigError,
    DatabaseAway,
    SessionEnded,
    SetupFailed,
    TemporaryFailure,
)
from bot.contract.status_pages import Redrawable
from bot.delivery.outbox import Outbox
from bot.delivery.plan import Router, Targets
from bot.delivery.subscriptions import Subscribers
from bot.domain.durations import within
from bot.domain.evolve import fold
from bot.intake.answers import Answers
from bot.intake.audience import AudienceRequests
from bot.intake.captures import Captures, Conversations
from bot.intake.commands import Commands
from bot.intake.documents import Documents
from bot.intake.questions import Questions
from bot.intake.service import Service
from bot.intake.ticks import Ticks
from bot.intake.transaction import Transaction
from bot.jobs.daily_digest import Digesting
from bot.jobs.due_times import Cadence
from bot.jobs.every import every
from bot.jobs.on_call import OnCall
from bot.jobs.page_redraw import Redrawing
from bot.jobs.ticket_states import Following
from bot.jobs.weekly_report import Reporting
from bot.plugin_manager import PluginManager
from bot.presenter import Presenter
from bot.store.work import Store, Work
from storage import copy_database, open_database, pending_migrations

RESTART_FIRST, RESTART_LONGEST = timedelta(seconds=1), timedelta(minutes=1)
"""How long an adapter that died is left alone before it is started again."""

SWITCH_SECONDS = 0.001
"""How long a busy loop keeps the database's thread waiting; Python's default is five times that,
and a command goes there and back several times."""

SESSION = timedelta(seconds=9)
"""How long a session is a process's without a sign of life; another one begins it after that."""

PRUNE_EVERY = timedelta(hours=6)

_log = structlog.stdlib.get_logger("sitrep.app")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """How a run ended: lines refused or not readable, rows that wait still, dead letters.

    `lost` says of each platform that ended its session how to begin another.
    """

    refused: int
    unread: bool
    waiting: int
    dead: int
    lost: tuple[str, ...] = ()


class _Memory:
    """What one plugin keeps (see `Memory`)."""

    def __init__(self, store: Store, clock: Clock, plugin: str) -> None:
        self._store, self._clock, self._under = store, clock, f"memory/{plugin}/"

    async def recall(self, name: str) -> str | None:
        return await self._store.read(lambda work: work.ref(f"{self._under}{name}"))

    async def under(self, prefix: str) -> Mapping[str, str]:
        return await self._store.read(lambda work: work.refs_under(f"{self._under}{prefix}"))

    async def keep(self, name: str, value: str, *, lasting: bool = True) -> None:
        kept_at = None if lasting else self._clock.now()
        key = f"{self._under}{name}"
        await self._store.transact(lambda work: work.store_ref(key, value, kept_at=kept_at))


class App:
    """Everything, put together."""

    def __init__(self, config: Config, store: Store, clock: Clock, plugins: PluginManager) -> None:
        """Use `composed`."""
        self.config, self.store, self.clock, self.plugins = config, store, clock, plugins
        self.presenter = Presenter(
            config.directory,
            config.plan_for,
            tracker=bool(plugins.trackers),
            services=tuple(config.services),
        )
        targets = Targets(
            adapters=plugins.adapters,
            status_pages=tuple(plugins.status_pages),
            trackers=tuple(plugins.trackers),
            channels=tuple(plugins.channels),
            listeners=plugins.listeners,
            pagers=tuple(plugins.pagers),
            summarizers=tuple(plugins.summarizers),
            publishers=tuple(plugins.publishers),
            mailers=tuple(plugins.mailers),
        )
        self.on_call = OnCall(config, clock, plugins.pagers)
        say = self.presenter
        self.router = Router(config, say, targets)
        answers, self.subscribers = Answers(targets), Subscribers(config, say, targets)
        self.transaction = Transaction(config, clock, say, self.router, answers, self.on_call.now)
        questions = Questions(config, say, targets, answers, self.transaction)
        commands = Commands(config, say, answers, self.transaction, questions)
        self.conversations = Conversations(store, clock, say, self.router, self.transaction)
        self.audience = AudienceRequests(
            store, say, answers, self.transaction, commands, self.subscribers
        )
        self.documents = Documents(store, say, config.directory, self.transaction)
        self.ticks = Ticks(config, store, clock, self.transaction)
        self.service = Service(
            config,
            store,
            clock,
            say,
            answers,
            self.transaction,
            questions,
            commands,
            Captures(config.directory, self.transaction, commands),
            self.conversations,
            self.audience,
        )
        self.outbox = Outbox(
            config.delivery,
            store,
            clock,
            plugins,
            self.presenter,
            self.subscribers,
            self.transaction.apply,
        )
        self.cadence = Cadence(store, clock, self.ticks.tick)
        self.following = Following(
            store,
            clock,
            plugins.trackers,
            self.transaction.apply,
            self.router.filing,
            self.outbox.wake,
        )
        self.reporting = Reporting(config, store, clock, self.presenter, self.outbox.wake)
        self.digesting = Digesting(
            config,
            store,
            clock,
            self.presenter,
            self.subscribers,
            self.outbox.wake,
        )
        dated = [n for n, page in plugins.status_pages.items() if isinstance(page, Redrawable)]
        self.redrawing = Redrawing(dated, store, clock, self.outbox.wake)
        self.transaction.after_commit = self._after_commit
        self._handled = self._refused = 0
        self._lost: list[str] = []
        self._owner = uuid4().hex

    def _after_commit(self, due_at: datetime | None) -> None:
        self.outbox.wake()
        self.cadence.hint(due_at)

    async def receive(self, inbound: Inbound) -> Receipt:
        """Hand an inbound event to the service, and count it (see `Receive`)."""
        receipt = await self.service.receive(inbound)
        self._handled += 1
        self._refused += not receipt.done
        return receipt

    def numbers(self) -> dict[str, float]:
        """Return what is counted, for `/metrics`."""
        return {
            "inbound_total": self._handled,
            "refused_total": self._refused,
            "delivered_total": self.outbox.delivered,
            "put_off_total": self.outbox.retried,
            "dead_letters_total": self.outbox.dead,
            "ticks_total": self.cadence.fired,
        }

    async def run(self) -> RunOutcome:
        """Run until every adapter has nothing more to hear, then deliver what is due.

        A loop of the core that dies takes the process with it: its state is on disk.
        """
        async with AsyncExitStack() as stack:
            if self.config.http.listen is not None:
                routes = self.plugins.routes()
                application = http.application(
                    self.store,
                    self.numbers,
                    routes,
                    lambda: self.cadence.started,
                    self.audience.ended_by_mail,
                )
                await stack.enter_async_context(http.serving(application, self.config.http.listen))
            async with self.working():
                heard = await asyncio.gather(
                    *(self._listening(name, each) for name, each in self.plugins.adapters.items())
                )
                await self.cadence.run_due()
                waiting = await self.outbox.drain()
        return RunOutcome(
            refused=self._refused,
            unread=not all(heard),
            waiting=waiting,
            dead=self.outbox.dead,
            lost=tuple(self._lost),
        )

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Deliver and keep the clocks meanwhile."""
        with _unhindered():
            limits = ClientTimeout(total=self.config.delivery.timeout.total_seconds())
            async with ClientSession(timeout=limits) as session:
                self.plugins.open(
                    session, partial(_Memory, self.store, self.clock), self.following.hint
                )
                await self.service.remember_names()
                async with asyncio.TaskGroup() as group:
                    loops = [
                        group.create_task(self.outbox.run(), name="outbox"),
                        group.create_task(self.cadence.run(), name="cadence"),
                        group.create_task(self.on_call.run(), name="on call"),
                        group.create_task(
                            every(PRUNE_EVERY, self.clock, self._prune), name="pruning"
                        ),
                        group.create_task(self.following.run(), name="following"),
                        group.create_task(self.reporting.run(), name="reporting"),
                        group.create_task(self.digesting.run(), name="digesting"),
                        group.create_task(self.redrawing.run(), name="redrawing"),
                    ]
                    yield
                    for loop in loops:
                        loop.cancel()

    async def _listening(self, name: str, adapter: ChatAdapter) -> bool:
        """Keep an adapter running, in one process at a time where it must be."""
        if not adapter.features.single:
            return await self._kept_running(name, adapter)
        session = f"session/{name}"
        self.outbox.without.add(name)
        while True:
            if await self._holds(session):
                try:
                    ended = await self._while_held(session, name, adapter)
                    if ended is not None:
                        return ended
                finally:
                    self.outbox.without.add(name)
                    with suppress(DatabaseAway):
                        await self.store.let_go(session, self._owner)
            await self.clock.sleep(SESSION / 3)

    async def _while_held(self, session: str, name: str, adapter: ChatAdapter) -> bool | None:
        """Run an adapter until it ends; none where another process has its session before that."""
        self.outbox.without.discard(name)
        self.outbox.wake()
        running = asyncio.create_task(self._kept_running(name, adapter), name=f"adapter {name}")
        try:
            held_at = self.clock.now()
            while not running.done():
                sleeping = asyncio.create_task(self.clock.sleep(SESSION / 3))
                await asyncio.wait((running, sleeping), return_when=asyncio.FIRST_COMPLETED)
                sleeping.cancel()
                if running.done():
                    break
                if await self._holds(session):
                    held_at = self.clock.now()
                elif not within(SESSION, held_at, self.clock.now()):
                    _log.warning("another process has the session", adapter=name)
                    return None
            return await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _holds(self, session: str) -> bool:
        now = self.clock.now()
        try:
            return await self.store.hold(session, self._owner, now=now, until=now + SESSION)
        except DatabaseAway as exc:
            _log.warning("database away", error=str(exc))
            return False

    async def _kept_running(self, name: str, adapter: ChatAdapter) -> bool:
        """Keep an adapter running; one that dies is started again, with back-off (D4)."""
        wait = RESTART_FIRST
        while True:
            try:
                return await adapter.run(self.receive)
            except SessionEnded as exc:
                _log.error("session ended", adapter=name, why=str(exc))
                self._lost.append(f"{name}: {exc}")
                await self.conversations.lost(name, str(exc))
                return False
            except TemporaryFailure as exc:
                _log.warning("adapter away", adapter=name, why=str(exc))
            except (Exception, SystemExit):  # noqa: BLE001 - the boundary of an adapter
                _log.exception("adapter died", adapter=name, restart_in=wait.total_seconds())
            await self.clock.sleep(wait)
            wait = min(wait * 2, RESTART_LONGEST)

    async def _prune(self) -> None:
        gone = await self.store.prune(self.clock.now() - self.config.delivery.keep)
        if gone:
            _log.info("pruned", rows=gone)


@contextmanager
def _unhindered() -> Iterator[None]:
    """Keep the collector and busy loops from making people wait, as long as this lasts."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    # What is there now stays: the collector need not walk it again and again.
    gc.freeze()
    gc.enable()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)


def database_url(config: Config, home: Path) -> str:
    """Return where the record is: as configured, else a file in the home folder."""
    return config.storage.url or f"sqlite://{home / 'sitrep.db'}"


def loaded(
    config: Config, home: Path, clock: Clock, given: Mapping[str, object] | None = None
) -> PluginManager:
    """Return the configured plugins; `given` are some without an entry point.

    Raises:
        ConfigError: With every fault of every plugin.
    """
    manager = PluginManager(clock, str(home), config.directory)
    manager.load(config.adapters, config.plugins, given)
    unheard = [name for name in manager.listening if config.http.listen is None]
    if unheard:
        raise ConfigError(
            tuple(
                f"http.listen: {name} hears over HTTP, and nothing listens; "
                'write listen = "127.0.0.1:8080"'
                for name in unheard
            )
        )
    return manager


@asynccontextmanager
async def composed(
    config: Config,
    home: Path,
    clock: Clock,
    *,
    given: Mapping[str, object] | None = None,
    tell: Callable[[str], None] = print,
) -> AsyncIterator[App]:
    """Put everything together over an open, upgraded database.

    Raises:
        BotError: Something is wrong that whoever runs it can mend; the text says how.
    """
    plugins = loaded(config, home, clock, given)
    async with open_database(database_url(config, home), tell=tell) as store:
        yield App(config, store, clock, plugins)


@asynccontextmanager
async def reading(config: Config, home: Path) -> AsyncIterator[Store]:
    """Open the database beside a bot that may be running, for reading."""
    url = database_url(config, home)
    async with open_database(url, exclusive=False, upgrade=False) as store:
        yield store


@asynccontextmanager
async def writing(config: Config, home: Path) -> AsyncIterator[App]:
    """Put everything together beside a bot that may be running: it delivers what is queued."""
    plugins = loaded(config, home, SystemClock())
    url = database_url(config, home)
    async with open_database(url, exclusive=False, upgrade=False) as store:
        yield App(config, store, SystemClock(), plugins)


async def pending(config: Config, home: Path) -> list[str]:
    """Return the migrations that the next start would run."""
    return await pending_migrations(database_url(config, home))


async def upgraded(config: Config, home: Path, *, tell: Callable[[str], None]) -> None:
    """Bring the database to this program's schema, with no bot running on it."""
    async with open_database(database_url(config, home), tell=tell):
        pass


def context_of(config: Config, home: Path, name: str) -> PluginContext:
    """Return a plugin's context for its own commands, without anything running.

    Raises:
        SetupFailed: The config has no section of its name.
    """
    manager = PluginManager(SystemClock(), str(home), config.directory)
    for group, sections in (("adapters", config.adapters), ("plugins", config.plugins)):
        if name in sections:
            return manager.context(group, name, sections[name])
    raise SetupFailed(f"the config has no section for {name}: add [adapters.{name}]; see the docs")


async def copied(config: Config, home: Path, to: Path) -> str:
    """Copy the database beside a bot that may be running; return where it went."""
    if config.storage.url is not None and not config.storage.url.startswith("sqlite"):
        return "the database is PostgreSQL's: back it up with pg_dump"
    return await copy_database(database_url(config, home), to / "sitrep.db")


async def verify(store: Store) -> list[str]:
    """Return the incidents whose rows are not what folding their timeline gives."""

    async def fold_all(work: Work) -> list[str]:
        wrong = []
        for summary in await work.list("all", 1_000_000):
            incident = await work.incident(summary.id)
            entries = await work.timeline(summary.id)
            numbered = [entry.n for entry in entries] == list(range(1, len(entries) + 1))
            lines = await work.actions("all", today=date.min, incident=summary.id)
            tabled = incident is not None and incident.actions == tuple(x.action for x in lines)
            folded = numbered and incident == fold(tuple(entry.event for entry in entries))
            if not folded or not tabled:
                wrong.append(summary.id)
        return wrong

    return await store.read(fold_all)
