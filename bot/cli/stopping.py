"""The end of `sitrep run`: SIGTERM and Ctrl-C end it in good order, from its first moment on.

Only what Python has anyway is imported here: it listens before the second that imports take.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from asyncio import AbstractEventLoop, Task
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

ENDS_WITHIN = 5.0
"""How many seconds good order may take: a peer that hangs must not hold the process, and what it
has to do is on disk. Containers are killed after ten."""


class Stop:
    """What a signal does: nothing has begun, or something runs, or it is over."""

    def __init__(self) -> None:
        self._end: Callable[[], object] = self._leave
        self._heard = False

    def listen(self) -> None:
        """Hear the signals from now on."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._signalled)

    def begins(self) -> None:
        """Only note a signal from now on, until there is a task to cancel."""
        self._end = lambda: None

    def ends(self, task: Task[Any], loop: AbstractEventLoop) -> None:
        """Let a signal cancel a task."""
        self._end = lambda: loop.call_soon_threadsafe(task.cancel)
        if self._heard:
            task.cancel()

    def over(self) -> None:
        """Let signals do nothing any more: the process is about to end."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        if self._heard:
            return
        self._heard = True
        last = threading.Timer(ENDS_WITHIN, self._give_up)
        last.daemon = True
        last.start()
        with suppress(RuntimeError):  # the loop may have been closed just now
            self._end()

    def _leave(self) -> None:
        sys.exit(0)

    def _give_up(self) -> None:
        print("sitrep: something did not end in time; nothing is lost", file=sys.stderr)  # noqa: T201
        sys.stdout.flush()
        os._exit(0)


stop = Stop()
if sys.argv[1:2] == ["run"]:
    stop.listen()
