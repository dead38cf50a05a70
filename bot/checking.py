"""`sitrep check`: what is wrong, and what will be missed at 3 a.m."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from aiohttp import ClientSession

from bot.app import database_url, loaded, pending, reading, verify
from bot.clock import SystemClock
from bot.config import Config
from bot.errors import BotError
from bot.ports import Checkable, Finding

REACH_SECONDS = 15.0
"""How long a plugin may take to say whether its service can be reached."""


async def check(
    config: Config, home: Path, *, deep: bool, tell: Callable[[str], None]
) -> tuple[list[str], list[str]]:
    """Return faults and warnings.

    Raises:
        ConfigError: With every fault of every plugin's section.
    """
    plugins = loaded(config, home, SystemClock())
    faults: list[str] = []
    notes: list[str] = []
    async with ClientSession() as session:
        plugins.open(session)
        for name, provided in plugins.provided():
            if isinstance(provided, Checkable):
                for finding in await _asked(name, provided):
                    (faults if finding.fault else notes).append(finding.text)
    url = database_url(config, home)
    tell(f"       database: {url.partition('@')[2] or url}")
    try:
        waiting = await pending(config, home)
        if waiting:
            tell(f"       to be upgraded at the next start: {', '.join(waiting)}")
        elif deep:
            async with reading(config, home) as store:
                faults += [
                    f"{name}: its row is not what its timeline gives; keep a copy, and report this"
                    for name in await verify(store)
                ]
    except BotError as exc:
        faults.append(str(exc))
    notes += [
        f"[plugins.{name}] hears over HTTP, and nothing listens: it only asks, by the minute; "
        "set http.listen"
        for name in plugins.unheard
        if config.http.listen is None
    ]
    return faults, [*notes, *_warnings(config)]


async def _asked(name: str, provided: Checkable) -> list[Finding]:
    try:
        async with asyncio.timeout(REACH_SECONDS):
            found = await provided.check()
            return [replace(each, text=f"[{name}] {each.text}") for each in found]
    except Exception as exc:  # noqa: BLE001 - a plugin's fault is named
        return [Finding(f"[{name}] cannot be checked: {exc!r}")]


def _warnings(config: Config) -> list[str]:
    notes = []
    if not config.directory.trained:
        notes.append("nobody is a trained commander: set commander = true for some people")
    if not config.paging.last:
        notes.append("paging.last names nobody: an incident nobody accepts pages nobody in the end")
    for name, service in config.services.items():
        if not (service.comms or config.plan.comms):
            notes.append(f"services.{name}: nobody speaks outside for it; set comms")
        if not service.owner:
            notes.append(f"services.{name}: nobody is told of its overdue actions; set owner")
        if not service.on_call:
            notes.append(f"services.{name}: on_call names nobody: “page {name}” calls nobody")
        plan = config.plan_for(name)
        if not plan.external:
            notes.append(f"services.{name}: no external cadence is agreed; set external.sev1")
    if config.report_conversation is None:
        notes.append("no weekly report of action items: set actions.conversation")
    if not config.services:
        notes.append("no service has a communication plan; add [services.<name>]")
    return notes
