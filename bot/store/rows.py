"""The rows of the outbox: bodies, rows as queued and as claimed, and leases.

A body is stored as JSON, so class names are free to change, but no field's name and no `kind`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.contract.chat import ConversationRequest
from bot.contract.messages import Message
from bot.contract.paging import PageRequest
from bot.contract.stakeholders import Mail, StakeholderUpdate
from bot.domain.effects import FileTicket, PublishPostmortem, PublishStatus
from bot.domain.incident import ClockName, Incident
from bot.refs import ConversationRef, Lane, PersonId, UserRef

# --- bodies for a chat adapter, delivered to the lane's conversation ------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Open the conversation that the lane is named for."""

    request: ConversationRequest
    fallback: ConversationRef | None = None
    """The conversation to use instead if it cannot be opened."""
    kind: Literal["open"] = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Post a message."""

    message: Message
    answers: str | None = None
    """The id of the message that asked for it."""
    about: str | None = None
    """The id of the incident that it tells to people who take no part in it.

    It is not sent, or it is taken back, once that incident is private.
    """
    kind: Literal["post"] = "post"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Mark a command as done or not."""

    message: str
    """The id of the message with the command."""
    worked: bool
    kind: Literal["acknowledge"] = "acknowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Offer a message's buttons as reactions, once the message is there."""

    message: str
    """The message's id."""
    buttons: int
    """How many buttons it has."""
    kind: Literal["offer"] = "offer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Bring the status card up to date; drawn at delivery."""

    kind: Literal["card"] = "card"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Bring the list of open incidents up to date; drawn at delivery."""

    kind: Literal["board"] = "board"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """Invite people."""

    users: tuple[UserRef, ...]
    kind: Literal["invite"] = "invite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Let only the invited into a room, or everybody again (F17)."""

    private: bool
    kind: Literal["closing"] = "closing"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack:
    """Take a message back, since its incident is private now (F17)."""

    message: str
    """The message's id."""
    kind: Literal["takeback"] = "takeback"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomTopic:
    """Set the room's topic."""

    text: str
    kind: Literal["topic"] = "topic"


# --- bodies for plugins ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Call people through a pager."""

    request: PageRequest
    kind: Literal["page"] = "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """Send an update through a stakeholder channel."""

    update: StakeholderUpdate
    kind: Literal["stakeholder"] = "stakeholder"


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """Queue a row for everybody who is subscribed at delivery."""

    update: StakeholderUpdate
    kind: Literal["spread"] = "spread"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredCalls:
    """Call somebody once for all that one person declared; put into words at delivery (F18)."""

    by: PersonId
    """The person who declared."""
    person: PersonId
    """The person who is called."""
    adapter: str
    """The platform on which to tell them, if they are on it."""
    pager: str | None = None
    """The plugin that pages them; `None`: they are told directly."""
    kind: Literal["calls"] = "calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredNews:
    """Tell a reader all the news that was held; put into words at delivery (F18)."""

    address: str
    kind: Literal["news"] = "news"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redraw:
    """Have a status page drawn as of now; a failure is not retried, the next hour's row is."""

    kind: Literal["redraw"] = "redraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Send a mail."""

    mail: Mail
    kind: Literal["mail"] = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefDraft:
    """Have a summarizer draft a brief."""

    to: ConversationRef
    """Where the draft is shown: the conversation that asked for it."""
    about: str | None = None
    """As of a `Post`."""
    kind: Literal["draft"] = "draft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Tell a plugin of timeline entries."""

    first: int
    """The number of the first entry."""
    last: int
    """The number of the last entry."""
    kind: Literal["events"] = "events"


ChatBody = (
    Open | Post | Acknowledge | Offer | Card | Board | Invite | Closing | TakeBack | RoomTopic
)

PluginBody = (
    Page
    | PublishStatus
    | Redraw
    | FileTicket
    | Brief
    | FanOut
    | GatheredCalls
    | GatheredNews
    | PublishPostmortem
    | Letter
    | BriefDraft
    | Events
)
"""`PublishStatus`, `FileTicket` and `PublishPostmortem` are effects that are stored as they are."""

Body = ChatBody | PluginBody

# --- rows -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A running promise. A row queued for it is dropped if the promise ends first."""

    clock: ClockName
    """The clock that the promise is of."""
    n: int
    """The promise's number on that clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One thing to deliver. Within a lane, urgent rows come first, then rows in their order."""

    target: str
    """The name of the adapter or plugin that delivers it."""
    lane: Lane
    body: Body
    incident: str | None = None
    """The id of the incident it is about."""
    urgent: bool = False
    slot: str | None = None
    """A name for what converges: a row that waits in the same slot is updated, not doubled."""
    guard: Guard | None = None
    notice: bool = False
    """It reports a dead letter, so nobody is told if it becomes one itself."""
    audience: bool = False
    """It is for a stakeholder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A row to deliver, as a worker reads it."""

    id: int
    key: str
    """Its idempotency key, the same at every try."""
    version: int
    """Grows when a converging row is asked for again."""
    attempts: int
    """How many tries have failed."""
    created_at: datetime
    what: Outgoing
    doubt: bool = False
    """An earlier try may have delivered it."""
    incident: Incident | None = None
    """The incident as it stands now, if the row is about one."""
    real: ConversationRef | None = None
    """The platform's name of the lane's conversation, if it is another than the lane's."""
    ref: str | None = None
    """The platform reference that is stored for the slot."""

    @property
    def state_key(self) -> str:
        """The key of one state of what converges: a newer state is not a repeat of an older."""
        return f"{self.key}.{self.version}"

    @property
    def ref_name(self) -> str:
        """The name under which the platform's reference to it is stored."""
        return self.what.slot or self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lane held by a worker."""

    lane: Lane
    fence: int
    """Grows with each holder, so that a former holder cannot mark rows."""
