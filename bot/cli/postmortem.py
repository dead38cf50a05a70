"""`sitrep lint` and `sitrep postmortem`: documents out, edited, and in again."""

from __future__ import annotations

import json
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
    read_text,
    run_async,
    start_log,
    write_file,
)

if TYPE_CHECKING:
    from bot.config.model import Config


def lint(
    files: Annotated[
        list[Path], typer.Argument(help="Postmortems in Markdown; - reads from stdin.")
    ],
    names: Annotated[
        list[str] | None, typer.Option("--name", help="Somebody who took part; may be repeated.")
    ] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Find blame, blanks and weak actions in any postmortem. Needs no config, changes nothing.

    The exit status is 1 where something is to be put right; warnings alone leave it 0.
    """
    from dataclasses import asdict

    from bot.domain.blameless import lint as look

    errors = 0
    for path in files:
        for finding in look(read_text(path), tuple(names or ())):
            errors += finding.blocks
            if json_lines:
                typer.echo(json.dumps({"file": str(path), **asdict(finding)}, ensure_ascii=False))
                continue
            kind = "error" if finding.blocks else "warning"
            typer.echo(
                f"{path}:{finding.line}:{finding.column}: {kind} {finding.rule}: "
                f"“{finding.words}”\n    {finding.why}\n    {finding.advice}"
            )
    sys.exit(Exit.REFUSED if errors else Exit.DONE)


def postmortem_export(
    incident: Annotated[str, typer.Argument(help="INC-42, NEAR-3")],
    config: ConfigOption = None,
    home: HomeOption = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; none: standard output.")
    ] = None,
) -> None:
    """Write a postmortem as Markdown; edit it, and `sitrep postmortem import` it."""
    settings = read_config(config)
    sys.exit(run_async(_postmortem_export(settings, home_folder(home), incident.upper(), out)))


async def _postmortem_export(config: Config, home: Path, name: str, out: Path | None) -> Exit:
    from bot.app import reading
    from bot.cli.exports import postmortem

    async with reading(config, home) as store:
        text = await postmortem(config, store, name)
    if text is None:
        typer.echo(f"sitrep: there is no {name}; see: sitrep incidents all", err=True)
        return Exit.REFUSED
    if out is None:
        typer.echo(text, nl=False)
        return Exit.DONE
    try:
        write_file(out, text)
    except OSError as exc:
        typer.echo(f"sitrep: cannot write {out}: {exc.strerror}", err=True)
        return Exit.CONFIG
    typer.echo(out)
    return Exit.DONE


def postmortem_import(
    incident: Annotated[str, typer.Argument(help="INC-42, NEAR-3")],
    file: Annotated[Path, typer.Argument(help="The edited Markdown; - reads from stdin.")],
    author: Annotated[
        str, typer.Option("--as", help="Who wrote it: a name of the config, like ann.")
    ],
    config: ConfigOption = None,
    home: HomeOption = None,
) -> None:
    """Take over what differs: sections become a version, rows of the table action items.

    What the record says (date, severity, duration, status) is not changed by a file. The bot may be
    running meanwhile, and tells its rooms.
    """
    text = read_text(file)
    settings = read_config(config)
    start_log(settings)
    sys.exit(
        run_async(_postmortem_import(settings, home_folder(home), incident.upper(), text, author))
    )


async def _postmortem_import(config: Config, home: Path, name: str, text: str, author: str) -> Exit:
    from bot.app import writing
    from bot.people import Unknown

    person = config.directory.find(author, {})
    if isinstance(person, Unknown):
        typer.echo(f"sitrep: nobody is called {author!r}; add [people.{author}]", err=True)
        return Exit.CONFIG
    async with writing(config, home) as app:
        done, said = await app.intake.documents.take_over(name, text, person)
    typer.echo(said if done else f"sitrep: {said}", err=not done)
    return Exit.DONE if done else Exit.REFUSED
