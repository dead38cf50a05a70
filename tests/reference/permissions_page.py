"""The page of permissions, drawn from the table that `decide` asks."""

from __future__ import annotations

from bot.domain.acts import Act
from bot.domain.permissions import TABLE, Grant, Part
from bot.domain.stages import EVER, OPEN, UNDER_WAY, Standing

HEAD = """# Who may do what

Somebody can have several parts in an incident, and may do what any of them allows. **Named** are
the people of the config, and those whom `[access]` lets count as named; others are **unnamed**. A
**plugin** acts as a machine, for whatever it speaks: an alert, a monitor. It has no other part.
This page is drawn from the table that every command is checked against, whichever way it comes in:
a line, a button, a reaction, a form.

✓ always · **n** where there is no commander, as in a SEV3 · **s** once the commander has been
silent through a whole ladder · **u** where only somebody unnamed is acting commander, no trained
commander is left to ask, or a plugin declared a SEV1 or SEV2 and nobody was there to command it ·
**o** where nobody named owns the postmortem or the action

A *declarer, alone and in time* declared within the last 15 minutes (`[command] assess_within`), and
nobody else has accepted, joined, raised or recorded anything. *Taking part* is whoever joined. An
*owner* owns the postmortem, or the action that a command is about. Reading needs no part. What the
command line changes (`sitrep postmortem import --as ann`) it changes as the person named there.
"""

PHASES = {EVER: "any", OPEN: "open", UNDER_WAY: "under way", EVER - OPEN: "over"}


def page() -> str:
    """Return the page."""
    lines = [
        HEAD,
        f"| say | phase | {' | '.join(part.value for part in Part)} |",
        f"|---|---|{'---|' * len(Part)}",
    ]
    for act in Act:
        row = TABLE[act]
        cells = (_cell(row, part) for part in Part)
        lines.append(f"| {act.value} | {_phases(row.stages)} | {' | '.join(cells)} |")
    return "\n".join((*lines, ""))


def _cell(row: Grant, part: Part) -> str:
    if part in row.parts:
        return "✓"
    others = {"n": row.uncommanded, "s": row.silent, "u": row.unled, "o": row.ownerless}
    return " ".join(letter for letter, parts in others.items() if part in parts)


def _phases(stages: frozenset[Standing]) -> str:
    if stages in PHASES:
        return PHASES[stages]
    left = EVER - stages
    if len(left) == 1:
        return f"any but {next(iter(left)).value}"
    return ", ".join(stage.value for stage in Standing if stage in stages)
