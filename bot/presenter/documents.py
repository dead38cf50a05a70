"""Answers about a postmortem that was edited outside and is imported again."""

from __future__ import annotations

from collections.abc import Sequence


class DocumentWords:
    """The answers to an import."""

    def unknown(self, name: str) -> str:
        """Return the answer for an incident that does not exist."""
        return f"there is no {name}; see: sitrep incidents all"

    def unchanged(self, kept: Sequence[str]) -> str:
        """Return the answer for a document that changes nothing; `kept` are items it leaves out."""
        return f"nothing differs from the record{_missing(kept)}"

    def changed(self, sections: int, actions: int, kept: Sequence[str], cut: Sequence[str]) -> str:
        """Return the answer for changed sections and action items; `cut` are too long (F10)."""
        counted = f"{_some(sections, 'section')} and {_some(actions, 'action item')}"
        short = f"; cut at 16 KiB, the most that a section holds: {', '.join(cut)}" if cut else ""
        return f"{counted} changed{_missing(kept)}{short}"


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _missing(kept: Sequence[str]) -> str:
    """Return the note about action items that the document leaves out."""
    if not kept:
        return ""
    stay = "is not in the file, and stays" if len(kept) == 1 else "are not in it, and stay"
    return f"; {', '.join(kept)} {stay}"
