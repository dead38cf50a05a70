from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bot.config.sections import LogSection
from bot.log import configure
from tests.harness import limits
from tests.harness.alone import shut_in
from tests.peers.machine import Missing, unavailable
from tests.peers.postgres import Postgres, started
from tests.peers.synapse import Synapse

shut_in()  # before any thread is started

settings.register_profile(
    "sitrep",
    deadline=None,  # a busy machine is no fault of the code
    derandomize=bool(os.environ.get("CI")),
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("sitrep")


def pytest_configure(config: pytest.Config) -> None:
    limits.register(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin each worker's share with its long tests: no worker is left with one at the end.

    Workers get equal slices of one order, and steal from the ends of each other's.
    """
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    long = [item for item in items if _is_long(item)]
    rest = [item for item in items if not _is_long(item)]
    ordered: list[pytest.Item] = []
    for n in range(workers):
        first, last = len(items) * n // workers, len(items) * (n + 1) // workers
        share = long[n::workers]
        quick = max(last - first - len(share), 0)
        ordered += [*share, *rest[:quick]]
        del rest[:quick]
    items[:] = [*ordered, *rest]


PROCESSES = frozenset({"synapse", "playground", "browser", "client", "redmine"})
"""The fixtures of peers that take a while to do anything."""


def _is_long(item: pytest.Item) -> bool:
    """Return whether a test starts processes, talks to a slow peer, or says that it is long."""
    marked = item.get_closest_marker("slow") or item.get_closest_marker("crash")
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(marked) or "e2e" in item.path.parts or bool(fixtures & PROCESSES)


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Log as a running bot does: structlog's own tracebacks take seconds each."""
    configure(LogSection(level="warning"))


COLLECT_EVERY = 20
_ended = count(1)


def pytest_runtest_logfinish() -> None:
    """Collect now and then: what an application froze and gave back, the collector leaves."""
    if next(_ended) % COLLECT_EVERY == 0:
        gc.collect()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured: `record_property("figure", ...)` comes from any worker."""
    passed = terminalreporter.getreports("passed")
    figures = [said for each in passed for name, said in each.user_properties if name == "figure"]
    if figures:
        terminalreporter.section("figures")
        for said in sorted(figures):
            terminalreporter.write_line(str(said))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = started()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database on each engine."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'sitrep.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture(scope="session")
def synapse() -> Iterator[Synapse]:
    try:
        server = Synapse().start()
    except (Missing, OSError, RuntimeError) as exc:
        unavailable(f"no Synapse: {exc}")
        raise
    yield server
    server.stop()
