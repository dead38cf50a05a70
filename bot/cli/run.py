"""`sitrep run`, and what one does before it: config, plugins, migrate."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import (
    ConfigOption,
    Exit,
    HomeOption,
    home_folder,
    read_config,
    read_whole,
    run_async,
    start_log,
    tell,
)
from bot.cli.signals import Hangups, on_hangup
from bot.cli.stopping import stop

if TYPE_CHECKING:
    from bot.cli.reload import ReadAgain
    from bot.config.model import Config


def run(
    config: ConfigOption = None,
    home: HomeOption = None,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Piped lines are JSON objects, in and out.")
    ] = False,
) -> None:
    """Run the bot: on a terminal as a conversation, in a pipe line by line.

    A line of a pipe looks like “ann@ops: !inc declare Checkout is down”. What is due is delivered
    before it ends, and the exit status tells whether all was handled.
    """
    stop.listen()
    gc.disable()  # what a start makes is no garbage; the app turns it on when it works
    hangups = Hangups()
    where = home_folder(home)
    read = partial(_read, config, where, json_lines=json_lines)
    settings = read()
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - closed by who started it
    interactive = sys.stdin.isatty() and "console" in settings.adapters
    log_file = where / "sitrep.log" if interactive else None
    start_log(settings, log_file)
    if config is None and sys.stdin.isatty():
        typer.echo("No config file: a built-in example team. Your own: sitrep config > sitrep.toml")

    _tell_if_deaf(settings)
    database = where / "sitrep.db"
    if settings.storage.url is None and not database.exists() and not _is_script(settings):
        tell(f"a new database: {database}")  # a start in the wrong folder shows

    def again(running: Config) -> tuple[Config, tuple[str, ...]]:
        from bot.cli.reload import read_beside

        put, waits = read_beside(running, read, where)
        start_log(put, log_file)
        return put, waits

    reads = again if config is not None else None
    stop.begins()
    status = run_async(_run(settings, where, hangups, reads, interactive=interactive))
    stop.over()
    sys.exit(status)


def _is_script(config: Config) -> bool:
    """Return whether lines are piped to the console alone."""
    return not sys.stdin.isatty() and set(config.adapters) == {"console"}


def _read(path: Path | None, home: Path, *, json_lines: bool) -> Config:
    settings = read_whole(path, home)
    if not json_lines:
        return settings
    console = {**settings.adapters.get("console", {}), "format": "json"}
    return settings.model_copy(update={"adapters": {**settings.adapters, "console": console}})


def _tell_if_deaf(config: Config) -> None:
    """Say why a bot ends at once that nobody can speak to, as in a container or under systemd."""
    empty, given = Path(os.devnull).stat(), os.fstat(sys.stdin.fileno())
    if set(config.adapters) != {"console"} or not os.path.samestat(empty, given):
        return
    tell(
        "nothing is to be heard, so it ends once what is due is done: the console is the only "
        "adapter, and standard input is empty; give it lines or a terminal (docker run -it), or "
        "add [adapters.matrix] or [adapters.teams]"
    )
    if config.http.listen is not None:
        tell("what [http] serves ends with it")


async def _run(
    config: Config,
    home: Path,
    hangups: Hangups,
    read_again: ReadAgain | None,
    *,
    interactive: bool,
) -> Exit:
    task = asyncio.current_task()
    if task is not None:
        stop.ends(task, asyncio.get_running_loop())
    from bot.app import composed
    from bot.cli.reload import reloading
    from bot.clock import SystemClock
    from bot.jobs.adapters import logins_lacking

    asked = on_hangup(hangups, reloads=read_again is not None)
    try:
        async with composed(config, home, SystemClock(), tell=tell) as app:
            for why in logins_lacking(app.plugins.adapters) if sys.stdin.isatty() else ():
                tell(f"{why}. It goes on by itself then; the rest runs")
            again = nullcontext() if read_again is None else reloading(app, asked, read_again)
            async with again:
                outcome = await app.run()
    except asyncio.CancelledError:
        return Exit.DONE
    for line in outcome.lost:
        typer.echo(f"sitrep: {line}", err=True)
    if outcome.lost:
        return Exit.CONFIG
    if outcome.waiting or outcome.dead:
        undelivered = outcome.waiting + outcome.dead
        typer.echo(f"sitrep: {undelivered} not delivered; the log says why", err=True)
        return Exit.UNDELIVERED
    # Whoever sits at a terminal has read what was refused; a script reads the exit status.
    refused = (outcome.refused or outcome.unread) and not interactive
    return Exit.REFUSED if refused else Exit.DONE


def show_config() -> None:
    """Print an example config with every key. Start yours: sitrep config > sitrep.toml."""
    from bot.config.load import example_text

    typer.echo(example_text(), nl=False)


def plugins(config: ConfigOption = None) -> None:
    """List what is installed, what it provides, and whether the config enables it."""
    from bot.plugin_manager import installed

    settings = read_config(config)
    for each in installed((*settings.adapters, *settings.plugins)):
        state = "enabled" if each.enabled else "off"
        what = each.fault or ", ".join(each.hooks)
        typer.echo(f"{each.name:<16} {each.version:<10} {state:<8} {what}")


def migrate(
    config: ConfigOption = None,
    home: HomeOption = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what would be done.")] = False,
) -> None:
    """Bring the database to this program's schema; `run` does so too, at its start."""
    settings = read_config(config)
    sys.exit(run_async(_migrate(settings, home_folder(home), dry_run=dry_run)))


async def _migrate(config: Config, home: Path, *, dry_run: bool) -> Exit:
    from bot.app import pending, upgraded

    names = await pending(config, home)
    if not names:
        typer.echo("up to date")
    elif dry_run:
        typer.echo(f"to be done: {', '.join(names)}")
    else:
        await upgraded(config, home, tell=typer.echo)
        typer.echo(f"done: {', '.join(names)}")
    return Exit.DONE
