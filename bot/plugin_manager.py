"""Loads plugins by entry point and hands each its context. The only user of pluggy."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, get_type_hints

import pluggy
import structlog
import typer
from aiohttp import ClientSession, web
from pydantic import BaseModel

from bot import packages
from bot.clock import SystemClock
from bot.config.faults import faults_in
from bot.config.load import by_section
from bot.config.model import Config
from bot.contract.chat import Addressee, ChatAdapter
from bot.contract.context import Clock, CommandHint, Memory, PluginContext, Submitted
from bot.contract.documents import PostmortemPublisher
from bot.contract.errors import ConfigError, SetupFailed
from bot.contract.hooks import NAME, Hooks
from bot.contract.paging import Pager
from bot.contract.stakeholders import Mailer, StakeholderChannel, Summarizer
from bot.contract.status_pages import StatusPage
from bot.contract.trackers import TicketTracker
from bot.domain.events import Entry
from bot.domain.incident import Incident
from bot.grammar.verbs import VERBS
from bot.likeness import nearest
from bot.people import Directory
from bot.refs import PLUGIN
from bot.store.work import Store

S = TypeVar("S", bound=BaseModel)

REGISTERING: Mapping[str, type] = {
    "register_chat_adapter": ChatAdapter,
    "register_status_page": StatusPage,
    "register_ticket_tracker": TicketTracker,
    "register_pager": Pager,
    "register_stakeholder_channel": StakeholderChannel,
    "register_summarizer": Summarizer,
    "register_postmortem_publisher": PostmortemPublisher,
    "register_mailer": Mailer,
}
"""Each registering hook, with what it must return."""

HOOKS = ("configure", *REGISTERING, "command_line", "incident_changed")
"""Every hook."""

SETUP_SECONDS = 10.0
"""How long a registration may take: it reads a config section, nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The core's services for plugins, once Sitrep runs."""

    submit: Callable[[str, str, str | None, str], Awaitable[Submitted]]
    """Carries out a plugin's line: the plugin, the line, its name to people, its key."""
    incidents: Callable[[str], Awaitable[Sequence[Incident]]]


