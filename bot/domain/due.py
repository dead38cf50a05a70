"""Due times: one list says both when something is due and what is done then (K6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bot.domain import cadence
from bot.domain import events as ev
from bot.domain.actions import chase, chases
from bot.domain.command import ask_next, next_candidate
from bot.domain.decision import Decision
from bot.domain.incident import ClockName, Incident, Phase, Promise, Severity
from bot.domain.policy import Policy
from bot.domain.postmortem import promises, remind
from bot.refs import PersonId


@dataclass(frozen=True, slots=True)
class Due:
    """Something to do at a time; doing it makes it no longer due."""

    when: datetime
    do: Callable[[Decision], None]


def next_due(incident: Incident, policy: Policy) -> datetime | None:
    """Return the next due time; `None` if nothing will fall due."""
    return min((due.when for due in _dues(incident, policy)), default=None)


STEPS_AT_ONCE = 1000
"""The most that one tick does; after weeks of silence the next tick does the rest."""


def tick(decision: Decision) -> None:
    """Do whatever is due by now, in the order of its due times."""
    for _ in range(STEPS_AT_ONCE):
        dues = [
            d for d in _dues(decision.incident, decision.setting.policy) if d.when <= decision.now
        ]
        if not dues:
            return
        min(dues, key=lambda due: due.when).do(decision)


def _dues(incident: Incident, policy: Policy) -> Iterator[Due]:
    for when, promised, missed in promises(incident):
        yield Due(when, partial(remind, promised=promised, missed=missed))
    for when, action in chases(incident, policy):
        yield Due(when, partial(chase, action=action))
    if not incident.running:
        return
    for clock, state in incident.clocks.items():
        if state.promise is not None:
            yield from _promise_dues(clock, state.promise)
    if (incident.acting and incident.severity.commanded) or incident.unled:
        yield from _response_dues(incident, policy)
    if (
        incident.commanded_since is not None
        and incident.phase is Phase.INVESTIGATING
        and not incident.nudged
        and not incident.steps
    ):
        due = incident.commanded_since + policy.nudge_after
        yield Due(max(due, incident.quiet_until or due), _nudge)
    if incident.triage_at is not None and not incident.triage_raised and _untouched(incident):
        yield Due(incident.triage_at, _raise_untouched)


def _promise_dues(clock: ClockName, promise: Promise) -> Iterator[Due]:
    def missed(decision: Decision) -> None:
        cadence.miss(decision, clock, promise, decision.now)

    for rung in promise.rungs:
        if rung.kind not in promise.fired:
            fire = partial(cadence.fire_rung, clock=clock, promise=promise, rung=rung)
            yield Due(promise.due_at + rung.offset, fire)
    yield Due(promise.missed_at, missed)


def _response_dues(incident: Incident, policy: Policy) -> Iterator[Due]:
    if incident.asked and not incident.nobody_left:
        yield Due(max(ask.at for ask in incident.asked) + policy.ask_next_after, ask_next)
    within = policy.respond_within.get(incident.severity)
    since = incident.acting_since or incident.commanded_since
    if within is not None and since is not None and incident.response_stage < len(_STAGES):
        yield Due(since + within * (incident.response_stage + 1), _escalate)


def _page_next(decision: Decision) -> tuple[PersonId, ...]:
    waiting = [ask.person for ask in decision.incident.asked if not ask.declined]
    person = waiting[-1] if waiting else next_candidate(decision)
    return (person,) if person is not None else ()


def _page_trained(decision: Decision) -> tuple[PersonId, ...]:
    return tuple(p for p in decision.setting.candidates if p != decision.incident.commander)


def _page_last(decision: Decision) -> tuple[PersonId, ...]:
    return decision.setting.last_resort


_STAGES = (_page_next, _page_trained, _page_last)


def _escalate(decision: Decision) -> None:
    """Page on: the next commander, then all of them, then the last resort (F16)."""
    stage = decision.incident.response_stage
    decision.add(
        ev.ResponseEscalated(
            at=decision.now,
            stage=stage + 1,
            people=_STAGES[stage](decision),
            last_resort=_STAGES[stage] is _page_last,
        )
    )


def _nudge(decision: Decision) -> None:
    decision.add(ev.StabiliseNudged(at=decision.now))


def _untouched(incident: Incident) -> bool:
    return (
        incident.severity is Severity.SEV3
        and incident.phase is Phase.INVESTIGATING
        and not incident.responders
        and incident.last_update is None
    )


def _raise_untouched(decision: Decision) -> None:
    decision.add(ev.UntouchedRaised(at=decision.now))
