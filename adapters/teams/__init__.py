"""Microsoft Teams: the same incident in adaptive cards, on botbuilder-core."""

import typer

from adapters.teams import roster
from adapters.teams.adapter import TeamsAdapter
from adapters.teams.command import commands
from adapters.teams.config import TeamsSettings
from bot.contract import ChatAdapter, PluginContext, hookimpl

commands.command()(roster.people)


@hookimpl
def register_chat_adapter(context: PluginContext) -> ChatAdapter:
    """Provide the bot."""
    return TeamsAdapter(context, context.settings(TeamsSettings))


@hookimpl
def command_line() -> typer.Typer:
    """Provide `sitrep teams …`."""
    return commands
