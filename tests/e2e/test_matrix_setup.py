"""What whoever runs the bot types: log in, check, lift the limit, back up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from adapters.matrix.session import Keep
from bot.cli import main
from tests.e2e.test_console import Terminal
from tests.harness.forked import completed
from tests.harness.waiting import PATIENCE
from tests.peers.machine import ROOT, free_port
from tests.peers.synapse import SERVER, Synapse
from tests.players.command_line import SITREP
from tests.worlds.matrix import PICKLE

CONFIG = """
[people.ann]
commander = true
users = {{ matrix = "@ann:{server}" }}
[paging]
last = ["ann"]
[adapters.matrix]
homeserver = "{url}"
user = "@{user}:{server}"
prefix = "{user}"
pickle_key = {{ env = "PICKLE" }}
{more}
"""


class Runner:
    """Whoever runs it, with a config and a home folder."""

    def __init__(self, hs: Synapse, folder: Path, user: str, more: str = "") -> None:
        self.hs, self.home, self.user = hs, folder / "home", user
        self.config = folder / "sitrep.toml"
        self.write(hs.url, more)

    def write(self, url: str, more: str = "") -> None:
        text = CONFIG.format(url=url, user=self.user, server=SERVER, more=more)
        self.config.write_text(text)

    @property
    def environ(self) -> dict[str, str]:
        return {
            **os.environ, "PICKLE": PICKLE, "SITREP_HOME": str(self.home),
            "SITREP_CONFIG": str(self.config), "COLUMNS": "400",
        }  # fmt: skip

    def run(self, *words: str, stdin: str = "") -> tuple[int, str]:
        done = completed(main, ["sitrep", *words], self.environ, stdin)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def runner(synapse, tmp_path, request):
    name = f"setup{abs(hash(request.node.name)) % 10**8}"
    synapse.register(name)
    return Runner(synapse, tmp_path, name)


def test_logging_in_checking_and_lifting_the_limit(synapse, runner):
    status, said = runner.run("check")
    assert status == 1
    assert "nobody is logged in yet; run: sitrep matrix login" in said

    status, said = runner.run("matrix", "login", "--stdin", stdin="wrong\n")
    assert status == 2
    assert f"not logged in as @{runner.user}:{SERVER}" in said
    assert not (runner.home / "matrix/session.json").exists()

    status, said = runner.run("matrix", "login", "--stdin", stdin="pw\n")
    assert status == 0, said
    assert "The device is signed" in said
    assert "Next: sitrep check, then sitrep run" in said
    for file in (runner.home / "matrix").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    token = Keep(str(runner.home)).session().access_token
    assert token not in said

    status, said = runner.run("check")
    assert status == 0, said
    assert "sitrep matrix unlimit" in said

    admin = synapse.register(f"{runner.user}admin", admin=True)["access_token"]
    runner.write(synapse.url, f'admin_token = "{admin}"')
    status, said = runner.run("check")
    assert status == 1
    assert "limits the bot to a message per 5 s" in said
    status, said = runner.run("matrix", "unlimit")
    assert status == 0, said
    status, said = runner.run("check")
    assert status == 0, said
    assert admin not in said


WANTED = "nobody is logged in yet; run: sitrep matrix login"


def test_without_a_login_it_waits_and_the_rest_works_meanwhile(synapse, runner, tmp_path):
    """D4"""
    port = free_port()
    other = f'[http]\nlisten = "127.0.0.1:{port}"\n[adapters.console]\n'
    runner.write(synapse.url, other)
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(
            [SITREP, "run"], env=runner.environ, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
        try:
            process.stdin.write("ann@ops: !inc declare Checkout is down\n")
            process.stdin.flush()
            assert "Checkout is down" in process.stdout.readline()
            assert asked(port, "/healthz") == (200, {"status": "ok"})
            why = {"status": "waiting", "why": f"matrix: [adapters.matrix] {WANTED}"}
            assert asked(port, "/readyz") == (503, why)
            status, said = runner.run("matrix", "login", "--stdin", stdin="pw\n")
            assert status == 0, said
            while asked(port, "/readyz") != (200, {"status": "ready"}):
                assert process.poll() is None
            alias = f"%23{runner.user}-triage:{SERVER}"
            path = f"/_matrix/client/v3/directory/room/{alias}"
            end = time.monotonic() + PATIENCE
            while not found(synapse, path):
                assert time.monotonic() < end, "it never came to Matrix"
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE)
            assert process.returncode == 0
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        text = log.read()
    assert text.count(WANTED) == 1
    assert "Traceback" not in text


def test_on_a_terminal_it_says_so_and_waits(runner):
    """D4"""
    runner.home.mkdir()
    runner.write(runner.hs.url, "[adapters.console]")
    terminal = Terminal(runner.home, runner.config.read_text(), PICKLE=PICKLE)
    try:
        terminal.until(WANTED)
        terminal.type("!inc list\r")
        terminal.until("No incident is open")
    finally:
        terminal.process.terminate()
        assert terminal.process.wait(PATIENCE) == 0
        terminal.close()


def asked(port: int, path: str) -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as exc:
        return exc.code, json.load(exc)


def found(hs: Synapse, path: str) -> bool:
    try:
        return bool(hs.call("GET", path)["room_id"])
    except RuntimeError:
        return False


def test_a_second_login_is_signed_by_the_same_keys(synapse, runner):
    assert runner.run("matrix", "login", "--stdin", stdin="pw\n")[0] == 0
    seeds = Keep(str(runner.home)).seeds.read_text()
    first = Keep(str(runner.home)).session()
    assert runner.run("matrix", "login", "--stdin", stdin="pw\n")[0] == 0
    assert Keep(str(runner.home)).seeds.read_text() == seeds
    assert Keep(str(runner.home)).session().device_id != first.device_id
    assert runner.run("check")[0] == 0


def test_keys_of_another_home_are_replaced_with_the_password_only(synapse, runner, tmp_path):
    assert runner.run("matrix", "login", "--stdin", stdin="pw\n")[0] == 0
    token = Keep(str(runner.home)).session().access_token
    runner.home = tmp_path / "other"
    status, said = runner.run("matrix", "login", "--token", "--stdin", stdin=f"{token}\n")
    assert status == 0
    assert "The device is not signed" in said
    status, said = runner.run("check")
    assert status == 1
    assert "run: sitrep matrix login" in said
    status, said = runner.run("matrix", "login", "--stdin", stdin="pw\n")
    assert "The device is signed" in said
    assert runner.run("check")[0] == 0


def test_check_says_what_is_wrong_and_how_to_mend_it(synapse, runner):
    runner.write(f"http://127.0.0.1:{free_port()}")
    status, said = runner.run("check")
    assert status == 1
    assert "cannot be reached" in said
    runner.write(synapse.url)
    assert runner.run("matrix", "login", "--stdin", stdin="pw\n")[0] == 0
    owner = synapse.register(f"{runner.user}owner")["access_token"]
    made = synapse.call("POST", "/_matrix/client/v3/createRoom", {"name": "ops"}, owner)
    room = made["room_id"]
    runner.write(synapse.url, f'triage = "{room}"')
    status, said = runner.run("check")
    assert status == 1
    assert f"invite @{runner.user}:{SERVER}" in said
    bot = Keep(str(runner.home)).session().access_token
    user = {"user_id": f"@{runner.user}:{SERVER}"}
    synapse.call("POST", f"/_matrix/client/v3/rooms/{room}/invite", user, owner)
    synapse.call("POST", f"/_matrix/client/v3/join/{room}", {}, bot)
    status, said = runner.run("check")
    assert status == 1
    assert "may not pin" in said
    assert "power level 50" in said
    synapse.call("POST", "/_matrix/client/v3/logout", {}, bot)
    status, said = runner.run("check")
    assert status == 1
    assert "the login is not valid" in said


def test_bad_settings_are_named_with_their_fix(synapse, runner):
    runner.write("matrix.example.org", 'layout = "cloud"')
    status, said = runner.run("check")
    assert status == 2
    assert "adapters.matrix.homeserver: it is not a web address; write one like https://" in said
    assert "adapters.matrix.layout" in said
    runner.config.write_text("[people.ann]\n")
    status, said = runner.run("matrix", "login", "--stdin", stdin="pw\n")
    assert status == 2
    assert "the config has no section for matrix" in said


def test_the_people_of_a_room_are_printed_as_sections(synapse, runner):
    """F8"""
    status, said = runner.run("matrix", "people", "#ops:x.org")
    assert status == 2
    assert "nobody is logged in yet; run: sitrep matrix login" in said
    assert runner.run("matrix", "login", "--stdin", stdin="pw\n")[0] == 0
    bot = Keep(str(runner.home)).session().access_token
    people = {
        name: synapse.register(f"{runner.user}{name}") for name in ("ann", "eve", "fox", "gone")
    }
    names = {"ann": "Ann", "eve": 'Eve "E" Ünal\n[people.root]', "fox": "🦊"}
    for name, shown in names.items():
        user, token = people[name]["user_id"], people[name]["access_token"]
        path = f"/_matrix/client/v3/profile/{user}/displayname"
        synapse.call("PUT", path, {"displayname": shown}, token)
    eve = people["eve"]["access_token"]
    made = {"preset": "public_chat", "room_alias_name": runner.user}
    room = synapse.call("POST", "/_matrix/client/v3/createRoom", made, eve)["room_id"]
    alias = f"#{runner.user}:{SERVER}"
    status, said = runner.run("matrix", "people", alias)
    assert status == 2
    assert f"invite @{runner.user}:{SERVER}" in said
    for each in (people["ann"], people["fox"], people["gone"]):
        synapse.call("POST", f"/_matrix/client/v3/join/{room}", {}, each["access_token"])
    synapse.call("POST", f"/_matrix/client/v3/join/{room}", {}, bot)
    gone = people["gone"]["access_token"]
    synapse.call("POST", f"/_matrix/client/v3/rooms/{room}/leave", {}, gone)
    text = runner.config.read_text()
    runner.config.write_text(text.replace("@ann:", f"@{runner.user}ann:"))
    for named in (alias, room):
        status, said = runner.run("matrix", "people", named)
        assert status == 0, said
        assert f"# Ann (@{runner.user}ann:{SERVER}) is [people.ann] already" in said
        assert tomllib.loads(said)["people"] == {
            "eve-e-unal-people-root": {
                "name": 'Eve "E" Ünal [people.root]',
                "users": {"matrix": people["eve"]["user_id"]},
            },
            f"{runner.user}fox": {"name": "🦊", "users": {"matrix": people["fox"]["user_id"]}},
        }
    with runner.config.open("a") as config:
        config.write(said)
    assert runner.run("check")[0] == 0
    for wrong, why in (("ops", "is not a room"), (f"#none:{SERVER}", "there is no room")):
        status, said = runner.run("matrix", "people", wrong)
        assert status == 2
        assert why in said
    status, said = runner.run("matrix", "people", "--help")
    assert status == 0
    assert "who has joined a room" in " ".join(said.split())


def test_a_backup_is_a_home_folder(synapse, runner, tmp_path):
    assert runner.run("matrix", "login", "--stdin", stdin="pw\n")[0] == 0
    status, said = runner.run("backup", str(tmp_path / "copy"))
    assert status == 4
    assert "there is no database" in said
    assert runner.run("migrate")[0] == 0
    status, said = runner.run("backup", str(tmp_path / "copy2"))
    assert status == 0, said
    names = {p.name for p in (tmp_path / "copy2").rglob("*") if p.is_file()}
    assert names == {"sitrep.db", "keys.txt", "cross-signing.json"}


def test_trying_it_out_starts_and_ends_cleanly(synapse):
    """What `make try-matrix` runs: a person logs in with what it prints, and is answered."""
    command = [sys.executable, "-m", "tests.worlds.try_matrix"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    said = ""
    while "Ctrl-C ends everything" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    url = said.split("homeserver   ")[1].split()[0]
    hs = Synapse.__new__(Synapse)
    hs.url = url
    login = {
        "type": "m.login.password", "password": "sitrep",
        "identifier": {"type": "m.id.user", "user": "ann"},
    }  # fmt: skip
    ann = hs.call("POST", "/_matrix/client/v3/login", login)["access_token"]
    # This person's client does not encrypt, so they speak in a room of their own.
    bot = f"@sitrep:{SERVER}"
    room = hs.call("POST", "/_matrix/client/v3/createRoom", {"invite": [bot]}, ann)["room_id"]
    end = time.monotonic() + PATIENCE
    members = f"/_matrix/client/v3/rooms/{room}/joined_members"
    while bot not in hs.call("GET", members, None, ann)["joined"]:
        assert time.monotonic() < end, "never joined"
        time.sleep(0.2)
    body = {"msgtype": "m.text", "body": "!inc declare Checkout is down"}
    hs.call("PUT", f"/_matrix/client/v3/rooms/{room}/send/m.room.message/1", body, ann)
    alias = f"%23sitrep-inc-1:{SERVER}"
    while True:
        try:
            hs.call("POST", f"/_matrix/client/v3/join/{alias}", {}, ann)
            break
        except RuntimeError:
            assert time.monotonic() < end, "no room was made"
            time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    process.stdout.close()
    with pytest.raises(OSError, match="refused"):
        hs.call("GET", "/_matrix/client/versions")
