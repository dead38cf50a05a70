"""`sitrep incidents`, `export` and `actions`: the record as text and files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import (
    ConfigOption,
    Exit,
    HomeOption,
    home_folder,
    read_config,
    run_async,
    write_file,
)

if TYPE_CHECKING:
    from bot.config.model import Config


def incidents(
    which: Annotated[str, typer.Argument(help="open, owing or all")] = "open",
    config: ConfigOption = None,
    home: HomeOption = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List incidents."""
    if which not in {"open", "owing", "all"}:
        raise typer.BadParameter("open, owing or all", param_hint="which")
    settings = read_config(config)
    run_async(_incidents(settings, home_folder(home), which, json_lines=json_lines))


async def _incidents(config: Config, home: Path, which: Any, *, json_lines: bool) -> None:  # noqa: ANN401
    from bot.app import reading
    from bot.contract.messages import plain
    from bot.presenter import Presenter

    async with reading(config, home) as store:
        found = await store.read(lambda work: work.list(which, 10_000))
    if json_lines:
        for each in found:
            typer.echo(
                json.dumps(
                    {
                        "id": each.id,
                        "title": each.title,
                        "severity": each.severity.label,
                        "phase": each.phase.value,
                        "declared_at": each.declared_at.isoformat(),
                        "commander": each.commander,
                        "postmortem": each.postmortem,
                    },
                    ensure_ascii=False,
                )
            )
        return
    typer.echo(plain(Presenter(config.directory, config.plan_for).cards.listing(which, found)))


def export(
    incident: Annotated[str, typer.Argument(help="INC-42, DRILL-1, NEAR-3")],
    config: ConfigOption = None,
    home: HomeOption = None,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path(),
) -> None:
    """Write an incident's timeline as Markdown and as JSON."""
    settings = read_config(config)
    sys.exit(run_async(_export(settings, home_folder(home), incident.upper(), out)))


async def _export(config: Config, home: Path, name: str, out: Path) -> Exit:
    from bot.app import reading
    from bot.cli.exports import exported

    async with reading(config, home) as store:
        pages = await exported(config, store, name)
    if pages is None:
        typer.echo(f"sitrep: there is no {name}; see: sitrep incidents all", err=True)
        return Exit.REFUSED
    for suffix, text in pages.items():
        path = out / f"{name}.{suffix}"
        try:
            write_file(path, text)
        except OSError as exc:
            typer.echo(f"sitrep: cannot write {path}: {exc.strerror}", err=True)
            return Exit.CONFIG
        typer.echo(path)
    return Exit.DONE


def actions(
    which: Annotated[str, typer.Argument(help="open, overdue, all, or INC-42")] = "open",
    config: ConfigOption = None,
    home: HomeOption = None,
    form: Annotated[
        str, typer.Option("--format", help="text, markdown, csv or json (one object a line)")
    ] = "text",
) -> None:
    """List or export action items: the tracker where no other is configured."""
    if form not in {"text", "markdown", "csv", "json"}:
        raise typer.BadParameter("text, markdown, csv or json", param_hint="--format")
    if which not in {"open", "overdue", "all"} and "-" not in which:
        raise typer.BadParameter("open, overdue, all, or an incident", param_hint="which")
    settings = read_config(config)
    typer.echo(run_async(_actions(settings, home_folder(home), which, form)), nl=False)


async def _actions(config: Config, home: Path, which: Any, form: str) -> str:  # noqa: ANN401
    from bot.app import reading
    from bot.cli.exports import actions_as
    from bot.clock import SystemClock

    today = SystemClock().now().date()
    incident = which.upper() if "-" in which else None
    kind: Any = "all" if incident else which
    async with reading(config, home) as store:
        found = await store.read(
            lambda work: work.actions(kind, today=today, incident=incident, limit=100_000)
        )
    return actions_as(form, config, found, today)
