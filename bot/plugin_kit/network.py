"""The way out, for commands that run without the bot, and for protocols besides HTTP."""

from bot.network import http_client, tls

__all__ = ["http_client", "tls"]
