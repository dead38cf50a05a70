"""What comes in from a platform, and what a platform can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.messages import Message
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
