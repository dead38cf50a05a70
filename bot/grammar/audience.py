"""Lines for people outside the response: briefs, subscriptions, the shield (H1, H2)."""

from __future__ import annotations

import re

from bot.domain import commands as cmd
from bot.domain.incident import Severity
from bot.grammar.requests import (
    Asked,
    Query,
    SetShield,
    Subscribe,
    Unsubscribe,
)
from bot.grammar.verb import (
    INCIDENT_ID,
    SEVERITY,
    Scope,
    Topic,
    Verb,
    Words,
    Wrong,
    ask,
)


def _brief(words: Words) -> cmd.SendBrief | Asked:
    return cmd.SendBrief(text=words.tail) if words.tail else Asked(query=Query.DRAFT)


def _subscribe(words: Words) -> Subscribe:
    text, options = words.options("service", "to")
    incident: str | None = None
    severity, rest = None, []
    flags = {"all": False, "postmortems": False, "digest": False}
    for word in text.split():
        folded = word.casefold()
        if folded in flags:
            flags[folded] = True
        elif (level := SEVERITY.fullmatch(word)) is not None and level[1] != "4":
            severity = Severity(int(level[1]))
        elif (match := INCIDENT_ID.fullmatch(word)) is not None:
            incident = f"{match[1].upper()}-{match[2]}"
        else:
            rest.append(word)
    if rest:
        raise Wrong(f"“{' '.join(rest)[:40]}” cannot be subscribed to.")
    return Subscribe(
        incident=incident,
        everything=flags["all"] or severity is not None or "service" in options,
        postmortems=flags["postmortems"],
        severity=severity,
        service=options.get("service"),
        to=options.get("to"),
        digest=flags["digest"],
    )


def _unsubscribe(words: Words) -> Unsubscribe:
    if words.tail.casefold() == "all":
        return Unsubscribe(everything=True)
    if not words.tail:
        return Unsubscribe()
    if not re.fullmatch(r"#?\d{1,9}", words.tail):
        raise Wrong("Which one? Its number, or all.", ("subscriptions", "unsubscribe all"))
    return Unsubscribe(n=int(words.tail.removeprefix("#")))


def _shield(words: Words) -> SetShield:
    if words.tail.casefold() not in {"on", "off"}:
        raise Wrong("On or off?", ("shield off", "shield on"))
    return SetShield(on=words.tail.casefold() == "on")


VERBS: tuple[Verb, ...] = (
    Verb(
        name="brief",
        form="brief [text]",
        example="brief Checkout is down since 14:04; a rollback is under way",
        says="Sends a summary to stakeholders. Without text: shows a draft.",
        topic=Topic.KEEP,
        read=_brief,
    ),
    Verb(
        name="subscribe",
        aliases=("follow",),
        form="subscribe [INC-n|all|postmortems] [sev1..3] [service:<s>] [to:<here|mail|address>]"
        " [digest]",
        example="subscribe sev2 service:checkout",
        says="Tells you of incidents, directly: declared, briefs, how they end.",
        topic=Topic.OUTSIDE,
        scope=Scope.ANYWHERE,
        read=_subscribe,
    ),
    Verb(
        name="unsubscribe",
        aliases=("unfollow",),
        form="unsubscribe [n|all]",
        example="unsubscribe 3",
        says="Ends a subscription.",
        topic=Topic.OUTSIDE,
        scope=Scope.ANYWHERE,
        read=_unsubscribe,
    ),
    Verb(
        name="subscriptions",
        form="subscriptions",
        example="subscriptions",
        says="Lists yours, and those of this conversation.",
        topic=Topic.OUTSIDE,
        scope=Scope.ANYWHERE,
        changes=False,
        read=ask(Query.SUBSCRIPTIONS),
    ),
    Verb(
        name="shield",
        form="shield <on|off>",
        example="shield off",
        says="Whether Sitrep answers people here who ask for news and are not responding.",
        topic=Topic.OUTSIDE,
        scope=Scope.ANYWHERE,
        read=_shield,
    ),
)
