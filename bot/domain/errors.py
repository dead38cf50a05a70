"""Refusals: the reason why a command does not apply, for the person who typed it."""

from __future__ import annotations

from bot.refs import PersonId, Who


class Rejected(Exception):  # noqa: N818 - it is an answer, not a fault
    """The command does not apply to the incident as it stands; nothing was changed (D5).

    `parts` is the sentence, with people as values. `lines` are commands that would work, ready to
    copy and without the prefix; `for_whom` names who may type them where that is not the asker.
    `points` are several reasons, each of which has to go. `unnamed` is somebody whom the config
    would have to name.
    """

    def __init__(
        self,
        *parts: str | Who,
        lines: tuple[str, ...] = (),
        for_whom: Who | None = None,
        points: tuple[str, ...] = (),
        unnamed: PersonId | None = None,
    ) -> None:
        super().__init__("".join(p if isinstance(p, str) else p.person for p in parts))
        self.parts = parts
        self.lines = lines
        self.for_whom = for_whom
        self.points = points
        self.unnamed = unnamed


class Unseen(Rejected):
    """An approval that means another draft than the one that waits: it is shown first (X3)."""

    def __init__(self, entry: int) -> None:
        super().__init__("The text has changed; this one waits now.", lines=(f"approve {entry}",))
