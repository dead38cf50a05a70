"""The plugin of the how-to, taken from its page, built, installed, and used."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from tests.harness.waiting import PATIENCE
from tests.players.command_line import SITREP

PAGE = Path(__file__).parents[2] / "docs/how-to/write-a-plugin.md"
FILES = dict(re.findall(r"```\w+ title=(\S+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))


def test_the_documented_plugin_has_fewer_than_40_lines():
    assert set(FILES) == {"pyproject.toml", "sitrep_lamp.py"}
    assert len(FILES["sitrep_lamp.py"].splitlines()) < 40


def test_the_documented_plugin_can_be_built_installed_and_used(tmp_path):
    project, site = tmp_path / "sitrep-lamp", tmp_path / "site"
    project.mkdir()
    for name, text in FILES.items():
        (project / name).write_text(text)
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, "--target", site, project], check=True, capture_output=True)

    switched: list[dict] = []

    class Lamp(BaseHTTPRequestHandler):
        def do_POST(self):
            switched.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            # The first time the lamp is away: it is asked again, under the same key.
            self.send_response(503 if len(switched) == 1 else 204)
            self.end_headers()

        def log_message(self, *args):
            del args

    server = HTTPServer(("127.0.0.1", 0), Lamp)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        config = tmp_path / "sitrep.toml"
        config.write_text(
            "[people.ann]\n[people.ben]\n[adapters.console]\n"
            f'[plugins.lamp]\nurl = "http://127.0.0.1:{server.server_port}/on"\n'
        )
        environ = {
            **os.environ,
            "PYTHONPATH": str(site),
            "SITREP_HOME": str(tmp_path / "home"),
            "SITREP_CONFIG": str(config),
        }

        def sitrep(*args: str, lines: str = "") -> subprocess.CompletedProcess:
            return subprocess.run(
                [SITREP, *args], input=lines, capture_output=True, text=True, env=environ,
                timeout=PATIENCE, check=False,
            )  # fmt: skip

        assert re.search(r"lamp +1.0 +enabled +register_pager", sitrep("plugins").stdout)
        done = sitrep(
            "run", lines="ann@ops: !inc declare sev1 down ic:@ann\nann@ops: !inc page @ben\n"
        )
        assert done.returncode == 0, done.stderr
        assert [call["people"] for call in switched] == [["Ben"], ["Ben"]]
        assert switched[0]["key"] == switched[1]["key"]

        config.write_text(config.read_text().replace("url =", "ulr ="))
        wrong = sitrep("check")
        assert wrong.returncode == 2
        assert "plugins.lamp.ulr: unknown key; did you mean 'url'?" in wrong.stdout
    finally:
        server.shutdown()
        server.server_close()
