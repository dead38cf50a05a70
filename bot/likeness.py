"""Likeness: the known word that somebody meant, and the lines that changed.

The time that `difflib` takes grows with the square of its input. So it is called only here, with
input that was cut (D5, F10).
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST_WORD = 40
"""How many characters of a typed word are compared: verbs, keys and plugins are shorter."""

MOST_LINES = 400
"""How many changed lines are matched with each other; more are shown as taken out and put in."""


def same_to_people(name: str) -> str:
    """Return a name as people take it: in any case, its accents put in at once or afterwards."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def ratio(word: str, known: str) -> float:
    """Return how much a typed word is like a known one, from 0 to 1."""
    return difflib.SequenceMatcher(None, word[:LONGEST_WORD], known).ratio()


def nearest(word: str, known: Iterable[str], *, most: int = 1, least: float = 0.6) -> list[str]:
    """Return the known words that somebody probably meant, the likest first."""
    return difflib.get_close_matches(word[:LONGEST_WORD], list(known), n=most, cutoff=least)


def changed_lines(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the lines that differ, marked with `-` and `+`, and a line around them."""
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    if max(len(old), len(new)) > MOST_LINES:
        return [*(f"-{line}" for line in old), *(f"+{line}" for line in new)]
    first, last = max(0, head - 1), max(0, tail - 1)
    lines = difflib.unified_diff(
        before[first : len(before) - last], after[first : len(after) - last], lineterm="", n=1
    )
    # Two lines name the files, and each `@@` a place: of no use for a section in chat.
    return [line for n, line in enumerate(lines) if n > 1 and not line.startswith("@@")]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many lines two texts have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
