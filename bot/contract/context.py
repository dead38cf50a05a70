"""The context that a plugin is handed, and optional abilities of what it provides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import structlog
from aiohttp import ClientSession, web
from pydantic import BaseModel

from bot.contract.chat import (
    Addressee,
)
from bot.domain.incident import Incident

S = TypeVar("S", bound=BaseModel)


class Clock(Protocol):
    """The time. Use it in place of `datetime.now` and `asyncio.sleep`: tests turn it by hand."""

    def now(self) -> datetime:
        """Return the time, in UTC."""

    def real(self, when: datetime) -> datetime:
        """Return when an instant of this clock comes on the wall clock; for alarms."""

    async def sleep(self, length: timedelta) -> None:
        """Wait for a length of this clock's time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that `check` found."""

    text: str
    """The problem, and how to mend it."""
    fault: bool = True
    """True if it makes `sitrep check` fail; `False` if it is only worth knowing."""


@runtime_checkable
class Checkable(Protocol):
    """An optional ability of a provided object, for `sitrep check`."""

    async def check(self) -> Sequence[Finding]:
        """Return what is wrong with the service or the settings. Changes nothing.

        Called by `sitrep check`. What is raised becomes a finding, too.
        """


@runtime_checkable
class BackedUp(Protocol):
    """An optional ability of a provided object that keeps files, for `sitrep backup`."""

    async def backup(self, folder: Path) -> Sequence[str]:
        """Write what it keeps in the home folder to the same place in `folder`.

        Return the names of the files. Called by `sitrep backup`, beside a running bot or without.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHint:
    """A verb of the grammar, for completion and menus."""

    name: str
    """The word to type after `!inc`."""
    form: str
    """The verb with its arguments."""
    says: str
    """Its purpose, in a few words."""


class Memory(Protocol):
    """A few texts that a plugin keeps in the database; the same for every process."""

    async def recall(self, name: str) -> str | None:
        """Return what was kept under a name; `None` if nothing was, or it is forgotten."""

    async def keep(self, name: str, value: str, *, lasting: bool = True) -> None:
        """Keep a text under a name, in place of the last one.

        What is not `lasting` is forgotten like delivered messages, and redacted like them (L3).
        """

    async def under(self, prefix: str) -> Mapping[str, str]:
        """Return everything kept under names with a prefix, by the rest of the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The outcome of a command that a plugin submitted."""

    done: bool
    """Whether it was done, now or before under the same key, rather than refused."""
    incident: str | None = None
    """The id of the incident that was opened, changed or asked about: `INC-4 note …` goes on."""
    answer: str = ""
    """The answer as plain text: what was done, or why not and what would work."""


class PluginContext(Protocol):
    """The context that a plugin is handed: its own things, and not the application."""

    @property
    def name(self) -> str:
        """The name of its entry point, of its config section, and of its refs."""

    @property
    def log(self) -> structlog.stdlib.BoundLogger:
        """A log whose lines carry the plugin's name."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def http(self) -> ClientSession:
        """A shared HTTP client; the core closes it. Raises `RuntimeError` before Sitrep runs."""

    @property
    def memory(self) -> Memory:
        """The plugin's memory in the database. Raises `RuntimeError` before Sitrep runs."""

    @property
    def routes(self) -> web.RouteTableDef:
        """The plugin's own routes, under `/plugins/<name>`; served if `[http] listen` is set."""

    @property
    def home(self) -> str:
        """The folder for data and state."""

    async def changed(self, ticket: str) -> None:
        """Report that a ticket, named by the id of its ref, may have changed.

        The core asks `TicketTracker.closed` soon after, so the report may well be wrong. It waits
        for nothing today; it is a coroutine so that a later version may.
        """

    async def submit(self, command: str, *, by: str | None = None, key: str) -> Submitted:
        """Give a command as a machine: a line of the grammar, without prefix.

        `declare sev2 Checkout errors service:checkout`, `INC-4 note disk full on db7`. It takes the
        way of a typed line, with the same checks, in one transaction. A machine declares, notes and
        reads; it holds no role, and is never commander (C1): everything else is refused, with who
        may. `by` is what it is called to people, with a mark that it is no person; by default the
        plugin's name. A line that cannot be read is answered, not raised.

        `key` makes a repeat harmless (D3): for as long as delivered messages are kept, a command
        under the plugin's same key is not done again, and its result names the incident; what was
        refused stays refused under its key. After `DatabaseAway` or an internal error nothing is
        stored: submit again under the same key. Raises `RuntimeError` before Sitrep runs.
        """

    async def incidents(self, query: str = "open") -> Sequence[Incident]:
        """Return incidents as they stand, at most 50, the newest of them: `open`, `all`, or an id.

        An unknown id gives none. Raises `RuntimeError` before Sitrep runs.
        """

    @property
    def commands(self) -> Sequence[CommandHint]:
        """The verbs that people can type."""

    @property
    def addressees(self) -> Sequence[Addressee]:
        """The people of the config, with the user they are on this platform.

        They change when the config is read again: ask for them when they are needed.
        """

    def settings(self, model: type[S]) -> S:
        """Read the plugin's section into a model; its faults are named, and stop the start."""
