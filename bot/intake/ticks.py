"""Ticks: the things that fall due by themselves, one incident at a time (K6)."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import structlog

from bot.config.model import Config
from bot.contract.context import Clock
from bot.domain import commands as cmd
from bot.domain.decide import decide
from bot.domain.due import next_due
from bot.domain.incident import Incident
from bot.intake.transaction import Transaction
from bot.store.work import Store, Work

TICK_AGAIN = timedelta(minutes=1)
"""How long an incident is left alone after its tick met an internal error."""

EVERY = 1_000_000
"""More incidents than there are."""

_log = structlog.stdlib.get_logger("sitrep.ticks")


class Ticks:
    """The tick of the next incident that has something due."""

    def __init__(
        self, config: Config, store: Store, clock: Clock, transaction: Transaction
    ) -> None:
        self._config, self._store, self._clock = config, store, clock
        self._transaction = transaction

    async def tick(self) -> bool:
        """Do what is due for one incident; return whether there was one."""
        done = await self._store.transact(self._do)
        if done:
            self._transaction.after_commit(None)
        return done

    async def follow(self, jumped: timedelta) -> None:
        """Look at every incident that is not over, due or not: the clock was set (K6)."""
        for name in await self._store.read(_unfinished):
            await self._store.transact(partial(self._look, name, jumped))
        self._transaction.after_commit(None)

    async def _look(self, name: str, jumped: timedelta, work: Work) -> None:
        incident = await work.incident(name)
        if incident is not None:
            await self._tick(work, incident, cmd.Tick(jumped=jumped))

    async def _do(self, work: Work) -> bool:
        incident = await work.due(self._clock.now())
        if incident is None:
            return False
        await self._tick(work, incident, cmd.Tick())
        return True

    async def _tick(self, work: Work, incident: Incident, command: cmd.Tick) -> None:
        now = self._clock.now()
        # Outside of `try`: if the database fails, the transaction is undone or run again.
        setting = await self._transaction.gather(work, None, incident.id, incident.service)
        try:
            decision = decide(incident, command, now, setting)
        except Exception as exc:  # noqa: BLE001 - one incident's fault must not stop all clocks
            _log.exception("tick broke down", incident=incident.id, error=repr(exc))
            await work.postpone(incident.id, now + TICK_AGAIN)
            return
        if decision.happened:
            await self._transaction.commit(work, decision)
        else:
            # The config has changed since the due time was stored.
            await work.postpone(incident.id, next_due(incident, self._config.policy))


async def _unfinished(work: Work) -> list[str]:
    """Return the incidents that may have due times."""
    listed = [*await work.list("open", EVERY), *await work.list("owing", EVERY)]
    return list(dict.fromkeys(each.id for each in listed))
