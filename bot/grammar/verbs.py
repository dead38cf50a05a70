"""Every verb, from all topics: the parser reads them, and so does `help`."""

from __future__ import annotations

from bot.grammar import (
    actions,
    audience,
    cadence,
    command,
    phases,
    platforms,
    postmortem,
    privacy,
    public,
    reading,
    severity,
    timeline,
)
from bot.grammar.verb import Topic, Verb

_TOPICS = (
    severity,
    cadence,
    public,
    platforms,
    audience,
    command,
    timeline,
    privacy,
    phases,
    postmortem,
    actions,
    reading,
)

VERBS: tuple[Verb, ...] = tuple(
    sorted(
        (verb for topic in _TOPICS for verb in topic.VERBS),
        key=lambda verb: tuple(Topic).index(verb.topic),
    )
)
"""Every verb, in the order that `help` shows them."""

BY_WORD: dict[str, Verb] = {word: verb for verb in VERBS for word in (verb.name, *verb.aliases)}
"""Every word that can be typed for a verb; some are two."""

FAMILIES: frozenset[str] = frozenset(word.partition(" ")[0] for word in BY_WORD if " " in word)
"""The first words of two-word verbs."""
