"""The faults that no section can see by itself: names that must be somebody's, and only theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.config.model import Config, conversation_named
from bot.config.sections import SEVERITIES
from bot.likeness import nearest, same_to_people


def cross_faults(config: Config) -> list[str]:
    """Return the faults across the sections of a config, a line each."""
    faults = [
        *_nobodies(config),
        *_keys(config),
        *_alike("people", "@", {key: (key,) for key in config.people}),
        *_alike(
            "services",
            "service:",
            {key: (key, each.name or key) for key, each in config.services.items()},
        ),
        *_users(config),
        *_plans(config),
        *_places(config),
        *_pattern_faults(config),
    ]
    if not config.adapters:
        faults.append("adapters: at least one is needed; write [adapters.console]")
    return faults


def _nobodies(config: Config) -> Iterator[str]:
    """Yield who is named, and is nobody."""
    people = set(config.people)
    named: list[tuple[str, str | None]] = [
        ("plan.comms", config.plan.comms),
        ("plan.liaison", config.plan.liaison),
        *((f"paging.last.{i}", p) for i, p in enumerate(config.paging.last)),
        *((f"access.auditors.{i}", p) for i, p in enumerate(config.access.auditors)),
    ]
    for name, service in config.services.items():
        where = f"services.{name}"
        named += [(f"{where}.{k}", getattr(service, k)) for k in ("comms", "liaison", "owner")]
        named += [(f"{where}.on_call.{i}", p) for i, p in enumerate(service.on_call)]
    for where, person in named:
        if person is not None and person not in people:
            near = nearest(person, people)
            hint = f"did you mean {near[0]!r}?" if near else f"add [people.{person}]"
            yield f"{where}: nobody is called {person!r}; {hint}"


def _keys(config: Config) -> Iterator[str]:
    for key in config.people:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", key):
            yield f"people.{key}: use letters, digits, dots, dashes and underscores"


def _alike(table: str, typed: str, names: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the keys of a table that people cannot tell apart when they type them."""
    taken: dict[str, str] = {}
    for key, called in names.items():
        for name in called:
            first = taken.setdefault(same_to_people(name), key)
            if first != key:
                yield (
                    f"{table}.{key}: to people it is the same as {table}.{first}, since "
                    f"{typed}{name} may be typed in either case; rename one"
                )
                break


def _users(config: Config) -> Iterator[str]:
    """Yield the users that two people are said to be."""
    users: dict[tuple[str, str], str] = {}
    for key, section in config.people.items():
        for adapter, user in {"console": key, **section.users}.items():
            first = users.setdefault((adapter, same_to_people(user)), key)
            if same_to_people(first) != same_to_people(key):
                yield f"people.{key}.users.{adapter}: {user!r} is {first}'s; one person each"


def _plans(config: Config) -> Iterator[str]:
    plans = {"plan": config.plan, **{f"services.{n}": s for n, s in config.services.items()}}
    for where, plan in plans.items():
        for key in SEVERITIES if plan.mirror else ():
            for adapter in getattr(plan.mirror, key):
                if adapter not in config.adapters:
                    known = ", ".join(sorted(config.adapters)) or "none"
                    yield (
                        f"{where}.mirror.{key}: no adapter {adapter!r} is configured; "
                        f"there is: {known}"
                    )
        for page in plan.status_pages or ():
            if page not in config.plugins:
                add = f"add [plugins.{page}]"
                yield f"{where}.status_pages: no plugin {page!r} is configured; {add}"
        for key in SEVERITIES if plan.audiences else ():
            for name in getattr(plan.audiences, key):
                for fault in _audience_faults(config, name):
                    yield f"{where}.audiences.{key}: {fault}"


def _places(config: Config) -> Iterator[str]:
    named_places = (
        ("triage.conversation", config.triage.conversation),
        ("actions.conversation", config.actions.conversation),
    )
    for where, named_place in named_places:
        place = conversation_named(named_place)
        if place is not None and (not place.id or place.adapter not in config.adapters):
            yield (
                f"{where}: {named_place!r} is not a conversation of a configured adapter; "
                "write console:ops"
            )


def _pattern_faults(config: Config) -> list[str]:
    """Return which patterns of `access.trusted` nobody can match: of no adapter, or empty (F8)."""
    known = ", ".join(sorted(config.adapters)) or "none"
    split = [(pattern, *pattern.partition(":")[::2]) for pattern in config.access.trusted]
    return [
        f"access.trusted.{n}: {pattern!r} is not a pattern on a configured adapter; write "
        f"matrix:@*:example.org, or teams:<tenant id>; there is: {known}"
        for n, (pattern, adapter, users) in enumerate(split)
        if not users or adapter not in config.adapters
    ]


def _audience_faults(config: Config, name: str) -> list[str]:
    if name.startswith("@"):
        known = name[1:] in config.people
        return [] if known else [f"nobody is called {name[1:]!r}; add [people.{name[1:]}]"]
    adapter, _, conversation = name.partition(":")
    if conversation and adapter in config.adapters:
        return []
    if is_mail_address(name):
        return [] if config.stakeholders.url else [MAIL_NEEDS_A_WAY_OUT]
    return [
        f"{name!r} is not an audience; "
        "write @ann, a mail address, or a conversation like console:ops"
    ]


MAIL_NEEDS_A_WAY_OUT = (
    "who gets mail must be able to end it: set stakeholders.url to where readers reach http.listen"
)


def is_mail_address(text: str) -> bool:
    """Return whether a text can be a mail address."""
    return re.fullmatch(r"[^@\s<>,;:\"()]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}", text) is not None
