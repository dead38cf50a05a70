"""The command line. A command imports what it needs when it runs: `--help` answers at once."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import tempfile
from collections.abc import Coroutine
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from bot.contract.errors import (
    BotError,
    ConfigError,
    DatabaseAway,
    DatabaseBusy,
    DatabaseTooNew,
)

if TYPE_CHECKING:
    from bot.config.model import Config

T = TypeVar("T")


class Exit(IntEnum):
    """What an exit status means."""

    DONE = 0
    REFUSED = 1
    CONFIG = 2
    UNDELIVERED = 3
    DATABASE = 4


class _WithPlugins(TyperGroup):
    """The commands, and those that plugins provide under their names."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - typer's own click
        """Return a command; a plugin is imported when one of its own is asked for."""
        return super().get_command(ctx, cmd_name) or _provided(cmd_name)


def _provided(name: str) -> object | None:
    from bot.plugin_manager import commands_of

    commands = commands_of(name)
    if commands is None:
        return None

    @commands.callback()
    def prepare(ctx: typer.Context, config: ConfigOption = None, home: HomeOption = None) -> None:
        if ctx.resilient_parsing or {"-h", "--help"} & set(sys.argv):
            return
        from bot.plugin_manager import context_of

        settings = _config(config)
        _log(settings)
        ctx.obj = context_of(settings, _home(home), name)

    return typer.main.get_command(commands)


cli = typer.Typer(
    name="sitrep",
    cls=_WithPlugins,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The incident-response bot. Start with: sitrep demo, then: sitrep run",
    epilog=(
        "SITREP_HOME: the folder for data and state. SITREP_CONFIG: the config file. "
        "Exit codes: 0 done, 1 something was refused or found wrong, 2 the config or the call is "
        "wrong, 3 something could not be delivered, 4 the database cannot be used. "
        "A plugin's own commands: sitrep matrix --help"
    ),
)

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


@cli.command()
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
    gc.disable()  # what a start makes is no garbage; the app turns it on when it works
    settings = _config(config)
    if json_lines:
        console = {**settings.adapters.get("console", {}), "format": "json"}
        adapters = {**settings.adapters, "console": console}
        settings = settings.model_copy(update={"adapters": adapters})
    where = _home(home)
    interactive = sys.stdin.isatty() and "console" in settings.adapters
    _log(settings, where / "sitrep.log" if interactive else None)
    if config is None and sys.stdin.isatty():
        typer.echo("No config file: a built-in example team. Your own: sitrep config > sitrep.toml")
    sys.exit(_asyncio(_run(settings, where, interactive=interactive)))


async def _run(config: Config, home: Path, *, interactive: bool) -> Exit:
    from bot.app import composed
    from bot.clock import SystemClock

    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    if task is not None:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        async with composed(config, home, SystemClock(), tell=_tell) as app:
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


@cli.command()
def demo(
    rate: Annotated[
        float, typer.Option(min=1.0, max=1000.0, help="How much faster than life it plays.")
    ] = 60.0,
) -> None:
    """Play one SEV1 from declaration to resolution in under a minute, and teach while it plays."""
    from bot.cli.demo import play
    from bot.config.model import Config as Settings

    def say(who: str, text: str) -> None:
        if who:
            typer.echo(typer.style(f"{who}@ops: {text}", fg=typer.colors.YELLOW))
        else:
            typer.echo(typer.style(f"\n── {text}\n", dim=True))

    with tempfile.TemporaryDirectory(prefix="sitrep-demo-") as folder:
        _log(Settings(), Path(folder, "sitrep.log"))
        _asyncio(play(Path(folder), say, rate))
    typer.echo("\nYour turn: sitrep run")


@cli.command()
def check(
    config: ConfigOption = None,
    home: HomeOption = None,
    deep: Annotated[
        bool, typer.Option(help="Fold every timeline and compare it with its incident.")
    ] = False,
) -> None:
    """Check the config, every fault at once, and what it can reach. Changes nothing."""
    settings = _config(config)
    _log(settings)
    example = "none, so a built-in example team; your own: sitrep config > sitrep.toml"
    typer.echo(f"       config: {config or example}")
    sys.exit(_asyncio(_check(settings, _home(home), deep=deep)))


