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
    """A message that somebody wrote, or a button that somebody pressed."""

    id: str
    """The platform's own id, the same when the event is delivered again."""
    conversation: ConversationRef
    sender: UserRef
    sender_name: str
    """The name to show for a sender whom the config does not name."""
    text: str
    written_at: datetime
    addressed: bool = False
    """True if the bot is meant even without the prefix: a mention, or a personal chat."""
    direct: bool = False
    """True if nobody but the sender and the bot reads the conversation."""
    mentions: Mapping[str, UserRef] = field(default_factory=dict)
    """The user behind each word of the text that stands for a person, without its `@`."""
    message: str | None = None
    """The id under which the message can be marked and answered; `None` for a pressed button."""
    inline: bool = False
    """True if the presser is shown what `receive` returns, in place of a post in the room."""
    home: str | None = None
    """Where the sender comes from, as the platform signs it: a tenant. `None` if it does not say.

    People whose home matches `[access] trusted` count as named (F8).
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCapture:
    """A message that a person marked for the timeline: a reaction, a pin, a message action."""

    id: str
    """The platform's own id of the marking, the same when it is delivered again."""
    conversation: ConversationRef
    sender: UserRef
    """The person who marked it."""
    sender_name: str
    author: UserRef
    """The person who wrote it."""
    author_name: str
    text: str
    written_at: datetime
    marked_at: datetime
    message: str | None = None
    """The marked message's id, by which a later correction of it is recognised."""
    home: str | None = None
    """Where the person who marked it comes from, as the platform signs it; as in `ChatEvent`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCorrection:
    """A message that its author edited or deleted."""

    id: str
    """The platform's own id of the change, the same when it is delivered again."""
    conversation: ConversationRef
    sender: UserRef
    message: str
    """The id of the message that changed."""
    text: str | None
    """The new text; `None` if the message was deleted."""
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatUnreadable:
    """A message that is not read for its encryption; its sender is told, and may say it again."""

    id: str
    """An id of this report, the same when it is made again."""
    conversation: ConversationRef
    sender: UserRef
    message: str
    """The id of the message."""
    written_at: datetime
    in_clear: bool = False
    """True if it came unencrypted where all is encrypted; `False` if it cannot be decrypted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTrouble:
    """Something that keeps the bot from working in a conversation."""

    id: str
    """An id of this report, the same when it is made again."""
    conversation: ConversationRef
    text: str
    """The problem, and how to mend it."""
    noticed_at: datetime
    reachable: bool
    """True if the bot can still speak there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMoved:
    """A conversation that continues in another one, as when a room is upgraded."""

    id: str
    """An id of the move, the same when it is reported again."""
    conversation: ConversationRef
    to: ConversationRef
    moved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The outcome of an inbound event, once it is stored."""

    done: bool
    """True if it did what it asked for, or asked for nothing; `False` if it was refused."""
    answers: tuple[Message, ...] = ()
    """Messages to show to the person who pressed an `inline` button, and to nobody else."""
    card: Message | None = None
    """The incident's status card, with the buttons that this person may press."""


Inbound = ChatEvent | ChatCapture | ChatCorrection | ChatUnreadable | ChatTrouble | ChatMoved


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRequest:
    """A conversation to open: a room for an incident, or the direct one with a user."""

    name: str
    """The room's name, unique for the incident and the day (F15)."""
    alias: str
    """A short name that no other conversation ever gets."""
    topic: str
    invite: tuple[UserRef, ...] = ()
    direct_to: UserRef | None = None
    """The user of a direct conversation; `None` for an incident's room."""
    private: bool = False
    """True if only those who are invited may come in, and others must not find it (F17)."""
    opening: Message | None = None
    """The status card, for platforms where a conversation begins with a message (a thread)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A conversation that can be posted to."""

    conversation: ConversationRef
    card: MessageRef | None = None
    """The message that it began with, if that shows `ConversationRequest.opening`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """The abilities of a platform, as data: the core reads them before it calls."""

    rooms: bool = False
    """An incident gets a conversation of its own; else it stays where it was declared."""
    private_rooms: bool = False
    """A room can be opened that only the invited read (F17)."""
    private_place: ConversationRef | None = None
    """A conversation that only some people read, where private incidents are told, all of them,
    if no room can be opened for each."""
    direct: bool = True
    """One person can be written to alone."""
    edits: bool = False
    """Messages can be replaced; else a card that changed is posted again."""
    pins: bool = False
    """Messages can be pinned."""
    threads: bool = False
    """Messages can be answered in a thread. For information: the core does not read it."""
    buttons: bool = False
    """Buttons can be pressed. For information: the core does not read it."""
    reactions: bool = False
    """Messages can be marked with reactions, and a button can be offered as one."""
    forms: bool = False
    """Blanks can be filled in and sent."""
    repeats: bool = True
    """A post with the same key shows once. If not, a post that may be a repeat says so."""
    max_bytes: int | None = None
    """The largest message; `None` if there is no limit. For information: the adapter shortens."""
    triage: ConversationRef | None = None
    """Where incidents are declared, and the open ones are listed."""
    single: bool = False
    """Of several processes on one database, only one at a time runs the adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """A person of the config."""

    person: PersonId
    name: str
    user: UserRef | None
    """Their user on the platform at hand; `None` if the config names none."""
    mail: str | None = None
    """Their mail address; `None` if the config names none."""


