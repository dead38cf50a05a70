"""How the bot speaks of people, times and lines to type; every other page builds on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.contract.messages import (
    Actions,
    At,
    Button,
    Code,
    Mention,
    Precision,
    Span,
    Spans,
    Text,
    span_of,
)
from bot.domain import events as ev
from bot.domain.incident import ClockName, Incident, Phase, Role
from bot.domain.policy import Plan
from bot.people import Directory
from bot.refs import ConversationRef, Lane, PersonId

PREFIX = "!inc"
"""What a typed command begins with, on every platform."""

TITLE_LENGTH = 120
"""How much of a title is shown (F10)."""

CLOCKS = {
    ClockName.INTERNAL: "Next update",
    ClockName.EXTERNAL: "Next public update",
    ClockName.STAKEHOLDER: "Next brief",
}
KEEPING = {
    ClockName.INTERNAL: "update <text>",
    ClockName.EXTERNAL: "external <text>",
    ClockName.STAKEHOLDER: "brief <text>",
}


def shorten(text: str, length: int = TITLE_LENGTH) -> str:
    """Return a text of at most `length` characters, with a mark where it was cut (F10)."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def para(*spans: Span) -> Text:
    """Return a paragraph."""
    return Text(tuple(spans))


def joined(parts: Sequence[Spans], by: str = " · ") -> Spans:
    """Return spans joined by a text."""
    result: list[Span] = []
    for part in parts:
        if result:
            result.append(by)
        result += part
    return tuple(result)


class Voice:
    """Names, times, lines and buttons."""

    def __init__(
        self,
        directory: Directory,
        plan_for: Callable[[str | None], Plan],
        *,
        tracker: bool = False,
        services: tuple[str, ...] = (),
    ) -> None:
        """`plan_for` gives a service's communication plan; `tracker`: tickets are filed.

        `services` are those that have a plan, for a form to choose from.
        """
        self.directory = directory
        self.plan_for = plan_for
        self.tracker = tracker
        self.services = services

    def who(self, person: PersonId | None, *, notify: bool = False) -> Span:
        """Return a person, or `none`."""
        if person is None:
            return "none"
        return Mention(person, self.directory.name(person), notify)

    def platform(self, adapter: str) -> str:
        """Return what a platform is called."""
        return adapter.capitalize()

    def platform_of(self, lane: Lane) -> str:
        """Return the platform of a conversation's lane."""
        return self.platform(lane.target)

    def across(self, event: ev.Happening, to: ConversationRef | None) -> str:
        """Return which platform something was said on, where it is told on another one."""
        if event.via is None or to is None or event.via == to.adapter:
            return ""
        return f" ({self.platform(event.via)})"

    def people(self, people: tuple[PersonId, ...], *, notify: bool = False) -> Spans:
        """Return people, listed."""
        return joined([(self.who(p, notify=notify),) for p in people], ", ") or ("nobody",)

    def handle(self, person: PersonId | None) -> str:
        """Return how a person is typed."""
        return f"@{person.rpartition(':')[2]}" if person else "@name"

    def line(self, command: str, incident: Incident | str | None = None) -> Code:
        """Return a line to type; with the incident's id where it is typed elsewhere."""
        name = incident.id if isinstance(incident, Incident) else incident
        return Code(" ".join(part for part in (PREFIX, name, command) if part))

    def button(self, label: str, incident: Incident, command: str) -> Button:
        """Return a button; it says which incident, wherever it is pressed."""
        return Button(label, f"{incident.id} {command}")

    def no_change(self, incident: Incident) -> Actions:
        """Return the one-tap update (K2)."""
        return Actions((self.button("No new findings", incident, "nochange"),))

    def at(self, when: datetime, now: datetime | None = None) -> At:
        """Return an instant; relative to `now` where somebody must act."""
        return At(when, now)

    def second(self, when: datetime) -> At:
        """Return an instant to the second (L1)."""
        return At(when, None, Precision.SECOND)

    def title(self, incident: Incident) -> str:
        """Return a title as shown."""
        return shorten(incident.title)

    def practice(self, incident: Incident) -> str:
        """Return the mark of a drill."""
        return "DRILL — " if incident.drill else ""

    def label(self, incident: Incident) -> str:
        """Return an incident's id and severity."""
        return f"{self.practice(incident)}{incident.id} {incident.severity.label}"

    def next_update(
        self, incident: Incident, now: datetime | None = None, clock: ClockName = ClockName.INTERNAL
    ) -> Spans:
        """Return `Next update 14:15 UTC`; nothing where the clock does not run (K1)."""
        state = incident.clocks.get(clock)
        if state is None or state.promise is None:
            return ()
        due_at = state.promise.due_at
        what = CLOCKS[clock]
        if now is not None and due_at < now:
            what = f"{what.removeprefix('Next ').capitalize()} was due"
        return (f"{what} ", self.at(due_at, now), ".")

    def ic(self, incident: Incident) -> Spans:
        """Return who commands."""
        if incident.commander is None:
            return ("none",)
        who = self.who(incident.commander)
        return (who, " (acting)") if incident.acting and incident.phase.active else (who,)

    def roles(self, incident: Incident) -> list[Spans]:
        """Return the roles, commander first."""
        parts: list[Spans] = [("IC: ", *self.ic(incident))]
        for role in (Role.SCRIBE, Role.COMMS, Role.LIAISON):
            holder = incident.roles.get(role)
            if holder is not None or role is not Role.LIAISON:
                parts.append((f"{role.value.capitalize()}: ", self.who(holder)))
        return parts

    def state(self, incident: Incident) -> str:
        """Return severity and phase in words."""
        if incident.phase is Phase.RESOLVED and incident.postmortem:
            return f"{incident.severity.label} · resolved · postmortem owing"
        return f"{incident.severity.label} · {incident.phase.value}"

    def kept(self, incident: Incident, clock: ClockName = ClockName.INTERNAL) -> str | None:
        """Return the clock's record in words; nothing where nothing was promised (K5)."""
        state = incident.clocks.get(clock)
        if state is None or state.settled == state.withdrawn:
            return None
        parts = [f"{state.settled - state.withdrawn} promised", f"{state.kept} kept"]
        if state.late:
            worst = max(state.late)
            parts.append(f"{len(state.late)} late (the most by {span_of(worst)})")
        if state.missed:
            parts.append(f"{state.missed} missed")
        if state.withdrawn:
            parts.append(f"{state.withdrawn} withdrawn")
        return ", ".join(parts)
