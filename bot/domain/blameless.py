"""The part of a postmortem's review that a machine can do: words that blame, blanks, weak actions.

Pure and usable alone: `lint(markdown)` finds; it changes nothing. What is looked for is data
(`wording_en.py`). Errors block finalising; warnings are put right or waived with a reason (P4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bot.domain.action_values import FEWEST, MOST
from bot.domain.blame_words import Language, Wording
from bot.domain.blame_words_en import ENGLISH
from bot.domain.postmortem_values import PROPOSED, TITLES, cells

WARNINGS = frozenset(
    {"paraphrase", "no-numbers", "single-cause", "count", "bottom-rungs", "proposed"}
)
"""The rules whose findings a reason can waive; all others are errors.

In a timeline every wording is a warning: a record is amended at its source.
"""

ENOUGH = 12
"""The most names found in one sentence."""

_HEADING = re.compile(r"## +(.+?)\s*$")
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?=\w)[^.!?\n]*)*[.!?]*")
_TIMED = re.compile(r"[-*] +(?:\d{4}-\d\d-\d\d[ T])?\d{1,2}:\d\d(?::\d\d)?\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}:\d\d(?::\d\d)?|UTC|SEV\d|INC-\d+")
_KEYS = {title: section.value for section, title in TITLES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFinding:
    """Something found. `section` is its heading; `line` and `column` count from 1 in the document.

    `advice` is the suggested rewrite. `blocks`: it is an error.
    """

    rule: str
    section: str
    line: int
    column: int
    words: str
    why: str
    advice: str
    blocks: bool

    @property
    def key(self) -> str:
        """The section's name as it is typed."""
        return _KEYS.get(self.section, "<section>")


def lint(
    markdown: str, people: Sequence[str] = (), language: Language = ENGLISH
) -> tuple[ReviewFinding, ...]:
    """Return what is found in a postmortem, in the order of the document.

    `people` are the names and handles of those who took part.
    """
    rules = _compiled(language, tuple(sorted({p for p in people if len(p) > 1})))
    found: list[ReviewFinding] = []
    for heading, first, lines in _parts(markdown):
        kind = language.headings.get(heading.casefold(), "narrative")
        found += rules.section(heading, kind, first, lines)
    return tuple(sorted(found, key=lambda f: (f.line, f.column)))


def sentence(
    text: str, people: Sequence[str] = (), language: Language = ENGLISH, kind: str = "narrative"
) -> tuple[ReviewFinding, ...]:
    """Return what is found in one text of a kind: narrative, timeline, cause, impact, action."""
    rules = _compiled(language, tuple(sorted(people)))
    if kind == "action":
        return tuple(rules.action(text, "", 1))
    return tuple(rules.section("", kind, 1, [text]))


def vague(text: str, language: Language = ENGLISH) -> str | None:
    """Return the question that an action's text leaves open; `None` if it can be ticked off."""
    if re.search(language.concrete, text):
        return None
    said = language.says
    words = text.split()
    if re.search(r"monitor|alert", text, re.IGNORECASE) and len(words) <= 4:
        return said["vague-signal"][0]
    if re.match(language.vague_start + r"\b", text, re.IGNORECASE) and len(words) <= 8:
        return said["vague-words"][0]
    if re.search(language.vague_words, text, re.IGNORECASE):
        return said["vague-words"][0]
    return said["vague-short"][0] if len(words) < 3 else None


def care_only(text: str, language: Language = ENGLISH) -> bool:
    """Return whether an action only asks people to be careful (A1)."""
    return (
        re.search(language.care, text, re.IGNORECASE) is not None
        and re.search(language.concrete, text) is None
    )


def _parts(markdown: str) -> Iterator[tuple[str, int, list[str]]]:
    """Return the sections: their heading, the number of their first line, and their lines."""
    heading, first = "", 1
    lines: list[str] = []
    for number, line in enumerate(markdown.split("\n"), 1):
        if (match := _HEADING.match(line)) is not None:
            if heading:
                yield heading, first, lines
            heading, first, lines = match[1], number + 1, []
        elif heading:
            lines.append(line)
    if heading:
        yield heading, first, lines
    elif markdown.strip():
        yield "Text", 1, markdown.split("\n")


