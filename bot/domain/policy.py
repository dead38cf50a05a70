"""The rules in force and the communication plan of a service; defaults are the policy's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.incident import Rung, RungKind, Severity
from bot.domain.publication import WORDS, Moment
from bot.refs import PersonId

QUIET = timedelta(minutes=1)
"""The least time between two messages nobody asked for, outside the ladder (F14)."""


SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=24)
"""The bounds of a cadence somebody may ask for in chat."""


_FIVE = timedelta(minutes=5)


_BOTH = (Severity.SEV1, Severity.SEV2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """So many, within a time."""

    most: int
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules in force: periods, the ladder, and how long people have to answer."""

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
    """When the first and the second person hear of an overdue action, from its date's end (A3)."""
    backdate_at_most: timedelta = timedelta(minutes=5)
    calls: Bound = Bound(most=3, within=timedelta(minutes=5))
    """The declarations of one unnamed person for which people are called one by one (F18)."""

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
    """A service's communication plan (X1)."""

    service: str | None = None
    name: str | None = None
    """The public name of the service."""
    private: bool = False
    """Whether the service's incidents are private from their declaration on (F17)."""
    missing: bool = False
    """Whether the service has no plan, so that the default plan is used."""
    owner: PersonId | None = None
    comms: PersonId | None = None
    liaison: PersonId | None = None
    on_call: tuple[PersonId, ...] = ()
    external: Mapping[Severity, timedelta] = field(default_factory=dict)
    stakeholder: Mapping[Severity, timedelta] = field(default_factory=dict)
    status_page: str | None = None
    mirror: Mapping[Severity, tuple[str, ...]] = field(default_factory=dict)
    """The platforms on which an incident is told, too."""
    components: tuple[str, ...] = ()
    """The components of a status page that belong to this service."""
    pages: tuple[str, ...] | None = None
    """The status pages it is published on; `None` means all."""
    audiences: Mapping[Severity, tuple[str, ...]] = field(default_factory=dict)
    """The people and places that hear its briefs."""
    templates: Mapping[Severity | None, Mapping[Moment, str]] = field(default_factory=dict)
    """Its own public texts, by severity; those under `None` hold for every severity."""

    def words(self, moment: Moment, severity: Severity) -> str:
        """Return the template for a moment: the severity's, the plan's, the built-in one."""
        for level in (severity, None):
            found = self.templates.get(level, {}).get(moment)
            if found is not None:
                return found
        return WORDS[moment]