@dataclass(slots=True, kw_only=True)
class Context:
    """A plugin's context (see `PluginContext`)."""

    name: str
    section: str
    config: Mapping[str, Any]
    log: structlog.stdlib.BoundLogger
    clock: Clock
    home: str
    commands: Sequence[CommandHint]
    addressees: Sequence[Addressee]
    routes: web.RouteTableDef = field(default_factory=web.RouteTableDef)
    session: ClientSession | None = None
    kept: Memory | None = None
    report: Callable[[str, str], None] | None = None
    core: Core | None = None
    read: bool = False

    @property
    def http(self) -> ClientSession:
        """The shared client."""
        if self.session is None:
            raise RuntimeError(f"[{self.section}] the HTTP client is there once Sitrep runs")
        return self.session

    @property
    def memory(self) -> Memory:
        """The plugin's own memory."""
        if self.kept is None:
            raise RuntimeError(f"[{self.section}] the memory is there once Sitrep runs")
        return self.kept

    async def changed(self, ticket: str) -> None:
        """Pass on that a ticket may have changed (see `PluginContext`)."""
        if self.report is not None:
            self.report(self.name, ticket)

    async def submit(self, command: str, *, by: str | None = None, key: str) -> Submitted:
        """Give a command as a machine (see `PluginContext`)."""
        return await self._running().submit(self.name, command, by, key)

    async def incidents(self, query: str = "open") -> Sequence[Incident]:
        """Return incidents as they stand (see `PluginContext`)."""
        return await self._running().incidents(query)

    def _running(self) -> Core:
        if self.core is None:
            raise RuntimeError(f"[{self.section}] commands are taken once Sitrep runs")
        return self.core

    def settings(self, model: type[S]) -> S:
        """Read the own section.

        Raises:
            ConfigError: With every fault of the section.
        """
        self.read = True
        section, faults = faults_in(model, self.config, (self.section,))
        if section is None:
            raise ConfigError(tuple(fault.line((self.section,)) for fault in faults))
        return section


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A plugin that could be configured, for `sitrep plugins`."""

    name: str
    version: str
    module: str
    hooks: tuple[str, ...]
    enabled: bool
    fault: str | None = None


class PluginManager:
    """The configured plugins, by what they provide."""

    def __init__(self, clock: Clock, home: str, directory: Directory) -> None:
        """Nothing is loaded yet."""
        self._pm = pluggy.PluginManager(NAME)
        self._pm.add_hookspecs(Hooks)
        self._clock, self._home, self._directory = clock, home, directory
        self._confidants: set[str] = set()
        self._contexts: dict[str, Context] = {}
        self._provided: dict[type, dict[str, Any]] = {kind: {} for kind in REGISTERING.values()}

    def load(
        self,
        adapters: Mapping[str, Mapping[str, Any]],
        plugins: Mapping[str, Mapping[str, Any]],
        given: Mapping[str, object] | None = None,
    ) -> None:
        """Load and register what the config names. `given` are plugins without an entry point.

        Raises:
            ConfigError: With every fault of every plugin at once.
        """
        if faults := self.load_sound(adapters, plugins, given):
            raise ConfigError(faults)

    def load_sound(
        self,
        adapters: Mapping[str, Mapping[str, Any]],
        plugins: Mapping[str, Mapping[str, Any]],
        given: Mapping[str, object] | None = None,
    ) -> tuple[str, ...]:
        """Load and register what can be; return the faults of the rest."""
        given = given or {}
        sections = [("adapters", n, c) for n, c in adapters.items()]
        sections += [("plugins", n, c) for n, c in plugins.items()]
        faults: list[str] = []
        for group, name, config in sections:
            try:
                self._load(group, name, config, given.get(name))
            except ConfigError as exc:
                faults += exc.faults
            except SetupFailed as exc:
                faults.append(str(exc))
        return tuple(faults)

    def _load(self, group: str, name: str, config: Mapping[str, Any], given: object | None) -> None:
        section = f"{group}.{name}"
        if group == "plugins" and config.get("private") is True:
            self._confidants.add(name)
            config = {key: value for key, value in config.items() if key != "private"}
        if name in self._contexts:
            raise SetupFailed(f"[{section}] {name} has two sections; keep one")
        if group == "adapters" and name == PLUGIN:
            raise SetupFailed(f"[{section}] no adapter is called so: {PLUGIN}:… names machines")
        plugin = given if given is not None else _import(section, name)
        context = self.context(group, name, config)
        try:
            self._pm.register(plugin, name)
            self._pm.check_pending()
        except pluggy.PluginValidationError as exc:
            self._pm.unregister(plugin, name)
            raise SetupFailed(f"[{section}] {_hook_fault(exc)}") from exc
        implemented = self._impls(name)
        if not implemented:
            raise SetupFailed(f"[{section}] the plugin implements no hook; see docs/how-to")
        if group == "adapters" and "register_chat_adapter" not in implemented:
            raise SetupFailed(f"[{section}] {name} is not a chat adapter; write [plugins.{name}]")
        self._contexts[name] = context
        if (configure := implemented.get("configure")) is not None:
            _called(context, "configure", configure)
        for hook, kind in REGISTERING.items():
            if (impl := implemented.get(hook)) is not None:
                provided = _register(context, hook, kind, impl)
                if provided is not None:
                    self._provided[kind][name] = provided
        if config and not context.read:
            raise SetupFailed(f"[{section}] {name} takes no settings; remove {', '.join(config)}")

    def context(self, group: str, name: str, config: Mapping[str, Any]) -> Context:
        """Return what a plugin is handed."""
        return Context(
            name=name,
            section=f"{group}.{name}",
            config=config,
            log=structlog.stdlib.get_logger(NAME).bind(plugin=name),
            clock=self._clock,
            home=self._home,
            commands=tuple(CommandHint(name=v.name, form=v.form, says=v.says) for v in VERBS),
            addressees=self._addressees(name),
        )

    def _addressees(self, name: str) -> tuple[Addressee, ...]:
        return tuple(
            Addressee(
                person=person.id,
                name=person.name,
                user=self._directory.user(person.id, name),
                mail=person.mail,
            )
            for person in self._directory.everybody
        )

    def know(self, directory: Directory) -> None:
        """Let every plugin know the people of a config that was read again."""
        self._directory = directory
        for name, context in self._contexts.items():
            context.addressees = self._addressees(name)

    def _impls(self, name: str) -> dict[str, Callable[..., Any]]:
        return {
            caller.name: impl.function
            for caller in (self._pm.get_hookcallers(self._pm.get_plugin(name)) or ())
            for impl in caller.get_hookimpls()
            if impl.plugin_name == name
        }

    @property
    def adapters(self) -> Mapping[str, ChatAdapter]:
        """The chat adapters by name."""
        return self._provided[ChatAdapter]

    @property
    def status_pages(self) -> Mapping[str, StatusPage]:
        """The status pages by name."""
        return self._provided[StatusPage]

    @property
    def trackers(self) -> Mapping[str, TicketTracker]:
        """The trackers by name."""
        return self._provided[TicketTracker]

    @property
    def pagers(self) -> Mapping[str, Pager]:
        """The pagers by name."""
        return self._provided[Pager]

    @property
    def channels(self) -> Mapping[str, StakeholderChannel]:
        """The stakeholder channels by name."""
        return self._provided[StakeholderChannel]

    @property
    def summarizers(self) -> Mapping[str, Summarizer]:
        """The summarizers by name."""
        return self._provided[Summarizer]

    @property
    def publishers(self) -> Mapping[str, PostmortemPublisher]:
        """The postmortem publishers by name."""
        return self._provided[PostmortemPublisher]

    @property
    def mailers(self) -> Mapping[str, Mailer]:
        """The ways to send mail by name."""
        return self._provided[Mailer]

    def provided(self) -> Iterable[tuple[str, object]]:
        """Return every object that a plugin provides, with the plugin's name."""
        for objects in self._provided.values():
            yield from objects.items()

    @property
    def confidants(self) -> frozenset[str]:
        """The plugins that hear of private incidents: `private = true` in their section (F17)."""
        return frozenset(self._confidants)

    @property
    def listeners(self) -> tuple[str, ...]:
        """The plugins that hear of every change."""
        return tuple(n for n in self._contexts if "incident_changed" in self._impls(n))

    async def tell(self, name: str, entry: Entry, incident: Incident) -> None:
        """Call one plugin's `incident_changed`, and await it where it can be."""
        function = self._impls(name)["incident_changed"]
        wanted = {"context": self._contexts[name], "entry": entry, "incident": incident}
        result = function(**{k: v for k, v in wanted.items() if k in _parameters(function)})
        if inspect.isawaitable(result):
            await result

    def open(
        self,
        session: ClientSession,
        memory: Callable[[str], Memory] | None = None,
        report: Callable[[str, str], None] | None = None,
        core: Core | None = None,
    ) -> None:
        """Give every plugin the shared HTTP client, and a memory of its own where there is one.

        `report` hears of a plugin's ticket that may have changed; `core` takes its commands.
        """
        for name, context in self._contexts.items():
            context.session, context.report, context.core = session, report, core
            context.kept = memory(name) if memory is not None else None

    @property
    def listening(self) -> tuple[str, ...]:
        """The chat adapters that hear over HTTP."""
        return tuple(name for name in self.adapters if len(self._contexts[name].routes))

    @property
    def unheard(self) -> tuple[str, ...]:
        """The plugins that would hear over HTTP, besides what they ask."""
        return tuple(
            n for n, c in self._contexts.items() if len(c.routes) and n not in self.adapters
        )

    def routes(self) -> Iterable[tuple[str, web.RouteTableDef]]:
        """Return each plugin's routes, with their prefix."""
        for name, context in self._contexts.items():
            if len(context.routes):
                yield f"/plugins/{name}", context.routes


