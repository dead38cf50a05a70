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
    read_config,
    run_async,
    start_log,
)

if TYPE_CHECKING:
    from bot.config.model import Config


def check(
    config: ConfigOption = None,
    home: HomeOption = None,
    deep: Annotated[
        bool, typer.Option(help="Fold every timeline and compare it with its incident.")
    ] = False,
) -> None:
    """Check the config, every fault at once, and what it can reach. Changes nothing."""
    settings = read_config(config)
    start_log(settings)
    example = "none, so a built-in example team; your own: sitrep config > sitrep.toml"
    typer.echo(f"       config: {config or example}")
    sys.exit(run_async(_check(settings, home_folder(home), deep=deep)))


async def _check(config: Config, home: Path, *, deep: bool) -> Exit:
    from bot.cli import checks

    faults, warnings = await checks.check(config, home, deep=deep, tell=typer.echo)
    for line in warnings:
        typer.echo(f"note   {line}")
    for line in faults:
        typer.echo(f"fault  {line}")
    if not faults:
        typer.echo("ok     the config can be used")
    return Exit.REFUSED if faults else Exit.DONE
