"""`sitrep check`: what is wrong, and what will be missed at 3 a.m."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from bot.app import damaged, pending, reading
from bot.cli.faults import DATABASE
from bot.clock import SystemClock
from bot.config.load import example_people
from bot.config.model import Config
from bot.contract.context import Checkable, Finding
from bot.contract.errors import BotError, DatabaseDamaged
from bot.contract.messages import span_of
from bot.delivery.outbox import LEASE
from bot.domain.evolve import fold
from bot.files import open_to_others
from bot.network import http_client, way_out
from bot.plugin_manager import sound
from bot.store.work import Store, Work

LOOKED_AT = 200
"""How many of the last incidents are looked through for services without a plan."""

CLOCKS_APART = LEASE / 3
"""How far the clocks of machines that share the work may be apart."""

MENDING = "restore the last backup (sitrep restore <folder>), and keep a copy of the file"
"""What to do about a damaged database."""

UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError)
"""The errors that reading a damaged value raises."""

REACH_SECONDS = 15.0
"""How long a plugin may take to say whether its service can be reached."""


@dataclass
class Found:
    """What a check found, a line each."""

    faults: list[str] = field(default_factory=list)
    of_config: tuple[str, ...] = ()
    """Why the config cannot be used, in the order of its sections."""
    of_database: list[str] = field(default_factory=list)
    """Why the database cannot be used, or what is damaged in it."""
    notes: list[str] = field(default_factory=list)


async def check(
    config: Config,
    home: Path,
    *,
    deep: bool,
    tell: Callable[[str], None],
    faults: Sequence[str] = (),
) -> Found:
    """Look at everything; `faults` are those of the config, which is what can be used of it."""
    plugins, of_config = sound(config, home, SystemClock(), None, faults)
    found = Found(notes=_home(home), of_config=of_config)
    tell(f"       network: {way_out()}")
    async with http_client() as session:
        plugins.open(session)
        for name, provided in plugins.provided():
            if isinstance(provided, Checkable):
                for finding in await _asked(name, provided):
                    (found.faults if finding.fault else found.notes).append(finding.text)
    if not any(fault.startswith("storage") for fault in of_config):
        url = config.database_url(home)
        tell(f"       database: {url.partition('@')[2] or url}")
        try:
            await _database(config, home, found, deep=deep, tell=tell)
        except DATABASE as exc:
            found.of_database.append(str(exc))
        except BotError as exc:
            found.faults.append(str(exc))
    found.notes += [
        f"[plugins.{name}] would be reached over HTTP, and nothing listens; set http.listen"
        for name in plugins.unheard
        if config.http.listen is None
    ]
    found.notes += _unknown_components(config, plugins.status_pages)
    found.notes += _warnings(config, pages=bool(plugins.status_pages))
    return found


async def _database(
    config: Config, home: Path, found: Found, *, deep: bool, tell: Callable[[str], None]
) -> None:
    if deep and (lines := await damaged(config, home)):
        more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
        found.of_database.append(f"the database is damaged ({lines[0]}{more}); {MENDING}")
    if waiting := await pending(config, home):
        tell(f"       to be upgraded at the next start: {', '.join(waiting)}")
        return
    async with reading(config, home) as store:
        found.notes += await _unplanned(config, store)
        found.notes += _clock(await store.ahead(SystemClock().now()))
        found.notes += [
            f"{count} messages wait for {name}, which this config does not have: is it the right "
            "config? They are tried until [delivery] give_up_after"
            for name, count in sorted((await store.awaited()).items())
            if name not in {*config.adapters, *config.plugins}
        ]
        if deep:
            found.faults += [
                f"{name}: its row is not what its timeline gives; keep a copy, and report this"
                for name in await verify(store)
            ]


def _home(home: Path) -> list[str]:
    """Return that others may look into the home folder: they read no file, but its name.

    It is told of, and not mended: what is served from within (a status page) needs a way in.
    """
    mode = open_to_others(home)
    if mode is None:
        return []
    return [f"others may look into {home} (its mode is {mode}); chmod 700 {home}"]


def _clock(ahead: timedelta) -> list[str]:
    """Return what a clock does that is not the database's: leases are measured by it (D2)."""
    if abs(ahead) <= CLOCKS_APART:
        return []
    way = "ahead of" if ahead > timedelta(0) else "behind"
    return [
        f"the clock here is {span_of(abs(ahead))} {way} the database's: of several processes one "
        "would take over what another is just sending; let NTP set the clocks"
    ]


