"""The people on call: as the config says, and as the pagers last answered.

They are asked by the minute in the background, so that a pager that hangs delays no command (D4).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog

from bot.config.model import Config
from bot.contract.context import Clock
from bot.contract.paging import Pager
from bot.delivery.in_force import Now
from bot.refs import PersonId

ASK_EVERY = timedelta(minutes=1)
PAGER_SECONDS = 10.0
"""How long a pager may take to answer."""

_log = structlog.stdlib.get_logger("sitrep.on_call")


class OnCall:
    """The people who answer a page to each service."""

    def __init__(self, in_force: Now, clock: Clock, pagers: Mapping[str, Pager]) -> None:
        self._in_force, self._clock, self._pagers = in_force, clock, pagers
        self._said: dict[tuple[str, str], tuple[PersonId, ...]] = {}

    def under(self, config: Config) -> Mapping[str, tuple[PersonId, ...]]:
        """Return who is on call for each service, by a config and by what the pagers said."""
        known = {name: list(people) for name, people in config.on_call.items()}
        for (_pager, service), people in self._said.items():
            known.setdefault(service, []).extend(people)
        return {service: tuple(dict.fromkeys(people)) for service, people in known.items()}

    async def run(self) -> None:
        """Ask every minute until cancelled."""
        while self._pagers:
            await self.refresh()
            await self._clock.sleep(ASK_EVERY)

    async def refresh(self) -> None:
        """Ask every pager about every service; one that fails keeps its last answer."""
        await asyncio.gather(
            *(
                self._ask(name, pager, service)
                for name, pager in self._pagers.items()
                for service in self._in_force().config.services
            )
        )

    async def _ask(self, name: str, pager: Pager, service: str) -> None:
        try:
            async with asyncio.timeout(PAGER_SECONDS):
                names = await pager.on_call(service)
            directory = self._in_force().config.directory
            found = (directory.find(str(each), {}) for each in names)
            self._said[name, service] = tuple(p for p in found if isinstance(p, str))
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - a plugin's fault is named
            _log.warning("pager failed", plugin=name, service=service, error=repr(exc))
