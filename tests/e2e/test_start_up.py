"""Each fault at the start, by each command: a line that says what to do, and the exit status."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bot.cli import main
from tests.harness.forked import completed
from tests.harness.small_disk import filled, read_only, small_disk
from tests.peers.machine import free_port, unavailable
from tests.players.command_line import SITREP, TEAM, sitrep

READING = (("incidents",), ("export", "INC-1"), ("actions",), ("postmortem", "export", "INC-1"))
WORKING = (("run",), ("check",), ("check", "--deep"), ("migrate",), *READING)

INCIDENT = "ann@ops: !inc declare sev1 Checkout is down\nann@ops: !inc resolve done\n"


def told(done: subprocess.CompletedProcess[str], status: int, why: str) -> None:
    """Hold what a command said: its status, one line, no traceback."""
    said = done.stderr + done.stdout
    assert done.returncode == status, said
    assert "Traceback" not in said
    (line,) = [each for each in said.splitlines() if re.search(why, each)]
    assert line.startswith(("sitrep: ", "fault  ")), line
    other = [each for each in done.stderr.splitlines() if each != line]
    assert other == [], other


@contextmanager
def locked(home: Path) -> Iterator[None]:
    with closing(sqlite3.connect(home / "sitrep.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def damaged(home: Path) -> None:
    path = home / "sitrep.db"
    raw = path.read_bytes()
    path.write_bytes(raw[:4096] + os.urandom(len(raw) - 4096))


def newer(home: Path) -> None:
    with closing(sqlite3.connect(home / "sitrep.db")) as db, db:
        db.execute(
            "INSERT INTO tortoise_migrations (app, name, applied_at)"
            " VALUES ('models', '0099_future', '2030-01-01')"
        )


def replaced(home: Path) -> None:
    (home / "sitrep.db").write_text("not a database\n" * 500)


def a_folder(home: Path) -> None:
    (home / "sitrep.db").unlink()
    (home / "sitrep.db").mkdir()


FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "damaged": (damaged, r"the database is damaged .*sitrep restore <folder>"),
    "no database": (replaced, r"the database is damaged .*sitrep restore <folder>"),
    "newer": (newer, r"written by a newer Sitrep .*install that version"),
    "a folder": (a_folder, r"sitrep\.db.* is a folder"),
}


@pytest.mark.parametrize("fault", FILES)
def test_a_file_that_cannot_be_used_is_told_by_every_command(tmp_path, fault):
    """D5 D7"""
    spoil, why = FILES[fault]
    sitrep(tmp_path, "run", lines=INCIDENT)
    spoil(tmp_path)
    for command in WORKING if fault != "damaged" else (("run",), ("check", "--deep")):
        told(sitrep(tmp_path, *command, lines="ann@ops: !inc list\n"), 4, why)


def test_what_nobody_can_write_to_is_read_and_not_run(tmp_path):
    """D5 D7"""
    sitrep(tmp_path / "home", "run", lines=INCIDENT)
    with read_only(tmp_path / "home"):
        for command in (*READING, ("check",), ("check", "--deep")):
            done = sitrep(tmp_path / "home", *command, place=tmp_path)
            assert done.returncode == 0, done.stderr + done.stdout
        done = sitrep(tmp_path / "home", "backup", str(tmp_path / "copy"))
        assert done.returncode == 0, done.stderr
        for command in (("run",), ("restore", str(tmp_path / "copy"))):
            told(sitrep(tmp_path / "home", *command), 4, "Read-only file system; ")


@pytest.mark.parametrize("command", [("run",), ("migrate",)])
def test_a_full_disk_is_told(tmp_path, command):
    """D5 D7"""
    with small_disk(tmp_path / "disk", 1) as home:
        with filled(home):
            told(sitrep(home, *command), 4, "the disk is full; make room")
        assert sitrep(home, *command, lines="ann@ops: !inc list\n").returncode == 0


AWAY = {
    "a closed port": "postgres://sitrep@127.0.0.1:{port}/sitrep",
    "an unknown host": "postgres://sitrep@nowhere.invalid/sitrep",
    "no database of ours": "mysql://root@localhost/sitrep",
}


@pytest.mark.parametrize("fault", AWAY)
def test_a_database_that_is_not_there_is_told_by_every_command(tmp_path, fault):
    """D5 D7"""
    url = AWAY[fault].format(port=free_port())
    config = f'{TEAM}[storage]\nurl = "{url}"\n'
    status = 2 if fault == "no database of ours" else 4
    for command in WORKING:
        wrong = 1 if status == 2 and command[0] == "check" else status
        told(sitrep(tmp_path, *command, config=config), wrong, "storage.url")


def test_a_user_without_a_home_is_told_to_set_one(tmp_path):
    """D5"""
    for command in WORKING:
        # An arbitrary user of a container has no entry in the list of users.
        environ = {"PATH": os.environ["PATH"]}
        done = completed(_as_nobody, ["sitrep", *command], environ, place=Path("/"))
        told(done, 2, "set SITREP_HOME to a folder that can be written")


def _as_nobody() -> None:
    os.setgid(54321)
    os.setuid(54321)
    main()


def test_output_that_cannot_be_written_is_told(tmp_path):
    """D5"""
    sitrep(tmp_path, "run", lines=INCIDENT)
    for command in (
        ("config",),
        ("incidents", "all"),
        ("plugins",),
        ("postmortem", "export", "INC-1"),
    ):
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [SITREP, *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                env={**os.environ, "SITREP_HOME": str(tmp_path)},
            )  # fmt: skip
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("sitrep: cannot write the output: No space left on device; make")


def test_a_backup_is_whole_and_goes_back(tmp_path):
    """D7"""
    home, copy = tmp_path / "home", tmp_path / "copy"
    sitrep(home, "run", lines=INCIDENT)
    assert sitrep(home, "backup", str(copy)).returncode == 0
    sitrep(home, "run", lines="ann@ops: !inc declare sev2 Search is slow\n")
    (home / "sitrep.db").write_bytes(b"\xff" * 9000)
    told(sitrep(home, "run"), 4, "the database is damaged")
    done = sitrep(home, "restore", str(copy))
    assert done.returncode == 0, done.stderr
    assert "restored, 1 incident, 0 still open" in done.stdout
    assert "what stood there before" in done.stdout
    assert sitrep(home, "check", "--deep").returncode == 0
    assert "INC-1" in sitrep(home, "incidents", "all").stdout
    told(
        sitrep(home, "restore", str(tmp_path / "none")), 2, "name a folder that sitrep backup wrote"
    )
    (copy / "sitrep.db").write_bytes(b"\xff" * 9000)
    told(sitrep(home, "restore", str(copy)), 4, "the database is damaged")
    assert sitrep(home, "check", "--deep").returncode == 0


def test_root_leaves_another_users_home_alone(tmp_path):
    """D5"""
    if os.geteuid() != 0:
        unavailable("not root")
    sitrep(tmp_path, "run", lines=INCIDENT)
    os.chown(tmp_path / "sitrep.db", 54321, 54321)
    for command in (("run",), ("restore", str(tmp_path))):
        told(sitrep(tmp_path, *command), 2, "belongs to user 54321, and this is root; run Sitrep")
    assert "INC-1" in sitrep(tmp_path, "incidents", "all").stdout


def test_another_config_gives_up_nothing_at_once(tmp_path):
    """D5 D7: what waits for an adapter that is not in it is told of, and waits."""
    section = f'[plugins.cachet]\nurl = "http://127.0.0.1:{free_port()}"\n'
    both = f'{TEAM}[delivery]\nretry_first = "2m"\n{section}token = {{ env = "HOME" }}\n'
    lines = "ann@ops: !inc declare sev1 down ic:@ann\nann@ops: !inc external Checkout is down\n"
    sitrep(tmp_path, "run", config=both, lines=lines)
    done = sitrep(tmp_path, "run", config=TEAM, lines="ann@ops: !inc list\n")
    assert "is it the right config?" in done.stderr
    said = sitrep(tmp_path, "check", config=TEAM).stdout
    assert re.search(r"note   \d+ messages wait for cachet, which this config does not have", said)


READ_ONLY = """
mount --make-rprivate /
mount -t tmpfs tmpfs {home}
mount -o remount,ro,bind /
for folder in /tmp /var/tmp /usr/tmp; do
    mount --bind $folder $folder && mount -o remount,ro,bind $folder
