"""The audience: subscriptions, and questions for news that the bot answers for responders."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.contract.context import Clock
from bot.delivery.subscriptions import Asker, Subscribers, last_brief
from bot.domain import commands as cmd
from bot.domain.acts import Act
from bot.domain.durations import within
from bot.domain.incident import Incident
from bot.domain.permissions import may_outside, refused_outside
from bot.domain.subscription import Subscription
from bot.grammar.parser import Request
from bot.grammar.requests import OfAudience, SetShield, Subscribe, Unsubscribe
from bot.intake.answers import Answers
from bot.intake.arrived import Arrived, Handled
from bot.intake.commands import Commands
from bot.intake.transaction import Transaction
from bot.people import Directory
from bot.presenter import Presenter
from bot.refs import Lane
from bot.store.work import Store, Work

SHIELD = "shield/"
"""The prefix of references that say where the shield is off, and who was answered when."""

SHIELD_AGAIN = timedelta(minutes=2)
"""How long a person is not answered again who asks again."""


class AudienceRequests:
    """The requests of the audience: subscribe, unsubscribe, the shield, news (H1, H2)."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        store: Store,
        clock: Clock,
        directory: Directory,
        presenter: Presenter,
        answers: Answers,
        transaction: Transaction,
        commands: Commands,
        subscribers: Subscribers,
    ) -> None:
        self._store, self._clock = store, clock
        self._presenter, self._answers = presenter, answers
        self._directory = directory
        self._transaction, self._commands = transaction, commands
        self._subscribers = subscribers

    async def change(
        self, work: Work, arrived: Arrived, request: Request, asked: OfAudience
    ) -> Handled:
        """Subscribe, unsubscribe, or switch the shield (H1, H2)."""
        if isinstance(asked, SetShield):
            if not may_outside(arrived.actor, self._directory.named, Act.SHIELD):
                return await self._refused(work, arrived, Act.SHIELD)
            return await self._set_shield(work, arrived, on=asked.on)
        if not may_outside(arrived.actor, self._directory.named, Act.FOLLOW):
            return await self._refused(work, arrived, Act.FOLLOW)
        meant = await self._meant(work, arrived, request, asked)
        if isinstance(meant, Handled):
            return meant
        here, actor = arrived.conversation, arrived.actor
        asker = _asker(arrived)
        if isinstance(asked, Unsubscribe):
            told, done = await self._subscribers.unsubscribe(work, asked, asker, meant)
            told = replace(told, aside=True)
            answers = await self._answers.give(work, arrived, told, worked=done)
            return Handled(word="done" if done else "answered", answers=answers)
        own = self._subscribers.directly(actor, here.adapter)
        to_self = asked.to is None and own is not None
        if not to_self and not may_outside(actor, self._directory.named, Act.FOLLOW_FOR_OTHERS):
            return await self._refused(work, arrived, Act.FOLLOW_FOR_OTHERS)
        told, stored = await self._subscribers.subscribe(work, asked, asker, meant)
        # Aside, since it concerns nobody else in the conversation (H2).
        told = replace(told, aside=True)
        done = stored is not None
        answers = await self._answers.give(work, arrived, told, worked=done, about=meant)
        if stored is None:
            return Handled(word="rejected", answers=answers)
        if not stored.pending:
            await self._opened(work, stored)
        return Handled(word="done", answers=answers)

    async def _opened(self, work: Work, stored: Subscription) -> None:
        """Start the clocks of the incidents that somebody hears of now (K1)."""
        if stored.postmortems or stored.digest:
            return
        running = await self._transaction.running(work) if stored.incident is None else []
        for name in [stored.incident] if stored.incident else [each.id for each in running]:
            await self._transaction.apply(work, name, cmd.OpenAudience())

    async def _refused(self, work: Work, arrived: Arrived, act: Act) -> Handled:
        refusal = refused_outside(arrived.actor, act)
        message = self._presenter.refusals.rejected(refusal, None, elsewhere=False)
        return await self._answers.refuse(work, arrived, message, "rejected")

    async def _meant(
        self, work: Work, arrived: Arrived, request: Request, asked: Subscribe | Unsubscribe
    ) -> Incident | Handled | None:
        """Return the incident that a request is about, or a refusal; `None` if many."""
        subscribes = isinstance(asked, Subscribe)
        named = (asked.incident if isinstance(asked, Subscribe) else None) or request.incident
        if named is not None:
            return await self._commands.meant(work, arrived, request, named)
        if isinstance(asked, Subscribe) and (asked.everything or asked.postmortems):
            return None
        running = [i for i in await work.incidents_in(arrived.conversation) if i.running]
        if len(running) > 1 and subscribes:
            which = self._presenter.refusals.which(running, request.line)
            return await self._answers.refuse(work, arrived, which, "no incident")
        return await work.held(running[0]) if len(running) == 1 else None

    async def _set_shield(self, work: Work, arrived: Arrived, *, on: bool) -> Handled:
        name = f"{SHIELD}{Lane.of(arrived.conversation)}"
        await work.store_ref(name, "on" if on else "off")
        told = self._presenter.bystanders.shield_set(on=on)
        answers = await self._answers.give(work, arrived, told, worked=True)
        return Handled(word="done", answers=answers)

    async def listed(self, work: Work, arrived: Arrived) -> Handled:
        """List the subscriptions of a person."""
        own = await self._subscribers.own(work, _asker(arrived))
        message = self._presenter.subscriptions.listed(own)
        return await self._answers.answer(work, arrived, message)

    async def tell_news(self, work: Work, arrived: Arrived, *, spoken_to: bool) -> Handled | None:
        """Answer a question for news (H2); return `None` if the bot leaves it alone."""
        here = arrived.conversation
        running = [i for i in await work.incidents_in(here) if i.running]
        refused = arrived.is_stranger or arrived.is_stale
        if len(running) != 1 or refused:
            return None
        incident = running[0]
        if not spoken_to and not await self._shields(work, arrived, incident):
            return None
        told = self._presenter.bystanders.shielded(incident, await last_brief(work, incident))
        return await self._answers.answer(work, arrived, told)

    async def _shields(self, work: Work, arrived: Arrived, incident: Incident) -> bool:
        """Return whether to answer a question to the room; record it if so."""
        marked = f"{SHIELD}{incident.id}/{arrived.actor}"
        responding = {
            incident.commander,
            incident.offered_to,
            *incident.roles.values(),
            *incident.responders,
            *incident.participants,
        }
        answered = await work.ref(marked)
        recently = answered is not None and within(
            SHIELD_AGAIN, datetime.fromisoformat(answered), arrived.now
        )
        if arrived.actor in responding or recently:
            return False
        if await work.ref(f"{SHIELD}{Lane.of(arrived.conversation)}") == "off":
            return False
        await work.store_ref(marked, arrived.now.isoformat(), kept_at=arrived.now)
        return True

    async def ended_by_mail(self, token: str, post: bool) -> str | None:  # noqa: FBT001 - of HTTP
        """Describe the subscription of a mail's link, and end it if `post` (H1)."""

        async def end(work: Work) -> str | None:
            found = await work.subscription(token)
            if found is None or found.muted or found.pending:
                return None
            if post:
                await work.unsubscribe(found.n)
            return self._presenter.subscriptions.described(found)

        return await (self._store.transact(end) if post else self._store.read(end))

    async def confirmed_by_mail(self, token: str, post: bool) -> str | None:  # noqa: FBT001 - of HTTP
        """Describe what a mail's link would subscribe its reader to, and do it if `post` (H1)."""
        now = self._clock.now()

        async def confirm(work: Work) -> str | None:
            found = await work.subscription(token)
            if found is None or found.muted or not found.pending or found.lapsed(now):
                return None
            if post:
                await work.confirm(found.n)
                await self._opened(work, found)
            return self._presenter.subscriptions.described(found)

        described = await (self._store.transact(confirm) if post else self._store.read(confirm))
        if post:
            self._transaction.after_commit(None)
        return described


def _asker(arrived: Arrived) -> Asker:
    return Asker(person=arrived.actor, here=arrived.conversation, now=arrived.now)
