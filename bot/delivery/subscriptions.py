"""Subscriptions of people outside the response, and the fan-out of news to them (H1).

An update is one row of the outbox until it is delivered. Then everybody who is subscribed gets a
row of their own, in the transaction that marks the first one sent. So responders never wait for
stakeholders, nobody is told twice, and each address is retried by itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.config.cross import is_mail_address
from bot.config.model import Config
from bot.contract.messages import Message
from bot.contract.stakeholders import StakeholderUpdate
from bot.delivery.bursts import gathered
from bot.delivery.plan import Targets
from bot.domain.acts import Act
from bot.domain.events import BriefSent
from bot.domain.incident import Incident
from bot.domain.permissions import may_outside
from bot.domain.subscription import (
    ASKED_AT_MOST,
    ASKS_AT_MOST,
    LAPSES,
    MAIL,
    Piece,
    Subscription,
)
from bot.domain.timeline import corrected
from bot.grammar.requests import Subscribe, Unsubscribe
from bot.presenter import Presenter, subscriptions
from bot.refs import ConversationRef, Lane, PersonId
from bot.store.rows import Letter, Outgoing, Post
from bot.store.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """The person who asks about subscriptions, where and when."""

    person: PersonId
    here: ConversationRef
    now: datetime


class Subscribers:
    """The people and rooms that are subscribed: adds and ends them, and fans news out to them."""

    def __init__(self, config: Config, presenter: Presenter, targets: Targets) -> None:
        self._config, self._presenter, self._targets = config, presenter, targets
        self._directory = config.directory

    # --- subscribing ------------------------------------------------------------------------------

    async def subscribe(
        self,
        work: Work,
        asked: Subscribe,
        asker: Asker,
        incident: Incident | None,
    ) -> tuple[Message, Subscription | None]:
        """Subscribe somebody; return what to tell them, and the subscription if there is one.

        A mail address of somebody else is asked first (H1).
        """
        actor, now = asker.person, asker.now
        say = self._presenter
        if asked.service is not None and asked.service not in self._config.services:
            reason = subscriptions.unknown_service(asked.service, self._config.services)
            return say.subscriptions.refused(*reason), None
        address = self._address(asked.to, actor, asker.here)
        if not isinstance(address, str):
            return say.subscriptions.refused(*address), None
        wanted = Subscription(
            address=address,
            by=actor,
            severity=asked.severity,
            service=asked.service,
            incident=incident.id if incident is not None else None,
            postmortems=asked.postmortems,
            digest=asked.digest,
            token=secrets.token_urlsafe(32),
            asked_at=now if self._must_confirm(address, actor) else None,
        )
        stored = await self._stored(work, wanted, now)
        if stored is None:
            return say.subscriptions.refused(*subscriptions.ASKED_ENOUGH), None
        if stored.pending:
            return say.subscriptions.asked(stored), stored
        last = await last_brief(work, incident) if incident is not None else None
        return say.subscriptions.subscribed(stored, incident, last), stored

    def _must_confirm(self, address: str, actor: PersonId) -> bool:
        """Return whether an address is neither the actor's own nor named by a plan."""
        if not address.startswith(MAIL):
            return False
        own = f"{MAIL}{self._directory.mail(actor) or ''}"
        plans = [self._config.plan_for(name) for name in (None, *self._config.services)]
        named = {a for plan in plans for each in plan.audiences.values() for a in each}
        known = {own.casefold(), *(each.casefold() for each in self._audiences(named))}
        return address.casefold() not in known

    async def _stored(self, work: Work, wanted: Subscription, now: datetime) -> Subscription | None:
        """Store a subscription, and ask its address if it must confirm; `None` if not once more."""
        await work.lapse(now - LAPSES)
        if wanted.pending and not await self._may_ask(work, wanted):
            return None
        stored = await work.subscribe(wanted)
        if not stored.pending:
            return stored
        if not wanted.pending:
            await work.confirm(stored.n)
            return replace(stored, asked_at=None, muted=False)
        await work.renew_asking(stored.n)
        url = self._config.stakeholders.url
        if stored.token == wanted.token and url is not None:
            letter = Letter(mail=self._presenter.stakeholders.asking_letter(stored, url))
            await work.send(self.mail(stored, letter, None), now=now)
        return replace(stored, muted=False)

    async def _may_ask(self, work: Work, wanted: Subscription) -> bool:
        """Return whether an address may be asked: few times, and by one person few addresses.

        Requests that were called off count until they lapse, so that nobody can fill a mailbox.
        """
        there = await work.subscriptions(address=wanted.address)
        if any(wanted.same(each) for each in there):
            return True
        asks = await work.subscriptions(by=wanted.by)
        few = sum(each.pending for each in there) < ASKED_AT_MOST
        return few and sum(each.pending for each in asks) < ASKS_AT_MOST

    def _address(
        self, to: str | None, actor: PersonId, here: ConversationRef
    ) -> str | subscriptions.Reason:
        """Return the address that somebody asks for, or why they cannot have it."""
        if to is None:
            return Lane.of(self.directly(actor, here.adapter) or here)
        if to.casefold() == "here":
            return Lane.of(here)
        own = self._directory.mail(actor)
        address = own if to.casefold() in {"mail", "me"} else to
        if address is None:
            return subscriptions.NO_MAIL_ADDRESS
        if not is_mail_address(address):
            return subscriptions.no_place(to)
        if not self._targets.mailers or self._config.stakeholders.url is None:
            return subscriptions.no_mail(mailer=bool(self._targets.mailers))
        domain = address.rpartition("@")[2].casefold()
        everybody = {person.mail for person in self._directory.everybody}
        domains = {each.casefold() for each in self._config.stakeholders.mail_domains}
        if address not in everybody and domain not in domains:
            return subscriptions.foreign_domain(domain)
        return f"{MAIL}{address}"

    def directly(self, person: PersonId, first: str = "") -> ConversationRef | None:
        """Return the direct conversation with somebody, preferably on the adapter `first`."""
        for name in (first, *self._targets.adapters):
            adapter = self._targets.adapters.get(name)
            user = self._directory.user(person, name)
            if adapter is not None and adapter.features.direct and user is not None:
                return ConversationRef.direct(user)
        return None

    # --- ending -----------------------------------------------------------------------------------

    async def own(self, work: Work, asker: Asker) -> Sequence[Subscription]:
        """Return the subscriptions that somebody may end here: their own and the place's (F8)."""
        actor, here = asker.person, asker.here
        places: set[str] = {f"{MAIL}{self._directory.mail(actor)}"}
        if may_outside(actor, self._directory.named, Act.FOLLOW_FOR_OTHERS):
            places.add(Lane.of(here))
        for name in self._targets.adapters:
            if (user := self._directory.user(actor, name)) is not None:
                places.add(Lane.of(ConversationRef.direct(user)))
        found = await work.subscriptions()
        live = (each for each in found if not each.muted and not each.lapsed(asker.now))
        return [each for each in live if each.by == actor or each.address in places]

    async def unsubscribe(
        self,
        work: Work,
        asked: Unsubscribe,
        asker: Asker,
        incident: Incident | None,
    ) -> tuple[Message, bool]:
        """End the subscriptions meant; return what to tell, and whether any ended."""
        own, say = await self.own(work, asker), self._presenter
        if asked.n is not None:
            chosen = [s for s in own if s.n == asked.n]
            if not chosen:
                return say.subscriptions.unknown(asked.n), False
        elif asked.everything:
            chosen = list(own)
        else:
            chosen = [s for s in own if incident is not None and s.incident == incident.id]
            chosen = chosen or (list(own) if len(own) == 1 else [])
        if not chosen:
            return say.subscriptions.listed(own, ending=True), False
        for each in chosen:
            await work.unsubscribe(each.n)
        if len(chosen) == 1:
            return say.subscriptions.unsubscribed(chosen[0]), True
        return say.subscriptions.ended(len(chosen)), True

    # --- telling ----------------------------------------------------------------------------------

    async def spread(self, work: Work, update: StakeholderUpdate, now: datetime) -> list[Outgoing]:
        """Return a row for each address that is subscribed now, but not to the daily digest.

        An address that was told much of late gets one row for all that is held for it (F18).
        """
        highest = update.highest or update.severity
        told: dict[str, Subscription] = {}
        for each in await work.subscriptions(incident=update.incident):
            wanted = each.wants(update.incident, highest, update.service, update.news)
            if each.by is not None and not each.digest and wanted:
                told.setdefault(each.address, each)
        for each in await self._planned(work, update):
            told.setdefault(each.address, each)
        pace = await self._pace(work, update, tuple(told), now)
        at_once = [row for a in pace.told for row in self._rows(update, told[a])]
        return [*at_once, *(gathered(address) for address in pace.held)]

    async def _pace(
        self, work: Work, update: StakeholderUpdate, addresses: tuple[str, ...], now: datetime
    ) -> Pace:
        """Return who is told by itself, and for whom it is the first news that is held (F18)."""
        if not addresses:
            return Pace()
        bound = self._config.news_bound
        n = await work.add_news(_piece(update), at=now)
        before = await work.readers(addresses, at=now)
        after = [each.after(n, now, bound) for each in before]
        await work.store_readers(
            [now_is for was, now_is in zip(before, after, strict=True) if now_is != was]
        )
        return Pace(
            told=tuple(each.address for each in after if each.held is None),
            held=tuple(
                now_is.address
                for was, now_is in zip(before, after, strict=True)
                if was.held is None and now_is.held is not None
            ),
        )

    async def hearing(self, work: Work, address: str) -> Callable[[Piece], Subscription | None]:
        """Return what finds the subscription by which an address hears of a piece of news."""
        own = [s for s in await work.subscriptions(address=address) if not s.muted]

        def found(piece: Piece) -> Subscription | None:
            plan = self._config.plan_for(piece.service)
            planned = address in self._audiences(plan.audiences.get(piece.highest, ()))
            for each in own:
                wanted = each.wants(piece.incident, piece.highest, piece.service, piece.news)
                if wanted and not each.digest and (each.by is not None or planned):
                    return each
            return None

        return found

    async def _planned(self, work: Work, update: StakeholderUpdate) -> list[Subscription]:
        """Return the audiences that the plan names, as subscriptions that they can mute."""
        plan = self._config.plan_for(update.service)
        named = plan.audiences.get(update.highest or update.severity, ())
        service = update.service if update.service in self._config.services else None
        found = [
            await work.subscribe(
                Subscription(address=address, service=service, token=secrets.token_urlsafe(32))
            )
            for address in self._audiences(named)
        ]
        return [each for each in found if not each.muted]

    def _audiences(self, named: Iterable[str]) -> Iterable[str]:
        """Yield addresses: a plan names `@person`, a mail address, or `adapter:room`."""
        for name in named:
            if name.startswith("@"):
                person = PersonId(name[1:])
                if (direct := self.directly(person)) is not None:
                    yield Lane.of(direct)
                elif (mail := self._directory.mail(person)) is not None:
                    yield f"{MAIL}{mail}"
            elif is_mail_address(name):
                yield f"{MAIL}{name}"
            else:
                adapter, _, conversation = name.partition(":")
                yield Lane.of(ConversationRef(adapter, conversation))

    def _rows(self, update: StakeholderUpdate, each: Subscription) -> list[Outgoing]:
        url = self._config.stakeholders.url
        if not each.address.startswith(MAIL):
            message = self._presenter.stakeholders.told(update, each)
            about = update.incident
            return [self.post(each, message, incident=about, about=about)]
        if url is None:
            return []
        return self.mail(
            each, Letter(mail=self._presenter.stakeholders.letter(update, each, url)), update
        )

    def gathered(
        self, each: Subscription, pieces: Sequence[Piece], now: datetime
    ) -> list[Outgoing]:
        """Return the row that tells a reader of many pieces of news at once (F18)."""
        told = self._presenter.floods.news(pieces, self._config.news_bound, each)
        last, url = pieces[-1].incident, self._config.stakeholders.url
        if not each.address.startswith(MAIL):
            return [self.post(each, told, incident=last)]
        if url is None:
            return []
        letter = self._presenter.stakeholders.gathered_letter(each, told, now, url)
        return [replace(row, incident=last) for row in self.mail(each, Letter(mail=letter), None)]

    def lanes(self, address: str) -> list[Lane]:
        """Return the lanes in which an address is told."""
        if not address.startswith(MAIL):
            return [Lane(address)]
        return [Lane.of_plugin(name, address) for name in self._targets.mailers[:1]]

    def post(
        self,
        each: Subscription,
        message: Message,
        *,
        incident: str | None,
        about: str | None = None,
    ) -> Outgoing:
        """Return the row that posts a message to a subscription's conversation.

        `about`: the message tells of that incident alone, and in words.
        """
        lane = Lane(each.address)
        return Outgoing(
            target=lane.target,
            lane=lane,
            body=Post(message=message, about=about),
            incident=incident,
            audience=True,
        )

    def mail(
        self, each: Subscription, letter: Letter, update: StakeholderUpdate | None
    ) -> list[Outgoing]:
        """Return the row that mails a subscription, in its own lane; nothing without a mailer."""
        return [
            Outgoing(
                target=name,
                lane=Lane.of_plugin(name, each.address),
                body=letter,
                incident=update.incident if update is not None else None,
                audience=True,
            )
            for name in self._targets.mailers[:1]
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The addresses that are told a piece of news at once, and those for whom holding begins."""

    told: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


def _piece(update: StakeholderUpdate) -> Piece:
    highest = update.highest or update.severity
    return Piece(
        incident=update.incident, news=update.news, highest=highest, service=update.service
    )


async def last_brief(work: Work, incident: Incident) -> BriefSent | None:
    """Return the last brief of an incident, with its corrections."""
    events = (entry.event for entry in reversed(corrected(await work.timeline(incident.id))))
    return next((event for event in events if isinstance(event, BriefSent)), None)
