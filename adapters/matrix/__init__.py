"""Matrix: incidents in rooms, encrypted ones too, on matrix-nio."""

import typer

from adapters.matrix.adapter import MatrixAdapter
from adapters.matrix.command import commands
from adapters.matrix.config import MatrixSettings
from bot.contract import ChatAdapter, PluginContext, hookimpl


@hookimpl
def register_chat_adapter(context: PluginContext) -> ChatAdapter:
    """Provide the bot account."""
    return MatrixAdapter(context, context.settings(MatrixSettings))


@hookimpl
def command_line() -> typer.Typer:
    """Provide `sitrep matrix …`."""
    return commands
