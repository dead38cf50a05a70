"""What the crash tests share: a database on each engine, of which nothing is lost at a kill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.postgres import Postgres, started


@pytest.fixture(scope="module")
def durable_postgres() -> Iterator[Postgres]:
    server = started(durable=True)
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def crash_url(request, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'sitrep.db'}"
    return request.getfixturevalue("durable_postgres").database()