Receive = Callable[[Inbound], Awaitable[Receipt]]
"""Hands an inbound event to the core. Returns once it is stored: acknowledge it to the platform
only then. Raises `DatabaseAway` if it was not stored: hand it in again later."""


@runtime_checkable
class ChatAdapter(Protocol):
    """A chat platform.

    The core calls the methods below from its delivery queue: in order within a conversation, and
    with `key` the same when a call is repeated. Raise `TemporaryFailure` to be called again, with
    `unsure` if the message may be there already; `PermanentFailure` if the conversation is gone.
    """

    features: Features
    """The abilities of the platform; read at any time after registration."""

    async def run(self, receive: Receive) -> bool:
        """Listen, and hand what comes in to `receive`, until cancelled or the input ends.

        Called when Sitrep starts, and again, after a pause, whenever it raises; except after
        `SessionEnded`, which a person must mend (see `NeedsLogin`). Return whether all that came in
        could be read.
        """

    async def open_conversation(self, request: ConversationRequest, *, key: str) -> Opened:
        """Open an incident's conversation, or find or open the direct one with a user."""

    async def post(
        self,
        to: ConversationRef,
        message: Message,
        *,
        key: str,
        answers: str | None = None,
        urgent: bool = False,
    ) -> MessageRef:
        """Post a message.

        `answers` is the id of the message that asked: a long answer may go into its thread.
        `urgent`: near the platform's rate limit it goes ahead of other messages.
        """

    async def acknowledge(self, ref: MessageRef, *, worked: bool, key: str) -> None:
        """Mark a command as done or refused; called if `features.reactions`."""

    async def offer(self, ref: MessageRef, buttons: int, *, key: str) -> None:
        """Add a reaction for each of a message's buttons; called if `features.reactions`."""

    async def edit(self, ref: MessageRef, message: Message, *, key: str) -> None:
        """Replace a message; called if `features.edits`.

        Raise `PermanentFailure` if the message is gone: it is posted anew then.
        """

    async def pin(self, ref: MessageRef, *, key: str) -> None:
        """Pin a message, besides those that are pinned already; called if `features.pins`."""

    async def invite(self, to: ConversationRef, users: Sequence[UserRef], *, key: str) -> None:
        """Bring people into a conversation, if they are not in it; called if `features.rooms`."""

    async def set_topic(self, to: ConversationRef, topic: str, *, key: str) -> None:
        """Set a conversation's topic; called if `features.rooms`."""


@runtime_checkable
class NeedsLogin(Protocol):
    """A chat adapter that a person has to log in before it can run (D4)."""

    def lacking(self) -> str | None:
        """Return what a person has to do before `run` can be called; `None` if nothing.

        Asked every few seconds for as long as something is lacking: it looks, and asks nobody.
        Sitrep is not ready until `run` has been called once; it goes on by itself then. The same
        after a `SessionEnded`, for as long as the login is the one that has ended.
        """


@runtime_checkable
class ClosesRooms(Protocol):
    """A chat adapter that can let only the invited into a room it opened (F17)."""

    async def set_private(self, to: ConversationRef, *, private: bool, key: str) -> None:
        """Let only the invited into a conversation, or everybody again; what is said stays."""


@runtime_checkable
class TakesBack(Protocol):
    """A chat adapter that can remove a message, where an edited one still shows what it was (F17).

    Without it the message is edited, if `features.edits`.
    """

    async def take_back(self, ref: MessageRef, *, reason: str, key: str) -> None:
        """Remove a message; `reason` is shown in its place, where the platform can.

        Raise `PermanentFailure` if it cannot be removed.
        """
