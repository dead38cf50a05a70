"""`sitrep check`: what is wrong, and what would be missed at 3 a.m."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import (
    ConfigOption,
    Exit,
    HomeOption,
    home_folder,
    run_async,
    start_log,
)

if TYPE_CHECKING:
    from bot.config.model import Config


def check(
    config: ConfigOption = None,
    home: HomeOption = None,
    deep: Annotated[
        bool,
        typer.Option(help="Look through the whole database, and compare timelines and incidents."),
    ] = False,
) -> None:
    """Check the config, every fault at once, and what it can reach. Changes nothing."""
    from bot.config.load import examine

    settings, faults = examine(config)
    start_log(settings)
    example = "none, so a built-in example team; your own: sitrep config > sitrep.toml"
    typer.echo(f"       config: {config or example}")
    sys.exit(run_async(_check(settings, faults, home_folder(home), deep=deep)))


async def _check(config: Config, faults: tuple[str, ...], home: Path, *, deep: bool) -> Exit:
    from bot.cli import checks

    found = await checks.check(config, home, deep=deep, tell=typer.echo, faults=faults)
    # What a config lacks is worth knowing once it can be used.
    for line in found.notes if not found.of_config else ():
        typer.echo(f"note   {line}")
    for line in (*found.of_config, *found.faults, *found.of_database):
        typer.echo(f"fault  {line}")
    if found.of_config:
        return Exit.CONFIG
    if found.of_database:
        return Exit.DATABASE
    if found.faults:
        return Exit.REFUSED
    typer.echo("ok     the config can be used")
    return Exit.DONE
