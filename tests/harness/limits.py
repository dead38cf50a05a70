"""Time limits by kind of test: a test that hangs is named, and the rest go on.

A limit is at least ten times what a quiet machine needs: it tells a hang from work, and measures
nothing. It ends a test in three steps, each for what the one before cannot reach:

1. a signal fails the test (pytest-timeout);
2. a test that takes no notice ends its process, with every stack (`faulthandler`): xdist names the
   test, starts another worker, and goes on;
3. a run in which nothing ends any more is given up by the process that leads it, with the names of
   the tests that are under way.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

GIVEN_UP = 70
"""The exit status of a run in which nothing ends any more."""

LIMITS = {"crash": 1800, "slow": 600, "e2e": 600, "integration": 600, "contract": 300}
"""Seconds for a test with a marker or in a folder of that name; the first that fits counts."""

LIMIT = 120
"""Seconds for any other test."""

LONG_KILLS = 7200
"""Seconds for a test that kills in earnest (`make test-crash`)."""

GRACE = 60
"""Seconds between the end of one step and the next."""


def limit_of(item: pytest.Item) -> float:
    """Return the seconds that a test may take."""
    if (given := os.environ.get("SITREP_TEST_LIMIT")) is not None:
        return float(given)
    if item.get_closest_marker("crash") is not None and "SITREP_KILLS" in os.environ:
        return LONG_KILLS
    kinds = {*item.path.parts, *(mark.name for mark in item.iter_markers())}
    return next((limit for kind, limit in LIMITS.items() if kind in kinds), LIMIT)


def grace() -> float:
    """Return the seconds between two steps; as short as the limit where a test of this asks."""
    return min(GRACE, float(os.environ.get("SITREP_TEST_LIMIT", GRACE)))


class Limits:
    """The plugin that gives each test its limit."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            item.add_marker(pytest.mark.timeout(limit_of(item), method="signal"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        file = item.config.stash.get(fault_handler_stderr_fd_key, sys.__stderr__)
        after = limit_of(item) + grace()
        faulthandler.dump_traceback_later(after, exit=True, file=file)
        try:
            return (yield)
        finally:
            faulthandler.cancel_dump_traceback_later()


class Watch:
    """The plugin that gives a run up in which nothing ends any more; for the leading process."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._running: dict[str, None] = {}
        self._ended = threading.Event()
        self._over = False
        self._workers: list[int] = []

    def pytest_sessionstart(self) -> None:
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        self._workers.append(node.gateway._io.popen.pid)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._running[nodeid] = None

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._running.pop(nodeid, None)
        self._ended.set()

    def pytest_sessionfinish(self) -> None:
        self._over = True
        self._ended.set()

    def _watch(self) -> None:
        while self._ended.wait(self._patience):
            if self._over:
                return
            self._ended.clear()
        names = "\n".join(self._running) or "no test"
        said = f"\nNothing has ended for {self._patience:g} s. Under way:\n{names}\n"
        os.write(2, said.encode())
        for worker in self._workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        os._exit(GIVEN_UP)


def register(config: pytest.Config) -> None:
    """Hold the tests of this process to their limits, and watch over the run that it leads."""
    config.pluginmanager.register(Limits(), "limits")
    leads = not hasattr(config, "workerinput") and config.getoption("numprocesses", None)
    if leads:
        longest = float(os.environ.get("SITREP_TEST_LIMIT", max(*LIMITS.values(), LONG_KILLS)))
        config.pluginmanager.register(Watch(longest + 5 * grace()), "watch")
