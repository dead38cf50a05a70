"""What arrives, and what comes of it: frozen values, since a transaction may be run again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

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
from bot.refs import ConversationRef, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsQuestion:
    """A question how things stand (H2)."""

    otherwise: UsageError | None = None
    """The answer if the bot was spoken to and does not take it for such a question."""


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
"""What an inbound event asks for, once its text is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """An inbound event on its way through one transaction."""

    source: str
    """The adapter."""
    id: str
    """The platform's own id, the same when the event is delivered again."""
    conversation: ConversationRef
    """The conversation, by the name that the core knows it by."""
    actor: PersonId
    written_at: datetime
    now: datetime
    message: str | None = None
    """The message that can be marked and answered."""
    inline: bool = False
    """Whether the answers go back with the receipt, to the person who pressed a button."""
    number: int | None = None
    """The number of the incident that a declaration opens (F9)."""
    served: Mapping[PersonId, datetime] = field(default_factory=dict)
    """When each commander last served (C2)."""
    has_subscribers: bool = True
    """Whether anybody is subscribed to anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What came of an event."""

    word: str
    """The outcome in the audit record."""
    answers: tuple[Message, ...] = ()
    """Answers for the person who pressed a button; others are queued."""
    card: Message | None = None
    """The status card as that person may press it now."""
    due_at: datetime | None = None
    """When the incident's next thing falls due."""

    @property
    def done(self) -> bool:
        """Whether the event did what it asked for."""
        return self.word in {"done", "answered", "repeated"}