def _import(section: str, name: str) -> ModuleType:
    found = {e.name: e for e in entry_points(group=NAME)}
    entry = found.get(name)
    if entry is None:
        near = nearest(name, found)
        hint = f"did you mean [{section.partition('.')[0]}.{near[0]}]?" if near else "known: "
        known = "" if near else ", ".join(sorted(found))
        raise SetupFailed(f"[{section}] no plugin {name!r} is installed; {hint}{known}")
    try:
        return _module(entry)
    except Exception as exc:
        raise SetupFailed(f"[{section}] cannot be imported: {_why(exc)}") from exc


def _module(entry: EntryPoint) -> ModuleType:
    """Import a plugin's module, where no other distribution's stands in its place.

    Raises:
        Exception: Whatever an import can.
    """
    if (why := packages.instead(entry.module)) is not None:
        raise SetupFailed(why)
    module: ModuleType = entry.load()
    return module


def _why(exc: Exception) -> str:
    why = packages.broken(exc) if isinstance(exc, ImportError) else None
    return why or (str(exc) if isinstance(exc, SetupFailed) else repr(exc))


def _called(context: Context, hook: str, function: Callable[..., Any]) -> object | None:
    """Call a hook in a thread of its own, so that one that hangs can be named."""
    outcome: list[Any] = []

    def call() -> None:
        try:
            takes_context = "context" in _parameters(function)
            outcome.append(function(context=context) if takes_context else function())
        except BaseException as exc:  # noqa: BLE001 - handed to the caller's thread
            outcome.append(exc)

    thread = threading.Thread(target=call, daemon=True, name=f"{context.section}.{hook}")
    thread.start()
    thread.join(SETUP_SECONDS)
    where = f"[{context.section}] {hook}"
    if not outcome:
        raise SetupFailed(f"{where} did not return within {SETUP_SECONDS:.0f} s")
    (returned,) = outcome
    if isinstance(returned, ConfigError | SetupFailed):
        raise returned
    if isinstance(returned, BaseException):
        raise SetupFailed(f"{where} raised {returned!r}") from returned
    result: object | None = returned
    return result


