"""The command line."""

from bot.cli import stopping  # noqa: F401 - first: it listens for signals while the rest is imported
from bot.cli.main import main

__all__ = ["main"]
