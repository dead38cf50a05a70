"""Names, times and lines to type, as every message shows them; all other parts hold a `Voice`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from bot.contract.messages import (
    Actions,
    At,
    Block,
    Button,
    Code,
    Mention,
    Message,
    Precision,
    Span,
    Spans,
    Strong,
    Text,
    span_of,
)
from bot.domain import events as ev
from bot.domain.incident import ClockName, Incident, Outcome, Phase, Role
from bot.domain.telling import Scene
from bot.people import Directory
from bot.refs import ConversationRef, Lane, PersonId, is_machine

E = TypeVar("E", bound=ev.Happening)

PREFIX = "!inc"
"""The first word of a typed command, on every platform."""

TITLE_LENGTH = 120
"""The number of characters of a title that are shown (F10)."""


@dataclass(frozen=True, slots=True)
class PromiseWords:
    """The words for the promises of one clock."""

    noun: str
    """The noun in messages, as in `Next public update`."""
    article: str
    recorded: str
    """The noun in a postmortem's draft, which tells the clocks apart."""
    line: str
    """The line that keeps the promise."""


PROMISES = {
    ClockName.INTERNAL: PromiseWords("update", "an", "internal update", "update <text>"),
    ClockName.EXTERNAL: PromiseWords("public update", "a", "public update", "external <text>"),
    ClockName.STAKEHOLDER: PromiseWords("brief", "a", "stakeholder brief", "brief <text>"),
}

