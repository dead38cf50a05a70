"""Words of a postmortem's draft: the policy's template, and those shared with messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from bot.domain import events as ev
from bot.domain.incident import ClockName, Role
from bot.domain.postmortem_values import Section
from bot.refs import PersonId

ROLES = {Role.SCRIBE: "the scribe", Role.COMMS: "comms", Role.LIAISON: "the liaison"}
"""The names that a draft gives to people with a role."""

BLANKS = {
    Section.CAUSE: (
        "[What ultimately caused this. Contributing factors. Why the existing controls did not "
        "prevent it.]"
    ),
    Section.WELL: "- [Genuine positives — things we want to keep doing]",
    Section.POORLY: "- [Honest, specific — no blame language]",
    Section.LESSONS: ("[The durable takeaways — what should a different team learn from this?]"),
}
"""The policy's template, for sections about which the record says nothing."""


class ConfiguredPerson(Protocol):
    """A person whom the config names."""

    @property
    def id(self) -> PersonId:
        """Their id."""

    @property
    def name(self) -> str:
        """Their name."""


class PeopleNames(Protocol):
    """The names of people."""

    def name(self, person: PersonId) -> str:
        """Return a person's name."""

    @property
    def everybody(self) -> Sequence[ConfiguredPerson]:
        """All people of the config."""


class DraftingWords(Protocol):
    """The words that a draft shares with messages."""

    @property
    def names(self) -> PeopleNames:
        """The names of people."""

    def length(self, length: timedelta) -> str:
        """Return a length of time for reading: `12 min`."""

    def promise(self, clock: ClockName) -> str:
        """Return what a clock's promise is called: `public update`."""

    def outcome(self, event: ev.PromiseSettled) -> str:
        """Return how a promise ended: `kept late by 2 min`."""

    def entry(self, event: ev.Event, role: Callable[[PersonId], str]) -> str:
        """Return an event's line on the timeline, with `role(person)` instead of names."""
