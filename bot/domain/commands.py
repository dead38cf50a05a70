"""Commands: requests of people and other systems, imperative, frozen and parsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from bot.domain.action_values import Category, Strength
from bot.domain.incident import ClockName, Kind, Role, Severity
from bot.domain.postmortem_values import Section
from bot.domain.publication import PublicState
from bot.refs import ConversationRef, ExternalRef, Lane, PersonId


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
    """The kinds of note on a timeline."""

    NOTE = "note"
    SAW = "saw"
    DECIDED = "decided"
    DID = "did"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declare:
    """Open an incident, as it was typed; its number and its place come with the setting."""

    title: str
    kind: Kind = Kind.INCIDENT
    severity: Severity | None = None
    """`None` and `unsure` are SEV1 until assessed (S2)."""
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
    """Publish an external text; it keeps the external promise (F1).

    No title, no state: those of the plan and the phase.
    """

    text: str
    title: str | None = None
    state: PublicState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendBrief:
    """Record that a brief went to stakeholders; it keeps the stakeholder promise (F1)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAudience:
    """Somebody listens to what stakeholders are told: their clock starts where it does not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCadence:
    """Promise another period (K4)."""

    clock: ClockName
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
    """Reopen an incident that is not over (F6)."""

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """A false alarm (F6)."""

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend:
    """Put a timeline entry right; the original stays in the audit record (L3).

    `by_platform`: the message that it captured was changed so on its platform.
    """

    entry: int
    text: str
    by_platform: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Redact:
    """Remove the text of a timeline entry everywhere (L3); `by_platform` as with `Amend`."""

    entry: int
    by_platform: bool = False


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

    target: Lane
    since: datetime
    waiting: int
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteResumed:
    """A conversation takes messages again."""

    target: Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTicket:
    """A tracker filed the ticket (S4)."""

    ticket: ExternalRef


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteUndelivered:
    """Something could not be delivered; the room hears of it (D2).

    `unopened`: it was a conversation that was to be opened, and nothing stands in for it.
    `audience`: it was for a stakeholder, so that responders are not told (H2).
    """

    target: Lane
    what: str
    why: str
    unopened: bool = False
    audience: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTrouble:
    """The bot cannot do its work in a conversation, or (none) on a whole platform (D2)."""

    adapter: str
    conversation: ConversationRef | None
    text: str
    reachable: bool


# --- learning -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPostmortem:
    """Begin a postmortem that no rule asks for: a SEV3's, a drill's (P1)."""

    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSection:
    """Write a section of the postmortem, or `add` to what stands there."""

    section: Section
    text: str
    add: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepSection:
    """Take a drafted section as it stands: its proposals are meant."""

    section: Section


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleReview:
    """Set, or move, when the postmortem is held (P2)."""

    when: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnscheduleReview:
    """Call the meeting off; the promise to hold it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteHeld:
    """Record that the review was held (P2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenReview:
    """Hand the draft to its reviewers (P5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackToDraft:
    """Take it back to a draft; with a reason where it was final."""

    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiveFinding:
    """Let a warning stand, with a reason (P4); `n` counts as `pm lint` does."""

    n: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalise:
    """End the review; the incident is closed with it (P1, P5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPostmortem:
    """Make somebody the one who owes the postmortem."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class AddAction:
    """Add an action item (A1). What was typed stands as it is where it could not be read.

    `owner` is what was typed, where it is nobody that is known; `due` none or unreadable as text.
    """

    text: str
    owner: PersonId | None
    owner_typed: str = ""
    due: date | None
    due_typed: str = ""
    strength: Strength | None
    strength_typed: str = ""
    category: Category | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAction:
    """Change an action item; `None` leaves a field as it is. A later date needs a reason (A1)."""

    n: int
    text: str | None = None
    owner: PersonId | None = None
    owner_typed: str = ""
    due: date | None = None
    due_typed: str = ""
    strength: Strength | None = None
    strength_typed: str = ""
    category: Category | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishAction:
    """Record that an action item is done."""

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenAction:
    """Record that it is not done after all."""

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropAction:
    """Record that it will not be done, and why."""

    n: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDocument:
    """Take over an edited document: the sections and action items that differ, as one change."""

    sections: tuple[WriteSection, ...]
    actions: tuple[AddAction | ChangeAction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteActionTicket:
    """A tracker holds an action's ticket; `closed`: and it is closed there.

    `note` is what people should know of it.
    """

    n: int
    ticket: ExternalRef
    closed: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTicketState:
    """A tracker says whether an action's ticket is closed (A2)."""

    n: int
    closed: bool


OnPostmortem = (
    StartPostmortem
    | WriteSection
    | KeepSection
    | ScheduleReview
    | UnscheduleReview
    | NoteHeld
    | OpenReview
    | BackToDraft
    | WaiveFinding
    | Finalise
    | OwnPostmortem
    | ImportDocument
)
"""The commands about a postmortem."""

OnActions = (
    AddAction
    | ChangeAction
    | FinishAction
    | ReopenAction
    | DropAction
    | NoteActionTicket
    | NoteTicketState
)
"""The commands about action items."""

Command = (
    Declare
    | Assess
    | PostUpdate
    | PublishExternal
    | SendBrief
    | OpenAudience
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
    | OnPostmortem
    | OnActions
)
