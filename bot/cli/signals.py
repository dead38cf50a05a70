"""SIGHUP has the config read again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys


class Hangups:
    """Notes that SIGHUP came while nothing could heed it: a start takes a second or more."""

    def __init__(self) -> None:
        self.came = False
        signal.signal(signal.SIGHUP, self._note)

    def _note(self, _signal: int, _frame: object) -> None:
        self.came = True


def on_hangup(before: Hangups, *, reloads: bool) -> asyncio.Event:
    """Return an event that is set on SIGHUP: the config is to be read.

    SIGHUP ends as SIGTERM does where there is no file to read, and when it tells that the terminal
    is gone.
    """
    asked = asyncio.Event()
    on_terminal = sys.stdin.isatty()

    def hung_up() -> None:
        # The kernel sends it when the terminal closes; a person who sends it keeps the terminal.
        if reloads and not (on_terminal and not os.isatty(sys.stdin.fileno())):
            asked.set()
        else:
            signal.raise_signal(signal.SIGTERM)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up)
    if before.came:
        hung_up()
    return asked
