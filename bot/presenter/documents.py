"""Answers about a postmortem that was edited outside and comes in again."""

from __future__ import annotations

from collections.abc import Sequence


class DocumentWords:
    """Answers about an edited document."""

    def unknown(self, name: str) -> str:
        """Return that there is no such incident."""
        return f"there is no {name}; see: sitrep incidents all"

    def unchanged(self, kept: Sequence[str]) -> str:
        """Return that the document says what the record says."""
        return f"nothing differs from the record{_missing(kept)}"

    def changed(self, sections: int, actions: int, kept: Sequence[str]) -> str:
        """Return how many sections and action items were changed."""
        counted = f"{_some(sections, 'section')} and {_some(actions, 'action item')}"
        return f"{counted} changed{_missing(kept)}"


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _missing(kept: Sequence[str]) -> str:
    """Return the note on action items that the document leaves out."""
    if not kept:
        return ""
    stay = "is not in the file, and stays" if len(kept) == 1 else "are not in it, and stay"
    return f"; {', '.join(kept)} {stay}"