async def _check(config: Config, home: Path, *, deep: bool) -> Exit:
    from bot.cli import check as checking

    faults, warnings = await checking.check(config, home, deep=deep, tell=typer.echo)
    for line in warnings:
        typer.echo(f"note   {line}")
    for line in faults:
        typer.echo(f"fault  {line}")
    if not faults:
        typer.echo("ok     the config can be used")
    return Exit.REFUSED if faults else Exit.DONE


@cli.command("config")
def show_config() -> None:
    """Print an example config with every key. Start yours: sitrep config > sitrep.toml."""
    from bot.config.load import example_text

    typer.echo(example_text(), nl=False)


@cli.command()
def plugins(config: ConfigOption = None) -> None:
    """List what is installed, what it provides, and whether the config enables it."""
    from bot.plugin_manager import installed

    settings = _config(config)
    for each in installed((*settings.adapters, *settings.plugins)):
        state = "enabled" if each.enabled else "off"
        what = each.fault or ", ".join(each.hooks)
        typer.echo(f"{each.name:<16} {each.version:<10} {state:<8} {what}")


@cli.command()
def migrate(
    config: ConfigOption = None,
    home: HomeOption = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what would be done.")] = False,
) -> None:
    """Bring the database to this program's schema; `run` does so too, at its start."""
    settings = _config(config)
    sys.exit(_asyncio(_migrate(settings, _home(home), dry_run=dry_run)))


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


@cli.command()
def incidents(
    which: Annotated[str, typer.Argument(help="open, owing or all")] = "open",
    config: ConfigOption = None,
    home: HomeOption = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List incidents."""
    if which not in {"open", "owing", "all"}:
        raise typer.BadParameter("open, owing or all", param_hint="which")
    settings = _config(config)
    _asyncio(_incidents(settings, _home(home), which, json_lines=json_lines))


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


@cli.command()
def export(
    incident: Annotated[str, typer.Argument(help="INC-42, DRILL-1, NEAR-3")],
    config: ConfigOption = None,
    home: HomeOption = None,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path(),
) -> None:
    """Write an incident's timeline as Markdown and as JSON."""
    settings = _config(config)
    sys.exit(_asyncio(_export(settings, _home(home), incident.upper(), out)))


async def _export(config: Config, home: Path, name: str, out: Path) -> Exit:
    from bot.app import reading
    from bot.cli.export import exported

    async with reading(config, home) as store:
        pages = await exported(config, store, name)
    if pages is None:
        typer.echo(f"sitrep: there is no {name}; see: sitrep incidents all", err=True)
        return Exit.REFUSED
    for suffix, text in pages.items():
        path = out / f"{name}.{suffix}"
        try:
            _write(path, text)
        except OSError as exc:
            typer.echo(f"sitrep: cannot write {path}: {exc.strerror}", err=True)
            return Exit.CONFIG
        typer.echo(path)
    return Exit.DONE


@cli.command()
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
    settings = _config(config)
    typer.echo(_asyncio(_actions(settings, _home(home), which, form)), nl=False)


async def _actions(config: Config, home: Path, which: Any, form: str) -> str:  # noqa: ANN401
    from bot.app import reading
    from bot.cli.export import actions_as
    from bot.clock import SystemClock

    today = SystemClock().now().date()
    incident = which.upper() if "-" in which else None
    kind: Any = "all" if incident else which
    async with reading(config, home) as store:
        found = await store.read(
            lambda work: work.actions(kind, today=today, incident=incident, limit=100_000)
        )
    return actions_as(form, config, found, today)


@cli.command()
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
        text = sys.stdin.read() if str(path) == "-" else _text_of(path)
        for finding in look(text, tuple(names or ())):
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


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        typer.echo(f"sitrep: cannot read {path}: {exc}; name a UTF-8 text file", err=True)
        sys.exit(Exit.CONFIG)


postmortems = typer.Typer(
    no_args_is_help=True,
    help="Postmortems as Markdown: out, edited, and in again.",
)
cli.add_typer(postmortems, name="postmortem")


@postmortems.command("export")
def postmortem_export(
    incident: Annotated[str, typer.Argument(help="INC-42, NEAR-3")],
    config: ConfigOption = None,
    home: HomeOption = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; none: standard output.")
    ] = None,
) -> None:
    """Write a postmortem as Markdown; edit it, and `sitrep postmortem import` it."""
    settings = _config(config)
    sys.exit(_asyncio(_postmortem_export(settings, _home(home), incident.upper(), out)))


