"""An incident as it stands: the projection of its timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from bot.domain.action_values import Action
from bot.domain.postmortem_values import Form, Postmortem
from bot.domain.publication import Publication, PublicDraft, PublicState
from bot.refs import ConversationRef, ExternalRef, PersonId, is_machine


class Severity(IntEnum):
    """Four levels (S1). A lower number is worse."""

    SEV1 = 1
    SEV2 = 2
    SEV3 = 3
    SEV4 = 4

    @property
    def label(self) -> str:
        """`SEV1` … `SEV4`."""
        return f"SEV{self.value}"

    @property
    def commanded(self) -> bool:
        """Whether this level has an incident commander, clocks and a postmortem (C1, K1, P1)."""
        return self <= Severity.SEV2


IMPACT: Mapping[Severity, str] = {
    Severity.SEV1: "Core service unavailable; revenue-generating path broken; data at risk",
    Severity.SEV2: ("Major feature degraded; significant subset of users affected; no workaround"),
    Severity.SEV3: "Minor feature broken; small subset affected; workaround exists",
    Severity.SEV4: "Cosmetic or infrastructure issue with no user impact",
}
"""The policy's impact texts (S1)."""

RESPONSE: Mapping[Severity, str] = {
    Severity.SEV1: "Immediate; incident commander; all hands if needed",
    Severity.SEV2: "Same business hour; incident commander",
    Severity.SEV3: "Same business day; single on-call engineer sufficient",
    Severity.SEV4: "Tracked as a normal issue; no incident process",
}
"""The policy's response texts (S1)."""


class Kind(StrEnum):
    """The kinds of record; each has its own series of numbers (F9)."""

    INCIDENT = "incident"
    DRILL = "drill"
    NEAR_MISS = "near_miss"

    @property
    def prefix(self) -> str:
        """The letters before the number: `INC`, `DRILL`, `NEAR`."""
        return {"incident": "INC", "drill": "DRILL", "near_miss": "NEAR"}[self.value]


class Phase(StrEnum):
    """The phases of the response (T1)."""

    INVESTIGATING = "investigating"
    STABILISED = "stabilised"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"

    @property
    def active(self) -> bool:
        """Whether people are still responding."""
        return self in {Phase.INVESTIGATING, Phase.STABILISED}


NEXT: Mapping[Phase, frozenset[Phase]] = {
    Phase.INVESTIGATING: frozenset({Phase.STABILISED, Phase.RESOLVED, Phase.CANCELLED}),
    Phase.STABILISED: frozenset({Phase.INVESTIGATING, Phase.RESOLVED, Phase.CANCELLED}),
    Phase.RESOLVED: frozenset({Phase.INVESTIGATING, Phase.CLOSED}),
    Phase.CLOSED: frozenset({Phase.INVESTIGATING, Phase.RESOLVED}),
    Phase.CANCELLED: frozenset({Phase.INVESTIGATING}),
}
"""The transitions of T1. A false alarm that was none after all can be reopened."""


class Role(StrEnum):
    """The roles that are assigned by name; the commander and the responders are not among them."""

    SCRIBE = "scribe"
    COMMS = "comms"
    LIAISON = "liaison"


class ClockName(StrEnum):
    """The audiences that are promised updates (K1)."""

    INTERNAL = "internal"
    EXTERNAL = "external"
    STAKEHOLDER = "stakeholder"


