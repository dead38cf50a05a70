"""Reading the config: TOML, secrets from outside, and every fault at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import Any
from unicodedata import normalize

from bot.config.cross import cross_faults
from bot.config.faults import Fault, Where, faults_in
from bot.config.model import Config
from bot.contract.errors import ConfigError
from bot.contract.secrets import Revealed
from bot.files import LONGEST_SECRET, read_file, why_no_text

EXAMPLE = "config.example.toml"

EXACT = frozenset(
    {"storage", "http", "log", "adapters", "plugins"}
    | {"users", "mail", "trusted", "conversations", "conversation", "audiences", "url"}
)
"""The keys whose values are taken as they are written: ids, addresses, files, secrets."""


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
    return _whole(*examine(path, environ))


def parse(text: str, environ: Mapping[str, str] = os.environ) -> Config:
    """Read a config's text.

    Raises:
        ConfigError: With every fault at once.
    """
    return _whole(*_examined(text, environ))


def examine(
    path: Path | None, environ: Mapping[str, str] = os.environ
) -> tuple[Config, tuple[str, ...]]:
    """Read a config file; return what can be used of it, and the faults of the rest.

    So that what depends on it (plugins' sections, the database) can be looked at in the same round.

    Raises:
        ConfigError: It cannot be read at all, or is not TOML.
    """
    if path is None:
        return _examined(default_text(), environ)
    try:
        text = read_file(path)
    except UnicodeDecodeError as exc:
        raise ConfigError((f"{path}: {why_no_text(exc)}",)) from exc
    except OSError as exc:
        raise ConfigError(
            (f"{path}: {exc.strerror or exc}; name a file that can be read",)
        ) from exc
    if "\0" in text:
        why = "it has zero bytes in it, as UTF-16 has; save it as UTF-8"
        raise ConfigError((f"{path}: {why}",))
    return _examined(text, environ)


def by_section(faults: Iterable[str]) -> tuple[str, ...]:
    """Return faults in the order of their sections."""
    order = {name: n for n, name in enumerate(Config.model_fields)}

    def place(fault: str) -> int:
        section = re.match(r"\[?(\w+)", fault)
        return order.get(section[1] if section else "", len(order))

    return tuple(sorted(dict.fromkeys(faults), key=place))


def _whole(config: Config, faults: tuple[str, ...]) -> Config:
    if faults:
        raise ConfigError(faults)
    return config


def _examined(text: str, environ: Mapping[str, str]) -> tuple[Config, tuple[str, ...]]:
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ConfigError((f"not TOML: {exc}; the file is not read further",)) from exc
    lines: list[str] = []
    raw = _composed(_reveal(raw, (), environ, lines))
    config, faults = faults_in(Config, raw)
    if config is None:
        config = _rest(raw, faults)
    lines += [fault.line() for fault in faults]
    return config, by_section((*lines, *cross_faults(config)))


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
        found = environ.get(value["env"])
        if found is None:
            faults.append(
                f"{'.'.join(where)}: environment variable {value['env']} is not set; set it"
            )
        elif not found.strip():
            faults.append(
                f"{'.'.join(where)}: environment variable {value['env']} is blank; set it"
            )
        return Revealed(found or "")
    if secret_place and value.keys() == {"file"} and isinstance(value["file"], str):
        return Revealed(_secret(value["file"], ".".join(where), faults))
    return {k: _reveal(v, (*where, k), environ, faults) for k, v in value.items()}


def _secret(file: str, where: str, faults: list[str]) -> str:
    try:
        found = read_file(Path(file), LONGEST_SECRET).strip()
    except UnicodeDecodeError as exc:
        faults.append(f"{where}: cannot read {file}: {why_no_text(exc)}")
    except (OSError, ValueError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else exc
        faults.append(f"{where}: cannot read {file}: {why}; name a file that can be read")
    else:
        if not found:
            faults.append(f"{where}: {file} is blank; write the secret into it")
        return found
    return ""


def _rest(raw: Mapping[str, Any], faults: Iterable[Fault]) -> Config:
    """Return what can be used of a config: it without its faulty keys."""
    rest = deepcopy(dict(raw))
    for fault in reversed(list(faults)):  # the last of a list first
        _remove(rest, fault.where)
    found, _ = faults_in(Config, rest)
    return found or Config()


def _remove(rest: Any, where: Where) -> None:  # noqa: ANN401 - a table or a list of TOML's
    """Remove a key; a person or a service stays, so that nobody who is named goes missing."""
    *outer, last = where
    try:
        for part in outer:
            rest = rest[part]
        if len(outer) == 1 and outer[0] in NAMED:
            rest[last] = {}
        else:
            del rest[last]
    except (KeyError, IndexError, TypeError):
        return  # it went with what is around it


NAMED = frozenset({"people", "services", "adapters", "plugins"})
"""The tables that hold a table for each name."""


def _composed(raw: Any, *, values: bool = True) -> Any:  # noqa: ANN401 - whatever TOML holds
    """Return a config whose names are written as people type them, whatever wrote the file (NFC).

    What is not typed (a file's name, an address, a secret) stays as it is.
    """
    if isinstance(raw, list):
        return [_composed(each, values=values) for each in raw]
    if isinstance(raw, dict):
        return {
            normalize("NFC", key): _composed(each, values=values and key not in EXACT)
            for key, each in raw.items()
        }
    return normalize("NFC", raw) if values and isinstance(raw, str) else raw
