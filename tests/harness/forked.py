"""Processes that begin with Sitrep's modules read: what they save is the second that imports take.

Each is a real process, that is killed for real; its standard streams are its own.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from multiprocessing.connection import Connection, wait
from pathlib import Path

from tests.harness.waiting import PATIENCE

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(
    [
        "adapters.console",
        "adapters.matrix.command",
        "adapters.teams.command",
        "bot.app",
        "bot.cli.checks",
        "bot.cli.exports",
        "bot.cli.main",
        *(f"tests.players.{name}" for name in ("filing", "flooding", "publishing", "scripted")),
    ]
)


async def played(player: str, *args: str) -> int:
    """Run a player's `main` with arguments; return its exit code, -9 if it was killed."""
    process = _server.Process(target=_play, args=(f"tests.players.{player}", args))
    process.start()
    # Its end is read here alone: `start` looks after other processes, too, and only one may read.
    await asyncio.to_thread(wait, [process.sentinel])
    process.join()
    assert process.exitcode is not None
    return process.exitcode


class Player:
    """A player that is heard while it plays.

    Attributes:
        said: What it prints, to be read line by line.
    """

    def __init__(self, name: str, *args: str, errors: Path) -> None:
        reading, writing = _server.Pipe(duplex=False)
        given = (writing, str(errors), dict(os.environ), f"tests.players.{name}", args)
        self._process = _server.Process(target=_speak, args=given)
        self._process.start()
        writing.close()
        self.said = os.fdopen(os.dup(reading.fileno()), encoding="utf-8")
        reading.close()

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.is_alive()

    def kill(self) -> None:
        """End it as kill -9 does."""
        self._process.kill()
        self.finish()

    def finish(self) -> tuple[str, int]:
        """Wait for its end; return the rest of what it said, and its exit code."""
        rest = self.said.read()
        self.said.close()
        self._process.join()
        assert self._process.exitcode is not None
        return rest, self._process.exitcode


def completed(
    target: Callable[[], None],
    args: list[str],
    environ: Mapping[str, str],
    lines: str = "",
    place: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program's entry point to its end.

    Args:
        target: The entry point.
        args: Its name and arguments.
        environ: All of its environment.
        lines: What it reads from standard input.
        place: The folder it works in; none: this process's.
    """
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("in", "out", "err")]
        streams[0].write_text(lines, "utf-8")
        paths = [str(each) for each in streams]
        given = (target, args, dict(environ), paths, str(place or Path.cwd()))
        process = _server.Process(target=_run, args=given)
        process.start()
        ended = wait([process.sentinel], PATIENCE)
        if not ended:
            process.kill()
        process.join()
        if not ended:
            raise subprocess.TimeoutExpired(args, PATIENCE)
        out, err = (each.read_text("utf-8") for each in streams[1:])
        return subprocess.CompletedProcess(args, process.exitcode, out, err)


def _play(player: str, args: tuple[str, ...]) -> None:
    asyncio.run(import_module(player).main(*args))


def _speak(
    out: Connection, errors: str, environ: dict[str, str], player: str, args: tuple[str, ...]
) -> None:
    os.environ.update(environ)
    os.dup2(out.fileno(), 1)
    out.close()
    _redirect(2, errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    _play(player, args)


def _run(
    target: Callable[[], None],
    args: list[str],
    environ: dict[str, str],
    streams: list[str],
    place: str,
) -> None:
    os.chdir(place)
    os.environ.clear()
    os.environ.update(environ)
    for number, path in enumerate(streams):
        _redirect(number, path, os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY)
    sys.stdin = os.fdopen(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.argv = list(args)
    target()


def _redirect(number: int, path: str, flags: int) -> None:
    opened = os.open(path, flags, 0o600)
    os.dup2(opened, number)
    os.close(opened)
