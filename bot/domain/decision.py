"""The events of one decision, each folded in before the next is decided; promises and asking."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain import events as ev
from bot.domain.evolve import evolve
from bot.domain.incident import ClockName, Incident, Outcome, Promise, Role
from bot.domain.setting import Setting
from bot.refs import PersonId


class Decision:
    """What one command makes happen. Local to a decision: nothing outside sees it change."""

    def __init__(self, incident: Incident | None, setting: Setting, now: datetime) -> None:
        """`incident` is none only before a declaration."""
        self._incident = incident
        self.setting = setting
        self.now = now
        self.events: list[ev.Event] = []

    @property
    def incident(self) -> Incident:
        """The incident as the events so far have made it."""
        if self._incident is None:
            raise ValueError("nothing has been declared")
        return self._incident

    @property
    def happened(self) -> tuple[ev.Event, ...]:
        """The events, in order."""
        return tuple(self.events)

    @property
    def by(self) -> PersonId | None:
        """Who acts; nobody for a tick."""
        return self.setting.actor

    @property
    def written_at(self) -> datetime:
        """When the actor wrote it, for what keeps its own time (F11)."""
        return min(self.now, self.setting.written_at or self.now)

    @property
    def told_at(self) -> datetime:
        """When the actor said it: by the platform's clock, within F2's bounds."""
        return max(self.written_at, self.now - self.setting.policy.backdate_at_most)

    def add(self, event: ev.Event) -> None:
        """Make an event happen; what a person did, on the platform they did it on."""
        if event.by is not None and event.via is None and self.setting.via is not None:
            event = replace(event, via=self.setting.via)
        self._incident = evolve(self._incident, event)
        self.events.append(event)

    # --- promises ---------------------------------------------------------------------------------

    def promise(self, clock: ClockName, *, at: datetime, period: timedelta) -> None:
        """Promise the next update of a clock for `at` + `period` (K2)."""
        state = self.incident.clocks.get(clock)
        self.add(
            ev.PromiseMade(
                at=at,
                by=self.by,
                clock=clock,
                n=state.made + 1 if state else 1,
                due_at=at + period,
                period=period,
                rungs=self.setting.policy.ladder(period),
            )
        )

    def miss_until(self, when: datetime) -> None:
        """Settle every promise that went a whole period past due by `when`, one by one (F2)."""
        for clock in ClockName:
            while (promise := self.running(clock)) is not None and promise.missed_at <= when:
                self.miss(clock, promise)

    def miss(self, clock: ClockName, promise: Promise) -> None:
        """Settle a promise as missed; the next one starts there (F2)."""
        at = promise.missed_at
        self._settle(clock, promise, Outcome.MISSED, at=at, late_by=promise.period)
        self.promise(clock, at=at, period=self.incident.clocks[clock].period)

    def keep(self, clock: ClockName, *, at: datetime) -> None:
        """Settle the running promise by an update told `at`, and promise the next from now (K2)."""
        self.miss_until(at)
        state = self.incident.clocks.get(clock)
        if state is None:
            return
        if (promise := state.promise) is not None:
            self._settle_as_told(clock, promise, at)
        self.promise(clock, at=self.now, period=self.incident.clocks[clock].period)

    def withdraw(self, clock: ClockName) -> None:
        """End a clock: an overdue promise is late or missed first, another withdrawn (F2)."""
        if (promise := self.running(clock)) is None:
            return
        if promise.missed_at <= self.now:
            self._settle(
                clock, promise, Outcome.MISSED, at=promise.missed_at, late_by=promise.period
            )
        elif promise.due_at < self.now:
            self._settle_as_told(clock, promise, self.now)
        else:
            self._settle(clock, promise, Outcome.WITHDRAWN, at=self.now)

    def end_clocks(self) -> None:
        """End all clocks (K7)."""
        for clock in ClockName:
            self.withdraw(clock)

    def start_clocks(self) -> None:
        """Start every clock that its severity and plan ask for and that does not run yet (K1)."""
        for clock in ClockName:
            period = self.setting.period(clock, self.incident.severity)
            if period is not None and self.running(clock) is None:
                self.promise(clock, at=self.now, period=period)

    def replan(self) -> None:
        """Fit the clocks to the severity as it is now (S3, F3, F5)."""
        for clock in ClockName:
            period = self.setting.period(clock, self.incident.severity)
            if period is None:
                self.withdraw(clock)
            elif self.running(clock) is None:
                self.promise(clock, at=self.now, period=period)
            else:
                self.change_period(clock, period, reason=None)

    def change_period(self, clock: ClockName, period: timedelta, *, reason: str | None) -> None:
        """Give a running clock another period: never a later promise, perhaps a sooner one (F3)."""
        state = self.incident.clocks[clock]
        if state.period == period:
            return
        self.add(
            ev.CadenceChanged(
                at=self.now, by=self.by, clock=clock, was=state.period, now=period, reason=reason
            )
        )
        promise = self.running(clock)
        if (
            promise is not None
            and self.now <= promise.due_at
            and self.now + period < promise.due_at
        ):
            self._settle(clock, promise, Outcome.WITHDRAWN, at=self.now)
            self.promise(clock, at=self.now, period=period)

    def running(self, clock: ClockName) -> Promise | None:
        """Return the running promise of a clock."""
        state = self.incident.clocks.get(clock)
        return state.promise if state else None

    def _settle_as_told(self, clock: ClockName, promise: Promise, at: datetime) -> None:
        late_by = at - promise.due_at
        if late_by > timedelta(0):
            self._settle(clock, promise, Outcome.LATE, at=self.now, late_by=late_by)
        else:
            self._settle(clock, promise, Outcome.KEPT, at=self.now)

    def _settle(
        self,
        clock: ClockName,
        promise: Promise,
        outcome: Outcome,
        *,
        at: datetime,
        late_by: timedelta = timedelta(0),
    ) -> None:
        self.add(
            ev.PromiseSettled(
                at=at,
                by=self.by if outcome is not Outcome.MISSED else None,
                clock=clock,
                n=promise.n,
                due_at=promise.due_at,
                outcome=outcome,
                late_by=late_by,
            )
        )

    # --- command ----------------------------------------------------------------------------------

    def command_to(self, person: PersonId, *, how: ev.How, acting: bool) -> None:
        """Give command to somebody; whoever commands holds no hands-on role (C1, C3)."""
        if person in self.incident.responders:
            self.add(ev.ResponderLeft(at=self.now, by=self.by, person=person))
        self.add(
            ev.CommanderChanged(
                at=self.now,
                by=self.by,
                was=self.incident.commander,
                now=person,
                acting=acting,
                how=how,
                also_asked=tuple(
                    ask.person
                    for ask in self.incident.asked
                    if not ask.declined and ask.person != person
                ),
            )
        )

    def next_candidate(self) -> PersonId | None:
        """Return the next trained commander to ask (C2): nobody twice, nobody hands-on."""
        incident = self.incident
        taken = {incident.commander, incident.declared_by, *incident.responders}
        taken |= {ask.person for ask in incident.asked}
        return next((p for p in self.setting.candidates if p not in taken), None)

    def ask_next(self) -> None:
        """Ask the next in the rotation, or say that nobody is left (F4)."""
        person = self.next_candidate()
        if person is not None:
            self.add(ev.CommanderAsked(at=self.now, by=self.by, person=person))
        elif not self.incident.nobody_left:
            self.add(ev.CandidatesExhausted(at=self.now, by=None))


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
