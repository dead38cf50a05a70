"""Reading the config: TOML, secrets from outside, and every fault at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from pydantic import (
    BaseModel,
    ValidationError,
)

from bot.config.model import Config, conversation_named
from bot.config.sections import SEVERITIES
from bot.contract.errors import ConfigError
from bot.contract.secrets import Revealed
from bot.files import LONGEST_SECRET, read_file
from bot.likeness import nearest

EXAMPLE = "config.example.toml"


def default_text() -> str:
    """Return the default config: a console and an example team."""
    return files("bot").joinpath("default.toml").read_text("utf-8")


def example_text() -> str:
    """Return the commented example with every key and its default."""
    packaged = files("bot").joinpath(EXAMPLE)
    # In a checkout it stands at the top, where people look for it; a wheel carries it inside.
    found = packaged if packaged.is_file() else Path(__file__).parents[2] / EXAMPLE
    return found.read_text("utf-8")


def example_people() -> frozenset[str]:
    """Return the keys of the invented people in the example, where they are commented out."""
    return frozenset(re.findall(r"^# \[people\.([\w-]+)\]", example_text(), re.MULTILINE))


def load(path: Path | None, environ: Mapping[str, str] = os.environ) -> Config:
    """Read a config file; the built-in one for none.

    Raises:
        ConfigError: With every fault at once.
    """
    if path is None:
        return parse(default_text(), environ)
    try:
        text = read_file(path)
    except UnicodeDecodeError as exc:
        raise ConfigError(
            (f"{path}: not UTF-8 text (byte {exc.start}); save it as UTF-8",)
        ) from exc
    except OSError as exc:
        raise ConfigError(
            (f"{path}: {exc.strerror or exc}; name a file that can be read",)
        ) from exc
    return parse(text, environ)


def parse(text: str, environ: Mapping[str, str] = os.environ) -> Config:
    """Read a config's text.

    Raises:
        ConfigError: With every fault at once.
    """
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise ConfigError((f"not TOML: {exc}; the file is not read further",)) from exc
    faults: list[str] = []
    raw = _reveal(raw, (), environ, faults)
    try:
        config = Config.model_validate(raw)
    except ValidationError as exc:
        raise ConfigError((*faults, *faults_of(exc, Config, ()))) from exc
    faults += _cross_faults(config)
    if faults:
        raise ConfigError(tuple(faults))
    return config


def _reveal(
    value: Any,  # noqa: ANN401 - whatever TOML holds
    where: tuple[str, ...],
    environ: Mapping[str, str],
    faults: list[str],
) -> Any:  # noqa: ANN401
    """Replace `{env = "NAME"}` and `{file = "path"}` by what they name."""
    if isinstance(value, list):
        return [_reveal(v, (*where, str(i)), environ, faults) for i, v in enumerate(value)]
    if not isinstance(value, dict):
        return value
    secret_place = len(where) > 2 or where[:1] == ("storage",)
    if secret_place and value.keys() == {"env"} and isinstance(value["env"], str):
        if (found := environ.get(value["env"])) is None:
            faults.append(f"{'.'.join(where)}: environment variable {value['env']} is not set")
        return Revealed(found or "")
    if secret_place and value.keys() == {"file"} and isinstance(value["file"], str):
        try:
            return Revealed(read_file(Path(value["file"]), LONGEST_SECRET).strip())
        except (OSError, UnicodeDecodeError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else exc
            faults.append(f"{'.'.join(where)}: cannot read {value['file']}: {why}")
            return ""
    return {k: _reveal(v, (*where, k), environ, faults) for k, v in value.items()}


def _cross_faults(config: Config) -> list[str]:
    """Return what no section can see by itself: names that must be somebody's."""
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
    faults = []
    for where, person in named:
        if person is not None and person not in people:
            near = nearest(person, people)
            hint = f"did you mean {near[0]!r}?" if near else f"add [people.{person}]"
            faults.append(f"{where}: nobody is called {person!r}; {hint}")
    users: dict[tuple[str, str], str] = {}
    for key, person_section in config.people.items():
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", key):
            faults.append(f"people.{key}: use letters, digits, dots, dashes and underscores")
        for user in person_section.users.items():
            if user in users:
                faults.append(
                    f"people.{key}.users.{user[0]}: {user[1]!r} is {users[user]}'s; one person each"
                )
            users[user] = key
    plans = {"plan": config.plan, **{f"services.{n}": s for n, s in config.services.items()}}
    for where, plan in plans.items():
        for key in SEVERITIES if plan.mirror else ():
            for adapter in getattr(plan.mirror, key):
                if adapter not in config.adapters:
                    known = ", ".join(sorted(config.adapters)) or "none"
                    faults.append(
                        f"{where}.mirror.{key}: no adapter {adapter!r} is configured; "
                        f"there is: {known}"
                    )
        faults += [
            f"{where}.status_pages: no plugin {page!r} is configured; add [plugins.{page}]"
            for page in plan.status_pages or ()
            if page not in config.plugins
        ]
        for key in SEVERITIES if plan.audiences else ():
            faults += [
                f"{where}.audiences.{key}: {fault}"
                for name in getattr(plan.audiences, key)
                for fault in _audience_faults(config, name)
            ]
    named_places = (
        ("triage.conversation", config.triage.conversation),
        ("actions.conversation", config.actions.conversation),
    )
    for where, named_place in named_places:
        place = conversation_named(named_place)
        if place is not None and (not place.id or place.adapter not in config.adapters):
            faults.append(
                f"{where}: {named_place!r} is not a conversation of a configured adapter; "
                "write console:ops"
            )
    faults += _pattern_faults(config)
    if not config.adapters:
        faults.append("adapters: at least one is needed; write [adapters.console]")
    return faults


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


def faults_of(
    exc: ValidationError, model: type[BaseModel], under: Sequence[str]
) -> tuple[str, ...]:
    """Return a validation error as one line a fault: the key, what is wrong, and the fix."""
    return tuple(_fault(dict(error), model, under) for error in exc.errors(include_url=False))


def _fault(error: Mapping[str, Any], model: type[BaseModel], under: Sequence[str]) -> str:
    path = tuple(str(part) for part in error["loc"])
    where = ".".join((*under, *path))
    if error["type"] == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        near = nearest(path[-1], known)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(known))}"
        return f"{where}: unknown key; {hint}"
    if error["type"] == "missing":
        return f"{where}: missing; add it"
    text = str(error["msg"]).removeprefix("Value error, ")
    given = error.get("input")
    # A plugin's section may hold a secret: what is in it is not repeated.
    shown = not under and isinstance(given, str | int | float | bool)
    if error["type"] != "value_error" and shown:
        text = f"{text} (it is {given!r})"
    return f"{where or 'the file'}: {text}"


def _keys_at(model: type[BaseModel], path: Iterable[str]) -> set[str]:
    for part in path:
        if part not in model.model_fields:
            continue
        inner = _model_in(model.model_fields[part].annotation)
        if inner is not None:
            model = inner
    return set(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(arg) for arg in get_args(annotation))
    return next((model for model in found if model is not None), None)
