"""The score of a drill: each duty done in time, late, or not at all, from the record alone (X1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain import events as ev
from bot.domain.events import Entry
from bot.domain.incident import ClockName, Incident, Role
from bot.domain.policy import Policy


class Task(StrEnum):
    """The duties that a drill is scored on."""

    COMMAND = "command"
    ROLES = "roles"
    IMPACT = "impact"
    STEP = "step"
    INTERNAL = "internal"
    PUBLIC = "public"
    EXTERNAL = "external"
    BRIEFS = "briefs"
    ORDER = "order"


class Verdict(StrEnum):
    """The ways in which a duty was done."""

    GOOD = "good"
    LATE = "late"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One line of a score.

    `took` is how long it took from the declaration, `within` how long it may; `kept` of `promised`
    are updates. `roles` are those that nobody held.
    """

    task: Task
    verdict: Verdict
    took: timedelta | None = None
    within: timedelta | None = None
    kept: int = 0
    promised: int = 0
    roles: tuple[Role, ...] = ()


def score(incident: Incident, entries: Sequence[Entry], policy: Policy) -> tuple[Mark, ...]:
    """Return a mark for all that the plan and the policy ask for; nothing for what they do not."""
    return tuple(_marks(incident, [entry.event for entry in entries], policy))


def _marks(incident: Incident, events: Sequence[ev.Event], policy: Policy) -> Iterator[Mark]:
    began = incident.declared_at
    if incident.highest.commanded:
        accepted = next(
            (e.at for e in events if isinstance(e, ev.CommanderChanged) and not e.acting), None
        )
        yield _timed(Task.COMMAND, began, accepted, policy.respond_within.get(incident.highest))
        vacant = tuple(role for role in Role if role not in incident.roles)
        verdict = Verdict.MISSING if vacant else Verdict.GOOD
        yield Mark(task=Task.ROLES, verdict=verdict, roles=vacant)
        tried = next((e.at for e in events if isinstance(e, ev.StepTried)), None)
        yield _timed(Task.STEP, began, tried, policy.nudge_after)
    stated = next((e.at for e in events if isinstance(e, ev.ImpactStated) or _with_impact(e)), None)
    yield _timed(Task.IMPACT, began, stated, None)
    if ClockName.EXTERNAL in incident.clocks:
        out = next((e.at for e in events if isinstance(e, ev.ExternalPublished)), None)
        promised = next(
            (e for e in events if isinstance(e, ev.PromiseMade) and e.clock is ClockName.EXTERNAL),
            None,
        )
        yield _timed(Task.PUBLIC, began, out, promised.period if promised else None)
    for clock, task in (
        (ClockName.INTERNAL, Task.INTERNAL),
        (ClockName.EXTERNAL, Task.EXTERNAL),
        (ClockName.STAKEHOLDER, Task.BRIEFS),
    ):
        state = incident.clocks.get(clock)
        count = state.settled - state.withdrawn if state is not None else 0
        if state is not None and count:
            kept = state.kept
            late = Verdict.MISSING if state.missed else Verdict.LATE
            verdict = Verdict.GOOD if kept == count else late
            yield Mark(task=task, verdict=verdict, kept=kept, promised=count)
    order = any(isinstance(e, ev.Stabilised) and not e.implied for e in events)
    yield Mark(task=Task.ORDER, verdict=Verdict.GOOD if order else Verdict.MISSING)


def _with_impact(event: ev.Event) -> bool:
    return isinstance(event, ev.Declared) and event.impact is not None


def _timed(task: Task, began: datetime, done: datetime | None, within: timedelta | None) -> Mark:
    if done is None:
        return Mark(task=task, verdict=Verdict.MISSING, within=within)
    took = max(done - began, timedelta(0))
    late = within is not None and took > within
    verdict = Verdict.LATE if late else Verdict.GOOD
    return Mark(task=task, verdict=verdict, took=took, within=within)
