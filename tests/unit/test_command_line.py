"""The command line answers at once: it imports what a command needs when that runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("aiohttp", "pydantic", "tortoise", "structlog", "bot.contract", "bot.app")


@pytest.mark.parametrize("module", HEAVY)
def test_the_help_is_there_without_what_a_bot_needs(module):
    asked = f"import sys, bot.cli; raise SystemExit({module!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", asked], check=True)
