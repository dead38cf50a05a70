"""The entrance that stays while the config changes: it hands on to the intake of the one in force.

What has entered ends under the config that it began with. What was learned of people, and which
rooms an outage silenced, goes on to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from bot.clock import WatchedClock
from bot.config.model import Config
from bot.contract.chat import Inbound, Receipt
from bot.contract.context import Submitted
from bot.delivery.in_force import InForce
from bot.delivery.plan import Targets
from bot.domain.commands import Command
from bot.domain.incident import Incident
from bot.intake.acquaintances import Acquaintances
from bot.intake.intake import Intake
from bot.intake.outages import Outages
from bot.refs import PersonId
from bot.store.work import Store, Work

OnCallUnder = Callable[[Config], Mapping[str, tuple[PersonId, ...]]]
"""Returns who is on call for each service, by a config."""


class Entrance:
    """Lets in whatever arrives, and counts it."""

    intake: Intake
    """The intake of the config in force."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        in_force: InForce,
        store: Store,
        clock: WatchedClock,
        targets: Targets,
        on_call: OnCallUnder,
        after_commit: Callable[[datetime | None], None],
    ) -> None:
        """`after_commit` is called with the time at which something falls due next, if known."""
        self._store, self._clock, self._targets = store, clock, targets
        self._on_call, self._after_commit = on_call, after_commit
        self._acquaintances, self._outages = Acquaintances(in_force.config.directory), Outages()
        self.handled = self.refused = 0
        self.put_in_force(in_force)

    def put_in_force(self, in_force: InForce) -> None:
        """Let in what comes from now on under another config."""
        config = in_force.config
        self._acquaintances = self._acquaintances.under(config.directory)
        self.intake = Intake(
            in_force,
            self._store,
            self._clock,
            self._targets,
            partial(self._on_call, config),
            self._acquaintances,
            self._outages,
        )
        self.intake.transaction.after_commit = self._after_commit

    async def remember_names(self) -> None:
        """Load the names and homes of people whom the config does not name."""
        await self._acquaintances.load(self._store)

    async def receive(self, inbound: Inbound) -> Receipt:
        """Let an event in (see `Service`)."""
        receipt = await self.intake.service.receive(inbound)
        self.handled += 1
        self.refused += not receipt.done
        return receipt

    async def tick(self) -> bool:
        """Do what is due for one incident (see `Ticks`)."""
        return await self.intake.ticks.tick()

    async def follow(self, jumped: timedelta) -> None:
        """Look at every open incident: the clock was set (see `Ticks`)."""
        await self.intake.ticks.follow(jumped)

    async def apply(self, work: Work, incident: str, command: Command) -> None:
        """Apply the result of an effect (see `Transaction`)."""
        await self.intake.transaction.apply(work, incident, command)

    async def lost(self, adapter: str, why: str) -> None:
        """Tell that a platform has ended its session (see `Conversations`)."""
        await self.intake.conversations.lost(adapter, why)

    async def submit(self, plugin: str, line: str, by: str | None, key: str) -> Submitted:
        """Carry out a line for a plugin (see `Machines`)."""
        return await self.intake.machines.submit(plugin, line, by, key)

    async def incidents(self, query: str) -> Sequence[Incident]:
        """Return incidents for a plugin to read (see `Machines`)."""
        return await self.intake.machines.incidents(query)

    async def ended_by_mail(self, token: str, post: bool) -> str | None:  # noqa: FBT001 - of HTTP
        """End the subscription of a mail's link (see `AudienceRequests`)."""
        return await self.intake.audience.ended_by_mail(token, post)

    async def confirmed_by_mail(self, token: str, post: bool) -> str | None:  # noqa: FBT001
        """Confirm the subscription of a mail's link (see `AudienceRequests`)."""
        return await self.intake.audience.confirmed_by_mail(token, post)
