"""What people and other systems can ask of an incident: imperative, frozen, parsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.incident import Clock, Kind, Role, Severity
from bot.refs import ConversationRef, ExternalRef, PersonId


class Answer(StrEnum):
    """An answer to one of the three impact questions (S2)."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


class Step(StrEnum):
    """A kind of stabilising step (T2)."""

    ROLLBACK = "rollback"
    FAILOVER = "failover"
    FLAG = "flag"
    OTHER = "other"


class NoteKind(StrEnum):
    """What a timeline entry records."""

    NOTE = "note"
    SAW = "saw"
    DECIDED = "decided"
    DID = "did"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declare:
    """Open an incident. No severity, or `unsure`, is SEV1 until assessed (S2).

    `declared_in` is where it was typed, where `conversation` is a room of its own.
    """

    id: str
    title: str
    conversation: ConversationRef
    declared_in: ConversationRef | None = None
    kind: Kind = Kind.INCIDENT
    severity: Severity | None = None
    service: str | None = None
    commander: PersonId | None = None
    impact: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assess:
    """Answer the impact questions in order; fewer than decide is refused with the next question."""

    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostUpdate:
    """Say where things stand to the people responding (K2)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishExternal:
    """Record that an external text went out; it keeps the external promise (F1)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendBrief:
    """Record that a brief went to stakeholders; it keeps the stakeholder promise (F1)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCadence:
    """Promise another period (K4)."""

    clock: Clock
    period: timedelta
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSeverity:
    """Raise or lower the severity (S3)."""

    severity: Severity
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NameCommander:
    """Ask a person to take command; a handoff where somebody has accepted it already."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptCommand:
    """Take the command one was asked to take (C1, C4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineCommand:
    """Leave it to the next in the rotation (F4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeCommand:
    """Take command unasked, where F4 or C5 allows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """Offer command to somebody; it stays until they accept (C4)."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignRole:
    """Give a role to a person."""

    role: Role
    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Become a responder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Stop being a responder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOut:
    """Page a person, or whoever is on call for a service."""

    person: PersonId | None = None
    service: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNote:
    """Put something on the timeline."""

    kind: NoteKind
    text: str
    doer: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Put a chat message on the timeline, with its own time and author (L1)."""

    author: PersonId
    text: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TryStep:
    """Record a stabilising step (T2)."""

    step: Step
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateImpact:
    """Say who is affected and how, in one line."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stabilise:
    """Users are served again."""

    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """End the response and release everybody (C6)."""

    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """It is not over (F6)."""

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """A false alarm (F6)."""

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend:
    """Put a timeline entry right; the original stays in the audit record (L3).

    `followed`: the message that it captured was changed so on its platform.
    """

    entry: int
    text: str
    followed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Redact:
    """Remove the text of a timeline entry everywhere (L3); `followed` as with `Amend`."""

    entry: int
    followed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Do whatever is due by now (K6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteConversation:
    """The room that the incident asked for is open; `conversation` is its platform's name."""

    conversation: ConversationRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Tell the incident on another platform too."""

    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndMirror:
    """Tell it there no more."""

    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """Publish the external text that waits (X2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectDraft:
    """Send the external text that waits back (X2)."""

    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteStalled:
    """A conversation has taken nothing since `since`; `waiting` messages wait for it (D2)."""

    target: str
    since: datetime
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteResumed:
    """A conversation takes messages again."""

    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTicket:
    """A tracker filed the ticket (S4)."""

    ticket: ExternalRef


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteUndelivered:
    """Something could not be delivered; the room hears of it (D2).

    `unopened`: it was a conversation that was to be opened, and nothing stands in for it.
    """

    target: str
    what: str
    why: str
    unopened: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTrouble:
    """The bot cannot do its work in a conversation, or (none) on a whole platform (D2)."""

    adapter: str
    conversation: ConversationRef | None
    text: str
    reachable: bool


Command = (
    Declare
    | Assess
    | PostUpdate
    | PublishExternal
    | SendBrief
    | ChangeCadence
    | ChangeSeverity
    | NameCommander
    | AcceptCommand
    | DeclineCommand
    | TakeCommand
    | HandOff
    | AssignRole
    | Join
    | Leave
    | PageOut
    | AddNote
    | Capture
    | TryStep
    | StateImpact
    | Stabilise
    | Resolve
    | Reopen
    | Cancel
    | Amend
    | Redact
    | Tick
    | Mirror
    | EndMirror
    | Approve
    | RejectDraft
    | NoteConversation
    | NoteStalled
    | NoteResumed
    | NoteTicket
    | NoteUndelivered
    | NoteTrouble
)
