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


class ImpactAnswer(StrEnum):
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
    """Open an incident; the number and the room it gets come with the `Setting`."""

    title: str
    kind: Kind = Kind.INCIDENT
    severity: Severity | None = None
    """`None`: SEV1 until assessed (S2)."""
    service: str | None = None
    commander: PersonId | None = None
    impact: str | None = None
    private: bool = False
    """Only those who take part read it; a service may ask for that, too (F17)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assess:
    """Answer the impact questions (S2)."""

    answers: tuple[ImpactAnswer, ...]
    """In the questions' order; too few to decide are refused with the next question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostUpdate:
    """Say where things stand to the people responding (K2)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishExternal:
    """Publish an external text; it keeps the external promise (F1)."""

    text: str
    title: str | None = None
    """`None`: the last one published, or the plan's."""
    state: PublicState | None = None
    """`None`: the one that fits the phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendBrief:
    """Record that a brief went to stakeholders; it keeps the stakeholder promise (F1)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAudience:
    """Start the stakeholder clock if it does not run: somebody has subscribed."""


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
class ChangePrivacy:
    """Make the incident private, or open it to everybody again (F17)."""

    private: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NameCommander:
    """Ask a person to take command; if somebody holds it already, offer a handoff."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptCommand:
    """Take command, after being asked (C1, C4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineCommand:
    """Refuse command, after being asked; the next in the rotation is asked (F4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeCommand:
    """Take command without being asked, as F4 and C5 allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """Offer command to somebody; the commander keeps it until they accept (C4)."""

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
    """Page a person, or the people on call for a service."""

    person: PersonId | None = None
    service: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNote:
    """Put something on the timeline."""

    kind: NoteKind
    text: str
    doer: PersonId | None = None
    """The person who did it, if not the writer."""


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
    """Record that users are served again (T1)."""

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
    """End the incident as a false alarm (F6)."""

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend:
    """Correct a timeline entry; the original stays in the audit record (L3)."""

    entry: int
    text: str
    by_platform: bool = False
    """The captured message was edited on its platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redact:
    """Remove the text of a timeline entry everywhere (L3)."""

    entry: int
    by_platform: bool = False
    """The captured message was deleted on its platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Do whatever is due by now (K6)."""

    jumped: timedelta = timedelta(0)
    """How far the clock has just been set ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteConversation:
    """Record that the room asked for is open."""

    conversation: ConversationRef
    """The platform's own id of the room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Tell the incident on another platform too."""

    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndMirror:
    """Stop telling the incident on another platform."""

    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """Publish the external text that waits (X2)."""

    entry: int | None = None
    """The draft that is meant (X3); `None`: the one that was shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectDraft:
    """Send the waiting external text back to its author (X2)."""

    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteStalled:
    """Record that a conversation has taken no messages for a while (D2)."""

    target: Lane
    since: datetime
    waiting: int
    """How many messages wait for it."""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteResumed:
    """Record that a conversation takes messages again."""

    target: Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTicket:
    """Record that a tracker filed the incident's ticket (S4)."""

    ticket: ExternalRef


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteUndelivered:
    """Record that something could not be delivered (D2)."""

    target: Lane
    what: str
    """What it was, in a few words for people."""
    why: str
    unopened: bool = False
    """It was a room to be opened, and no other takes its place."""
    audience: bool = False
    """It was for a stakeholder, so responders are not told (H2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTrouble:
    """Record that the bot cannot do its work in a conversation or on a whole platform (D2)."""

    adapter: str
    conversation: ConversationRef | None
    """`None`: the whole platform."""
    text: str
    reachable: bool
    """The bot can still speak there."""


# --- learning -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPostmortem:
    """Begin a postmortem that no rule asks for, such as a SEV3's or a drill's (P1)."""

    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSection:
    """Write a section of the postmortem."""

    section: Section
    text: str
    add: bool = False
    """Add to the section's text instead of replacing it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepSection:
    """Accept a drafted section as it stands, with its proposals."""

    section: Section


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleReview:
    """Set or move the time of the review (P2)."""

    when: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnscheduleReview:
    """Call the review meeting off; the review is still owed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteHeld:
    """Record that the review was held (P2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenReview:
    """Hand the draft to its reviewers (P5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackToDraft:
    """Make the postmortem a draft again."""

    reason: str | None
    """Needed if it is final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiveFinding:
    """Let a warning stand, with a reason (P4)."""

    n: int
    """The warning's number in `pm lint`."""
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalise:
    """End the review; the incident is closed with it (P1, P5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPostmortem:
    """Make somebody the postmortem's owner."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class AddAction:
    """Add an action item (A1).

    A field that could not be read is `None`; its `…_typed` holds the words, for the refusal.
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
    """Record that an action item is not done after all."""

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropAction:
    """Record that an action item will not be done, and why."""

    n: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDocument:
    """Take over an edited document: the sections and action items that differ, all or none."""

    sections: tuple[WriteSection, ...]
    actions: tuple[AddAction | ChangeAction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteActionTicket:
    """Record that a tracker holds an action's ticket (A2)."""

    n: int
    ticket: ExternalRef
    closed: bool = False
    """The ticket is closed there."""
    note: str = ""
    """What people should know of it, for example that it has no assignee."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTicketState:
    """Record whether an action's ticket is closed (A2)."""

    n: int
    closed: bool


OnCommand = (
    NameCommander
    | AcceptCommand
    | DeclineCommand
    | TakeCommand
    | HandOff
    | AssignRole
    | Join
    | Leave
    | PageOut
)
"""The commands about who responds, and as what."""

OnPlatforms = (
    Mirror
    | EndMirror
    | NoteConversation
    | NoteStalled
    | NoteResumed
    | NoteTicket
    | NoteUndelivered
    | NoteTrouble
)
"""The commands about the platforms that an incident is told on, and what happened there."""

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

Response = (
    Declare
    | Assess
    | PostUpdate
    | PublishExternal
    | SendBrief
    | OpenAudience
    | ChangeCadence
    | ChangeSeverity
    | ChangePrivacy
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
    | Approve
    | RejectDraft
)
"""The commands of the response itself."""

Command = Response | OnCommand | OnPlatforms | OnPostmortem | OnActions
