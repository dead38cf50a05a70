"""The command line. A command imports what it needs when it runs: `--help` answers at once."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bot.cli import backup, check, demo, export, postmortem, run
from bot.cli.options import ConfigOption, Exit, HomeOption, home_folder, read_config, start_log


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

        settings = read_config(config)
        start_log(settings)
        ctx.obj = context_of(settings, home_folder(home), name)

    return typer.main.get_command(commands)


cli = typer.Typer(
    name="sitrep",
    cls=_WithPlugins,
    no_args_is_help=True,
    invoke_without_command=True,
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


@cli.callback()
def root(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Take what stands before a command."""
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"sitrep {version_of('sitrep-bot')}")
        raise typer.Exit


cli.command()(run.run)
cli.command()(demo.demo)
cli.command()(check.check)
cli.command("config")(run.show_config)
cli.command()(run.plugins)
cli.command()(run.migrate)
cli.command()(export.incidents)
cli.command()(export.export)
cli.command()(export.actions)
cli.command()(postmortem.lint)

postmortems = typer.Typer(
    no_args_is_help=True,
    help="Postmortems as Markdown: out, edited, and in again.",
)
postmortems.command("export")(postmortem.postmortem_export)
postmortems.command("import")(postmortem.postmortem_import)
cli.add_typer(postmortems, name="postmortem")
cli.command()(backup.backup)
cli.command()(backup.restore)


def main() -> None:
    """Run the command line; faults that the operator can mend are told without a traceback."""
    try:
        cli()
    except KeyboardInterrupt:
        sys.exit(Exit.DONE)
    except Exception as exc:
        # Imported only now: the contract brings in the HTTP library.
        from bot.cli.faults import told

        if (status := told(exc)) is None:
            raise
        sys.exit(status)