def _register(
    context: Context, hook: str, kind: type, function: Callable[..., Any]
) -> object | None:
    """Call a registering hook, and see that it returned what its port says."""
    where = f"[{context.section}] {hook}"
    provided = _called(context, hook, function)
    if provided is None:
        return None
    missing = [m for m in _members(kind) if not hasattr(provided, m)]
    if missing:
        returned = type(provided).__name__
        raise SetupFailed(
            f"{where} returned {returned}, which is no {kind.__name__}: it lacks "
            + ", ".join(sorted(missing))
        )
    return provided


def _members(kind: type) -> set[str]:
    methods = {n for n, m in vars(kind).items() if inspect.isfunction(m) and n[0] != "_"}
    return methods | set(get_type_hints(kind))


def _parameters(function: Callable[..., Any]) -> Iterable[str]:
    return inspect.signature(function).parameters


def _hook_fault(exc: pluggy.PluginValidationError) -> str:
    text = str(exc)
    known = ", ".join(HOOKS)
    if "unknown hook" in text:
        return f"{text.splitlines()[0]}; the hooks are {known}"
    return text.splitlines()[-1]


def commands_of(name: str) -> typer.Typer | None:
    """Return the commands that an installed plugin provides; `None` if it provides no commands.

    Raises:
        SetupFailed: It cannot be imported.
    """
    if name not in {entry.name for entry in entry_points(group=NAME)}:
        return None
    provide = getattr(_import(name, name), "command_line", None)
    made = provide() if provide is not None else None
    return made if isinstance(made, typer.Typer) else None


def installed(enabled: Iterable[str]) -> list[Installed]:
    """Return every plugin that is installed, loaded or not, for `sitrep plugins`."""
    names = set(enabled)
    return [_describe(e, e.name in names) for e in sorted(entry_points(group=NAME))]


def _describe(entry: EntryPoint, enabled: bool) -> Installed:  # noqa: FBT001 - a private helper
    version = entry.dist.version if entry.dist else "?"
    try:
        module = _module(entry)
        hooks = tuple(h for h in HOOKS if hasattr(module, h))
        fault = None if hooks else "implements no hook"
    except Exception as exc:  # noqa: BLE001 - any plugin, any fault: it is listed, not raised
        hooks, fault = (), f"cannot be imported: {_why(exc)}"
    return Installed(
        name=entry.name,
        version=version,
        module=entry.value,
        hooks=hooks,
        enabled=enabled,
        fault=fault,
    )


class PluginMemory:
    """A plugin's few lasting words, in the database (see `Memory`)."""

    def __init__(self, store: Store, clock: Clock, plugin: str) -> None:
        self._store, self._clock, self._under = store, clock, f"memory/{plugin}/"

    async def recall(self, name: str) -> str | None:
        """Return the value of a name."""
        return await self._store.read(lambda work: work.ref(f"{self._under}{name}"))

    async def under(self, prefix: str) -> Mapping[str, str]:
        """Return the values of all names with a prefix, without it."""
        return await self._store.read(lambda work: work.refs_under(f"{self._under}{prefix}"))

    async def keep(self, name: str, value: str, *, lasting: bool = True) -> None:
        """Keep a value under a name."""
        kept_at = None if lasting else self._clock.now()
        key = f"{self._under}{name}"
        await self._store.transact(lambda work: work.store_ref(key, value, kept_at=kept_at))


def loaded(
    config: Config, home: Path, clock: Clock, given: Mapping[str, object] | None = None
) -> PluginManager:
    """Return the configured plugins; `given` are some without an entry point.

    Raises:
        ConfigError: With every fault of every plugin.
    """
    manager, faults = sound(config, home, clock, given)
    if faults:
        raise ConfigError(faults)
    return manager


def sound(
    config: Config,
    home: Path,
    clock: Clock,
    given: Mapping[str, object] | None = None,
    faults: Sequence[str] = (),
) -> tuple[PluginManager, tuple[str, ...]]:
    """Return the configured plugins that can be used, and all faults in the order of the sections.

    `faults` are those of the config itself: a plugin adds none to a key that has one.
    """
    manager = PluginManager(clock, str(home), config.directory)
    found = manager.load_sound(config.adapters, config.plugins, given)
    found += tuple(
        f'http.listen: {name} hears over HTTP, and nothing listens; write listen = "127.0.0.1:8080"'
        for name in manager.listening
        if config.http.listen is None
    )
    known = {fault.partition(": ")[0] for fault in faults}
    more = (fault for fault in found if fault.partition(": ")[0] not in known)
    return manager, by_section((*faults, *more))


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
