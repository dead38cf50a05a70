"""A real Synapse for tests, benchmarks and `make try-matrix`: in an environment of its own."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.harness.waiting import PATIENCE
from tests.peers.machine import ENVIRONMENT, Missing, die_with_parent, free_port

SECRET = "only-on-loopback"
SERVER = "sitrep.test"

_LIMITS = (
    "rc_message", "rc_registration", "rc_registration_token_validity", "rc_admin_redaction",
    "rc_joins_per_room", "rc_3pid_validation", "rc_third_party_invite", "rc_media_create",
    "rc_delayed_event_mgmt", "rc_room_creation", "rc_reports", "rc_user_directory", "rc_profile",
    "rc_key_requests",
)  # fmt: skip
_NESTED = {
    "rc_login": ("address", "account", "failed_attempts"),
    "rc_joins": ("local", "remote"),
    "rc_invites": ("per_room", "per_user", "per_issuer"),
    "rc_presence": ("per_user",),
}


class Synapse:
    """A homeserver of its own in a temporary folder, on a free port of the loopback."""

    def __init__(self, *, stock_limits: bool = False, durable: bool = False) -> None:
        self.python = ENVIRONMENT / "bin/python"
        if not self.python.exists():
            raise Missing("no Synapse: run `make peers`")
        self.folder = Path(tempfile.mkdtemp(prefix="synapse-", dir="/tmp"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._write(stock_limits=stock_limits, durable=durable)

    def _write(self, *, stock_limits: bool, durable: bool) -> None:
        folder = self.folder
        config: dict[str, Any] = {
            "server_name": SERVER,
            "public_baseurl": f"{self.url}/",
            "pid_file": f"{folder}/homeserver.pid",
            "listeners": [
                {
                    "port": self.port,
                    "bind_addresses": ["127.0.0.1"],
                    "type": "http",
                    "tls": False,
                    "x_forwarded": False,
                    "resources": [{"names": ["client"], "compress": False}],
                }
            ],
            "database": {
                "name": "sqlite3",
                "args": {"database": f"{folder}/homeserver.db"},
            },
            "log_config": f"{folder}/log.yaml",
            "media_store_path": f"{folder}/media",
            "signing_key_path": f"{folder}/signing.key",
            "registration_shared_secret": SECRET,
            "macaroon_secret_key": SECRET,
            "form_secret": SECRET,
            "enable_registration": False,
            "report_stats": False,
            "enable_metrics": False,
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "federation_domain_whitelist": [],
            "url_preview_enabled": False,
            "presence": {"enabled": False},
            "bcrypt_rounds": 4,
        }
        if not stock_limits:
            free = {"per_second": 100000, "burst_count": 100000}
            config |= dict.fromkeys(_LIMITS, free)
            config |= {name: dict.fromkeys(parts, free) for name, parts in _NESTED.items()}
        (folder / "homeserver.yaml").write_text(json.dumps(config))  # JSON is YAML
        log = {
            "version": 1,
            "handlers": {"console": {"class": "logging.StreamHandler"}},
            "root": {"level": "WARNING", "handlers": ["console"]},
            "disable_existing_loggers": False,
        }
        (folder / "log.yaml").write_text(json.dumps(log))
        del durable

    def start(self) -> Synapse:
        config = ["-m", "synapse.app.homeserver", "-c", str(self.folder / "homeserver.yaml")]
        if not (self.folder / "signing.key").exists():
            keys = [self.python, *config, "--generate-keys"]
            subprocess.run(keys, check=True, capture_output=True, cwd=self.folder)
        self._log = (self.folder / "out.log").open("ab")
        self._process = subprocess.Popen(
            [self.python, *config],
            cwd=self.folder,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - before any thread is started
        )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError((self.folder / "out.log").read_text()[-3000:])
            try:
                with urllib.request.urlopen(f"{self.url}/_matrix/client/versions", timeout=30):
                    return self
            except OSError:
                time.sleep(0.05)
        raise TimeoutError((self.folder / "out.log").read_text()[-3000:])

    def halt(self) -> None:
        """Stop it; it can be started again with all it has."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._log.close()
            self._process = None

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    def register(self, name: str, password: str = "pw", *, admin: bool = False) -> dict[str, str]:
        """Register a user; the answer is a login of theirs."""
        nonce = self.call("GET", "/_synapse/admin/v1/register")["nonce"]
        role = b"admin" if admin else b"notadmin"
        parts = (nonce.encode(), name.encode(), password.encode(), role)
        mac = hmac.new(SECRET.encode(), b"\0".join(parts), hashlib.sha1).hexdigest()
        body = {
            "nonce": nonce, "username": name, "password": password, "admin": admin, "mac": mac,
        }  # fmt: skip
        return self.call("POST", "/_synapse/admin/v1/register", body)

    def call(
        self, method: str, path: str, body: object = None, token: str | None = None
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as exc:
            raise RuntimeError(f"{method} {path}: {exc.code} {exc.read()!r}") from exc