done 2>/dev/null
cd /
exec {sitrep} run
"""


def test_a_read_only_root_without_a_place_for_temporary_files_is_enough(tmp_path):
    """D5 D7"""
    if os.geteuid() != 0:
        unavailable("no read-only root: mounting one takes root")
    home = Path("/mnt")
    script = READ_ONLY.format(home=home, sitrep=SITREP)
    environ = {**os.environ, "SITREP_HOME": str(home / "home")}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], input=INCIDENT, env=environ, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "RESOLVED" in done.stdout


def test_a_backup_that_was_killed_leaves_nothing_under_its_name(tmp_path):
    """D7"""
    home = tmp_path / "home"
    sitrep(home, "run", lines=INCIDENT)
    with closing(sqlite3.connect(home / "sitrep.db")) as db, db:
        db.execute("CREATE TABLE filler (what BLOB)")
        db.executemany("INSERT INTO filler VALUES (randomblob(1000000))", [()] * 60)
    killed = 0
    for attempt in range(20):
        to = tmp_path / f"copy{attempt}"
        child = subprocess.Popen([SITREP, "backup", to, "--home", home])
        while child.poll() is None and not (to / "sitrep.db.part").exists():
            time.sleep(0.001)
        child.kill()
        child.wait()
        if (to / "sitrep.db").exists():
            told_whole = sitrep(home, "restore", str(to))
            assert told_whole.returncode == 0, told_whole.stderr
        else:
            killed += 1
            told(sitrep(home, "restore", str(to)), 2, "a folder that sitrep backup wrote")
        if killed == 2:
            return
    raise AssertionError("every backup was quicker than its kill")


def test_a_reader_that_leaves_is_told_in_a_line_and_what_waits_comes_later(tmp_path):
    """D5 D2: as in `sitrep run | head -1`"""
    reading, writing = os.pipe()
    os.close(reading)
    environ = {**os.environ, "SITREP_HOME": str(tmp_path)}
    done = subprocess.run(
        [SITREP, "run"], input="ann@ops: !inc list\n", stdout=writing, stderr=subprocess.PIPE,
        env=environ, text=True, check=False,
    )  # fmt: skip
    os.close(writing)
    assert done.returncode == 3, done.stderr
    assert "standard output cannot be written: Broken pipe" in done.stderr
    assert "Traceback" not in done.stderr
