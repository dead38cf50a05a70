"""Disks that fill up, that fail, and that nobody can write to."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.peers.machine import unavailable


@contextmanager
def small_disk(folder: Path, megabytes: int = 4) -> Iterator[Path]:
    """Mount a file system of a few megabytes in a folder; it takes root."""
    folder.mkdir(parents=True, exist_ok=True)
    with _mounted(folder, ("-t", "tmpfs", "-o", f"size={megabytes}m", "sitrep-test")):
        yield folder


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Mount a folder over itself, so that nobody can write to it; it takes root."""
    with _mounted(folder, ("--bind", str(folder)), ("-o", "remount,ro,bind")):
        yield folder


@contextmanager
def _mounted(folder: Path, *steps: tuple[str, ...]) -> Iterator[None]:
    commands = [["mount", *step, str(folder)] for step in steps]
    if os.geteuid() != 0 or any(
        subprocess.run(each, check=False, capture_output=True).returncode for each in commands
    ):
        unavailable("no disk of the tests' own: mounting one takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Fill a disk to the last byte meanwhile."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def failing(pid: int = 0) -> Iterator[None]:
    """Let every write of a process to the end of a file fail meanwhile (I/O error)."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it may have been killed meanwhile
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
