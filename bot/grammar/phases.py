"""Lines that move an incident to another phase (T1, F6)."""

from __future__ import annotations

from bot.domain import commands as cmd
from bot.grammar.verb import (
    Topic,
    Verb,
    because,
)

VERBS: tuple[Verb, ...] = (
    Verb(
        name="stabilised",
        aliases=("mitigated", "stable", "stabilized"),
        form="stabilised [text]",
        example="stabilised error rate back to 0.2 %",
        says="Users are served again; diagnosis can begin.",
        topic=Topic.END,
        read=lambda words: cmd.Stabilise(text=words.optional_text()),
    ),
    Verb(
        name="resolve",
        aliases=("close", "resolved"),
        form="resolve [text]",
        example="resolve release 311 withdrawn",
        says="Ends the incident and releases the responders. The commander's word.",
        topic=Topic.END,
        read=lambda words: cmd.Resolve(text=words.optional_text()),
    ),
    Verb(
        name="reopen",
        form="reopen because <reason>",
        example="reopen because the errors are back",
        says="It is not over.",
        topic=Topic.END,
        read=because(lambda reason: cmd.Reopen(reason=reason)),
    ),
    Verb(
        name="cancel",
        form="cancel because <reason>",
        example="cancel because the alert was a test",
        says="It was a false alarm.",
        topic=Topic.END,
        read=because(lambda reason: cmd.Cancel(reason=reason)),
    ),
)
