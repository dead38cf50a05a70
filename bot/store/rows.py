"""The rows of the outbox: bodies, rows as queued and as claimed, and leases."""

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
from bot.refs import ConversationRef, Lane, UserRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Open the conversation that the lane is named for; where that cannot be, use `fallback`."""

    request: ConversationRequest
    fallback: ConversationRef | None = None
    kind: Literal["open"] = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Say it in the lane's conversation. `answers`: the message that asked for it."""

    message: Message
    answers: str | None = None
    kind: Literal["post"] = "post"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Mark a command in the lane's conversation as done or not."""

    message: str
    worked: bool
    kind: Literal["acknowledge"] = "acknowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Offer the buttons of a message in the lane's conversation, once the message is there."""

    message: str
    buttons: int
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
    """Bring people in."""

    users: tuple[UserRef, ...]
    kind: Literal["invite"] = "invite"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomTopic:
    """Set the topic."""

    text: str
    kind: Literal["topic"] = "topic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Call people through a paging plugin."""

    request: PageRequest
    kind: Literal["page"] = "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """Send a summary."""

    update: StakeholderUpdate
    kind: Literal["stakeholder"] = "stakeholder"


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """Tell everybody who is subscribed then: each gets a row of their own."""

    update: StakeholderUpdate
    kind: Literal["spread"] = "spread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redraw:
    """Draw a status page as of now; what fails is not tried again before the next hour's."""

    kind: Literal["redraw"] = "redraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Send a mail."""

    mail: Mail
    kind: Literal["mail"] = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefDraft:
    """Have a brief drafted, and show it to whoever asked."""

    to: ConversationRef
    kind: Literal["draft"] = "draft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Tell a plugin of the timeline entries `first` to `last`."""

    first: int
    last: int
    kind: Literal["events"] = "events"


Body = (
    Open
    | Post
    | Acknowledge
    | Offer
    | Card
    | Board
    | Invite
    | RoomTopic
    | Page
    | PublishStatus
    | Redraw
    | FileTicket
    | Brief
    | FanOut
    | PublishPostmortem
    | Letter
    | BriefDraft
    | Events
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A running promise; what was queued for it is dropped once it has ended."""

    clock: ClockName
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One thing to deliver. Order is kept within a lane, the urgent ahead of the rest.

    `target` is an adapter's or plugin's name. `slot` names what converges: a row waiting in the
    same slot is brought up to date in place of a second one. `notice`: it tells of a dead letter,
    so nobody is told when it becomes one itself. `audience`: it is for a stakeholder.
    """

    target: str
    lane: Lane
    body: Body
    incident: str | None = None
    urgent: bool = False
    slot: str | None = None
    guard: Guard | None = None
    notice: bool = False
    audience: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An outbox row to deliver. `version` grows when a converging row is asked for again.

    `incident` is as it stands, where the row is of one.

    `doubt`: an earlier try may have done it. `real` is what its lane's conversation is called on
    the platform, where that is another name than its own; `ref` the platform reference stored for
    its slot.
    """

    id: int
    key: str
    version: int
    attempts: int
    created_at: datetime
    what: Outgoing
    doubt: bool = False
    incident: Incident | None = None
    real: ConversationRef | None = None
    ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lane held by a worker. `fence` grows with each holder: an old one marks nothing."""

    lane: Lane
    fence: int
