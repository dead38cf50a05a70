"""SIGHUP, to a real process: the config is read again, or it ends as SIGTERM would end it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import sqlite3
import subprocess
import termios
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.harness.waiting import PATIENCE
from tests.peers.machine import free_port
from tests.players.command_line import SITREP, sitrep

CONFIG = """
[people.ann]
[people.ben]
commander = true
[clocks]
internal = { sev1 = "15m" }
[adapters.console]
"""
FRESH = """
[people.zoe]
commander = true
[services.shop]
owner = "zoe"
on_call = ["zoe"]
"""


class Running:
    """A bot that runs: it is told lines and signals, and read until it says something."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hang_up(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def heard(self, text: str) -> list[str]:
        """Read what it posts until a text comes."""
        return _until(self.process.stdout, text)

    def told(self, text: str) -> list[str]:
        """Read what it tells the operator until a text comes."""
        return _until(self.process.stderr, text)

    def end(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait()


def _until(stream: IO[str] | None, text: str) -> list[str]:
    assert stream is not None
    lines = []
    for line in stream:
        lines.append(line.rstrip())
        if text in line:
            return lines
    raise AssertionError(f"it never said {text!r}: {lines}")


@contextmanager
def running(home: Path, config: str | None = CONFIG) -> Iterator[Running]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SITREP_")}
    environ = {**kept, "SITREP_HOME": str(home)}
    if config is not None:
        (home / "sitrep.toml").write_text(config)
        environ["SITREP_CONFIG"] = str(home / "sitrep.toml")
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([SITREP, "run"], env=environ, text=True, **pipes) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def promised(home: Path) -> str:
    """Return when the update of INC-1 is promised, as stored."""
    with closing(sqlite3.connect(home / "sitrep.db")) as db:
        ((state,),) = db.execute("SELECT state FROM incident WHERE id = 'INC-1'")
    return json.loads(state)["clocks"]["internal"]["promise"]["due_at"]


def test_a_person_and_a_service_that_are_added_work_at_once_and_a_running_promise_stays(tmp_path):
    """F13"""
    with running(tmp_path) as bot:
        bot.say("ann@ops: !inc declare sev1 Checkout is down")
        bot.heard("to take command: accept, or decline")
        bot.say("ben@ops: !inc accept")
        bot.heard("Ben is incident commander")
        before = promised(tmp_path)
        (tmp_path / "sitrep.toml").write_text(CONFIG.replace("15m", "40m") + FRESH)
        bot.hang_up()
        assert (
            bot.told("and is in force")[-1] == "sitrep: the config was read again and is in force"
        )
        assert promised(tmp_path) == before
        bot.say("ben@ops: !inc role comms @zoe")
        bot.heard("Zoe")
        bot.say("zoe@shop: !inc declare sev1 Shop is gone service:shop")
        lines = bot.heard("(in 40 min)")
        assert not any("no communication plan" in line for line in lines)
        assert promised(tmp_path) == before
        assert bot.end() == 0


def test_a_config_that_is_broken_changes_nothing_and_says_why(tmp_path):
    """D5"""
    with running(tmp_path) as bot:
        bot.say("ann@ops: !inc list")
        bot.heard("No incident is open")
        broken = CONFIG.replace("[people.ann]", "[people.ann]\nnmae = 'Ann'") + "[plugins.lamp]\n"
        (tmp_path / "sitrep.toml").write_text(broken + FRESH + "owners = 'x'")
        bot.hang_up()
        lines = bot.told("stays in force")
        assert [line for line in lines if line.startswith("sitrep: ")] == [
            "sitrep: people.ann.nmae: unknown key; did you mean 'name'?",
            "sitrep: services.shop.owners: unknown key; did you mean 'owner'?",
            *(line for line in lines if line.startswith("sitrep: [plugins.lamp] no plugin 'lamp'")),
            "sitrep: the config was not taken over; the one before stays in force",
        ]
        assert any("config not taken over" in line for line in lines)  # in the log as well
        bot.say("ann@ops: !inc declare sev1 Checkout is down service:shop")
        lines = bot.heard("no communication plan")
        (tmp_path / "sitrep.toml").unlink()
        bot.hang_up()
        assert any("name a file that can be read" in line for line in bot.told("stays in force"))
        assert bot.end() == 0


def test_what_needs_a_restart_is_named_and_the_rest_holds(tmp_path):
    with running(tmp_path) as bot:
        bot.say("ann@ops: !inc list")
        bot.heard("No incident is open")
        more = '[storage]\nurl = "sqlite:///elsewhere.db"\n[plugins.audit]\nfile = "x.jsonl"\n'
        (tmp_path / "sitrep.toml").write_text(f'{CONFIG}room = "lab"\n{more}{FRESH}')
        bot.hang_up()
        told = [line for line in bot.told("is in force") if line.startswith("sitrep: ")]
        assert told[:-1] == [
            "sitrep: storage changed: restart to use it",
            "sitrep: adapters.console changed: restart to use it",
            "sitrep: plugins.audit changed: restart to use it",
        ]
        bot.say("zoe@shop: !inc declare sev1 Shop is gone service:shop")
        bot.heard("to take command: accept, or decline")
        assert bot.end() == 0
    assert not (tmp_path / "x.jsonl").exists()


def test_a_signal_that_comes_while_it_starts_is_heeded(tmp_path):
    with running(tmp_path, CONFIG + '[log]\nlevel = "debug"\n') as bot:
        # It is imported for a second: the signal's default would end it from here on.
        while not _catches(bot.process.pid, signal.SIGHUP):
            assert bot.process.poll() is None
        bot.hang_up()
        bot.told("is in force")
        assert bot.end() == 0


def _catches(process: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{process}/status").read_text()
    (caught,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
    return bool(int(caught, 16) & 1 << (number - 1))


def test_without_a_config_file_it_ends_in_order(tmp_path):
    with running(tmp_path, None) as bot:
        bot.say("ann@ops: !inc list")
        bot.heard("No incident is open")
        bot.hang_up()
        assert bot.process.wait() == 0


def test_a_terminal_that_is_closed_ends_it_in_order(tmp_path):
    (tmp_path / "sitrep.toml").write_text(CONFIG)
    ours, theirs = pty.openpty()
    environ = {**os.environ, "SITREP_HOME": str(tmp_path), "TERM": "xterm"}
    process = subprocess.Popen(
        [SITREP, "run", "-c", str(tmp_path / "sitrep.toml")],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=environ,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
    )
    os.close(theirs)
    try:
        seen = b""
        while b"@ops" not in seen:
            seen += os.read(ours, 4096)
        os.close(ours)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("http", ["", '[http]\nlisten = "127.0.0.1:0"\n'])
def test_a_bot_that_nobody_can_speak_to_says_so(tmp_path, http):
    config = CONFIG + http.replace(":0", f":{free_port()}")
    (tmp_path / "sitrep.toml").write_text(config)
    done = subprocess.run(
        [SITREP, "run", "-c", str(tmp_path / "sitrep.toml")],
        stdin=subprocess.DEVNULL,
        env={**os.environ, "SITREP_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stderr.splitlines()
    assert done.returncode == 0
    assert told[0].startswith("sitrep: nothing is to be heard")
    assert "add [adapters.matrix] or [adapters.teams]" in told[0]
    assert told[1:] == (["sitrep: what [http] serves ends with it"] if http else [])


def test_the_version_is_told(tmp_path):
    done = sitrep(tmp_path, "--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "sitrep")
    assert done.stdout.split()[1][0].isdigit()
