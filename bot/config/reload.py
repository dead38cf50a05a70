"""A config that is read again while Sitrep runs: what of it can be put in force, and what cannot.

A restart is needed for what only the start sets up: the database, the addresses that are listened
at, the time limits of calls, and the sections of adapters and plugins.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.config.cross import cross_faults
from bot.config.load import by_section
from bot.config.model import Config
from bot.contract.errors import ConfigError

SET_UP = ("storage", "delivery", "http")
"""The sections that hold until the next start; so does each of an adapter or a plugin."""

LOADED = ("adapters", "plugins")


def put_together(running: Config, read: Config) -> tuple[Config, tuple[str, ...]]:
    """Return what to put in force of a config that was read again, and the sections that wait.

    Raises:
        ConfigError: It needs something that only the next start sets up.
    """
    waits = tuple(_waiting(running, read))
    sections = {name: getattr(read, name) for name in Config.model_fields}
    sections |= {name: getattr(running, name) for name in (*SET_UP, *LOADED)}
    config = Config.model_validate(sections)
    if faults := cross_faults(config):
        raise ConfigError(by_section((*faults, *map(restart_for, waits))))
    return config, waits


def restart_for(section: str) -> str:
    """Return that a section holds from the next start on."""
    return f"{section} changed: restart to use it"


def _waiting(running: Config, read: Config) -> Iterator[str]:
    for name in SET_UP:
        if getattr(running, name) != getattr(read, name):
            yield name
    for group in LOADED:
        before, after = getattr(running, group), getattr(read, group)
        for name in dict.fromkeys((*before, *after)):
            if before.get(name) != after.get(name):
                yield f"{group}.{name}"
