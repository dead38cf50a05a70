"""Delivers rows to a chat adapter: messages, cards, rooms and invitations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import structlog

from bot.config.sections import DeliverySection
from bot.contract.chat import (
    ChatAdapter,
    ClosesRooms,
    ConversationRequest,
    Opened,
    TakesBack,
)
from bot.contract.context import Clock
from bot.contract.errors import PermanentFailure
from bot.contract.messages import Message, buttons_of, plain
from bot.delivery.delivered import Delivered, configured, expected, needed
from bot.delivery.in_force import Now
from bot.delivery.plan import card_slot
from bot.delivery.shown import shown_in
from bot.domain import commands as cmd
from bot.domain.incident import Incident
from bot.presenter import Presenter
from bot.presenter.privacy import masked
from bot.refs import ConversationRef, MessageRef
from bot.store.rows import (
    Acknowledge,
    Board,
    Card,
    ChatBody,
    Closing,
    Invite,
    Offer,
    Open,
    Post,
    RoomTopic,
    TakeBack,
    Waiting,
)
from bot.store.work import Store, Work

BOARD_LENGTH = 50
"""How many incidents the list of open ones looks at."""

BOARD_SETTLES = timedelta(seconds=1)
"""How long the list waits for further changes: people in the incident come first."""

_log = structlog.stdlib.get_logger("sitrep.outbox")


class ChatDelivery:
    """Delivers rows to chat adapters."""

    def __init__(
        self,
        settings: DeliverySection,
        store: Store,
        clock: Clock,
        adapters: Mapping[str, ChatAdapter],
        in_force: Now,
    ) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self._adapters, self._in_force = adapters, in_force

    @property
    def _presenter(self) -> Presenter:
        return self._in_force().presenter

    async def deliver(self, row: Waiting, body: ChatBody) -> Delivered:
        """Deliver a row to its lane's conversation, which is opened first if it is a direct one."""
        adapter = configured(self._adapters, row.what.target)
        named = row.what.lane.conversation
        real = row.real
        if real is None and named.pending is None and named.direct_to is None:
            real = named
        if isinstance(body, Open):
            return Delivered() if real is not None else await self._open(adapter, row, body)
        if real is not None:
            return await self._send(adapter, row, body, real)
        real = await _open_direct(adapter, named)
        return replace(await self._send(adapter, row, body, real), opened=(named, real))

    async def _send(
        self,
        adapter: ChatAdapter,
        row: Waiting,
        body: Post | Acknowledge | Offer | Card | Board | Invite | Closing | TakeBack | RoomTopic,
        to: ConversationRef,
    ) -> Delivered:
        match body:
            case Post():
                return await self._post(adapter, row, body, to)
            case Card():
                card = self._presenter.cards.card(
                    needed(row.incident), forms=adapter.features.forms
                )
                return await self._show(adapter, row, to, card)
            case Board():
                await self._clock.sleep(BOARD_SETTLES)
                board = self._presenter.cards.board(
                    [masked(each) for each in await self._store.read(_open_incidents)]
                )
                return await self._show(adapter, row, to, board)
            case Offer():
                await adapter.offer(MessageRef(to, body.message), body.buttons, key=row.key)
            case Acknowledge():
                if adapter.features.reactions:
                    command = MessageRef(to, body.message)
                    await adapter.acknowledge(command, worked=body.worked, key=row.key)
            case Invite():
                await adapter.invite(to, body.users, key=row.key)
            case Closing():
                if isinstance(adapter, ClosesRooms):
                    await adapter.set_private(to, private=body.private, key=row.key)
            case TakeBack(message=message):
                await self._take_back(adapter, row, MessageRef(to, message))
            case RoomTopic():
                await adapter.set_topic(to, body.text, key=row.key)
        return Delivered()

    async def _post(
        self, adapter: ChatAdapter, row: Waiting, body: Post, to: ConversationRef
    ) -> Delivered:
        """Post a message; one that is late says so."""
        about = body.about
        if about is not None and await self._is_private(about):
            if not row.doubt and not row.attempts:
                return Delivered()
            return await self._find(adapter, row, about, to)
        late_by = self._clock.now() - row.created_at
        late = late_by >= self._settings.late_after
        message = self._presenter.trouble.late(body.message, late_by) if late else body.message
        posted = expected(
            MessageRef,
            await adapter.post(
                to,
                self._marked(adapter, row, message),
                key=row.key,
                answers=body.answers,
                urgent=row.what.urgent,
            ),
        )
        refs = shown_in(message, row.what.lane, self._clock.now())
        told = (about, posted.id) if about is not None else None
        if not adapter.features.reactions or not (buttons := buttons_of(message)):
            return Delivered(refs=refs, told=told)
        # A row of its own, behind what waits already: messages matter more than their buttons.
        offer = Offer(message=posted.id, buttons=len(buttons))
        offered = replace(row.what, body=offer, guard=None)
        return Delivered(refs=refs, told=told, send=(offered,))

    async def _find(
        self, adapter: ChatAdapter, row: Waiting, about: str, to: ConversationRef
    ) -> Delivered:
        """Find a message that an earlier try may have posted, to take it back (F17).

        A repeat under its key brings its id; if it was never posted, one without words is. Where
        the platform has no keys its id stays unknown, and the incident is told of that.
        """
        if not adapter.features.repeats:
            return Delivered(told=(about, ""))
        instead = self._presenter.privacy.taken_back(about)
        posted = expected(MessageRef, await adapter.post(to, instead, key=row.key))
        return Delivered(told=(about, posted.id))

    async def _is_private(self, incident: str) -> bool:
        found = await self._store.read(lambda work: work.incident(incident))
        return found is not None and found.private

    def _marked(self, adapter: ChatAdapter, row: Waiting, message: Message) -> Message:
        """Mark a message as sent again, if an earlier try may have sent it and both would show."""
        shows = row.doubt and not adapter.features.repeats
        return self._presenter.trouble.repeated(message) if shows else message

    async def _take_back(self, adapter: ChatAdapter, row: Waiting, ref: MessageRef) -> None:
        """Take back a message that others read: remove it, or else replace its text.

        Raises:
            PermanentFailure: It stays as it is.
        """
        if not ref.id:
            raise PermanentFailure("it may be there: a try to send it was cut short")
        instead = self._presenter.privacy.taken_back(needed(row.incident).id)
        if isinstance(adapter, TakesBack):
            await adapter.take_back(ref, reason=plain(instead), key=row.key)
        elif adapter.features.edits:
            await adapter.edit(ref, instead, key=row.key)
        else:
            raise PermanentFailure("messages cannot be changed there")

    async def _open(self, adapter: ChatAdapter, row: Waiting, body: Open) -> Delivered:
        """Open an incident's conversation; a thread begins with the status card."""
        named, incident = row.what.lane.conversation, needed(row.incident)
        card = self._presenter.cards.card(incident, forms=adapter.features.forms)
        request = replace(body.request, opening=self._marked(adapter, row, card))
        opened = expected(Opened, await adapter.open_conversation(request, key=row.key))
        refs: tuple[tuple[str, str], ...] = ()
        if opened.card is not None:
            shown = _digest(request.opening or card)
            refs = ((card_slot(incident.id, named), _stored_card(opened.card, shown)),)
        command = cmd.NoteConversation(conversation=opened.conversation)
        return Delivered(refs=refs, opened=(named, opened.conversation), command=command)

    async def _show(
        self, adapter: ChatAdapter, row: Waiting, to: ConversationRef, message: Message
    ) -> Delivered:
        """Post a card and pin it; edit it from then on, whenever it has changed (L2)."""
        edits, digest = adapter.features.edits, _digest(message)
        ref, shown = _card_of(row.ref)
        if ref is not None and ref.conversation != to:
            ref = None  # the room was replaced: its card is posted in the new one
        if ref is not None and shown == digest:
            return Delivered()
        if ref is not None and edits:
            try:
                await adapter.edit(ref, message, key=row.state_key)
            except PermanentFailure:
                _log.info("card gone, posting it again", lane=row.what.lane)
            else:
                return Delivered(refs=((row.ref_name, _stored_card(ref, digest)),))
        key = row.key if ref is None else row.state_key
        marked = self._marked(adapter, row, message) if ref is None else message
        posted = expected(MessageRef, await adapter.post(to, marked, key=key))
        if edits and ref is None and (row.attempts or row.version) and adapter.features.repeats:
            # An earlier try may have posted it as it was then, and the key brings that one back.
            await adapter.edit(posted, message, key=row.state_key)
        if adapter.features.pins:
            await adapter.pin(posted, key=f"{key}-pin")
        return Delivered(refs=((row.ref_name, _stored_card(posted, digest)),))


