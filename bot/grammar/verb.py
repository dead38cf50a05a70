"""A verb of the grammar, and the words that follow one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain import commands as cmd
from bot.domain.incident import Severity
from bot.grammar.requests import (
    Asked,
    OfAudience,
    Query,
)
from bot.people import Directory, Unknown
from bot.refs import PersonId, UserRef


class Scope(StrEnum):
    """The incident that a verb needs."""

    NEW = "new"
    """It opens one."""
    INCIDENT = "incident"
    """One that exists: named by its id, or the one that runs in the conversation."""
    ANYWHERE = "anywhere"
    """None."""


class Topic(StrEnum):
    """The groups of verbs in `help`."""

    START = "Start"
    KEEP = "Keep people told"
    OUTSIDE = "Follow from outside"
    COMMAND = "Command"
    WORK = "Work"
    END = "End"
    LEARN = "Learn"
    RECORD = "Record"
    READ = "Read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb, as data for the parser, `help` and the reference."""

    name: str
    form: str
    """The line with its optional parts in brackets."""
    example: str
    """A line that works."""
    says: str
    """The effect, in one sentence for people."""
    topic: Topic
    scope: Scope = Scope.INCIDENT
    aliases: tuple[str, ...] = ()
    changes: bool = True
    """Whether the verb changes something: an old line is then asked about first (F11)."""
    read: Callable[[Words], cmd.Command | Asked | OfAudience]
    """Reads what follows the verb; raises `Wrong`."""


INCIDENT_ID = re.compile(r"(INC|DRILL|NEAR)-([1-9]\d{0,8})(?=\s|$)", re.IGNORECASE)
"""The id of an incident, a drill or a near miss (F9)."""

_OPTION = re.compile(
    r"(?:^|\s)(?:(service|ic|by|answers|owner|due|as|category|state|to):(?=\S)|(impact|title):)",
    re.IGNORECASE,
)
_BECAUSE = re.compile(r"(?:^|\s)because\b:?\s*", re.IGNORECASE)

SEVERITY = re.compile(r"(?:sev|s)?([1-4])", re.IGNORECASE)
"""A severity in one word: `sev2`, `s2` or `2`."""


@dataclass(frozen=True, slots=True)
class Wrong(Exception):  # noqa: N818 - control flow within the parser
    """A line that cannot be read (D5)."""

    problem: str
    """The problem, in words for the person who typed it."""
    lines: tuple[str, ...] = ()
    """Lines that would work; the verb's form and example if there are none."""
    form: bool = False
    """Whether the form to declare with helps more than a line."""


def split_word(text: str) -> tuple[str, str]:
    """Return the first word of a text, and the rest."""
    parts = text.split(None, 1)
    word = parts[0] if parts else ""
    return word, parts[1].strip() if len(parts) > 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The text that follows a verb, and the ways to read it; each raises `Wrong`."""

    verb: Verb
    tail: str
    directory: Directory
    mentions: Mapping[str, UserRef]

    def nothing(self) -> None:
        """Refuse any text."""
        if self.tail:
            raise Wrong(f"“{self.verb.name}” stands alone.", (self.verb.form,))

    def text(self) -> str:
        """Return the text, which must not be empty."""
        if not self.tail:
            raise Wrong(f"“{self.verb.name}” needs its text.")
        return self.tail

    def optional_text(self) -> str | None:
        """Return the text, or `None` if it is empty."""
        return self.tail or None

    def reason(self) -> tuple[str, str | None]:
        """Return the text before `because`, and the reason after it."""
        match = _BECAUSE.search(self.tail)
        if match is None:
            return self.tail, None
        return self.tail[: match.start()].strip(), self.tail[match.end() :].strip() or None

    def options(self, *allowed: str) -> tuple[str, dict[str, str]]:
        """Return the text without its `name:value` options, and the options."""
        found = [m for m in _OPTION.finditer(self.tail) if (m[1] or m[2]).casefold() in allowed]
        if not found:
            return self.tail, {}
        values: dict[str, str] = {}
        loose = [self.tail[: found[0].start()]]
        for match, after in zip(found, [*found[1:], None], strict=True):
            value = self.tail[match.end() : after.start() if after else None].strip()
            name = (match[1] or match[2]).casefold()
            if name not in {"impact", "title"}:
                value, more = split_word(value)
                loose.append(more)
            if not value:
                raise Wrong(f"“{name}:” needs a value.")
            values[name] = value
        return " ".join(part.strip() for part in loose if part.strip()), values

    def person(self, word: str) -> PersonId:
        """Return the person that a word names."""
        if not word.removeprefix("@"):
            raise Wrong(f"“{self.verb.name}” needs a person.")
        found = self.directory.find(word, self.mentions)
        if not isinstance(found, Unknown):
            return found
        near = found.candidates[:6]
        known = f" Known here: {', '.join(f'@{n}' for n in near)}." if near else ""
        shown = found.word if len(found.word) <= 40 else f"{found.word[:40]}…"
        raise Wrong(f"Nobody here is called “{shown}”.{known}", (self.verb.form,))

    def only_person(self) -> PersonId:
        """Return the person that the whole text names."""
        word, more = split_word(self.tail)
        if more:
            whole = self.directory.find(self.tail, self.mentions)
            if not isinstance(whole, Unknown):
                return whole
            raise Wrong(f"“{self.verb.name}” takes one person.", (self.verb.form,))
        return self.person(word)

    def severity(self, word: str) -> Severity:
        """Return the severity that a word names."""
        match = SEVERITY.fullmatch(word)
        if match is None:
            shown = f"“{word[:20]}” is not a severity" if word else "A severity is needed"
            raise Wrong(f"{shown}: 1, 2, 3 or 4.", ("sev 2", "sev 3 because <reason>", "assess"))
        return Severity(int(match[1]))

    def number(self, word: str) -> int:
        """Return the number of a timeline entry."""
        if not re.fullmatch(r"#?\d{1,6}", word):
            raise Wrong(
                f"“{self.verb.name}” needs the number of an entry.", (self.verb.form, "timeline")
            )
        return int(word.removeprefix("#"))


def alone(command: cmd.Command) -> Callable[[Words], cmd.Command]:
    """Return the reader of a verb that stands alone."""

    def read(words: Words) -> cmd.Command:
        words.nothing()
        return command

    return read


def because(make: Callable[[str | None], cmd.Command]) -> Callable[[Words], cmd.Command]:
    """Return the reader of a verb whose text is a reason, with or without `because`."""

    def read(words: Words) -> cmd.Command:
        before, reason = words.reason()
        return make(reason or before or None)

    return read


def ask(query: Query) -> Callable[[Words], Asked]:
    """Return the reader of a verb that stands alone and asks for something to read."""

    def read(words: Words) -> Asked:
        words.nothing()
        return Asked(query=query)

    return read
