"""Lines that tell an incident on another platform, too."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain import commands as cmd
from bot.grammar.verb import (
    Topic,
    Verb,
    Words,
    Wrong,
    split_word,
)


def _platform(make: Callable[[str], cmd.Command]) -> Callable[[Words], cmd.Command]:
    def read(words: Words) -> cmd.Command:
        name, more = split_word(words.tail)
        if not name or more:
            raise Wrong("Which platform? One word.")
        return make(name.casefold())

    return read


VERBS: tuple[Verb, ...] = (
    Verb(
        name="mirror",
        form="mirror <platform>",
        example="mirror teams",
        says="Tells the incident on another platform too; commands work on both.",
        topic=Topic.KEEP,
        read=_platform(lambda name: cmd.Mirror(adapter=name)),
    ),
    Verb(
        name="unmirror",
        form="unmirror <platform>",
        example="unmirror teams",
        says="Tells it there no more.",
        topic=Topic.KEEP,
        read=_platform(lambda name: cmd.EndMirror(adapter=name)),
    ),
)
