"""The skeleton of a name: names that look alike have the same.

Unicode's own table (UTS 39) has 6,000 lines, of which a name needs few: what neither compatibility
decomposition nor its Unicode name takes back to a plain letter is here, by the letter that it looks
like. What is missing stands out as a foreign letter among Latin ones, see `is_mixed`.
"""

from __future__ import annotations

import re
import unicodedata

_ALIKE = {
    "a": "аαɑ@4", "b": "вьъβᏏ68", "c": "сϲ¢", "d": "ԁժ", "e": "еєε€ҽə3", "f": "ϝ", "g": "ԍց9",
    "h": "нһηћђհի", "i": "іιɩӏ1l|!ǀ", "j": "јϳյ", "k": "кκĸ", "l": "ꓲ", "m": "мμ", "n": "пиոռŋ",
    "o": "оοσօ0ס", "p": "рρþ", "q": "ԛգ", "r": "гя", "s": "ѕ5$", "t": "тτ7", "u": "υцս", "v": "νѵ",
    "w": "ԝωш", "x": "хχ×", "y": "уγү", "z": "ζ2", "ae": "æ", "oe": "œ",
}  # fmt: skip
"""Latin letters, each with characters that pass for it in lower or upper case."""

_VARIANT = re.compile(r"(?:.* )?(?:LATIN|INDICATOR) (?:.* )?([A-Z])")
"""The Unicode name of a letter in another shape: small capitals, turned, on a tile, a flag's."""

_PLAIN = {ord(odd): letter for letter, odds in _ALIKE.items() for odd in odds}

_SAME = str.maketrans({"l": "i", "m": "rn", "w": "vv"})
"""Letters that pass for each other, or for two others."""

_BLANK = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters that show nothing."""


def folded(name: str) -> str:
    """Return a name as plain letters and what separates them."""
    return "".join(map(_plain, _seen(name))).translate(_PLAIN)


def _plain(letter: str) -> str:
    """Return a letter without its hooks and strokes, which its Unicode name tells of."""
    if letter.isascii():
        return letter
    name = unicodedata.name(letter, "").partition(" WITH ")[0]
    if (latin := _VARIANT.fullmatch(name)) is not None:
        return latin[1].lower()
    try:
        return unicodedata.lookup(name)
    except KeyError:
        return letter


def _seen(name: str) -> str:
    """Return a name in lower case, without marks on letters and what is not seen."""
    flat = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    return "".join(c for c in flat if c not in _BLANK and unicodedata.category(c)[0] not in "MC")


def words(name: str) -> list[str]:
    """Return the skeletons of a name's words; letters that stand alone are one word (`I. C.`)."""
    parts = "".join(c if c.isalpha() else " " for c in folded(name)).split()
    together = "".join(part if len(part) == 1 else f" {part} " for part in parts)
    return [part.translate(_SAME) for part in together.split()]


def skeleton(name: str) -> str:
    """Return what all names that look like this one have in common: letters and nothing else."""
    return "".join(words(name))


def is_mixed(name: str) -> bool:
    """Return whether Latin letters stand beside others, as in a name made to look like another."""
    latin = [unicodedata.name(c, "").startswith("LATIN") for c in _seen(name) if c.isalpha()]
    return any(latin) and not all(latin)