async def _open_direct(adapter: ChatAdapter, named: ConversationRef) -> ConversationRef:
    """Open the direct conversation with a user.

    Raises:
        PermanentFailure: The name is of an incident's conversation, which its own row opens.
    """
    user = named.direct_to
    if user is None:
        raise PermanentFailure("its conversation was never opened")
    request = ConversationRequest(name=user.id, alias=named.id, topic="Sitrep", direct_to=user)
    opened = expected(Opened, await adapter.open_conversation(request, key=named.id))
    return opened.conversation


async def _open_incidents(work: Work) -> list[Incident]:
    """Return the incidents that run, newest first."""
    found = [await work.incident(each.id) for each in await work.list("open", BOARD_LENGTH)]
    return [each for each in found if each is not None and each.running]


def _digest(message: Message) -> str:
    return hashlib.sha256(repr(message).encode()).hexdigest()[:16]


def _stored_card(ref: MessageRef, digest: str) -> str:
    return json.dumps([ref.conversation.adapter, ref.conversation.id, ref.id, digest])


def _card_of(stored: str | None) -> tuple[MessageRef | None, str]:
    """Return where a card is, and a digest of what it shows."""
    if stored is None:
        return None, ""
    adapter, conversation, message, digest = json.loads(stored)
    return MessageRef(ConversationRef(adapter, conversation), message), digest
