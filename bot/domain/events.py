"""Events: the things that happened to an incident, in the past tense. They are the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from bot.domain.action_values import Category, Strength
from bot.domain.commands import Answer, NoteKind, Step
from bot.domain.incident import ClockName, Kind, Outcome, Role, Rung, RungKind, Severity
from bot.domain.postmortem_values import Form, Promised, Section
from bot.domain.publication import ComponentState, PublicState
from bot.refs import ConversationRef, ExternalRef, Lane, PersonId

REDACTED = "[redacted]"
"""The text that stands where another was removed (L3)."""


class How(StrEnum):
    """The ways in which somebody came to command."""

    DECLARED = "declared"
    RAISED = "raised"
    REOPENED = "reopened"
    ACCEPTED = "accepted"
    TAKEN = "taken"
    HANDED = "handed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """The fields of every event: the time (UTC), the person (`None`: the bot), and the platform.

    `via` is the platform that it was said on.
    """

    at: datetime
    by: PersonId | None = None
    via: str | None = None

    def __post_init__(self) -> None:
        """Refuse a time without a zone: databases take it for UTC without a word."""
        if self.at.tzinfo is None:
            msg = f"{type(self).__name__}.at has no time zone: {self.at}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared(Happening):
    """An incident, drill or near miss was opened. `given` is false where SEV1 stood in (S2)."""

    id: str
    kind: Kind
    title: str
    severity: Severity
    given: bool
    conversation: ConversationRef
    declared_in: ConversationRef | None = None
    service: str | None = None
    impact: str | None = None
    comms: PersonId | None = None
    liaison: PersonId | None = None
    triage_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityChanged(Happening):
    """The severity was raised or lowered (S3). `corrected`: by `assess` in time (F5)."""

    was: Severity
    now: Severity
    reason: str | None
    corrected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed(Happening):
    """The impact questions were answered (S2)."""

    answers: tuple[Answer, ...]
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class CommanderChanged(Happening):
    """Command went to somebody (C1). `also_asked`: the rest, who need not answer any more (F4)."""

    was: PersonId | None
    now: PersonId
    acting: bool
    how: How
    also_asked: tuple[PersonId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommanderAsked(Happening):
    """Somebody was asked to take command (F4)."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class CommanderDeclined(Happening):
    """Somebody who was asked said no (F4)."""

    person: PersonId
    handoff: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatesExhausted(Happening):
    """Nobody is left to ask; the acting commander keeps the role (F4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffOffered(Happening):
    """The commander offered the role to somebody (C4)."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAssigned(Happening):
    """A role went to a person."""

    role: Role
    person: PersonId
    was: PersonId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponderJoined(Happening):
    """Somebody took up the hands-on work."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponderLeft(Happening):
    """Somebody put it down again."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class PagedOut(Happening):
    """People were paged; `service` where it was for whoever is on call."""

    people: tuple[PersonId, ...]
    service: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEscalated(Happening):
    """Nobody accepted command within the policy's response time (F16)."""

    stage: int
    people: tuple[PersonId, ...]
    last_resort: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded(Happening):
    """An entry somebody wrote. `hands_on`: the commander did it themselves (C3)."""

    kind: NoteKind
    text: str
    doer: PersonId | None = None
    hands_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCaptured(Happening):
    """A chat message was put on the timeline; `at` is when it was written (L1)."""

    author: PersonId
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTried(Happening):
    """A stabilising step was taken (T2)."""

    step: Step
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactStated(Happening):
    """The impact line."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePosted(Happening):
    """An update for the people responding."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalPublished(Happening):
    """An external text was published; older versions recorded only the text."""

    text: str
    title: str = ""
    state: PublicState | None = None
    components: tuple[str, ...] = ()
    health: ComponentState = ComponentState.OPERATIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalDrafted(Happening):
    """An external text waits for the commander's word (X2); a newer one takes its place.

    By nobody: the words of the plan are offered.
    """

    text: str
    title: str = ""
    state: PublicState = PublicState.INVESTIGATING
    components: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRejected(Happening):
    """The commander sent an external text back to `author` (X2); none: to nobody."""

    author: PersonId | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefSent(Happening):
    """A brief went to the stakeholders."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseMade(Happening):
    """An update is promised for `due_at` (K1)."""

    clock: ClockName
    n: int
    due_at: datetime
    period: timedelta
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseSettled(Happening):
    """A promise ended, once (K5)."""

    clock: ClockName
    n: int
    due_at: datetime
    outcome: Outcome
    late_by: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RungFired(Happening):
    """A step of the ladder was taken, once (K3). `late_by` is how long after its time."""

    clock: ClockName
    n: int
    kind: RungKind
    due_at: datetime
    late_by: timedelta = timedelta(0)
    owed_by: PersonId | None = None
    people: tuple[PersonId, ...] = ()
    silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceChanged(Happening):
    """Another period was promised (K4)."""

    clock: ClockName
    was: timedelta
    now: timedelta
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StabiliseNudged(Happening):
    """The room was asked for a stabilising step (T2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseReminded(Happening):
    """The room was reminded that the cause can wait (T2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UntouchedRaised(Happening):
    """A SEV3 that nobody took up by the end of the business day (F16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stabilised(Happening):
    """Users are served again (T1). `implied` by a `resolve` that came first (F6)."""

    text: str | None = None
    implied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved(Happening):
    """The response ended; everybody is released (C6)."""

    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(Happening):
    """The incident was reopened (F6)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Happening):
    """The incident was a false alarm (F6)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryAmended(Happening):
    """An entry was put right (L3)."""

    entry: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRedacted(Happening):
    """An entry's text was removed (L3)."""

    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationOpened(Happening):
    """The incident got a room of its own (F15)."""

    conversation: ConversationRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored(Happening):
    """The incident is told on another platform too, in a conversation of its own there."""

    conversation: ConversationRef


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorEnded(Happening):
    """A mirror is told nothing more; commands from it are still heard."""

    conversation: ConversationRef


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStalled(Happening):
    """A conversation has taken nothing since `since`; `waiting` messages wait for it (D2)."""

    target: Lane
    since: datetime
    waiting: int
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResumed(Happening):
    """A conversation that took nothing takes messages again."""

    target: Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFiled(Happening):
    """A tracker holds a ticket for it (S4)."""

    ticket: ExternalRef


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFailed(Happening):
    """Something could not be delivered and will not be tried again (D2).

    `again`: the conversation was told of as unreachable before. `audience`: it was for a
    stakeholder, of whom whoever briefs them hears, and the room does not (H2).
    """

    target: Lane
    what: str
    why: str
    again: bool = False
    audience: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleFound(Happening):
    """The bot cannot do its work in a conversation, or (none) on a whole platform (D2).

    `reachable`: it can still speak there.
    """

    adapter: str
    conversation: ConversationRef | None
    text: str
    reachable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemOpened(Happening):
    """A postmortem is owed by `owner`, in draft; `due` is what it promises (P1, P2)."""

    form: Form
    owner: PersonId
    due: Mapping[Promised, datetime]
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemHandedOver(Happening):
    """Somebody else owes the postmortem now."""

    owner: PersonId
    was: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionWritten(Happening):
    """A section says `text` now; with it the document has a new version.

    `redacted`: a text was removed from the record, and so from here (L3).
    """

    section: Section
    text: str
    redacted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewScheduled(Happening):
    """The review is held at `when`; `was` is when it was to be (P2)."""

    when: datetime
    was: datetime | None
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewUnscheduled(Happening):
    """The meeting at `was` is called off."""

    was: datetime
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewHeld(Happening):
    """The review was held (P2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewReminded(Happening):
    """Half the time of a promise has gone by, or (`missed`) all of it (P2)."""

    promised: Promised
    due_at: datetime
    missed: bool
    people: tuple[PersonId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOpened(Happening):
    """The draft went to its reviewers (P5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftResumed(Happening):
    """The postmortem is a draft again; `reason` where it was final."""

    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingWaived(Happening):
    """A warning may stand (P4)."""

    rule: str
    where: str
    words: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemFinalised(Happening):
    """The review ended, and the incident is closed (P1, P5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionAdded(Happening):
    """There is an action item (A1)."""

    n: int
    text: str
    owner: PersonId
    due: date
    strength: Strength
    category: Category


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionChanged(Happening):
    """An action item says something else; `was_due` where its date moved."""

    n: int
    text: str
    owner: PersonId
    due: date
    strength: Strength
    category: Category
    was_due: date | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDone(Happening):
    """An action item is done; `there`: its ticket was closed."""

    n: int
    there: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionReopened(Happening):
    """An action item is not done after all; `there`: its ticket was opened again."""

    n: int
    there: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDropped(Happening):
    """An action item will not be done."""

    n: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFiled(Happening):
    """A tracker holds an action's ticket as it stands (A2); `closed`: and it is closed there.

    `first`: it was not filed before. `note` is what people should know of it.
    """

    n: int
    ticket: ExternalRef
    closed: bool = False
    first: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionChased(Happening):
    """Somebody was told that an action is overdue: its owner first (A3)."""

    n: int
    stage: int
    people: tuple[PersonId, ...]


Event = (
    Declared
    | SeverityChanged
    | Assessed
    | CommanderChanged
    | CommanderAsked
    | CommanderDeclined
    | CandidatesExhausted
    | HandoffOffered
    | RoleAssigned
    | ResponderJoined
    | ResponderLeft
    | PagedOut
    | ResponseEscalated
    | NoteAdded
    | MessageCaptured
    | StepTried
    | ImpactStated
    | UpdatePosted
    | ExternalPublished
    | ExternalDrafted
    | DraftRejected
    | BriefSent
    | PromiseMade
    | PromiseSettled
    | RungFired
    | CadenceChanged
    | StabiliseNudged
    | CauseReminded
    | UntouchedRaised
    | Stabilised
    | Resolved
    | Reopened
    | Cancelled
    | EntryAmended
    | EntryRedacted
    | ConversationOpened
    | Mirrored
    | MirrorEnded
    | DeliveryStalled
    | DeliveryResumed
    | TicketFiled
    | DeliveryFailed
    | TroubleFound
    | PostmortemOpened
    | PostmortemHandedOver
    | SectionWritten
    | ReviewScheduled
    | ReviewUnscheduled
    | ReviewHeld
    | ReviewReminded
    | ReviewOpened
    | DraftResumed
    | FindingWaived
    | PostmortemFinalised
    | ActionAdded
    | ActionChanged
    | ActionDone
    | ActionReopened
    | ActionDropped
    | ActionFiled
    | ActionChased
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event with its place in the timeline and when it was recorded (L1)."""

    n: int
    event: Event
    recorded_at: datetime
