"""Cadence: promised updates, how each ends, and the ladder (K1-K7, F1-F3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.command import (
    next_candidate,
)
from bot.domain.decision import Decision
from bot.domain.durations import duration
from bot.domain.errors import Rejected
from bot.domain.incident import (
    ClockName,
    Incident,
    Outcome,
    Promise,
    Role,
    Rung,
    RungKind,
)
from bot.domain.policy import LONGEST, SHORTEST
from bot.domain.stages import under_way
from bot.domain.timeline import remind_of_cause
from bot.refs import PersonId


def owing(incident: Incident, clock: ClockName) -> PersonId | None:
    """Return who owes the next update of a clock (F1)."""
    comms, liaison = incident.roles.get(Role.COMMS), incident.roles.get(Role.LIAISON)
    match clock:
        case ClockName.INTERNAL:
            return incident.commander
        case ClockName.EXTERNAL:
            return comms or incident.commander
        case ClockName.STAKEHOLDER:
            return liaison or comms or incident.commander


def update(decision: Decision, command: cmd.PostUpdate) -> None:
    """Keep the internal promise with an update, and promise the next (K2)."""
    under_way(decision)
    at = decision.told_at
    miss_until(decision, at)
    decision.add(ev.UpdatePosted(at=at, by=decision.by, text=command.text))
    keep(decision, ClockName.INTERNAL, at=at)
    remind_of_cause(decision, command.text)


def change_cadence(decision: Decision, command: cmd.ChangeCadence) -> None:
    """Give a clock another period (K4, F3)."""
    under_way(decision)
    clock, period = command.clock, command.period
    line = f"cadence {clock.value} {duration(period)} because <reason>"
    if not SHORTEST <= period <= LONGEST:
        raise Rejected(
            "A cadence is between 1 minute and 24 hours.",
            lines=(f"cadence {clock.value} 15m because <reason>",),
        )
    if clock not in decision.setting.audiences:
        why = (
            "No status page is configured"
            if clock is ClockName.EXTERNAL
            else "Nobody is subscribed"
        )
        raise Rejected(f"{why}, so that clock does not run.")
    miss_until(decision, decision.now)
    state = decision.incident.clocks.get(clock)
    if state is None or state.promise is None:
        was = state.period if state else timedelta(0)
        decision.add(
            ev.CadenceChanged(
                at=decision.now,
                by=decision.by,
                clock=clock,
                was=was,
                now=period,
                reason=command.reason,
            )
        )
        make_promise(decision, clock, at=decision.now, period=period)
        return
    if period == state.period:
        raise Rejected(f"The {clock.value} cadence is {duration(period)} already.")
    if period > state.period and command.reason is None:
        raise Rejected("A longer cadence needs a reason.", lines=(line,))
    change_period(decision, clock, period, reason=command.reason)


def _period(decision: Decision, clock: ClockName) -> timedelta | None:
    """Return the period that a clock starts with; nobody is briefed on what is private (F17)."""
    if clock is ClockName.STAKEHOLDER and decision.incident.private:
        return None
    return decision.setting.period(clock, decision.incident.severity)


def running(decision: Decision, clock: ClockName) -> Promise | None:
    """Return the running promise of a clock."""
    state = decision.incident.clocks.get(clock)
    return state.promise if state else None


def make_promise(decision: Decision, clock: ClockName, *, at: datetime, period: timedelta) -> None:
    """Promise the next update of a clock for `at` + `period` (K2)."""
    state = decision.incident.clocks.get(clock)
    decision.add(
        ev.PromiseMade(
            at=at,
            by=decision.by,
            clock=clock,
            n=state.made + 1 if state else 1,
            due_at=at + period,
            period=period,
            rungs=decision.setting.policy.ladder(period),
        )
    )


def miss_until(decision: Decision, when: datetime) -> None:
    """Settle every promise that went a whole period past due by `when` (F2)."""
    for clock in ClockName:
        if (promise := running(decision, clock)) is not None and promise.missed_at <= when:
            miss(decision, clock, promise, when)


def miss(decision: Decision, clock: ClockName, promise: Promise, until: datetime) -> None:
    """Settle a promise as missed, with all that would have followed it until then (F2, K6).

    Each would have started when the one before it was missed. The one that runs is made there.
    """
    period = decision.incident.clocks[clock].period
    more = (until - promise.missed_at) // (2 * period)
    at = promise.missed_at + more * 2 * period
    late_by, count = promise.period, 1 + more
    _settle(decision, clock, promise, Outcome.MISSED, at=at, late_by=late_by, count=count)
    make_promise(decision, clock, at=at, period=period)


def keep(decision: Decision, clock: ClockName, *, at: datetime) -> None:
    """Settle the running promise by an update told `at`, and promise the next from now (K2)."""
    miss_until(decision, at)
    state = decision.incident.clocks.get(clock)
    if state is None:
        return
    if (promise := state.promise) is not None:
        _settle_as_told(decision, clock, promise, at)
    make_promise(decision, clock, at=decision.now, period=decision.incident.clocks[clock].period)


def promise_anew(decision: Decision) -> None:
    """Replace each promise that is due later than its period from now: the clock was ahead (K6)."""
    for clock in ClockName:
        promise = running(decision, clock)
        if promise is not None and promise.due_at > decision.now + promise.period:
            _settle(decision, clock, promise, Outcome.WITHDRAWN, at=decision.now)
            period = decision.incident.clocks[clock].period
            make_promise(decision, clock, at=decision.now, period=period)


def withdraw(decision: Decision, clock: ClockName) -> None:
    """End a clock: an overdue promise is late or missed first, another withdrawn (F2)."""
    if (promise := running(decision, clock)) is None:
        return
    if promise.missed_at <= decision.now:
        _settle(
            decision, clock, promise, Outcome.MISSED, at=promise.missed_at, late_by=promise.period
        )
    elif promise.due_at < decision.now:
        _settle_as_told(decision, clock, promise, decision.now)
    else:
        _settle(decision, clock, promise, Outcome.WITHDRAWN, at=decision.now)


def end_clocks(decision: Decision) -> None:
    """End all clocks (K7)."""
    for clock in ClockName:
        withdraw(decision, clock)


def start_clocks(decision: Decision) -> None:
    """Start every clock that its severity and plan ask for and that does not run yet (K1)."""
    for clock in ClockName:
        period = _period(decision, clock)
        if period is not None and running(decision, clock) is None:
            make_promise(decision, clock, at=decision.now, period=period)


def replan(decision: Decision) -> None:
    """Fit the clocks to the severity as it is now (S3, F3, F5)."""
    for clock in ClockName:
        period = _period(decision, clock)
        if period is None:
            withdraw(decision, clock)
        elif running(decision, clock) is None:
            make_promise(decision, clock, at=decision.now, period=period)
        else:
            change_period(decision, clock, period, reason=None)


def change_period(
    decision: Decision, clock: ClockName, period: timedelta, *, reason: str | None
) -> None:
    """Give a running clock another period: never a later promise, perhaps a sooner one (F3)."""
    state = decision.incident.clocks[clock]
    if state.period == period:
        return
    decision.add(
        ev.CadenceChanged(
            at=decision.now,
            by=decision.by,
            clock=clock,
            was=state.period,
            now=period,
            reason=reason,
        )
    )
    promise = running(decision, clock)
    if (
        promise is not None
        and decision.now <= promise.due_at
        and decision.now + period < promise.due_at
    ):
        _settle(decision, clock, promise, Outcome.WITHDRAWN, at=decision.now)
        make_promise(decision, clock, at=decision.now, period=period)


def _settle_as_told(decision: Decision, clock: ClockName, promise: Promise, at: datetime) -> None:
    late_by = at - promise.due_at
    if late_by > timedelta(0):
        _settle(decision, clock, promise, Outcome.LATE, at=decision.now, late_by=late_by)
    else:
        _settle(decision, clock, promise, Outcome.KEPT, at=decision.now)


def _settle(  # noqa: PLR0913 - an event has as many
    decision: Decision,
    clock: ClockName,
    promise: Promise,
    outcome: Outcome,
    *,
    at: datetime,
    late_by: timedelta = timedelta(0),
    count: int = 1,
) -> None:
    decision.add(
        ev.PromiseSettled(
            at=at,
            by=decision.by if outcome is not Outcome.MISSED else None,
            clock=clock,
            n=promise.n,
            due_at=promise.due_at,
            outcome=outcome,
            late_by=late_by,
            count=count,
        )
    )


def fire_rung(decision: Decision, clock: ClockName, promise: Promise, rung: Rung) -> None:
    """Fire a rung of the ladder; each fires once per promise (K3)."""
    when = promise.due_at + rung.offset
    people = _called_by(decision, clock, rung.kind)
    decision.add(
        ev.RungFired(
            at=decision.now,
            clock=clock,
            n=promise.n,
            kind=rung.kind,
            due_at=promise.due_at,
            late_by=max(decision.now - when, timedelta(0)),
            owed_by=owing(decision.incident, clock),
            people=people,
            silent=_overtaken(promise, rung, decision.now),
        )
    )


def _called_by(decision: Decision, clock: ClockName, kind: RungKind) -> tuple[PersonId, ...]:
    """Return who a rung calls (K3)."""
    if decision.incident.unled and kind in {RungKind.PAGE, RungKind.NEXT}:
        person = next_candidate(decision)
        return (person,) if person is not None else decision.setting.last_resort
    match kind:
        case RungKind.PROMPT | RungKind.OVERDUE:
            person = owing(decision.incident, clock)
        case RungKind.PAGE:
            person = decision.incident.commander or owing(decision.incident, clock)
        case RungKind.NEXT:
            person = next_candidate(decision)
    return (person,) if person is not None else ()


def _overtaken(promise: Promise, rung: Rung, now: datetime) -> bool:
    """Return whether a later rung says it better; the late one is recorded all the same."""
    if promise.missed_at <= now:
        return True
    if rung.kind not in {RungKind.PROMPT, RungKind.OVERDUE}:
        return False
    when = promise.due_at + rung.offset
    return any(when < promise.due_at + other.offset <= now for other in promise.rungs)
