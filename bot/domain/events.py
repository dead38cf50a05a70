"""What happened to an incident: past tense, frozen. The timeline is the list of these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.commands import Answer, NoteKind, Step
from bot.domain.incident import Clock, Kind, Outcome, Role, Rung, RungKind, Severity
from bot.refs import ConversationRef, ExternalRef, PersonId

REDACTED = "[redacted]"
"""What stands where a text was removed (L3)."""


class How(StrEnum):
    """How somebody came to command."""

    DECLARED = "declared"
    RAISED = "raised"
    REOPENED = "reopened"
    ACCEPTED = "accepted"
    TAKEN = "taken"
    HANDED = "handed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What every event has: when it happened (UTC), who did it (nobody: the bot), and on what.

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
    """An external text went out."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalDrafted(Happening):
    """An external text waits for the commander's word (X2); a newer one takes its place."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRejected(Happening):
    """The commander sent an external text back to `author` (X2)."""

    author: PersonId
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefSent(Happening):
    """A brief went to the stakeholders."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseMade(Happening):
    """An update is promised for `due_at` (K1)."""

    clock: Clock
    n: int
    due_at: datetime
    period: timedelta
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseSettled(Happening):
    """A promise ended, once (K5)."""

    clock: Clock
    n: int
    due_at: datetime
    outcome: Outcome
    late_by: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RungFired(Happening):
    """A step of the ladder was taken, once (K3). `late_by` is how long after its time."""

    clock: Clock
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

    clock: Clock
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
    """It was not over (F6)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Happening):
    """It was a false alarm (F6)."""

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

    target: str
    since: datetime
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResumed(Happening):
    """A conversation that took nothing takes messages again."""

    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFiled(Happening):
    """A tracker holds a ticket for it (S4)."""

    ticket: ExternalRef


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFailed(Happening):
    """Something could not be delivered and will not be tried again (D2).

    `again`: the conversation was told of as unreachable before.
    """

    target: str
    what: str
    why: str
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleFound(Happening):
    """The bot cannot do its work in a conversation, or (none) on a whole platform (D2).

    `reachable`: it can still speak there.
    """

    adapter: str
    conversation: ConversationRef | None
    text: str
    reachable: bool


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
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event with its place in the timeline and when it was recorded (L1)."""

    n: int
    event: Event
    recorded_at: datetime
