"""A chat platform: what comes in from it, what it can do, and the port of its adapter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from bot.contract.messages import Message
from bot.refs import ConversationRef, MessageRef, PersonId, UserRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatEvent:
    """A message somebody wrote. `id` is the platform's own, the same when it is delivered again.

    `addressed`: the bot is meant even without the prefix (a mention, a personal chat). `mentions`
    maps what stands in the text for a person (without `@`) to the user. `message` is what can be
    marked and answered; none where there is no message, as when a button was pressed. `inline`: a
    button whose presser is answered by what `receive` returns, and not in the conversation.
    """

    id: str
    conversation: ConversationRef
    sender: UserRef
    sender_name: str
    text: str
    written_at: datetime
    addressed: bool = False
    mentions: Mapping[str, UserRef] = field(default_factory=dict)
    message: str | None = None
    inline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCapture:
    """A person marked a message for the timeline: a reaction, a pin, a message action.

    `message` is the marked message's id, by which a correction of it is known later.
    """

    id: str
    conversation: ConversationRef
    sender: UserRef
    sender_name: str
    author: UserRef
    author_name: str
    text: str
    written_at: datetime
    marked_at: datetime
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCorrection:
    """A message was written anew by its author, or taken away (`text` is none)."""

    id: str
    conversation: ConversationRef
    sender: UserRef
    message: str
    text: str | None
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatUnreadable:
    """Somebody wrote what the bot cannot read; they are told, and may say it again."""

    id: str
    conversation: ConversationRef
    sender: UserRef
    message: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTrouble:
    """Something keeps the bot from its work in a conversation.

    `text` says what, and how to mend it. `reachable`: it can still speak there.
    """

    id: str
    conversation: ConversationRef
    text: str
    noticed_at: datetime
    reachable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMoved:
    """A conversation goes on in another one, as when a room is upgraded."""

    id: str
    conversation: ConversationRef
    to: ConversationRef
    moved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of an inbound event, once it is stored.

    `done`: it did what it asked for, or asked for nothing; else it was refused. `answers` are for
    whoever pressed an `inline` button, to be shown to them alone, and `card` is the incident's
    status card as they may press it.
    """

    done: bool
    answers: tuple[Message, ...] = ()
    card: Message | None = None


Inbound = ChatEvent | ChatCapture | ChatCorrection | ChatUnreadable | ChatTrouble | ChatMoved


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRequest:
    """A conversation to open: a room for an incident, or a direct one with `direct_to`.

    `name` is unique for the incident and the day (F15); `alias` for ever. `opening` is the status
    card, for a conversation that begins with a message, as a thread does.
    """

    name: str
    alias: str
    topic: str
    invite: tuple[UserRef, ...] = ()
    direct_to: UserRef | None = None
    opening: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A conversation that is there. `card`: the message it began with, which shows `opening`."""

    conversation: ConversationRef
    card: MessageRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a platform can do, as data: nobody has to try and see.

    `rooms`: it opens a room per incident. `direct`: it reaches one person alone. `max_bytes` is the
    size of the largest message it takes; none: no limit. `triage` is where incidents are declared;
    the open ones are listed there. `single`: of several processes on one database, one at a time
    listens and speaks. `forms`: blanks can be filled in and sent. `repeats`: to say a thing again
    under the same key is harmless; elsewhere what is said again is marked.
    """

    rooms: bool = False
    direct: bool = True
    edits: bool = False
    pins: bool = False
    threads: bool = False
    buttons: bool = False
    reactions: bool = False
    forms: bool = False
    repeats: bool = True
    max_bytes: int | None = None
    triage: ConversationRef | None = None
    single: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """A person to call, with the user they are on the platform at hand."""

    person: PersonId
    name: str
    user: UserRef | None


Receive = Callable[[Inbound], Awaitable[Receipt]]
"""Hands an inbound event to the core. Returns once it is stored: acknowledge it to the platform
then."""


@runtime_checkable
class ChatAdapter(Protocol):
    """A chat platform."""

    features: Features

    async def run(self, receive: Receive) -> bool:
        """Listen until the platform has nothing more to say (a pipe's end); restarted if raised.

        Returns whether all that was heard could be read.
        """

    async def open_conversation(self, request: ConversationRequest, *, key: str) -> Opened:
        """Open a room, or find the direct conversation with a user."""

    async def post(
        self,
        to: ConversationRef,
        message: Message,
        *,
        key: str,
        answers: str | None = None,
        urgent: bool = False,
    ) -> MessageRef:
        """Say something. `answers` is the message that asked; its thread may take a long answer.

        `urgent`: at a platform's limit it goes ahead of what else waits there.
        """

    async def acknowledge(self, ref: MessageRef, *, worked: bool, key: str) -> None:
        """Mark a command as done or not; called where `features.reactions`."""

    async def offer(self, ref: MessageRef, buttons: int, *, key: str) -> None:
        """Offer the buttons of a message as reactions; called where `features.reactions`."""

    async def edit(self, ref: MessageRef, message: Message, *, key: str) -> None:
        """Replace a message; called where `features.edits`."""

    async def pin(self, ref: MessageRef, *, key: str) -> None:
        """Pin a message; called where `features.pins`."""

    async def invite(self, to: ConversationRef, users: Sequence[UserRef], *, key: str) -> None:
        """Bring people in; called where `features.rooms`."""

    async def set_topic(self, to: ConversationRef, topic: str, *, key: str) -> None:
        """Set the topic; called where `features.rooms`."""
