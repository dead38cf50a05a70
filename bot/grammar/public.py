"""Lines about texts for the public (X2)."""

from __future__ import annotations

from bot.domain import commands as cmd
from bot.domain.publication import PublicState
from bot.grammar.requests import (
    Asked,
    Query,
)
from bot.grammar.verb import (
    Topic,
    Verb,
    Words,
    Wrong,
)


def _external(words: Words) -> cmd.PublishExternal | Asked:
    text, options = words.options("state", "title")
    if not text and not options:
        return Asked(query=Query.EXTERNAL)
    if not text:
        raise Wrong("What should the page say?")
    named = options.get("state", "").casefold()
    state = next((s for s in PublicState if s.value == named), None)
    if named and state is None:
        known = ", ".join(s.value for s in PublicState)
        raise Wrong(f"No state “{named[:30]}”: {known}.", (f"external state:identified {text}",))
    title = " ".join(options["title"].split()) if "title" in options else None
    return cmd.PublishExternal(text=text, title=title, state=state)


def _approve(words: Words) -> cmd.Approve:
    return cmd.Approve(entry=words.number(words.tail) if words.tail else None)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="external",
        aliases=("public",),
        form="external [state:<investigating|identified>] <text> [title:<title>]",
        example="external Checkout is slow; a fix is being rolled out",
        says="Publishes on the status pages: the commander. By comms: a draft for their word. "
        "Without text: shows what could be said.",
        topic=Topic.KEEP,
        read=_external,
    ),
    Verb(
        name="approve",
        form="approve [<n>]",
        example="approve 12",
        says="Publishes draft n, or the one that this conversation showed last. The commander.",
        topic=Topic.KEEP,
        read=_approve,
    ),
    Verb(
        name="reject",
        form="reject <why>",
        example="reject name no customer",
        says="Sends the draft back, with the reason.",
        topic=Topic.KEEP,
        read=lambda words: cmd.RejectDraft(reason=words.optional_text()),
    ),
)
