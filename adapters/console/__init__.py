"""The terminal as a chat platform: several people, several rooms, one keyboard."""

from adapters.console.adapter import ConsoleAdapter
from adapters.console.config import ConsoleSettings
from bot.contract import ChatAdapter, PluginContext, hookimpl


@hookimpl
def register_chat_adapter(context: PluginContext) -> ChatAdapter:
    """Provide the console."""
    return ConsoleAdapter(context, context.settings(ConsoleSettings))
