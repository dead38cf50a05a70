"""`sitrep backup` and `sitrep restore`: the record, and what the adapters keep."""

from __future__ import annotations

import asyncio
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


def backup(
    to: Annotated[Path, typer.Argument(help="A folder; it is made, and must be new or empty.")],
    config: ConfigOption = None,
    home: HomeOption = None,
) -> None:
    """Write the record and the adapters' keys to a folder, while the bot runs or not.

    What has its final name there is whole and checked. `sitrep restore` puts it back. The folder
    can be a home folder itself, too: SITREP_HOME may name it (for Matrix, `sitrep matrix login`
    first: the keys are read in). A PostgreSQL database is not in it; use pg_dump.
    """
    settings = read_config(config)
    start_log(settings)
    sys.exit(run_async(_backup(settings, home_folder(home), to)))


def restore(
    backup_folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder that `sitrep backup` wrote.")
    ],
    config: ConfigOption = None,
    home: HomeOption = None,
) -> None:
    """Put a backup back, with no bot running. What stood in its place is kept beside it.

    The copy is checked first. Other files of the backup are put back only where they are missing.
    """
    settings = read_config(config)
    start_log(settings)
    sys.exit(run_async(_restore(settings, home_folder(home), backup_folder)))


async def _restore(config: Config, home: Path, backup_folder: Path) -> Exit:
    from bot.app import restored

    path, aside = await restored(config, home, backup_folder)
    typer.echo(f"{path}: restored, {await _held(config, home)}")
    for each in await asyncio.to_thread(_put_beside, backup_folder, home):
        typer.echo(f"{each}: put back")
    if aside is not None:
        typer.echo(f"{aside}: what stood there before")
    typer.echo("What was said since the backup is not in it. Next: sitrep check --deep, sitrep run")
    return Exit.DONE


async def _held(config: Config, home: Path) -> str:
    """Return what a restored database holds, as words."""
    from bot.app import reading

    async with reading(config, home) as store:
        known = await store.read(lambda work: work.list("all", 1_000_000))
        still = await store.read(lambda work: work.list("open", 1_000_000))
        waiting = (await store.backlog())["waiting"]
    many = f"{len(known)} incident{'s' if len(known) != 1 else ''}"
    words = f"{many}, {len(still)} still open"
    return f"{words}; {waiting} messages wait, and are sent at the next start" if waiting else words


def _put_beside(backup_folder: Path, home: Path) -> list[Path]:
    """Copy the files of a backup, besides the database, that the home folder does not have."""
    from bot.files import make_folder, write_own

    put = []
    for found in sorted(backup_folder.rglob("*")):
        to = home / found.relative_to(backup_folder)
        if (
            found.is_symlink()
            or not found.is_file()
            or to.exists()
            or found.parent == backup_folder
        ):
            continue
        make_folder(to.parent)
        write_own(to, found.read_bytes())
        put.append(to)
    return put


async def _backup(config: Config, home: Path, to: Path) -> Exit:
    for line in await backed_up(config, home, to):
        typer.echo(line)
    return Exit.DONE


async def backed_up(config: Config, home: Path, to: Path) -> list[str]:
    """Write everything; return what was written where.

    Raises:
        SetupFailed: The folder holds something, or cannot be written.
    """
    from bot.app import copied
    from bot.clock import SystemClock
    from bot.contract.context import BackedUp
    from bot.contract.errors import SetupFailed
    from bot.plugin_manager import loaded

    plugins = loaded(config, home, SystemClock())
    try:
        await asyncio.to_thread(_made, to)
        url = config.database_url(home)
        if url.startswith("sqlite"):
            written = [await copied(config, home, to)]
        else:
            written = ["the database is PostgreSQL's: back it up with pg_dump"]
        for _name, provided in plugins.provided():
            if isinstance(provided, BackedUp):
                written += await provided.backup(to)
    except OSError as exc:
        raise SetupFailed(f"cannot write {to}: {exc.strerror or exc}") from exc
    return written


def _made(folder: Path) -> None:
    from bot.contract.errors import SetupFailed
    from bot.files import make_folder

    make_folder(folder)
    if any(folder.iterdir()):
        raise SetupFailed(f"{folder} is not empty; name a new folder")
