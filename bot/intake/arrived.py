"""Inbound events and their outcomes: frozen values, since a transaction may be run again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.contract.chat import (
    ChatCapture,
    ChatCorrection,
    ChatMoved,
    ChatTrouble,
    ChatUnreadable,
)
from bot.contract.messages import Message
from bot.grammar.parser import Request
from bot.grammar.requests import UsageError
from bot.refs import ConversationRef, PersonId, is_machine


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsQuestion:
    """A question for news (H2)."""

    otherwise: UsageError | None = None
    """The answer if no incident runs here; `None` if the bot was not addressed."""


Asking = (
    Request
    | UsageError
    | NewsQuestion
    | ChatCapture
    | ChatCorrection
    | ChatUnreadable
    | ChatTrouble
    | ChatMoved
)
"""The meaning of an inbound event, once its text is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """An inbound event on its way through a transaction."""

    source: str
    """The adapter; the id of a plugin that submitted it."""
    id: str
    """The platform's own id, the same when the event is delivered again; a plugin's key."""
    conversation: ConversationRef
    """The conversation, by the name that the core knows it by; for a plugin, one that no platform
    has, in which no incident runs."""
    actor: PersonId
    """The person or the machine that acts; empty for an event that nobody caused."""
    written_at: datetime
    """When it was written, by its platform's clock (F2)."""
    now: datetime
    is_stranger: bool
    """Whether the config does not admit the person (F8)."""
    stale_after: timedelta
    """The age from which a command is not carried out without asking (F11)."""
    message: str | None = None
    """The id of the message that can be marked and answered; `None` if there is none."""
    direct: bool = False
    """Whether nobody but the person and the bot reads the conversation."""
    inline: bool = False
    """Whether answers go back with the receipt, to the person who pressed a button, or a plugin."""
    number: int | None = None
    """The number of the incident that a declaration opens (F9)."""
    served: Mapping[PersonId, datetime] = field(default_factory=dict)
    """When each commander last served (C2)."""
    has_subscribers: bool = True
    """Whether anybody is subscribed to anything."""

    @property
    def by_machine(self) -> bool:
        """Whether a plugin submitted it, and no person."""
        return is_machine(self.actor)

    @property
    def pressed(self) -> bool:
        """Whether a person pressed a button, and is answered at once."""
        return self.inline and not self.by_machine

    @property
    def age(self) -> timedelta:
        """The time since it was written."""
        return self.now - self.written_at

    @property
    def is_stale(self) -> bool:
        """Whether it is too old to be carried out without asking (F11)."""
        return self.age > self.stale_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """The outcome of an inbound event."""

    word: str
    """The outcome in one word, for the audit record."""
    answers: tuple[Message, ...] = ()
    """The answers that go back with the receipt; others are queued."""
    card: Message | None = None
    """The status card with the buttons that the person may press now."""
    incident: str | None = None
    """The incident that was opened, changed or asked about."""
    due_at: datetime | None = None
    """When something falls due next for the incident."""
    learned: Mapping[str, str] = field(default_factory=dict)
    """The references of names and homes that were stored with it."""

    @property
    def done(self) -> bool:
        """Whether the event did what it asked for."""
        return self.word in {"done", "answered", "repeated"}
