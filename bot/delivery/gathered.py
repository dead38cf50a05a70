"""Gathered rows: one for each reader, put into words at delivery, once in a time (F18).

Each has a lane of its own, which rests between two of them. So what is urgent passes in the
reader's lane meanwhile, and however much is gathered, one row waits.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.config.model import Config
from bot.contract.chat import Addressee
from bot.contract.context import Clock
from bot.contract.errors import RateLimited
from bot.contract.paging import PageRequest
from bot.delivery.bursts import burst_of
from bot.delivery.delivered import Delivered
from bot.delivery.subscriptions import Subscribers
from bot.domain.floods import Burst
from bot.presenter import Presenter
from bot.refs import Lane, PersonId
from bot.store.rows import GatheredCalls, Outgoing, Page, Post, Waiting
from bot.store.work import Store

SETTLES = timedelta(seconds=30)
"""How long gathered calls wait for more of them: people were called for the first ones already."""


class Gathering:
    """Delivers gathered rows: each becomes one message or page."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        presenter: Presenter,
        subscribers: Subscribers,
    ) -> None:
        self._config, self._store, self._clock = config, store, clock
        self._presenter, self._subscribers = presenter, subscribers

    async def calls(self, row: Waiting, body: GatheredCalls) -> Delivered:
        """Call a person once for a burst of declarations.

        Raises:
            RateLimited: The burst may still be growing.
        """
        settled = row.created_at + SETTLES - self._clock.now()
        if settled > timedelta(0):
            raise RateLimited("more may be declared", retry_after=settled)
        burst = await self._store.read(lambda work: burst_of(work, body.by))
        if burst is None:
            return Delivered()
        sent = self._page(body, burst) if body.pager else self._message(body, burst)
        return Delivered(send=sent, rests=self._config.policy.calls.within)

    def _page(self, body: GatheredCalls, burst: Burst) -> tuple[Outgoing, ...]:
        request = PageRequest(
            incident=burst.incidents[-1],
            severity=burst.severity,
            people=(Addressee(person=body.person, name=self._name(body.person), user=None),),
            service=None,
            text=self._presenter.floods.page_text(body.by, burst),
        )
        lane = Lane.of_plugin(body.pager or "", burst.incidents[-1])
        return (
            _urgent(Outgoing(target=lane.target, lane=lane, body=Page(request=request)), burst),
        )

    def _message(self, body: GatheredCalls, burst: Burst) -> tuple[Outgoing, ...]:
        to = self._subscribers.directly(body.person, body.adapter)
        if to is None:
            return ()
        told = Post(message=self._presenter.floods.calls(body.by, burst, self._config.policy.calls))
        return (_urgent(Outgoing(target=to.adapter, lane=Lane.of(to), body=told), burst),)

    def _name(self, person: PersonId) -> str:
        return self._config.directory.name(person)


def _urgent(row: Outgoing, burst: Burst) -> Outgoing:
    return replace(row, incident=burst.incidents[-1], urgent=True)
