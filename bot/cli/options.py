"""Options and helpers of every command. Nothing heavy is imported here."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from bot.config.model import Config


T = TypeVar("T")


class Exit(IntEnum):
    """The exit statuses."""

    DONE = 0
    REFUSED = 1
    CONFIG = 2
    UNDELIVERED = 3
    DATABASE = 4


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar="SITREP_CONFIG", help="The config file; none: a built-in one."
    ),
]


HomeOption = Annotated[
    Path | None,
    typer.Option(envvar="SITREP_HOME", help="The folder for data and state."),
]


def tell(line: str) -> None:
    """Tell the operator something beside the output."""
    typer.echo(f"sitrep: {line}", err=True)


def read_config(path: Path | None) -> Config:
    """Return the config of a file; the built-in one if `None`."""
    from bot.config.load import load

    return load(path)


def read_whole(path: Path | None, home: Path) -> Config:
    """Return the config of a file.

    Raises:
        ConfigError: With every fault at once, also of its plugins' sections.
    """
    from bot.config.load import examine

    config, faults = examine(path)
    if faults:
        from bot.clock import SystemClock
        from bot.contract.errors import ConfigError
        from bot.plugin_manager import sound

        raise ConfigError(sound(config, home, SystemClock(), None, faults)[1])
    return config


def home_folder(given: Path | None) -> Path:
    """Return the folder for data and state: the user's own, where none is named."""
    if given is not None:
        return given.expanduser().absolute()
    if base := os.environ.get("XDG_DATA_HOME"):
        return Path(base) / "sitrep"
    try:
        return Path.home() / ".local/share/sitrep"
    except RuntimeError:  # an arbitrary user of a container, who has no home
        tell("there is no home folder; set SITREP_HOME to a folder that can be written")
        sys.exit(Exit.CONFIG)


def start_log(config: Config, file: Path | None = None) -> None:
    """Set up logging as the config says."""
    from bot import log

    log.configure(config.log, file)


def run_async(what: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return asyncio.run(what)


def write_file(path: Path, text: str) -> None:
    """Write a text file, and the folder that it needs."""
    from bot.files import write_own

    path.parent.mkdir(parents=True, exist_ok=True)
    write_own(path, text)


def read_text(path: Path) -> str:
    """Return the text of a file that somebody named, or of standard input for `-`.

    The program ends if it cannot be read, or is no document: its kind and size are checked before.
    """
    from bot.files import LONGEST_DOCUMENT, read_file, read_stream, why_no_text

    try:
        return read_stream(sys.stdin.buffer, path) if str(path) == "-" else read_file(path)
    except OSError as exc:
        why = exc.strerror or str(exc)
    except UnicodeDecodeError as exc:
        why, _, _ = why_no_text(exc).partition(";")
    most = f"{LONGEST_DOCUMENT // 1024:,} KiB"
    tell(f"cannot read {path}: {why}; name a UTF-8 text file of at most {most}")
    sys.exit(Exit.CONFIG)
