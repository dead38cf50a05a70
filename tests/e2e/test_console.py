"""The console as people and scripts use it: real processes, a real terminal."""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

import pyte
import pytest

from tests.harness.waiting import PATIENCE
from tests.players.command_line import SITREP, TEAM, sitrep

ROOT = Path(__file__).parents[2]


def test_piped_lines_are_handled_in_order_and_everything_is_delivered(tmp_path):
    done = sitrep(
        tmp_path,
        "run",
        lines="ann@ops: !inc declare sev1 Checkout is down\n"
        "\n"
        "ben@ops: !inc accept\n"
        "ben@ops: !inc resolve rolled back\n",
    )
    assert done.returncode == 0, done.stderr
    first, accepted, resolved = (
        done.stdout.index(text)
        for text in ("INCIDENT DECLARED — SEV1", "Ben is incident commander", "RESOLVED at")
    )
    assert first < accepted < resolved
    assert all(line.startswith("[") for line in done.stdout.splitlines())
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("", 0),
        ("ann@ops: hello there\n", 0),
        ("ann@ops: !inc help\n", 0),
        ("ann@ops: !inc frobnicate\n", 1),
        ("ann@ops: !inc resolve\n", 1),
        ("no such line\n", 1),
        ("ann@ops: !inc list", 0),
    ],
)
def test_the_exit_status_tells_whether_all_was_handled(tmp_path, lines, status):
    assert sitrep(tmp_path, "run", lines=lines).returncode == status


def test_a_line_of_another_shape_is_named_and_the_rest_goes_on(tmp_path):
    done = sitrep(tmp_path, "run", lines="garbage\nann@ops: !inc list\n")
    assert "A line looks like  bob@ops: !inc status" in done.stderr
    assert "No incident is open." in done.stdout


