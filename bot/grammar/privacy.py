"""Lines that make an incident private, or open it again (F17)."""

from __future__ import annotations

from bot.domain import commands as cmd
from bot.grammar.verb import Topic, Verb, Words, Wrong


def _private(words: Words) -> cmd.ChangePrivacy:
    before, reason = words.reason()
    word = before.casefold() or "on"
    if word not in {"on", "off"}:
        lines = ("private on because <reason>", "private off because <reason>")
        raise Wrong("Private: on or off?", lines)
    return cmd.ChangePrivacy(private=word == "on", reason=reason)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="private",
        form="private on|off because <reason>",
        example="private on because personal data is named",
        says="Only those who take part read the incident; to others it is a number. "
        "`off` opens it again.",
        topic=Topic.RECORD,
        read=_private,
    ),
)
