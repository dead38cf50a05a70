"""Settings of the interpreter while the bot works."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_SECONDS = 0.001
"""How long a busy loop keeps the database's thread waiting; Python's default is five times that,
and a command goes there and back several times."""


@contextmanager
def unhindered() -> Iterator[None]:
    """Keep the garbage collector and busy loops from making people wait."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    # The objects made so far stay; the collector need not walk them again and again.
    gc.freeze()
    gc.enable()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)
