"""Action items: what is to be done, by whom, by when, and how durable it is (A1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum

from bot.refs import ExternalRef, PersonId

FEWEST, MOST = 3, 7
"""The number of actions in a postmortem (A1)."""


class Strength(IntEnum):
    """The durability of an action, highest first: the policy's hierarchy of prevention."""

    ELIMINATE = 1
    DETECT = 2
    RECOVER = 3
    TRAIN = 4
    CARE = 5

    @property
    def word(self) -> str:
        """The word it is typed as."""
        return self.name.lower()


class Category(StrEnum):
    """The effect of an action on the next incident."""

    PREVENT = "prevent"
    DETECT = "detect"
    MITIGATE = "mitigate"


CATEGORY = {
    Strength.ELIMINATE: Category.PREVENT,
    Strength.DETECT: Category.DETECT,
    Strength.RECOVER: Category.MITIGATE,
    Strength.TRAIN: Category.PREVENT,
    Strength.CARE: Category.PREVENT,
}
"""The category of a strength, where nobody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action item. `chased` counts who was told that it is overdue: its owner, then more.

    `ticket` is where a tracker holds it, and `closed_there` what that said last. `dropped` is why
    it is not to be done any more.
    """

    n: int
    text: str
    owner: PersonId
    due: date
    strength: Strength
    category: Category
    done: bool = False
    dropped: str | None = None
    ticket: ExternalRef | None = None
    closed_there: bool = False
    chased: int = 0

    @property
    def open(self) -> bool:
        """Whether the action is still to be done."""
        return not self.done and self.dropped is None

    @property
    def label(self) -> str:
        """The action's label: `A1`."""
        return f"A{self.n}"