async def _postmortem_export(config: Config, home: Path, name: str, out: Path | None) -> Exit:
    from bot.app import reading
    from bot.cli.export import postmortem

    async with reading(config, home) as store:
        text = await postmortem(config, store, name)
    if text is None:
        typer.echo(f"sitrep: there is no {name}; see: sitrep incidents all", err=True)
        return Exit.REFUSED
    if out is None:
        typer.echo(text, nl=False)
        return Exit.DONE
    try:
        _write(out, text)
    except OSError as exc:
        typer.echo(f"sitrep: cannot write {out}: {exc.strerror}", err=True)
        return Exit.CONFIG
    typer.echo(out)
    return Exit.DONE


@postmortems.command("import")
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
    text = sys.stdin.read() if str(file) == "-" else _text_of(file)
    settings = _config(config)
    _log(settings)
    sys.exit(_asyncio(_postmortem_import(settings, _home(home), incident.upper(), text, author)))


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


@cli.command()
def backup(
    to: Annotated[Path, typer.Argument(help="A folder; it is made, and must be new or empty.")],
    config: ConfigOption = None,
    home: HomeOption = None,
) -> None:
    """Write the record and the adapters' keys to a folder, while the bot runs or not.

    The folder can be a home folder itself: restoring is `sitrep run` with SITREP_HOME naming it
    (for Matrix, `sitrep matrix login` first: the keys are read in). A PostgreSQL database is not in
    it; use pg_dump.
    """
    settings = _config(config)
    _log(settings)
    sys.exit(_asyncio(_backup(settings, _home(home), to)))


async def _backup(config: Config, home: Path, to: Path) -> Exit:
    from bot.cli.backup import backed_up

    for line in await backed_up(config, home, to):
        typer.echo(line)
    return Exit.DONE


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


# --- what every command needs ---------------------------------------------------------------------


def _tell(line: str) -> None:
    typer.echo(f"sitrep: {line}", err=True)


def _config(path: Path | None) -> Config:
    from bot.config.load import load

    return load(path)


def _home(given: Path | None) -> Path:
    """Return the folder for data and state: the user's own, where none is named."""
    if given is not None:
        return given.expanduser().absolute()
    base = os.environ.get("XDG_DATA_HOME")
    return Path(base) / "sitrep" if base else Path.home() / ".local/share/sitrep"


def _log(config: Config, file: Path | None = None) -> None:
    from bot import log

    log.configure(config.log, file)


def _asyncio(what: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(what)


def main() -> None:
    """Run the command line; what whoever runs it can mend is told without a traceback."""
    try:
        cli()
    except ConfigError as exc:
        for fault in exc.faults:
            typer.echo(f"sitrep: {fault}", err=True)
        sys.exit(Exit.CONFIG)
    except (DatabaseTooNew, DatabaseBusy, DatabaseAway) as exc:
        typer.echo(f"sitrep: {exc}", err=True)
        sys.exit(Exit.DATABASE)
    except BotError as exc:
        typer.echo(f"sitrep: {exc}", err=True)
        sys.exit(Exit.CONFIG)
    except KeyboardInterrupt:
        sys.exit(Exit.DONE)
