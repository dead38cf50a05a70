"""Lines that declare an incident and change its severity (S1-S4)."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.domain import commands as cmd
from bot.domain.impact import QUESTIONS, assessed
from bot.domain.incident import Kind, Severity
from bot.grammar.requests import (
    Asked,
    Query,
)
from bot.grammar.verb import (
    SEVERITY,
    Scope,
    Topic,
    Verb,
    Words,
    Wrong,
    split_word,
)


def _answered(text: str) -> Severity | None:
    """Return the severity that the impact questions' answers give; `None` for no answers (S2)."""
    answers = _answers(text)
    severity = assessed(answers)
    if severity is None and answers:
        left = len(QUESTIONS) - len(answers)
        raise Wrong(
            f"{left} more answer{'s' if left > 1 else ''} would decide: {QUESTIONS[len(answers)]}",
            ("declare <title> answers:no,no,yes", "declare unsure <title>"),
        )
    return severity


_LIKE_SEVERITY = re.compile(r"sev\d*", re.IGNORECASE)


def _leading_severity(words: Words, text: str) -> tuple[Severity | None, str]:
    word, rest = split_word(text)
    if word.casefold() == "unsure":
        return None, rest
    if SEVERITY.fullmatch(word):
        return words.severity(word), rest
    if _LIKE_SEVERITY.fullmatch(word):
        raise Wrong(
            f"“{word}” is not a severity: sev1, sev2, sev3 or sev4.",
            (
                f"{words.verb.name} sev1 {rest[:80]}".strip(),
                f"{words.verb.name} unsure {rest[:80]}".strip(),
            ),
        )
    return None, text


def _declaring(kind: Kind) -> Callable[[Words], cmd.Declare]:
    def read(words: Words) -> cmd.Declare:
        text, options = words.options("service", "ic", "impact", "answers")
        severity, text = _leading_severity(words, text)
        if severity is None and "answers" in options:
            severity = _answered(options["answers"])
        title = " ".join(text.split())
        private = kind is not Kind.NEAR_MISS and title.casefold().endswith(" private")
        if private:
            title = title[: -len(" private")].rstrip()
        if not title:
            raise Wrong(
                "What is broken? A title is enough.",
                (f"{words.verb.name} <title>", words.verb.example),
                form=kind is Kind.INCIDENT,
            )
        commander = options.get("ic")
        impact = options.get("impact")
        return cmd.Declare(
            kind=kind,
            title=title,
            severity=severity,
            service=options.get("service"),
            private=private,
            commander=words.person(commander) if commander else None,
            impact=" ".join(impact.split()) if impact else None,
        )

    return read


def _preview(words: Words) -> Asked:
    return Asked(query=Query.PREVIEW, declaration=_declaring(Kind.INCIDENT)(words))


def _assess(words: Words) -> cmd.Assess:
    return cmd.Assess(answers=_answers(words.tail))


def _answers(text: str) -> tuple[cmd.ImpactAnswer, ...]:
    answers = []
    for word in text.replace(",", " ").split():
        near = {"y": "yes", "n": "no", "?": "unsure"}.get(word.casefold(), word.casefold())
        if near not in set(cmd.ImpactAnswer):
            raise Wrong("The answers are yes, no and unsure.", ("assess", "assess no yes"))
        answers.append(cmd.ImpactAnswer(near))
    return tuple(answers[:3])


def _sev(words: Words) -> cmd.ChangeSeverity:
    before, reason = words.reason()
    word, more = split_word(before)
    severity = words.severity(word)
    return cmd.ChangeSeverity(severity=severity, reason=reason or more or None)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="declare",
        aliases=("new", "open", "start"),
        form="declare [1..4|unsure] <title> [private] [service:<s>] [ic:@x] [impact:<line>]",
        example="declare sev2 Checkout answers 500 service:checkout",
        says="Opens an incident. Works with a title alone: SEV1 until it is assessed.",
        topic=Topic.START,
        scope=Scope.NEW,
        read=_declaring(Kind.INCIDENT),
    ),
    Verb(
        name="preview",
        form="preview [1..4|unsure] <title> [answers:<yes|no|unsure>,...] [service:<s>]",
        example="preview Checkout is slow answers:no,yes",
        says="Shows what declaring it would be; declares nothing.",
        topic=Topic.START,
        scope=Scope.ANYWHERE,
        changes=False,
        read=_preview,
    ),
    Verb(
        name="assess",
        form="assess [yes|no|unsure ...]",
        example="assess no yes",
        says="Finds the severity from impact, in up to three questions.",
        topic=Topic.START,
        read=_assess,
    ),
    Verb(
        name="drill",
        aliases=("practice",),
        form="drill [1..4|unsure] <title> [service:<s>] [ic:@x] [impact:<line>]",
        example="drill sev1 Practice: the database is gone",
        says="The whole path as practice; nothing leaves the building.",
        topic=Topic.START,
        scope=Scope.NEW,
        read=_declaring(Kind.DRILL),
    ),
    Verb(
        name="near-miss",
        aliases=("nearmiss",),
        form="near-miss <title> [service:<s>]",
        example="near-miss Disk at 97 % found by chance",
        says="Records what was caught before users felt it. Nobody is paged.",
        topic=Topic.START,
        scope=Scope.NEW,
        read=_declaring(Kind.NEAR_MISS),
    ),
    Verb(
        name="sev",
        aliases=("severity",),
        form="sev <1..4> [because <reason>]",
        example="sev 3 because only the test shop is affected",
        says="Raises the severity (anyone) or lowers it (the commander, with a reason).",
        topic=Topic.COMMAND,
        read=_sev,
    ),
)
