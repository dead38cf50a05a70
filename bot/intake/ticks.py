"""Ticks: the things that fall due by themselves, one incident at a time (K6)."""

from __future__ import annotations

from datetime import timedelta

import structlog

from bot.config.model import Config
from bot.contract.context import Clock
from bot.domain import commands as cmd
from bot.domain.decide import decide
from bot.domain.due import next_due
from bot.intake.transaction import Transaction
from bot.store.work import Store, Work

TICK_AGAIN = timedelta(minutes=1)
"""How long an incident is left alone after its tick met an internal error."""

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

    async def _do(self, work: Work) -> bool:
        now = self._clock.now()
        incident = await work.due(now)
        if incident is None:
            return False
        # Outside of `try`: if the database fails, the transaction is undone or run again.
        setting = await self._transaction.gather(work, None, incident.id, incident.service)
        try:
            decision = decide(incident, cmd.Tick(), now, setting)
        except Exception as exc:  # noqa: BLE001 - one incident's fault must not stop all clocks
            _log.exception("tick broke down", incident=incident.id, error=repr(exc))
            await work.postpone(incident.id, now + TICK_AGAIN)
            return True
        if decision.happened:
            await self._transaction.commit(work, decision)
        else:
            # The config has changed since the due time was stored.
            await work.postpone(incident.id, next_due(incident, self._config.policy))
        return True
