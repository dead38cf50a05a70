"""Lines that keep promised updates and change a cadence (K2, K4)."""

from __future__ import annotations

from bot.domain import commands as cmd
from bot.domain.durations import parse_duration
from bot.domain.incident import ClockName
from bot.grammar.verb import (
    Topic,
    Verb,
    Words,
    Wrong,
    split_word,
)

NO_CHANGE = "Still investigating, no new findings"
"""The text of the one-tap update (K2)."""


def _no_change(words: Words) -> cmd.PostUpdate:
    words.nothing()
    return cmd.PostUpdate(text=NO_CHANGE)


def _cadence(words: Words) -> cmd.ChangeCadence:
    before, reason = words.reason()
    clock, length = split_word(before)
    if parse_duration(clock) is not None and not length:
        clock, length = "internal", clock
    if clock.casefold() not in set(ClockName):
        raise Wrong("Which clock? internal, external or stakeholder.")
    period = parse_duration(length)
    if period is None:
        shown = f"“{length[:20]}” is not a period. " if length else ""
        raise Wrong(f"{shown}How often? 15m, 30m, 1h30m.")
    return cmd.ChangeCadence(clock=ClockName(clock.casefold()), period=period, reason=reason)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="update",
        aliases=("u",),
        form="update <text>",
        example="update Rolling back release 311, 40 % of hosts done",
        says="Keeps the promise, and promises the next update.",
        topic=Topic.KEEP,
        read=lambda words: cmd.PostUpdate(text=words.text()),
    ),
    Verb(
        name="nochange",
        aliases=("nc",),
        form="nochange",
        example="nochange",
        says="The update “Still investigating, no new findings”.",
        topic=Topic.KEEP,
        read=_no_change,
    ),
    Verb(
        name="cadence",
        form="cadence <internal|external|stakeholder> <15m|1h30m> because <reason>",
        example="cadence internal 30m because waiting for the vendor",
        says="Promises another period. Longer: the commander, with a reason.",
        topic=Topic.KEEP,
        read=_cadence,
    ),
)