class _Rules:
    """A language's rules, compiled for the people of one incident."""

    def __init__(self, language: Language, people: tuple[str, ...]) -> None:
        self._language = language
        names = [re.escape(name) for name in sorted(people, key=len, reverse=True)]
        nobody = r"(?!)"
        self._named = re.compile(rf"(?<![\w@/-])(?:{'|'.join(names) or nobody})(?:'s)?(?![\w-])")
        self._mention = re.compile(language.names.pattern)
        blamed = "|".join(names) or nobody
        verbs = "|".join(sorted(map(re.escape, language.passive), key=len, reverse=True))
        self._active = re.compile(
            rf"(?:@[\w.:-]+|{blamed}|[Tt]he [\w-]+ (?:engineer|developer|operator|administrator))"
            rf" (?:\w+ly |then |also )?({verbs}) (.+?)(\s{language.ends}\b.*|[,;:].*|)$"
        )

        def compiled(pattern: str) -> re.Pattern[str]:
            return re.compile(pattern.replace("{people}", blamed), re.IGNORECASE)

        self._people = compiled(language.people)
        self._narrative = [
            (each, compiled(each.pattern), compiled(each.somebody) if each.somebody else None)
            for each in language.narrative
        ]
        self._filler = [(wording, re.compile(wording.pattern)) for wording in language.filler]
        self._paraphrase = re.compile(language.paraphrase.pattern, re.IGNORECASE)

    def section(
        self, heading: str, kind: str, first: int, lines: Sequence[str]
    ) -> Iterator[ReviewFinding]:
        """Return what is found in a section."""
        body = "\n".join(lines)
        if not body.strip():
            yield self._said("empty", heading, first, heading)
            return
        if kind == "actions":
            yield from self._actions(heading, first, lines)
            return
        for number, line in enumerate(lines, first):
            if line.startswith("#") or not line.strip():
                continue
            if kind == "timeline":
                yield from self._timeline(heading, number, line)
            else:
                yield from self._line(heading, number, line)
        if kind == "impact" and not re.search(r"\d", _TIME.sub("", body)):
            yield self._said("no-numbers", heading, first, heading)
        if kind == "cause" and self._single(body):
            yield self._said("single-cause", heading, first, _start(body))

    def _line(self, heading: str, number: int, line: str) -> Iterator[ReviewFinding]:
        filled = list(self._blanks(heading, number, line))
        yield from filled
        if PROPOSED.strip() in line:
            at = line.index(PROPOSED.strip())
            yield self._said("proposed", heading, number, line[at : at + 80], at)
        if not filled:
            yield from self._worded(heading, number, line, softly=False)

    def _blanks(self, heading: str, number: int, line: str) -> Iterator[ReviewFinding]:
        for wording, pattern in self._filler:
            match = pattern.search(line)
            if match is not None and not _excused(wording, line, match):
                yield _of(wording, heading, number, match, blocks=True)
                return

    def _worded(
        self, heading: str, number: int, line: str, *, softly: bool
    ) -> Iterator[ReviewFinding]:
        """Return the wordings in a line, one of a kind in a sentence."""
        for part in _SENTENCE.finditer(line):
            text, offset = part.group(), part.start()
            taken: list[tuple[int, int]] = []
            names = self._language.names
            for match in (*self._named.finditer(text), *self._mention.finditer(text)):
                known = any(a < match.end() and match.start() < b for a, b in taken)
                if not known and not self._a_word(text, match):
                    taken.append(match.span())
                    found = _of(names, heading, number, match, offset, blocks=not softly)
                    yield self._instead(found, text.lstrip(" -*"))
                if len(taken) >= ENOUGH:
                    break
            peopled = self._people.search(text) is not None
            for wording, pattern, somebody in self._narrative:
                hit = pattern.search(text)
                if hit is None and peopled and somebody is not None:
                    hit = somebody.search(text)
                if hit is None or _excused(wording, text, hit):
                    continue
                if any(a < hit.end() and hit.start() < b for a, b in taken):
                    continue
                taken.append(hit.span())
                found = _of(wording, heading, number, hit, offset, blocks=not softly)
                yield self._instead(found, text.lstrip(" -*"))

    def _instead(self, finding: ReviewFinding, text: str) -> ReviewFinding:
        """Return a finding with this very sentence rewritten, where it is simple enough."""
        match = self._active.search(text.strip().rstrip(".!?"))
        if match is None or match.start() > 0:
            return finding
        verb, done, rest = match[1], match[2], match[3]
        one, many = self._language.was
        last = done.split()[-1]
        was = many if last.endswith("s") and not last.endswith(("ss", "us", "is")) else one
        said = f"{done[:1].upper()}{done[1:]} {was} {self._language.passive[verb]}{rest}."
        return replace(finding, advice=self._language.rewritten.format(said))

    def _a_word(self, text: str, match: re.Match[str]) -> bool:
        """Return whether a name is a common word here: it begins a sentence, and does nothing."""
        word = match.group().removesuffix("'s")
        if word.casefold() not in self._language.words_that_are_names:
            return False
        return text[: match.start()].strip(' -*•(“"') == "" and not re.match(
            r"(?:'s)?\s+(?:\w+ed|ran|was|had|did|wrote|took|sent|put|set)\b", text[match.end() :]
        )

    def _timeline(self, heading: str, number: int, line: str) -> Iterator[ReviewFinding]:
        if not line.startswith(("- ", "* ")):
            yield from self._blanks(heading, number, line)
            return
        if not _TIMED.match(line):
            yield self._said("no-time", heading, number, line[:80])
        if (match := self._paraphrase.search(line)) is not None:
            yield _of(self._language.paraphrase, heading, number, match, blocks=False)
        yield from self._blanks(heading, number, line)
        yield from self._worded(heading, number, line, softly=True)

    def _single(self, body: str) -> bool:
        if re.search(self._language.contributing, body, re.IGNORECASE):
            return False
        claims = re.search(self._language.single_cause, body, re.IGNORECASE) is not None
        written = [p for p in body.split("\n") if p.strip() and not p.startswith("#")]
        return claims or (len(written) == 1 and body.count(". ") == 0)

    def _actions(self, heading: str, first: int, lines: Sequence[str]) -> Iterator[ReviewFinding]:
        rows = [(n, line) for n, line in enumerate(lines, first) if line.strip().startswith("|")]
        table = [(n, cells(line)) for n, line in rows]
        names = [c.casefold() for c in table[0][1]] if table else []
        items = [
            (n, dict(zip(names, row, strict=False)))
            for n, row in table[1:]
            if not all(re.fullmatch(r":?-+:?", c) for c in row)
        ]
        for number, item in items:
            yield from self.action(item.get("action", ""), heading, number)
            owner, due = item.get("owner", ""), item.get("target date", "")
            if not owner or owner.startswith("["):
                yield self._said("no-owner", heading, number, item.get("action", "")[:80])
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", due):
                yield self._said("no-date", heading, number, item.get("action", "")[:80])
        if not FEWEST <= len(items) <= MOST:
            yield self._said("count", heading, first, f"{len(items)} actions")
        weak = [i for _, i in items if i.get("strength", "").casefold() in {"train", "care"}]
        if items and len(weak) == len(items):
            yield self._said("bottom-rungs", heading, first, f"{len(items)} actions")

    def action(self, text: str, heading: str, number: int) -> Iterator[ReviewFinding]:
        """Return what is found in an action's text."""
        if care_only(text, self._language):
            wording = next(w for w in self._language.narrative if w.rule == "care")
            yield ReviewFinding(
                rule="care",
                section=heading,
                line=number,
                column=1,
                words=text[:80],
                why=wording.why,
                advice=wording.advice,
                blocks=True,
            )
        elif why := vague(text, self._language):
            advice = self._language.says["vague"][1]
            yield ReviewFinding(
                rule="vague",
                section=heading,
                line=number,
                column=1,
                words=text[:80],
                why=why,
                advice=advice,
                blocks=True,
            )

    def _said(
        self, rule: str, heading: str, line: int, words: str, column: int = 0
    ) -> ReviewFinding:
        why, advice = self._language.says[rule]
        return ReviewFinding(
            rule=rule,
            section=heading,
            line=line,
            column=column + 1,
            words=words,
            why=why,
            advice=advice,
            blocks=rule not in WARNINGS,
        )


def _excused(wording: Wording, text: str, match: re.Match[str]) -> bool:
    return wording.unless is not None and bool(
        re.match(wording.unless, text[match.start() :], re.IGNORECASE)
    )


def _of(  # noqa: PLR0913 - a place has these
    wording: Wording,
    heading: str,
    line: int,
    match: re.Match[str],
    offset: int = 0,
    *,
    blocks: bool,
) -> ReviewFinding:
    return ReviewFinding(
        rule=wording.rule,
        section=heading,
        line=line,
        column=offset + match.start() + 1,
        words=match.group().strip(),
        why=wording.why,
        advice=wording.advice,
        blocks=blocks,
    )


def _start(body: str) -> str:
    return next((line.strip()[:80] for line in body.split("\n") if line.strip()), "")


@lru_cache(maxsize=64)
def _compiled(language: Language, people: tuple[str, ...]) -> _Rules:
    return _Rules(language, people)