class RungKind(StrEnum):
    """The steps of the ladder (K3)."""

    PROMPT = "prompt"
    OVERDUE = "overdue"
    PAGE = "page"
    NEXT = "next"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of the ladder, `offset` from the due time (negative: before it)."""

    kind: RungKind
    offset: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """An update announced for a published time, with the ladder it was made under (F13)."""

    n: int
    made_at: datetime
    due_at: datetime
    period: timedelta
    rungs: tuple[Rung, ...]
    fired: tuple[RungKind, ...] = ()

    @property
    def missed_at(self) -> datetime:
        """The time at which a whole period past due has gone by without an update (F2)."""
        return self.due_at + self.period


class Outcome(StrEnum):
    """The ways in which a promise ended (K5)."""

    KEPT = "kept"
    LATE = "late"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """One audience's clock: the period of its next promise, the running one, and its record."""

    period: timedelta
    promise: Promise | None = None
    made: int = 0
    kept: int = 0
    late: tuple[timedelta, ...] = ()
    missed: int = 0
    withdrawn: int = 0

    @property
    def settled(self) -> int:
        """The number of promises that have ended."""
        return self.kept + len(self.late) + self.missed + self.withdrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Somebody was asked to take command, and has not answered or has declined."""

    person: PersonId
    at: datetime
    declined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What somebody said, with its entry: an update, a decision."""

    at: datetime
    by: PersonId
    text: str
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """The whole state of an incident, folded from its events; rules and cards read it."""

    id: str
    kind: Kind
    title: str
    severity: Severity
    highest: Severity
    """The worst severity it ever had, except one corrected by `assess` (F5)."""
    phase: Phase
    declared_at: datetime
    declared_by: PersonId
    conversation: ConversationRef
    service: str | None = None
    private: bool = False
    """Only those who take part read it (F17)."""
    unassessed: bool = False
    impact: str | None = None
    impact_entry: int = 0
    commander: PersonId | None = None
    acting: bool = False
    acting_since: datetime | None = None
    commanded_since: datetime | None = None
    """When it became a SEV1 or SEV2, or was reopened as one."""
    asked: tuple[Ask, ...] = ()
    nobody_left: bool = False
    response_stage: int = 0
    offered_to: PersonId | None = None
    flooded_by: PersonId | None = None
    """The person beyond whose bound it was declared or raised: its calls are gathered (F18)."""
    escalated: bool = False
    """Whether the commander was silent through a whole ladder (C5)."""
    roles: Mapping[Role, PersonId] = field(default_factory=dict)
    responders: tuple[PersonId, ...] = ()
    participants: tuple[PersonId, ...] = ()
    clocks: Mapping[ClockName, ClockState] = field(default_factory=dict)
    last_update: Remark | None = None
    decisions: tuple[Remark, ...] = ()
    draft: PublicDraft | None = None
    """The public text that waits for approval."""
    published: str | None = None
    """The last published text."""
    publications: tuple[Publication, ...] = ()
    """The public texts that were published."""
    briefed: bool = False
    called: tuple[PersonId, ...] = ()
    """The people who were asked or paged by name."""
    steps: int = 0
    nudged: bool = False
    cause_reminded: bool = False
    triage_raised: bool = False
    triage_at: datetime | None = None
    quiet_until: datetime | None = None
    stabilised_at: datetime | None = None
    resolved_at: datetime | None = None
    room: ConversationRef | None = None
    mirrors: tuple[ConversationRef, ...] = ()
    unheard: Mapping[str, bool] = field(default_factory=dict)
    """The lanes that take no messages now; the value says whether a row was given up."""
    missed_by_some: bool = False
    """Whether a stakeholder could not be told something."""
    ticket: ExternalRef | None = None
    review: Postmortem | None = None
    actions: tuple[Action, ...] = ()
    entries: int = 0
    """The number of the last timeline entry."""

    @property
    def running(self) -> bool:
        """Whether an incident process is under way: a SEV4 is a ticket, not a process (S4)."""
        return self.phase.active and self.severity <= Severity.SEV3

    @property
    def drill(self) -> bool:
        """Whether the incident is a drill."""
        return self.kind is Kind.DRILL

    @property
    def conversations(self) -> tuple[ConversationRef, ...]:
        """The conversations of the incident, its own first."""
        return (self.conversation, *self.mirrors)

    @property
    def public(self) -> bool:
        """Whether a status page shows the incident as open."""
        last = self.publications[-1] if self.publications else None
        return last is not None and last.state is not PublicState.RESOLVED

    def action(self, n: int) -> Action | None:
        """Return an action item by its number."""
        return next((action for action in self.actions if action.n == n), None)

    @property
    def unled(self) -> bool:
        """Whether it takes a commander and has none: a machine declared it, with nobody to ask."""
        return self.running and self.severity.commanded and self.commander is None

    @property
    def contact(self) -> PersonId:
        """The person to turn to: the commander, or else the first person who had a part in it.

        A machine only where no person had any part.
        """
        had_part = (self.commander, self.declared_by, *self.participants, *self.called)
        people = (each for each in had_part if each is not None and not is_machine(each))
        return next(people, self.declared_by)

    @property
    def accepted(self) -> bool:
        """Whether a commander has taken the role, not only been left with it."""
        return self.commander is not None and not self.acting

    @property
    def postmortem(self) -> Form | None:
        """The postmortem it owes once resolved: `full`, `light` or none (P1, F6, F7)."""
        if self.phase is Phase.CANCELLED:
            return None
        if self.review is not None:
            return self.review.form
        if self.drill:
            return None
        if self.kind is Kind.NEAR_MISS:
            return "light"
        return "full" if self.highest.commanded else None
