"""Gathered rows: one for each reader, put into words at delivery, once in a time (F18).

Each has a lane of its own, which rests between two of them. So what is urgent passes in the
reader's lane meanwhile, and however much is gathered, one row waits.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

from bot.config.model import Config
from bot.contract.chat import Addressee
from bot.contract.context import Clock
from bot.contract.errors import RateLimited
from bot.contract.paging import PageRequest
from bot.delivery.bursts import burst_of
from bot.delivery.delivered import Delivered
from bot.delivery.in_force import Now
from bot.delivery.subscriptions import Subscribers
from bot.domain.durations import within
from bot.domain.floods import Burst
from bot.domain.subscription import Reader
from bot.presenter import Presenter
from bot.refs import Lane, PersonId
from bot.store.rows import GatheredCalls, GatheredNews, Outgoing, Page, Post, Waiting
from bot.store.work import Store, Work

SETTLES = timedelta(seconds=30)
"""How long gathered calls wait for more of them: people were called for the first ones already."""


class Gathering:
    """Delivers gathered rows: each becomes one message or page."""

    def __init__(self, store: Store, clock: Clock, in_force: Now) -> None:
        self._store, self._clock, self._in_force = store, clock, in_force

    @property
    def _config(self) -> Config:
        return self._in_force().config

    @property
    def _presenter(self) -> Presenter:
        return self._in_force().presenter

    @property
    def _subscribers(self) -> Subscribers:
        return self._in_force().subscribers

    async def calls(self, row: Waiting, body: GatheredCalls) -> Delivered:
        """Call a person once for a burst of declarations.

        Raises:
            RateLimited: The burst may still be growing.
        """
        now = self._clock.now()
        if within(SETTLES, row.created_at, now):
            again = row.created_at + SETTLES - now
            raise RateLimited("more may be declared", retry_after=again)
        burst = await self._store.read(lambda work: burst_of(work, body.by))
        if burst is None:
            return Delivered()
        sent = self._page(body, burst) if body.pager else self._message(body, burst)
        return Delivered(send=sent, rests=self._config.policy.calls.within)

    async def news(self, body: GatheredNews) -> Delivered:
        """Tell a reader all that is held, once the time is over in which they were told much.

        Raises:
            RateLimited: It is not over yet, or what they were told before waits to be delivered.
        """
        bound, now = self._config.news_bound, self._clock.now()
        reader, waiting = await self._store.read(partial(self._reader, body.address))
        if reader is None or reader.held is None:
            return Delivered()
        lately = within(bound.within, reader.since, now)
        left = reader.since + bound.within - now if lately else timedelta(0)
        if lately or waiting >= bound.most:
            raise RateLimited("news is gathered", retry_after=max(left, SETTLES))
        return Delivered(then=partial(self._tell, body.address))

    async def _reader(self, address: str, work: Work) -> tuple[Reader | None, int]:
        """Return a reader, and how many messages wait for them."""
        lanes = self._subscribers.lanes(address)
        return await work.reader(address), sum([await work.waiting_in(lane) for lane in lanes])

    async def _tell(self, address: str, work: Work) -> list[Outgoing]:
        """Return the row with all that is held; from now on more is held again for a time.

        The reader is locked first: news that comes meanwhile is either in this row or held anew.
        """
        now, bound = self._clock.now(), self._config.news_bound
        (reader,) = await work.readers([address], at=now)
        if reader.held is None:
            return []
        hearing = await self._subscribers.hearing(work, address)
        heard = [(piece, hearing(piece)) for piece in await work.news_from(reader.held)]
        await work.store_readers([reader.after_gathering(now, bound)])
        pieces = [piece for piece, each in heard if each is not None]
        by = next((each for _, each in heard if each is not None), None)
        return self._subscribers.gathered(by, pieces, now) if by is not None else []

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
