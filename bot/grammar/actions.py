"""Lines about action items (A1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from bot.domain import commands as cmd
from bot.domain.action_values import Category, Strength
from bot.grammar.requests import (
    Asked,
    Query,
)
from bot.grammar.verb import (
    INCIDENT_ID,
    Scope,
    Topic,
    Verb,
    Words,
    Wrong,
    split_word,
)
from bot.people import Unknown
from bot.refs import PersonId

_ACTION_OPTIONS = ("owner", "due", "as", "category")


def date_of(text: str | None) -> date | None:
    """Return an ISO date; `None` for anything else."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def strength_of(text: str) -> Strength | None:
    """Return a strength by its word or number; `None` for anything else (A1)."""
    folded = text.casefold()
    return next((s for s in Strength if folded in {s.word, str(s.value)}), None)


def _category(text: str | None) -> Category | None:
    if text is None:
        return None
    if text.casefold() not in set(Category):
        raise Wrong("Which category? prevent, detect or mitigate.")
    return Category(text.casefold())


def _owner(words: Words, typed: str) -> PersonId | None:
    """Return the person who owns it; `None` for a team, a room or an unknown name (A1)."""
    if not typed.removeprefix("@"):
        return None
    found = words.directory.find(typed, words.mentions)
    return None if isinstance(found, Unknown) else found


def _action(words: Words) -> cmd.AddAction | Asked:
    text, options = words.options(*_ACTION_OPTIONS)
    if not text and not options:
        raise Wrong("What is to be done, by whom, by when?", (words.verb.form, words.verb.example))
    owner, strength = options.get("owner", ""), options.get("as", "")
    return cmd.AddAction(
        text=" ".join(text.split()),
        owner=_owner(words, owner),
        owner_typed=owner,
        due=date_of(options.get("due")),
        due_typed=options.get("due", ""),
        strength=strength_of(strength),
        strength_typed=strength,
        category=_category(options.get("category")),
    )


def _nth(words: Words, word: str) -> int:
    match = re.fullmatch(r"[#aA]?(\d{1,4})", word)
    if match is None:
        raise Wrong("Which action? Its number.", (words.verb.form, "actions"))
    return int(match[1])


def _only_nth(make: Callable[[int], cmd.Command]) -> Callable[[Words], cmd.Command]:
    return lambda words: make(_nth(words, words.tail))


def _drop(words: Words) -> cmd.DropAction:
    before, reason = words.reason()
    n, more = split_word(before)
    return cmd.DropAction(n=_nth(words, n), reason=reason or more or None)


def _change(words: Words) -> cmd.ChangeAction:
    before, reason = words.reason()
    n, rest = split_word(before)
    inner = Words(verb=words.verb, tail=rest, directory=words.directory, mentions=words.mentions)
    text, options = inner.options(*_ACTION_OPTIONS)
    number = _nth(words, n)
    if words.verb.name == "action move":
        date_typed = options.get("due") or text
        if not date_typed:
            raise Wrong("To what date?", (words.verb.form, words.verb.example))
        options, text = {"due": date_typed}, ""
    if not text and not options:
        raise Wrong("What changes?", (words.verb.form, words.verb.example))
    owner, strength = options.get("owner", ""), options.get("as", "")
    return cmd.ChangeAction(
        n=number,
        text=" ".join(text.split()) or None,
        owner=_owner(words, owner),
        owner_typed=owner,
        due=date_of(options.get("due")),
        due_typed=options.get("due", ""),
        strength=strength_of(strength) if strength else None,
        strength_typed=strength,
        category=_category(options.get("category")),
        reason=reason,
    )


def _actions(words: Words) -> Asked:
    which = words.tail
    if which.casefold() in {"", "overdue", "mine", "all", "open"}:
        return Asked(query=Query.ACTIONS, argument=which.casefold())
    if (match := INCIDENT_ID.fullmatch(which)) is not None:
        return Asked(query=Query.ACTIONS, argument=f"{match[1].upper()}-{match[2]}")
    raise Wrong(
        "Which actions? An incident's, overdue, mine or all.", ("actions", "actions overdue")
    )


VERBS: tuple[Verb, ...] = (
    Verb(
        name="action",
        aliases=("todo",),
        form="action <text> owner:@x due:<date> as:<eliminate|detect|recover|train|care>"
        " [category:<prevent|detect|mitigate>]",
        example="action Page when no order came for 3 min owner:@dev due:2026-12-15 as:detect",
        says="Adds an action item; its ticket is filed by itself.",
        topic=Topic.LEARN,
        read=_action,
    ),
    Verb(
        name="action done",
        form="action done <n>",
        example="action done 2",
        says="Records that it is done.",
        topic=Topic.LEARN,
        read=_only_nth(lambda n: cmd.FinishAction(n=n)),
    ),
    Verb(
        name="action move",
        form="action move <n> due:<date> because <reason>",
        example="action move 2 due:2026-12-22 because the vendor delivers on the 18th",
        says="Promises another date, with a reason where it is later.",
        topic=Topic.LEARN,
        read=_change,
    ),
    Verb(
        name="action edit",
        aliases=("action change",),
        form="action edit <n> [text] [owner:@x] [due:<date>] [as:<strength>]",
        example="action edit 2 owner:@cara",
        says="Changes what it says, who does it, how durable it is.",
        topic=Topic.LEARN,
        read=_change,
    ),
    Verb(
        name="action drop",
        form="action drop <n> because <reason>",
        example="action drop 3 because the service is switched off in January",
        says="Says that it will not be done, and why.",
        topic=Topic.LEARN,
        read=_drop,
    ),
    Verb(
        name="action reopen",
        form="action reopen <n>",
        example="action reopen 2",
        says="It is to be done after all.",
        topic=Topic.LEARN,
        read=_only_nth(lambda n: cmd.ReopenAction(n=n)),
    ),
    Verb(
        name="actions",
        form="actions [INC-n|overdue|mine|all]",
        example="actions overdue",
        says="Lists action items.",
        topic=Topic.LEARN,
        scope=Scope.ANYWHERE,
        changes=False,
        read=_actions,
    ),
)
