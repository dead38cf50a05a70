"""A domain by hand: commands, people and minutes, without storage or platform."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.decide import decide
from bot.domain.due import next_due
from bot.domain.errors import Rejected
from bot.domain.evolve import evolve, fold
from bot.domain.incident import ClockName, Incident, Kind, Severity
from bot.domain.policy import Plan, Policy
from bot.domain.setting import Setting
from bot.refs import ConversationRef, PersonId

START = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
OPS = ConversationRef("chat", "ops")
ANN, BEN, CARA, DEV, EVE = (PersonId(name) for name in ("ann", "ben", "cara", "dev", "eve"))
ALL = frozenset(ClockName)


class Play:
    """One incident, and the time."""

    def __init__(self, **setting: object) -> None:
        self.now = START
        self.incident: Incident | None = None
        self.events: list[ev.Event] = []
        self.setting = Setting(
            policy=Policy(),
            plan=Plan(),
            candidates=(BEN, CARA),
            trained=frozenset({BEN, CARA}),
            last_resort=(EVE,),
            name="INC-1",
            here=OPS,
        )
        self.setting = replace(self.setting, **setting)

    def do(self, who: PersonId | None, command: cmd.Command, **setting: object) -> list[ev.Event]:
        """Let somebody do something; return what happened. Raises what `decide` raises."""
        given = replace(self.setting, actor=who, **setting)
        happened = decide(self.incident, command, self.now, given).happened
        for event in happened:
            self.incident = evolve(self.incident, event)
        self.events += happened
        return list(happened)

    def refused(self, who: PersonId, command: cmd.Command, **setting: object) -> Rejected:
        """Let somebody try something that is refused; nothing changes."""
        before = self.incident
        try:
            self.do(who, command, **setting)
        except Rejected as refusal:
            assert self.incident == before
            return refusal
        raise AssertionError(f"{command} was accepted")

    def declare(self, severity: int | None = 1, who: PersonId = ANN, **more: object) -> Incident:
        kind = more.pop("kind", Kind.INCIDENT)
        level = Severity(severity) if severity is not None else None
        self.do(
            who,
            cmd.Declare(title="x", severity=level, kind=kind, **more),
        )
        return self.state

    @property
    def state(self) -> Incident:
        assert self.incident is not None
        return self.incident

    def wait(self, minutes: float) -> list[ev.Event]:
        """Let time pass, ticking at each due time on the way; return what happened."""
        until, begun = self.now + timedelta(minutes=minutes), len(self.events)
        while (due := next_due(self.state, self.setting.policy)) is not None and due <= until:
            self.now = max(self.now, due)
            self.do(None, cmd.Tick())
        self.now = until
        return self.events[begun:]

    def sleep(self, minutes: float) -> list[ev.Event]:
        """Let time pass without a tick, as when the bot is down, and tick once then."""
        self.now += timedelta(minutes=minutes)
        return self.do(None, cmd.Tick())

    def of(self, kind: type, events: list[ev.Event] | None = None) -> list:
        return [e for e in (self.events if events is None else events) if isinstance(e, kind)]

    def due(self, clock: ClockName = ClockName.INTERNAL) -> datetime | None:
        state = self.state.clocks.get(clock)
        return state.promise.due_at if state and state.promise else None


class Retold:
    """The state that a play's timeline tells, folded on as the timeline grows."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._told = 0
        self._state: Incident | None = None

    def agrees(self) -> bool:
        """Whether the timeline so far tells the state as it is."""
        for event in self._play.events[self._told :]:
            self._state = evolve(self._state, event)
        self._told = len(self._play.events)
        return self._state == self._play.incident

    def agrees_from_the_start(self) -> bool:
        """Whether the whole timeline tells it, folded as a store's check folds it."""
        return self._play.incident is None or fold(tuple(self._play.events)) == self._play.state


def at(minute: float) -> datetime:
    """An instant, in minutes from the start."""
    return START + timedelta(minutes=minute)
