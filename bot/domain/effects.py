"""Effects: what must be carried out of an incident after its events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.domain import events as ev
from bot.domain.incident import (
    ClockName,
)
from bot.domain.telling import Scene
from bot.refs import ConversationRef, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The configured targets. `rooms` are the incident's conversations that Sitrep opens."""

    rooms: tuple[ConversationRef, ...] = ()
    status_page: bool = False
    tracker: bool = False
    publishers: bool = False
    mail: bool = False
    stakeholders: bool = False
    pager: bool = False
    listeners: bool = False
    triage: ConversationRef | None = None
    boards: tuple[ConversationRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRoom:
    """Open a room of the incident's, with people in it (F15); `fallback` serves where it fails."""

    to: ConversationRef
    people: tuple[PersonId, ...]
    fallback: ConversationRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRoom:
    """Let only the invited into a room of the incident's, or everybody again (F17)."""

    to: ConversationRef
    private: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitePeople:
    """Invite people to a room of the incident's."""

    to: ConversationRef
    people: tuple[PersonId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTopic:
    """Set a room's topic."""

    to: ConversationRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Tell a conversation. `clock` and `n`: pointless once that promise has ended."""

    to: ConversationRef
    scene: Scene
    urgent: bool = False
    clock: ClockName | None = None
    n: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SayTo:
    """Tell one person, directly; `avoid` names an adapter that cannot do it."""

    person: PersonId
    scene: Scene
    urgent: bool = False
    clock: ClockName | None = None
    n: int = 0
    avoid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowCard:
    """Bring the status card of a conversation up to date (L2)."""

    to: ConversationRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowBoard:
    """Bring the list of open incidents up to date where they are declared."""

    to: ConversationRef


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePeople:
    """Page people, or whoever is on call for a service, through the pagers."""

    people: tuple[PersonId, ...]
    service: str | None
    scene: Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTicket:
    """File a ticket, or bring it up to date: the incident's (S4), or an action's (A2).

    Stored as it is in a row of the outbox, and written at delivery.
    """

    action: int | None = None
    kind: Literal["ticket"] = "ticket"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPostmortem:
    """Bring the published postmortem up to date (P5).

    Stored as it is in a row of the outbox, and written at delivery.
    """

    kind: Literal["document"] = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendInvitations:
    """Invite to the review, move it, or call it off, by mail (P2)."""

    event: ev.ReviewScheduled | ev.ReviewUnscheduled


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishStatus:
    """Bring the status pages up to date (X2).

    Stored as it is in a row of the outbox, and put together at delivery.
    """

    kind: Literal["status"] = "status"


class News(StrEnum):
    """The kinds of news for stakeholders (H1, P5, F6)."""

    DECLARED = "declared"
    BRIEF = "brief"
    SEVERITY = "severity"
    STABILISED = "stabilised"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CANCELLED = "cancelled"
    POSTMORTEM = "postmortem"


@dataclass(frozen=True, slots=True, kw_only=True)
class InformStakeholders:
    """Tell the stakeholders; `text` is what somebody wrote of it."""

    news: News
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TellListeners:
    """Tell the plugins that hear of every change."""


Effect = (
    OpenRoom
    | CloseRoom
    | InvitePeople
    | ChangeTopic
    | Say
    | SayTo
    | ShowCard
    | ShowBoard
    | PagePeople
    | FileTicket
    | PublishPostmortem
    | SendInvitations
    | PublishStatus
    | InformStakeholders
    | TellListeners
)