def test_json_lines_in_and_out(tmp_path):
    said = [
        {"sender": "ann", "conversation": "ops", "text": "!inc declare sev1 down", "id": "1"},
        {"sender": "ann", "conversation": "ops", "text": "!inc declare sev1 down", "id": "1"},
        {"sender": "ben", "conversation": "ops", "text": "!inc accept"},
    ]
    done = sitrep(tmp_path, "run", "--json", lines="".join(json.dumps(s) + "\n" for s in said))
    assert done.returncode == 0, done.stderr
    out = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(
        set(m) == {"conversation", "sender", "text", "summary", "blocks", "key", "time", "edit"}
        for m in out
    )
    assert len([m for m in out if "INCIDENT DECLARED" in m["text"]]) == 1
    posts = [m["key"] for m in out]
    assert len(set(posts)) == len(posts)
    assert {m["conversation"] for m in out} == {"ops", "@ben"}


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1, 2]",
        '"text"',
        '{"sender": "ann"}',
        '{"sender": 7, "conversation": "ops", "text": "x"}',
        '{"sender": "ann", "conversation": "ops", "text": "x", "time": "yesterday"}',
        '{"sender": "ann", "conversation": "ops", "text": "x", "time": "2026-11-24T14:00:00"}',
        "[" * 100_000,
    ],
)
def test_json_that_is_none_is_answered_and_changes_nothing(tmp_path, line):
    """D5"""
    done = sitrep(tmp_path, "run", "--json", lines=line + "\n")
    assert done.returncode == 1
    assert done.stderr.startswith("sitrep: ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_old_line_is_asked_about(tmp_path):
    """F11"""
    old = {"sender": "ann", "conversation": "ops", "text": "!inc declare x"}
    old["time"] = "2026-01-01T00:00:00Z"
    done = sitrep(tmp_path, "run", "--json", lines=json.dumps(old) + "\n")
    assert done.returncode == 1
    assert "Still meant?" in done.stdout


def test_a_line_of_megabytes_and_broken_utf8_are_survived(tmp_path):
    """D5 F10"""
    home = {**os.environ, "SITREP_HOME": str(tmp_path)}
    raw = b"ann@ops: !inc declare sev3 " + b"x" * 3_000_000 + b"\nann@ops: !inc note \xff\xfe\n"
    done = subprocess.run([SITREP, "run"], input=raw, capture_output=True, env=home, check=False)
    assert done.returncode == 0, done.stderr
    assert b"INCIDENT DECLARED" in done.stdout


def test_the_console_opens_a_room_for_an_incident_and_takes_direct_messages(tmp_path):
    rooms = TEAM + "rooms = true\n"
    done = sitrep(
        tmp_path,
        "run",
        config=rooms,
        lines="ann@ops: !inc declare sev1 down\nben@@ben: INC-1 accept\n",
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\[incident-down-\d{4}-\d\d-\d\d\.inc-1\] 🚨", done.stdout, re.MULTILINE)
    assert "Ben is incident commander" in done.stdout


def test_what_fell_due_while_nobody_ran_it_is_told_at_the_next_start(tmp_path):
    """K6"""
    sitrep(tmp_path, "run", config=TEAM, lines="ann@ops: !inc declare sev1 down ic:@ann\n")
    time.sleep(13)
    done = sitrep(tmp_path, "run", config=TEAM, lines="ann@ops: hello\n")
    assert "missed" in done.stdout


def test_a_second_bot_on_the_same_folder_is_refused(tmp_path):
    environ = {**os.environ, "SITREP_HOME": str(tmp_path)}
    first = subprocess.Popen(
        [SITREP, "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
    )
    first.stdin.write("ann@ops: !inc declare sev3 down\n")
    first.stdin.flush()
    first.stdout.readline()
    second = sitrep(tmp_path, "run", lines="ann@ops: !inc list\n")
    assert second.returncode == 4
    assert "another Sitrep runs" in second.stderr
    assert "INC-1" in sitrep(tmp_path, "incidents").stdout
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=PATIENCE)
    assert first.returncode == 0


class Terminal:
    """A person at a terminal: `until` reads what arrives, `shows` what stands on its screen.

    What a person types and what completion adds to it is drawn in pieces, so that only a
    screen has it whole.
    """

    LINES, COLUMNS = 40, 100

    def __init__(self, home: Path, config: str = "", **more: str) -> None:
        environ = {**os.environ, "SITREP_HOME": str(home), "TERM": "xterm", **more}
        environ.pop("SITREP_CONFIG", None)
        if config:
            (home / "sitrep.toml").write_text(config)
            environ["SITREP_CONFIG"] = str(home / "sitrep.toml")
        self.master, slave = pty.openpty()
        size = struct.pack("HHHH", self.LINES, self.COLUMNS, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        self.process = subprocess.Popen(
            [SITREP, "run"], stdin=slave, stdout=slave, stderr=slave, env=environ, close_fds=True
        )
        os.close(slave)
        self.seen = ""
        self._at = 0
        self._decoded = codecs.getincrementaldecoder("utf-8")("replace")
        self._screen = pyte.Screen(self.COLUMNS, self.LINES)
        self._screen.write_process_input = self.type  # where the cursor is, when asked
        self._drawn = pyte.Stream(self._screen)

    def until(self, text: str, seconds: float = PATIENCE) -> str:
        """Read until a text came; return what came since the one before it."""
        end = time.monotonic() + seconds
        while text not in (shown := _plain(self.seen)[self._at :]):
            self._read(end, text)
        self._at += shown.index(text) + len(text)
        return shown

    def shows(self, text: str, seconds: float = PATIENCE) -> None:
        """Read until a text stands on the screen."""
        end = time.monotonic() + seconds
        while not any(text in line for line in self._screen.display):
            self._read(end, text)

    def _read(self, end: float, awaited: str) -> None:
        ready, _, _ = select.select([self.master], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            screen = "\n".join(line.rstrip() for line in self._screen.display)
            raise AssertionError(f"{awaited!r} did not come: {screen.strip()}")
        got = self._decoded.decode(os.read(self.master, 65536))
        self.seen += got
        self._drawn.feed(got)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def close(self) -> int:
        try:
            end = time.monotonic() + PATIENCE
            while self.process.poll() is None and time.monotonic() < end:
                self.type("\x03")  # again: between two prompts nobody reads it
                if select.select([self.master], [], [], 1.0)[0]:
                    try:
                        self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
                    except OSError:  # the other end is closed
                        break
            return self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            os.close(self.master)


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r", "", text)


def test_a_person_at_a_terminal_runs_an_incident(tmp_path):
    terminal = Terminal(tmp_path)
    try:
        terminal.until("a new database: ")
        welcome = terminal.until("ann@ops>")
        assert "/as bob" in welcome
        terminal.type("!inc decla\t")
        terminal.shows("ann@ops> !inc declare")
        terminal.type("Checkout is down\r")
        terminal.until("INCIDENT DECLARED — SEV1 — Checkout is down")
        terminal.until("State")
        assert "\x1b[" in terminal.seen
        terminal.type("/as ben\r")
        terminal.until("ben@ops>")
        terminal.type("!inc accept\r")
        terminal.until("Ben is incident commander.")
        terminal.type("!inc handoff @ca\t")
        terminal.shows("ben@ops> !inc handoff @cara")
        terminal.type("\r")
        terminal.until("Command is offered to Cara")
        terminal.type("/room lab\r")
        terminal.until("ben@lab>")
        terminal.type("!inc status\r")
        terminal.until("No incident runs in this conversation")
        terminal.type("/who\r")
        terminal.until("@cara (Cara)")
        terminal.type("/nonsense\r")
        terminal.until("/as <name>")
        terminal.type("/pin\r")
        terminal.until("nothing was said in this room")
        terminal.type("/room ops\r")
        terminal.until("ben@ops>")
        terminal.type("disk is full on checkout-7\r")
        terminal.until("/pin puts it on the timeline")
        terminal.type("/pin\r")
        terminal.until("as entry")
        terminal.type("!inc timeline\r")
        terminal.until("Ben wrote: disk is full on checkout-7 (captured by Ben)")
    finally:
        assert terminal.close() == 0
    assert (tmp_path / "console-history").stat().st_mode & 0o777 == 0o600


def test_the_bots_own_messages_arrive_while_one_types(tmp_path):
    """K3"""
    terminal = Terminal(tmp_path, TEAM)
    try:
        terminal.until("ann@ops>")
        terminal.type("!inc declare sev1 down ic:@ann\r")
        terminal.until("INCIDENT DECLARED")
        terminal.type("!inc update I am still typ")
        terminal.until("update is overdue")
        terminal.type("ing\r")
        terminal.until("I am still typing — Ann")
    finally:
        assert terminal.close() == 0


def test_the_demo_plays_a_whole_incident(tmp_path):
    done = sitrep(tmp_path, "demo", "--rate", "600")
    assert done.returncode == 0, done.stderr
    for text in ("INCIDENT DECLARED", "Ben is incident commander", "overdue", "RESOLVED at"):
        assert text in done.stdout
    assert "Your turn" in done.stdout
