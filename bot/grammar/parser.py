"""A line becomes a request, or an answer that teaches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from unicodedata import normalize

from bot.domain import commands as cmd
from bot.grammar.requests import (
    Asked,
    OfAudience,
    UsageError,
)
from bot.grammar.text import clean
from bot.grammar.verb import (
    INCIDENT_ID,
    Verb,
    Words,
    Wrong,
    split_word,
)
from bot.grammar.verbs import BY_WORD, FAMILIES
from bot.likeness import ratio
from bot.people import Directory
from bot.refs import UserRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A line that was understood."""

    verb: Verb
    incident: str | None
    """The id that the line began with."""
    what: cmd.Command | Asked | OfAudience
    line: str
    """The line as it was typed, without the prefix."""


_PREFIX = re.compile(r"\s*!(?:incident|inc)(?=\s|$)\s*", re.IGNORECASE)


_ACTION_TAKEN = re.compile(r"action taken(?=\s|$)", re.IGNORECASE)  # not the verb `action`


_JOINED_SEVERITY = re.compile(r"sev([1-4])", re.IGNORECASE)  # `sev1` for `sev 1`


def command_line(text: str, *, addressed: bool) -> str | None:
    """Return the text after the prefix; `None` if the line is not for the bot."""
    match = _PREFIX.match(text)
    if match is not None:
        return text[match.end() :]
    return text.strip() if addressed else None


def parse(line: str, directory: Directory, mentions: Mapping[str, UserRef]) -> Request | UsageError:
    """Return the request of a command line, which comes without the prefix.

    Names are read as the config's are, whether an accent was put in at once or afterwards (NFC).
    """
    line = normalize("NFC", clean(line))
    mentions = {normalize("NFC", word): user for word, user in mentions.items()}
    rest, incident = line, None
    if (match := INCIDENT_ID.match(line)) is not None:
        incident = f"{match[1].upper()}-{match[2]}"
        rest = line[match.end() :].lstrip()
    rest = _ACTION_TAKEN.sub("did", rest, 1) if _ACTION_TAKEN.match(rest) else rest
    word, tail = split_word(rest)
    if not word:
        word = "status" if incident else "help"
    if (level := _JOINED_SEVERITY.fullmatch(word)) is not None:
        word, tail = "sev", f"{level[1]} {tail}".strip()
    verb = BY_WORD.get(word.casefold())
    if verb is not None and verb.name in FAMILIES:
        verb, tail = _within(verb, tail)
    if verb is None:
        return _unknown(word, tail, incident)
    words = Words(verb=verb, tail=tail, directory=directory, mentions=mentions)
    try:
        what = verb.read(words)
    except Wrong as wrong:
        return UsageError(
            problem=wrong.problem,
            lines=wrong.lines or (verb.form, verb.example),
            incident=incident,
            form=wrong.form,
        )
    return Request(verb=verb, incident=incident, what=what, line=line)


def _within(verb: Verb, tail: str) -> tuple[Verb | None, str]:
    """Return the two-word verb (`pm set`) and the text that follows it.

    `action done 2` is such a verb, and `action done with care …` is a text.
    """
    second, rest = split_word(tail)
    found = BY_WORD.get(f"{verb.name} {second.casefold()}")
    if found is None or (verb.name == "action" and rest and not re.match(r"[#aA]?\d+\b", rest)):
        return verb, tail
    return found, rest


def _unknown(word: str, tail: str, incident: str | None) -> UsageError:
    shown = word if len(word) <= 30 else f"{word[:30]}…"
    folded = word.casefold()
    alike = {name: ratio(folded, name) for name in BY_WORD}
    best = max(alike.values())
    near = [n for n in alike if alike[n] >= max(0.6, best - 0.1) or n.startswith(folded)]
    near.sort(key=lambda name: -alike[name])
    names = list(dict.fromkeys(BY_WORD[n].name for n in near))
    prefix = f"{incident} " if incident else ""
    short = tail if len(tail) <= 120 else ""
    lines = tuple(f"{prefix}{name} {short}".strip() for name in names[:2])
    return UsageError(
        problem=f"No verb “{shown}”." + (" Did you mean:" if lines else ""),
        lines=lines or ("help",),
        incident=incident,
    )
