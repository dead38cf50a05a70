"""Lines that read and change nothing."""

from __future__ import annotations

from bot.grammar.requests import (
    Asked,
    Query,
)
from bot.grammar.verb import (
    Scope,
    Topic,
    Verb,
    Words,
    Wrong,
    ask,
)


def _list(words: Words) -> Asked:
    which = words.tail.casefold() or "open"
    if which not in {"open", "owing", "all"}:
        raise Wrong("List which? open, owing or all.", ("list open", "list owing", "list all"))
    return Asked(query=Query.LIST, argument=which)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="status",
        aliases=("info",),
        form="status",
        example="status",
        says="Shows where it stands.",
        topic=Topic.READ,
        changes=False,
        read=ask(Query.STATUS),
    ),
    Verb(
        name="timeline",
        form="timeline",
        example="timeline",
        says="Shows what happened, with the number of each entry.",
        topic=Topic.READ,
        changes=False,
        read=ask(Query.TIMELINE),
    ),
    Verb(
        name="who",
        form="who",
        example="who",
        says="Shows who commands, who responds, who was asked.",
        topic=Topic.READ,
        changes=False,
        read=ask(Query.WHO),
    ),
    Verb(
        name="score",
        form="score",
        example="score",
        says="Shows how a drill went: what was late, what was missing.",
        topic=Topic.READ,
        changes=False,
        read=ask(Query.SCORE),
    ),
    Verb(
        name="list",
        form="list [open|owing|all]",
        example="list open",
        says="Lists incidents.",
        topic=Topic.READ,
        scope=Scope.ANYWHERE,
        changes=False,
        read=_list,
    ),
    Verb(
        name="help",
        aliases=("?",),
        form="help [verb|all]",
        example="help declare",
        says="Shows what can be typed.",
        topic=Topic.READ,
        scope=Scope.ANYWHERE,
        changes=False,
        read=lambda words: Asked(query=Query.HELP, argument=words.tail.casefold()),
    ),
)