_OUTCOMES = {
    Outcome.KEPT: "kept",
    Outcome.LATE: "kept late",
    Outcome.MISSED: "missed",
    Outcome.WITHDRAWN: "withdrawn",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """One message that is being worded."""

    incident: Incident
    """The incident as the events left it."""
    scene: Scene
    """The event that the message is about, and those that came with it."""
    now: datetime
    to: ConversationRef | None = None
    """The conversation that the message goes to; `None` if it goes to a person."""


def shorten(text: str, length: int = TITLE_LENGTH) -> str:
    """Return a text of at most `length` characters, with a mark where it was cut (F10)."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def para(*spans: Span) -> Text:
    """Return a paragraph."""
    return Text(tuple(spans))


def joined(parts: Sequence[Spans], by: str = " · ") -> Spans:
    """Return the spans of several parts, with `by` between the parts."""
    result: list[Span] = []
    for part in parts:
        if result:
            result.append(by)
        result += part
    return tuple(result)


def message(*lines: Spans | Block | None) -> Message:
    """Return a message of lines; the first is its summary, and empty ones are left out."""
    kept = [line for line in lines if line]
    summary = kept[0] if isinstance(kept[0], tuple) else ("",)
    blocks = tuple(Text(line) if isinstance(line, tuple) else line for line in kept[1:])
    return Message(summary=summary, blocks=blocks)


def first(scene: Scene, kind: type[E]) -> E | None:
    """Return the first event of a kind."""
    return next((e for e in scene.events if isinstance(e, kind)), None)


def last(scene: Scene, kind: type[E]) -> E | None:
    """Return the last event of a kind."""
    return next((e for e in reversed(scene.events) if isinstance(e, kind)), None)


def all_of(scene: Scene, kind: type[E]) -> list[E]:
    """Return the events of a kind."""
    return [event for event in scene.events if isinstance(event, kind)]


def day(when: datetime) -> At:
    """Return an instant that is shown with its day."""
    return At(when, None, Precision.DAY)


def because(reason: str | None) -> Spans:
    """Return a reason as the end of a sentence, after a colon."""
    return (f": {shorten(reason, 300)}",) if reason else ()


def next_label(clock: ClockName) -> str:
    """Return the label of a clock's next text: `Next update`, `Next brief`."""
    return f"Next {PROMISES[clock].noun}"


def outcome(event: ev.PromiseSettled) -> str:
    """Return how a promise ended: `kept late by 2 min`."""
    late = f" by {span_of(event.late_by)}" if event.outcome is Outcome.LATE else ""
    count = f" × {event.count}" if event.count > 1 else ""  # noqa: RUF001 - as people read it
    return f"{_OUTCOMES[event.outcome]}{late}{count}"


class Voice:
    """The words that all parts share."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    def named(self, person: PersonId | None) -> bool:
        """Whether somebody counts as named (F8)."""
        return person in self.directory.named

    def who(self, person: PersonId | None, *, notify: bool = False) -> Span:
        """Return a person, or `none`."""
        if person is None:
            return "none"
        return Mention(person, self.directory.name(person), notify)

    def platform(self, adapter: str) -> str:
        """Return the name of a platform."""
        return adapter.capitalize()

    def platform_of(self, lane: Lane) -> str:
        """Return the platform of a conversation's lane."""
        return self.platform(lane.target)

    def across(self, event: ev.Happening, to: ConversationRef | None) -> str:
        """Return the platform that something was said on if it is told on another one."""
        if event.via is None or to is None or event.via == to.adapter:
            return ""
        return f" ({self.platform(event.via)})"

    def people(self, people: tuple[PersonId, ...], *, notify: bool = False) -> Spans:
        """Return people, listed."""
        return joined([(self.who(p, notify=notify),) for p in people], ", ") or ("nobody",)

    def handle(self, person: PersonId | None) -> str:
        """Return a person as one types them: `@ben`. Nobody hands anything to a machine."""
        return f"@{person.rpartition(':')[2]}" if person and not is_machine(person) else "@name"

    def line(self, command: str, incident: Incident | str | None = None) -> Code:
        """Return a line to type; it carries the incident's id if an incident is given."""
        name = incident.id if isinstance(incident, Incident) else incident
        return Code(" ".join(part for part in (PREFIX, name, command) if part))

    def button(self, label: str, incident: Incident, command: str) -> Button:
        """Return a button whose command names the incident, so that it works anywhere."""
        return Button(label, f"{incident.id} {command}")

    def no_change(self, incident: Incident) -> Actions:
        """Return the one-tap update (K2)."""
        return Actions((self.button("No new findings", incident, "nochange"),))

    def at(self, when: datetime, now: datetime | None = None) -> At:
        """Return an instant; with `now`, it is shown with the time left."""
        return At(when, now)

    def second(self, when: datetime) -> At:
        """Return an instant that is shown to the second (L1)."""
        return At(when, None, Precision.SECOND)

    def title(self, incident: Incident) -> str:
        """Return an incident's title, shortened."""
        return shorten(incident.title)

    def practice(self, incident: Incident) -> str:
        """Return the mark that a drill's messages carry."""
        return "DRILL — " if incident.drill else ""

    def label(self, incident: Incident) -> str:
        """Return an incident's id and severity."""
        return f"{self.practice(incident)}{incident.id} {incident.severity.label}"

    def name(self, incident: Incident) -> Spans:
        """Return an incident's id and title, for messages outside its conversation."""
        return (f"{self.practice(incident)}{incident.id} ", Strong(self.title(incident)))

    def next_update(
        self, incident: Incident, now: datetime | None = None, clock: ClockName = ClockName.INTERNAL
    ) -> Spans:
        """Return `Next update 14:15 UTC`, or no spans if the clock does not run (K1)."""
        state = incident.clocks.get(clock)
        if state is None or state.promise is None:
            return ()
        due_at = state.promise.due_at
        what = next_label(clock)
        if now is not None and due_at < now:
            what = f"{PROMISES[clock].noun.capitalize()} was due"
        return (f"{what} ", self.at(due_at, now), ".")

    def ic(self, incident: Incident) -> Spans:
        """Return the commander, or how to become it where a machine declared (C1)."""
        if incident.unled:
            return ("no commander: ", self.line("take ic", incident))
        if incident.commander is None:
            return ("none",)
        who = self.who(incident.commander)
        return (who, " (acting)") if incident.acting and incident.phase.active else (who,)

    def decides(self, incident: Incident) -> Span:
        """Return who decides about a public text."""
        return "Whoever takes command" if incident.unled else self.who(incident.commander)

    def roles(self, incident: Incident) -> list[Spans]:
        """Return the roles, commander first."""
        parts: list[Spans] = [("IC: ", *self.ic(incident))]
        for role in (Role.SCRIBE, Role.COMMS, Role.LIAISON):
            holder = incident.roles.get(role)
            if holder is not None or role is not Role.LIAISON:
                parts.append((f"{role.value.capitalize()}: ", self.who(holder)))
        return parts

    def state(self, incident: Incident) -> str:
        """Return the severity and the phase."""
        if incident.phase is Phase.RESOLVED and incident.postmortem:
            return f"{incident.severity.label} · resolved · postmortem owing"
        return f"{incident.severity.label} · {incident.phase.value}"

    def kept(self, incident: Incident, clock: ClockName = ClockName.INTERNAL) -> str | None:
        """Return how many of a clock's promises were kept; `None` if nothing was promised (K5)."""
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

    def settled(self, scene: Scene, clock: ClockName) -> str:
        """Return whether the last promise was kept or late, and how many were missed before it."""
        settled = [e for e in all_of(scene, ev.PromiseSettled) if e.clock is clock]
        missed = sum(e.count for e in settled if e.outcome is Outcome.MISSED)
        text = f"{missed} missed before it. " if missed else ""
        if settled and settled[-1].outcome is Outcome.LATE:
            text += f"Kept {span_of(settled[-1].late_by)} late. "
        elif settled and settled[-1].outcome is Outcome.KEPT:
            text += "Kept. "
        return text

    def sending(
        self,
        occasion: Occasion,
        head: ev.ExternalPublished | ev.BriefSent,
        verb: str,
        clock: ClockName,
    ) -> Message:
        """Return the message that a text is going out, with its promise and the next one."""
        incident = occasion.incident
        due = self.next_update(incident, None, clock)
        if incident.drill:
            verb = f"{verb} (practice: it goes nowhere)"
        return message(
            (f"{verb}: ", head.text, " — ", self.who(head.by)),
            (self.settled(occasion.scene, clock), *due) if due else None,
        )
