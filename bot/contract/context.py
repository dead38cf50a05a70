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

S = TypeVar("S", bound=BaseModel)


class Clock(Protocol):
    """The time. `real` maps an instant of this clock to the wall clock's, for alarms."""

    def now(self) -> datetime:
        """Return the time, in UTC."""

    def real(self, when: datetime) -> datetime:
        """Return when an instant of this clock comes on the wall clock."""

    async def sleep(self, length: timedelta) -> None:
        """Wait for a length of this clock's time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, with how to mend it; not a `fault`: worth knowing, and no more."""

    text: str
    fault: bool = True


@runtime_checkable
class Checkable(Protocol):
    """What a provided object may have besides, for `sitrep check`."""

    async def check(self) -> Sequence[Finding]:
        """Return what is wrong with its service or settings. Changes nothing."""


@runtime_checkable
class BackedUp(Protocol):
    """What a provided object may have besides, for `sitrep backup`."""

    async def backup(self, folder: Path) -> Sequence[str]:
        """Write what it keeps in the home folder to the same place in `folder`; return the names.

        No bot need be running, and one may be.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHint:
    """A verb of the grammar, for completion and menus."""

    name: str
    form: str
    says: str


class Memory(Protocol):
    """A few lasting words of a plugin's own, in the database; the same for every process."""

    async def recall(self, name: str) -> str | None:
        """Return what was kept under a name."""

    async def keep(self, name: str, value: str, *, lasting: bool = True) -> None:
        """Keep something under a name until it is kept anew.

        What is not `lasting` is forgotten like delivered messages, and redacted like them (L3).
        """

    async def under(self, prefix: str) -> Mapping[str, str]:
        """Return all that is kept under names that begin so, without the prefix."""


class PluginContext(Protocol):
    """What a plugin is handed: its own things, not the application."""

    @property
    def name(self) -> str:
        """The name of its entry point, of its config section, and of its refs."""

    @property
    def log(self) -> structlog.stdlib.BoundLogger:
        """A log that says whose lines they are."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def http(self) -> ClientSession:
        """A shared client, there once the application runs; the core closes it."""

    @property
    def memory(self) -> Memory:
        """What it keeps, there once the application runs."""

    @property
    def routes(self) -> web.RouteTableDef:
        """Its own routes, under `/plugins/<name>`; served where `[http]` is on."""

    @property
    def home(self) -> str:
        """The folder for data and state."""

    async def changed(self, ticket: str) -> None:
        """Report that a ticket, named by the id of its ref, may have changed.

        The core asks `TicketTracker.closed` soon after, so the report may well be wrong. It waits
        for nothing today; it is a coroutine so that a later version may.
        """

    @property
    def commands(self) -> Sequence[CommandHint]:
        """The verbs that people can type."""

    @property
    def addressees(self) -> Sequence[Addressee]:
        """The people of the config, with the user they are on this platform."""

    def settings(self, model: type[S]) -> S:
        """Read the own section into a model; its faults are named and stop the start."""
