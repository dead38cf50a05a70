"""A real PgBouncer in front of a PostgreSQL of the tests, in transaction mode."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.harness.waiting import PATIENCE
from tests.peers.machine import die_with_parent, unavailable
from tests.peers.postgres import Postgres

CONFIG = """
[databases]
* = host={server} port={port} user=postgres

[pgbouncer]
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = {size}
logfile = {folder}/log
pidfile = {folder}/pid
"""


@contextmanager
def pgbouncer(server: Postgres, *, size: int = 4) -> Iterator[str]:
    """Run it; yield the folder of its socket, where it stands in the server's place."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if found is None:
        unavailable("no PgBouncer: run tests/peers/postgres_install.sh")
        raise FileNotFoundError
    folder = Path(tempfile.mkdtemp(prefix="pgb-", dir="/tmp"))
    user: dict[str, object] = {}
    if os.geteuid() == 0:  # it refuses root
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        shutil.chown(folder, "nobody", "nogroup")
    config = folder / "config.ini"
    config.write_text(
        CONFIG.format(server=server.folder, port=server.port, folder=folder, size=size)
    )
    process = subprocess.Popen(
        [found, "-q", config],
        preexec_fn=partial(die_with_parent, signal.SIGINT),  # noqa: PLW1509 - before any thread is started
        cwd="/",
        **user,
    )
    try:
        end = time.monotonic() + PATIENCE
        while not (folder / ".s.PGSQL.6432").exists():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((folder / "log").read_text())
            time.sleep(0.01)
        yield f"host={folder}&port=6432"
    finally:
        process.terminate()
        process.wait(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)
