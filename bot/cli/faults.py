"""Errors that the operator can mend, as lines on standard error and an exit status."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator

from bot.cli.options import Exit, tell
from bot.contract.errors import (
    BotError,
    ConfigError,
    DatabaseAway,
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseTooNew,
    SetupFailed,
)
from bot.packages import broken

DATABASE = (DatabaseAway, DatabaseBusy, DatabaseDamaged, DatabaseTooNew)
"""The errors that say that the database cannot be used."""

_UNWRITTEN = frozenset({errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG})


def told(error: Exception) -> Exit | None:
    """Tell an error, a line for each fault; `None` if it is a fault of the program itself.

    Several parts that fail together are told together.
    """
    parts = [_met(part) for part in _parts(error)]
    if len(parts) == 1 and isinstance(parts[0], OSError) and _is_of_output(parts[0]):
        _leave_output()
        tell(f"cannot write the output: {parts[0].strerror}; make room, or write elsewhere")
        return Exit.REFUSED
    if not all(isinstance(part, BotError) for part in parts):
        return None
    for line in dict.fromkeys(line for part in parts for line in _lines(part)):
        tell(line)
    return Exit.DATABASE if any(isinstance(part, DATABASE) for part in parts) else Exit.CONFIG


def _parts(error: Exception) -> Iterator[Exception]:
    if not isinstance(error, ExceptionGroup):
        yield error
        return
    for each in error.exceptions:
        yield from _parts(each)


def _met(error: Exception) -> Exception:
    """Return an error of an import as what it met, if that is another's in place of ours."""
    why = broken(error) if isinstance(error, ImportError) else None
    return SetupFailed(why) if why is not None else error


def _lines(error: Exception) -> tuple[str, ...]:
    return error.faults if isinstance(error, ConfigError) else (" ".join(str(error).split()),)


def _is_of_output(error: OSError) -> bool:
    """Return whether standard output could not be written to: no file is named then."""
    return error.errno in _UNWRITTEN and error.filename is None


def _leave_output() -> None:
    """Write no more to standard output: what is left in its buffer would fail again at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
