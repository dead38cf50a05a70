"""Machines: what a plugin submits takes the way of a typed line, under its own name (C1, F8)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, cast

import structlog

from bot.config.model import Config
from bot.contract.context import Clock, Submitted
from bot.contract.errors import DatabaseAway, DatabaseDamaged
from bot.contract.messages import plain
from bot.domain.incident import Incident
from bot.grammar.text import clean
from bot.intake.arrived import Arrived
from bot.intake.service import Service
from bot.presenter import Presenter
from bot.refs import ConversationRef, machine
from bot.store.work import Store, Work

LONGEST_NAME = 60
"""The longest name of a machine that is shown."""

LONGEST_KEY = 200
"""The longest key that is stored as it is."""

LOOKED_AT = 50
"""The most incidents that a plugin is given at a time."""

_log = structlog.stdlib.get_logger("sitrep.machines")


class Machines:
    """The entrance for plugins."""

    def __init__(
        self, config: Config, store: Store, clock: Clock, presenter: Presenter, service: Service
    ) -> None:
        self._config, self._store, self._clock = config, store, clock
        self._presenter, self._service = presenter, service

    async def submit(self, plugin: str, line: str, by: str | None, key: str) -> Submitted:
        """Carry out a line for a plugin (see `PluginContext.submit`).

        An internal error leaves nothing behind, not even the key: it may be submitted again.
        """
        arrived = self._arrived(plugin, by, key)
        try:
            handled = await self._service.submit(arrived, line)
        except DatabaseAway:
            raise
        except DatabaseDamaged as exc:
            raise DatabaseAway(str(exc)) from exc
        except Exception as exc:  # noqa: BLE001 - the plugin gets an answer, as people do
            _log.exception("broke down", source=plugin, inbound=arrived.id, error=repr(exc))
            return Submitted(done=False, answer=plain(self._presenter.trouble.broken()))
        _log.debug("handled", source=plugin, inbound=arrived.id, outcome=handled.word)
        answer = "\n".join(plain(message) for message in handled.answers)
        return Submitted(done=handled.done, incident=handled.incident, answer=answer)

    async def incidents(self, query: str) -> Sequence[Incident]:
        """Return incidents for a plugin to read (see `PluginContext.incidents`)."""
        return await self._store.read(lambda work: _found(work, query.strip()))

    def _arrived(self, plugin: str, by: str | None, key: str) -> Arrived:
        if not key:
            raise ValueError("a command is submitted under a key, so that a repeat is harmless")
        source, now = machine(plugin), self._clock.now()
        called = " ".join(clean(by).split())[:LONGEST_NAME] if by is not None else None
        return Arrived(
            source=source,
            id=_stored(key),
            conversation=ConversationRef(source, ""),
            actor=machine(plugin, called),
            written_at=now,
            now=now,
            is_stranger=False,
            stale_after=self._config.access.stale_after,
            inline=True,
        )


def _stored(key: str) -> str:
    """Return a key as it is stored: one that is long or odd is replaced by its digest."""
    if len(key) <= LONGEST_KEY and key.isprintable():
        return key
    return hashlib.sha256(key.encode(errors="backslashreplace")).hexdigest()


async def _found(work: Work, query: str) -> tuple[Incident, ...]:
    ids = [query.upper()]
    if query in {"open", "all"}:
        which = cast("Literal['open', 'all']", query)
        ids = [each.id for each in await work.list(which, LOOKED_AT)]
    found = [await work.incident(each) for each in ids]
    return tuple(each for each in found if each is not None and not each.private)
