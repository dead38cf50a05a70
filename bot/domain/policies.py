"""What `decide` is told beside the command: the rules in force, and everything around the actor.

Defaults are those of the policy; the config may replace them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.blameless import Finding
from bot.domain.events import Event
from bot.domain.incident import Clock, Rung, RungKind, Severity
from bot.domain.postmortem import Section
from bot.domain.publication import WORDS, Moment
from bot.refs import ConversationRef, PersonId

QUIET = timedelta(minutes=1)
"""The least time between two messages nobody asked for, outside the ladder (F14)."""

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=24)
"""The bounds of a cadence somebody may ask for in chat."""


_FIVE = timedelta(minutes=5)
_BOTH = (Severity.SEV1, Severity.SEV2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules in force: periods, the ladder, and how long people have to answer.

    `chase_after` is when the first, then the second person is told that an action is overdue, from
    the end of its date (A3).
    """

    internal: Mapping[Severity, timedelta] = field(
        default_factory=lambda: {
            Severity.SEV1: timedelta(minutes=15),
            Severity.SEV2: timedelta(minutes=15),
        }
    )
    stakeholder: Mapping[Severity, timedelta] = field(
        default_factory=lambda: {
            Severity.SEV1: timedelta(minutes=30),
            Severity.SEV2: timedelta(minutes=30),
        }
    )
    rungs: tuple[Rung, ...] = (
        Rung(kind=RungKind.PROMPT, offset=timedelta(minutes=-3)),
        Rung(kind=RungKind.OVERDUE, offset=timedelta(minutes=0)),
        Rung(kind=RungKind.PAGE, offset=timedelta(minutes=5)),
        Rung(kind=RungKind.NEXT, offset=timedelta(minutes=10)),
    )
    ask_next_after: timedelta = timedelta(minutes=5)
    respond_within: Mapping[Severity, timedelta] = field(
        default_factory=lambda: {
            Severity.SEV1: timedelta(minutes=5),
            Severity.SEV2: timedelta(minutes=15),
        }
    )
    nudge_after: timedelta = timedelta(minutes=10)
    correct_within: timedelta = timedelta(minutes=15)
    schedule_within: timedelta = timedelta(hours=48)
    hold_within: timedelta = timedelta(days=7)
    chase_after: tuple[timedelta, ...] = (timedelta(hours=9), timedelta(days=3, hours=9))
    backdate_at_most: timedelta = timedelta(minutes=5)

    def ladder(self, period: timedelta) -> tuple[Rung, ...]:
        """Return the rungs for a promise of `period`, all of them before it counts as missed.

        The ladder is made for periods it fits in; a shorter one gets the same steps, closer
        together, so that each still fires once (K3).
        """
        reach = max((abs(rung.offset) for rung in self.rungs), default=timedelta(0))
        room = period * 2 / 3
        scale = 1.0 if reach <= room else room / reach
        return tuple(Rung(kind=r.kind, offset=r.offset * scale) for r in self.rungs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A service's communication plan (X1). `missing`: the default stands in for none.

    `mirror` names the platforms that an incident is told on too, by severity, and `audiences` who
    hears the briefs. `name` is what the public calls the service, `components` what of a status
    page it is, `pages` the status pages it is published on (none: all), and `templates` its own
    words, by severity and for all of them (none).
    """

    service: str | None = None
    name: str | None = None
    missing: bool = False
    owner: PersonId | None = None
    comms: PersonId | None = None
    liaison: PersonId | None = None
    on_call: tuple[PersonId, ...] = ()
    external: Mapping[Severity, timedelta] = field(default_factory=dict)
    stakeholder: Mapping[Severity, timedelta] = field(default_factory=dict)
    status_page: str | None = None
    mirror: Mapping[Severity, tuple[str, ...]] = field(default_factory=dict)
    components: tuple[str, ...] = ()
    pages: tuple[str, ...] | None = None
    audiences: Mapping[Severity, tuple[str, ...]] = field(default_factory=dict)
    templates: Mapping[Severity | None, Mapping[Moment, str]] = field(default_factory=dict)

    def words(self, moment: Moment, severity: Severity) -> str:
        """Return the template for a moment: the severity's, the plan's, the built-in one."""
        for level in (severity, None):
            found = self.templates.get(level, {}).get(moment)
            if found is not None:
                return found
        return WORDS[moment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Everything around a command that `decide` may look at (F12).

    `candidates` are the trained commanders, least recently served first, without whoever is on call
    for the service. `trained` are all of them. `audiences` are the clocks that somebody listens to.
    `on_call` is who answers a page to a service; `pager`: whether a paging plugin does too. `entry`
    is the timeline entry that the command speaks of. `triage_at` is the end of the business day.
    `written_at` is when the actor's message was written, by its platform's clock, and `via` that
    platform. `places` are the conversations that could be opened for the incident, by platform.
    `followed`: somebody may be subscribed to it; `briefed`: to its briefs, whatever its severity.
    `document` are the postmortem's sections as they stand, drafted or written, and `findings` what
    its review has found in them. `redacted` are the texts that a redaction removes,
    and `twins` the other entries of a public text: a draft, and what was published of it.
    """

    policy: Policy = field(default_factory=Policy)
    plan: Plan = field(default_factory=Plan)
    actor: PersonId | None = None
    candidates: tuple[PersonId, ...] = ()
    trained: frozenset[PersonId] = frozenset()
    last_resort: tuple[PersonId, ...] = ()
    audiences: frozenset[Clock] = frozenset({Clock.INTERNAL})
    on_call: Mapping[str, tuple[PersonId, ...]] = field(default_factory=dict)
    pager: bool = False
    entry: Event | None = None
    triage_at: datetime | None = None
    written_at: datetime | None = None
    via: str | None = None
    places: Mapping[str, ConversationRef] = field(default_factory=dict)
    followed: bool = False
    briefed: bool = True
    document: Mapping[Section, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    redacted: tuple[str, ...] = ()
    twins: tuple[int, ...] = ()

    def period(self, clock: Clock, severity: Severity) -> timedelta | None:
        """Return the period that a clock starts with at a severity; none where it does not run."""
        if clock not in self.audiences:
            return None
        match clock:
            case Clock.INTERNAL:
                return self.policy.internal.get(severity)
            case Clock.EXTERNAL:
                return self.plan.external.get(severity)
            case Clock.STAKEHOLDER if not self.briefed and not self.plan.audiences.get(severity):
                return None
            case Clock.STAKEHOLDER:
                return self.plan.stakeholder.get(severity, self.policy.stakeholder.get(severity))