async def _unplanned(config: Config, store: Store) -> list[str]:
    """Return the services that incidents were declared for, and that have no plan (X1)."""
    recent = await store.read(lambda work: work.list("all", LOOKED_AT))
    found = [await store.read(partial(_service_of, name=each.id)) for each in recent]
    names = dict.fromkeys(s for s in found if s is not None and s not in config.services)
    return [
        f"services.{name}: incidents were declared for it, and it has no communication plan"
        for name in names
    ]


async def _service_of(work: Work, name: str) -> str | None:
    incident = await work.incident(name)
    return incident.service if incident is not None else None


async def _asked(name: str, provided: Checkable) -> list[Finding]:
    try:
        async with asyncio.timeout(REACH_SECONDS):
            found = await provided.check()
            return [replace(each, text=f"[{name}] {each.text}") for each in found]
    except Exception as exc:  # noqa: BLE001 - a plugin's fault is named
        return [Finding(f"[{name}] cannot be checked: {exc!r}")]


def _unknown_components(config: Config, pages: Iterable[str]) -> list[str]:
    """Return the components of plans that no status page shows (X1)."""
    shown = [config.plugins[page].get("components", {}) for page in pages]
    known = {name for each in shown if isinstance(each, dict) for name in each}
    return [
        f"services.{name}.components: no status page shows {component!r}; "
        f"there is: {', '.join(sorted(known))}"
        for name, service in config.services.items()
        for component in service.components
        if known and component not in known
    ]


def _lacking(config: Config, service: str, *, pages: bool) -> list[str]:
    """Return what a service's communication plan does not settle before the incident (X1)."""
    plan = config.plan_for(service)
    lacking = []
    if plan.comms is None:
        lacking.append("who speaks outside (comms)")
    if plan.liaison is None:
        lacking.append("who briefs (liaison)")
    if not plan.external:
        lacking.append("how often the public is told (external.sev1)")
    if pages and not plan.components:
        lacking.append("its components of the status page (components)")
    if plan.pages == ():
        lacking.append("a page to publish on (status_pages names none)")
    return lacking


def _warnings(config: Config, *, pages: bool) -> list[str]:
    notes = []
    if config.people and config.people.keys() == example_people():
        names = ", ".join(sorted(config.people))
        notes.append(f"the people ({names}) are the example's, and nobody else: name your own")
    if not config.directory.trained:
        notes.append("nobody is a trained commander: set commander = true for some people")
    notes += [
        f"no person has a user on {name}: everybody admitted there counts as named, and may do "
        "what people of this config may; set users, access.trusted, or access.unknown_people"
        for name in sorted(config.directory.everybody_counts_on)
    ]
    if not config.paging.last:
        notes.append("paging.last names nobody: an incident nobody accepts pages nobody in the end")
    for name, service in config.services.items():
        lacking = _lacking(config, name, pages=pages)
        if lacking:
            notes.append(f"services.{name}: its communication plan lacks {'; '.join(lacking)}")
        if not service.owner:
            notes.append(f"services.{name}: nobody is told of its overdue actions; set owner")
        if not service.on_call:
            notes.append(f"services.{name}: on_call names nobody: “page {name}” calls nobody")
    if config.stakeholders.url and config.http.listen is None:
        notes.append("stakeholders.url: nothing listens there, so no mail can be ended by its link")
    if config.report_conversation is None:
        notes.append("no weekly report of action items: set actions.conversation")
    if not config.services:
        notes.append("no service has a communication plan; add [services.<name>]")
    return notes


async def verify(store: Store) -> list[str]:
    """Return the incidents whose row differs from what folding their timeline gives.

    One that cannot be read at all is among them.

    Raises:
        DatabaseDamaged: The incidents cannot even be listed.
    """

    async def fold_all(work: Work) -> list[str]:
        try:
            names = [summary.id for summary in await work.list("all", 1_000_000)]
        except UNREADABLE as exc:
            raise DatabaseDamaged(f"the database is damaged ({exc}); {MENDING}") from exc
        return [name for name in names if not await _is_whole(work, name)]

    return await store.read(fold_all)


async def _is_whole(work: Work, name: str) -> bool:
    """Return whether an incident is what its timeline gives."""
    try:
        incident = await work.incident(name)
        entries = await work.timeline(name)
        lines = await work.actions("all", today=date.min, incident=name)
        folded = fold(tuple(entry.event for entry in entries))
    except UNREADABLE:
        return False  # what is stored is no event, or none that can come there
    numbered = [entry.n for entry in entries] == list(range(1, len(entries) + 1))
    tabled = incident is not None and incident.actions == tuple(x.action for x in lines)
    return numbered and tabled and incident == folded
