"""Answers to the person who asked, and the mark on their message."""

from __future__ import annotations

from datetime import datetime

from bot.contract.messages import Message
from bot.delivery.plan import Targets
from bot.delivery.shown import shown_in
from bot.domain.incident import Incident
from bot.intake.arrived import Arrived, Handled
from bot.presenter import Presenter
from bot.refs import ConversationRef, Lane
from bot.store.rows import Acknowledge, Outgoing, Post
from bot.store.work import Work


class Answers:
    """The answers to an event: queued, or handed back to go with the receipt."""

    def __init__(self, targets: Targets, presenter: Presenter) -> None:
        self._targets, self._presenter = targets, presenter

    async def give(
        self,
        work: Work,
        arrived: Arrived,
        message: Message,
        *,
        worked: bool | None = None,
        about: Incident | None = None,
    ) -> tuple[Message, ...]:
        """Queue an answer, or return it for the receipt.

        An inline answer is not queued: if it is lost, the button is pressed again. `worked` marks
        the message that asked, as done or not. `about`: the answer tells of an incident.
        """
        if arrived.inline:
            for name, value in shown_in(message, Lane.of(arrived.conversation), arrived.now):
                await work.store_ref(name, value)
            return (message,)
        await self.tell_all(work, arrived, message, worked=worked, about=about)
        return ()

    async def tell_all(
        self,
        work: Work,
        arrived: Arrived,
        message: Message,
        *,
        worked: bool | None = None,
        about: Incident | None = None,
    ) -> None:
        """Queue an answer for the whole conversation, even if a button was pressed (see `give`)."""
        row = Outgoing(
            target=arrived.conversation.adapter,
            lane=Lane.of(arrived.conversation),
            body=Post(message=message, answers=arrived.message, about=others_read(arrived, about)),
        )
        marks = self.mark(arrived, worked=worked) if worked is not None else []
        await work.send([*marks, row], now=arrived.now)

    async def tell(self, work: Work, to: ConversationRef, message: Message, now: datetime) -> None:
        """Queue a message for another conversation than the one that asked."""
        row = Outgoing(target=to.adapter, lane=Lane.of(to), body=Post(message=message))
        await work.send([row], now=now)

    async def refuse(
        self,
        work: Work,
        arrived: Arrived,
        message: Message,
        word: str,
        about: Incident | None = None,
    ) -> Handled:
        """Answer that nothing was done, and why."""
        answers = await self.give(work, arrived, message, worked=False, about=about)
        return Handled(word=word, answers=answers)

    async def answer(
        self, work: Work, arrived: Arrived, message: Message, about: Incident | None = None
    ) -> Handled:
        """Answer a question; `about`: it is about that incident alone."""
        return Handled(
            word="answered", answers=await self.give(work, arrived, message, about=about)
        )

    def card(self, arrived: Arrived, incident: Incident) -> Message | None:
        """Return the status card with the buttons that this person may press now.

        `None` if no button was pressed.
        """
        if not arrived.pressed:
            return None
        return self._presenter.cards.card(incident, forms=True, viewer=arrived.actor)

    def mark(self, arrived: Arrived, *, worked: bool) -> list[Outgoing]:
        """Return the row that marks a command as done or not, if the platform has reactions."""
        adapter = self._targets.adapters.get(arrived.source)
        if arrived.message is None or adapter is None or not adapter.features.reactions:
            return []
        to = arrived.conversation
        body = Acknowledge(message=arrived.message, worked=worked)
        return [Outgoing(target=to.adapter, lane=Lane.of(to), body=body)]


def is_elsewhere(arrived: Arrived, incident: Incident) -> bool:
    """Return whether people read a conversation who need not take part in an incident."""
    return not arrived.direct and arrived.conversation not in incident.conversations


def others_read(arrived: Arrived, incident: Incident | None) -> str | None:
    """Return the incident that an answer tells to others; `None` if nobody else reads it."""
    if incident is None or incident.private or not is_elsewhere(arrived, incident):
        return None
    return incident.id
