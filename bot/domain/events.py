"""Events: the things that happened to an incident, in the past tense. They are the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from bot.domain.action_values import Category, Strength
from bot.domain.commands import ImpactAnswer, NoteKind, Step
from bot.domain.incident import ClockName, Kind, Outcome, Role, Rung, RungKind, Severity
from bot.domain.policy import Bound
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
    """The fields of every event."""

    at: datetime
    """When it happened, with a time zone; stored in UTC."""
    by: PersonId | None = None
    """The person who did it; `None`: the bot."""
    via: str | None = None
    """The platform it was said on."""

    def __post_init__(self) -> None:
        """Refuse a time without a zone: databases take it for UTC without a word."""
        if self.at.tzinfo is None:
            msg = f"{type(self).__name__}.at has no time zone: {self.at}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared(Happening):
    """An incident, drill or near miss was opened."""

    id: str
    kind: Kind
    title: str
    severity: Severity
    given: bool
    """Somebody named the severity; otherwise it is SEV1 until assessed (S2)."""
    conversation: ConversationRef
    """The incident's own room; a pending one if a room of its own was asked for."""
    declared_in: ConversationRef | None = None
    """The room it was declared in, if its own is another."""
    service: str | None = None
    impact: str | None = None
    comms: PersonId | None = None
    liaison: PersonId | None = None
    private: bool = False
    """Only those who take part read it (F17)."""
    triage_at: datetime | None = None
    """The end of the business day by which somebody should have taken it up (F16)."""
    beyond: Bound | None = None
    """The bound that its declarer went beyond: people are called once for all of theirs (F18)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityChanged(Happening):
    """The severity was raised or lowered (S3)."""

    was: Severity
    now: Severity
    reason: str | None
    corrected: bool = False
    """An early `assess` lowered it, as anybody may (F5)."""
    beyond: Bound | None = None
    """The bound that the person who raised it went beyond, as in a declaration (F18)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyChanged(Happening):
    """The incident was made private, or opened to everybody again (F17)."""

    private: bool
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed(Happening):
    """The impact questions were answered (S2)."""

    answers: tuple[ImpactAnswer, ...]
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class CommanderChanged(Happening):
    """Command went to somebody (C1)."""

    was: PersonId | None
    now: PersonId
    acting: bool
    how: How
    also_asked: tuple[PersonId, ...] = ()
    """The others who had been asked and need not answer any more (F4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommanderAsked(Happening):
    """Somebody was asked to take command (F4)."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class CommanderDeclined(Happening):
    """Somebody who was asked said no (F4)."""

    person: PersonId
    handoff: bool
    """It was a handoff; otherwise the next in the rotation is asked."""


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
    """Somebody became a responder."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponderLeft(Happening):
    """Somebody stopped being a responder."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class PagedOut(Happening):
    """People were paged."""

    people: tuple[PersonId, ...]
    service: str | None
    """The service whose people on call were meant; `None`: somebody was named."""
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEscalated(Happening):
    """Nobody accepted command within the policy's response time (F16)."""

    stage: int
    people: tuple[PersonId, ...]
    last_resort: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded(Happening):
    """Somebody wrote an entry."""

    kind: NoteKind
    text: str
    doer: PersonId | None = None
    """The person who did it, if not the writer."""
    hands_on: bool = False
    """The commander did the work themselves (C3)."""


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
    """Somebody said who is affected and how."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePosted(Happening):
    """An update went to the people responding."""

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
    """An external text waits for the commander's approval (X2), in place of any older one.

    `by` is `None` for the words of the service's plan.
    """

    text: str
    title: str = ""
    state: PublicState = PublicState.INVESTIGATING
    components: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRejected(Happening):
    """The commander sent an external text back (X2)."""

    author: PersonId | None
    """The person who wrote it; `None`: it was the plan's."""
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefSent(Happening):
    """A brief went to the stakeholders."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseMade(Happening):
    """An update was promised (K1)."""

    clock: ClockName
    n: int
    """Its place among the clock's promises, from 1."""
    due_at: datetime
    period: timedelta
    rungs: tuple[Rung, ...]
    """The ladder that is climbed while it is not kept (K3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseSettled(Happening):
    """A promise ended, once (K5)."""

    clock: ClockName
    n: int
    due_at: datetime
    outcome: Outcome
    late_by: timedelta = timedelta(0)
    count: int = 1
    """How many in a row were missed, `n` and those after it: a gap is one entry (K6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSet(Happening):
    """The clock of the machine was found to have been set (K6)."""

    moved: timedelta
    """How far; negative: back, and what was stored of later times counts from now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RungFired(Happening):
    """A step of the ladder was taken, once (K3)."""

    clock: ClockName
    n: int
    kind: RungKind
    due_at: datetime
    """When the promise is due, not the step."""
    late_by: timedelta = timedelta(0)
    """How long after its own time the step was taken."""
    owed_by: PersonId | None = None
    people: tuple[PersonId, ...] = ()
    """The people it calls."""
    silent: bool = False
    """It is recorded and not said: a later step says it better."""


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
    """Nobody had taken up a SEV3 by the end of the business day (F16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stabilised(Happening):
    """Users are served again (T1)."""

    text: str | None = None
    implied: bool = False
    """Nobody said so before `resolve` (F6)."""


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
    author: PersonId | None = None
    """Who had written it: what is said of a redaction tells a slip of the number."""
    written_at: datetime | None = None


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
    """A conversation has taken no messages for a while (D2)."""

    target: Lane
    since: datetime
    waiting: int
    """How many messages wait for it."""
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
    """Something could not be delivered and will not be tried again (D2)."""

    target: Lane
    what: str
    """What it was, in a few words for people."""
    why: str
    again: bool = False
    """The conversation was told of as unreachable before."""
    audience: bool = False
    """It was for a stakeholder: the liaison hears of it, the room does not (H2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleFound(Happening):
    """The bot cannot do its work in a conversation or on a whole platform (D2)."""

    adapter: str
    conversation: ConversationRef | None
    """`None`: the whole platform."""
    text: str
    reachable: bool
    """The bot can still speak there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemOpened(Happening):
    """A postmortem was begun, as a draft (P1)."""

    form: Form
    owner: PersonId
    """The person who owes it."""
    due: Mapping[Promised, datetime]
    """When each step of it is due (P2)."""
    reason: str | None = None
    """Why somebody began one that no rule asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemHandedOver(Happening):
    """Somebody else owes the postmortem now."""

    owner: PersonId
    was: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionWritten(Happening):
    """A section was written; the document has a new version."""

    section: Section
    text: str
    """The whole section."""
    redacted: bool = False
    """A text was removed from the record, and so from here (L3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewScheduled(Happening):
    """The review has a time (P2)."""

    when: datetime
    was: datetime | None
    """The time it had before."""
    sequence: int
    """The calendar entry's version (RFC 5545), from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewUnscheduled(Happening):
    """The review meeting was called off."""

    was: datetime
    """The time it had."""
    sequence: int
    """The calendar entry's version (RFC 5545)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewHeld(Happening):
    """The review was held (P2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewReminded(Happening):
    """People were reminded of a postmortem's promise, at half its time or at its end (P2)."""

    promised: Promised
    due_at: datetime
    missed: bool
    """Its time has ended."""
    people: tuple[PersonId, ...]
    """The people who are reminded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOpened(Happening):
    """The draft went to its reviewers (P5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftResumed(Happening):
    """The postmortem is a draft again."""

    reason: str | None
    """Why, if it was final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingWaived(Happening):
    """A warning of the blameless check may stand (P4)."""

    rule: str
    """The warning's rule, as `pm lint` names it."""
    where: str
    """The section it stands in."""
    words: str
    """The words that it is about."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemFinalised(Happening):
    """The review ended, and the incident is closed (P1, P5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionAdded(Happening):
    """An action item was added (A1)."""

    n: int
    text: str
    owner: PersonId
    due: date
    strength: Strength
    category: Category


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionChanged(Happening):
    """An action item was changed."""

    n: int
    text: str
    owner: PersonId
    due: date
    strength: Strength
    category: Category
    was_due: date | None = None
    """The date it had, if that was moved."""
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDone(Happening):
    """An action item is done."""

    n: int
    there: bool = False
    """Its ticket was closed in the tracker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionReopened(Happening):
    """An action item is not done after all."""

    n: int
    there: bool = False
    """Its ticket was opened again in the tracker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDropped(Happening):
    """An action item will not be done."""

    n: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFiled(Happening):
    """A tracker holds an action's ticket as it stands (A2)."""

    n: int
    ticket: ExternalRef
    closed: bool = False
    """The ticket is closed there."""
    first: bool = False
    """The action had no ticket before."""
    note: str = ""
    """What people should know of it, for example that it has no assignee."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionChased(Happening):
    """Somebody was told that an action is overdue (A3)."""

    n: int
    stage: int
    """1: the owner was told; 2: the owner of the service."""
    people: tuple[PersonId, ...]


Event = (
    Declared
    | SeverityChanged
    | PrivacyChanged
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
    | ClockSet
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
