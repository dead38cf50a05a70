"""A real Redmine for the tests: Debian's package, on a database of its own, gone with the tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.harness.waiting import PATIENCE
from tests.peers.machine import Missing, die_with_parent, free_port

INSTALLED = Path("/usr/share/redmine")
DATABASE = Path("/var/lib/dbconfig-common/sqlite3/redmine/instances/default/redmine_default")

SEED = """
require 'json'
Setting.rest_api_enabled = '1'
Setting.default_language = 'en'
admin = User.find_by_login('admin')
admin.must_change_passwd = false
admin.save!
project = Project.create!(name: 'Ops', identifier: 'ops', is_public: false,
                          trackers: Tracker.all, enabled_module_names: ['issue_tracking'])
people = %w[sitrep ben dev zoe].map do |name|
  user = User.new(firstname: name.capitalize, lastname: 'Example', mail: "#{name}@example.org",
                  language: 'en')
  user.login = name
  user.password = user.password_confirmation = 'only-on-loopback'
  user.save!
  unless name == 'zoe'
    Member.create!(principal: user, project: project, roles: [Role.givable.first])
  end
  [name, { id: user.id, key: user.api_key }]
end
puts "SEEDED #{JSON.generate(people.to_h.merge('admin' => { id: admin.id, key: admin.api_key }))}"
"""


class Redmine:
    """Redmine with a project `ops`, and the people sitrep, ben, dev in it; zoe is no member."""

    def __init__(self) -> None:
        if not (INSTALLED / "config.ru").exists() or not DATABASE.exists():
            raise Missing("no Redmine: as root, tests/peers/redmine_install.sh (Debian 12)")
        if os.geteuid() != 0:
            raise Missing("Redmine's files are root's and www-data's here: run the tests as root")
        self.folder = Path(tempfile.mkdtemp(prefix="redmine-", dir="/tmp"))
        shutil.copy(DATABASE, self.folder / "redmine.db")
        for path in (self.folder, self.folder / "redmine.db"):
            shutil.chown(path, "www-data", "www-data")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.people: dict[str, dict[str, Any]] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def _as_it(self) -> dict[str, Any]:
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "RAILS_ENV": "production",
            "REDMINE_INSTANCE": "default",
            "DATABASE_URL": f"sqlite3:{self.folder / 'redmine.db'}",
        }
        return {
            "cwd": INSTALLED,
            "env": environment,
            "user": "www-data",
            "group": "www-data",
            "extra_groups": [],
        }

    def start(self) -> Redmine:
        seeded = subprocess.run(
            ["rails", "runner", SEED],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            **self._as_it,
        )
        lines = [line for line in seeded.stdout.splitlines() if line.startswith("SEEDED ")]
        if not lines:
            raise RuntimeError(f"Redmine cannot be set up: {seeded.stdout}{seeded.stderr}"[-2000:])
        self.people = json.loads(lines[0].removeprefix("SEEDED "))
        command = ["puma", "-b", f"tcp://127.0.0.1:{self.port}", "-e", "production", "-t", "1:4"]
        self._log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            [*command, "config.ru"],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,  # noqa: PLW1509
            **self._as_it,
        )
        self._ready()
        return self

    def _ready(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                self.ask("GET", "/users/current.json")
            except OSError:
                time.sleep(0.2)
            else:
                return
        raise RuntimeError((self.folder / "log").read_text("utf-8", "replace")[-2000:])

    def ask(self, method: str, path: str, body: object = None, who: str = "admin") -> Any:
        """Call its API as somebody."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={
                "Content-Type": "application/json",
                "X-Redmine-API-Key": self.people[who]["key"],
            },
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def secret(self, key: str = "") -> str:
        """Return a key (sitrep's) as a config names it: in a file."""
        value = key or self.people["sitrep"]["key"]
        file = self.folder / f"key-{value[:8]}"
        file.write_text(value)
        return f'{{ file = "{file}" }}'

    def issues(self) -> list[dict[str, Any]]:
        """Return every issue, open or not."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.ask(
                "GET", f"/issues.json?status_id=*&sort=id&limit=100&offset={len(found)}"
            )
            found += page["issues"]
            if len(found) >= page["total_count"]:
                return found

    def close(self, number: str) -> None:
        """Close an issue as somebody would."""
        statuses = self.ask("GET", "/issue_statuses.json")["issue_statuses"]
        closed = next(s["id"] for s in statuses if s["is_closed"])
        self.ask("PUT", f"/issues/{number}.json", {"issue": {"status_id": closed}})

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
