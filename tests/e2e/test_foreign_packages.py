"""Another distribution's package in the place of one of ours: told, and never imported (D5)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.packages import broken
from tests.players.command_line import SITREP, TEAM

CONFIG = TEAM + "[plugins.audit]\n"


def started(
    program: list[str], home: Path, place: Path, path: Path | None
) -> subprocess.CompletedProcess[str]:
    """Start a real process: which module it finds is decided before any of ours runs."""
    home.mkdir()
    (home / "sitrep.toml").write_text(CONFIG)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SITREP_", "PYTHONPATH"))}
    environ = {**kept, "SITREP_HOME": str(home), "SITREP_CONFIG": str(home / "sitrep.toml")}
    if path is not None:
        environ["PYTHONPATH"] = str(path)
    return subprocess.run(
        program,
        cwd=place,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("package", "command", "begins"),
    [
        ("adapters", "run", "sitrep: [adapters.console] cannot be imported: it needs Sitrep's own"),
        ("plugins", "run", "sitrep: [plugins.audit] cannot be imported: it needs Sitrep's own"),
        ("plugins", "check", "fault  [plugins.audit] cannot be imported: it needs Sitrep's own"),
        ("storage", "run", "sitrep: it needs Sitrep's own “storage”"),
        ("storage", "incidents", "sitrep: it needs Sitrep's own “storage”"),
    ],
)
def test_a_package_that_is_found_first_is_named_with_its_place(tmp_path, package, command, begins):
    """D5"""
    theirs = tmp_path / "path" / package
    theirs.mkdir(parents=True)
    (theirs / "__init__.py").write_text("print('imported')\n")
    done = started([str(SITREP), command], tmp_path / "home", tmp_path, tmp_path / "path")
    said = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    (told,) = [line for line in said if line.startswith(begins)]
    assert done.returncode == 2, said
    assert f"{theirs} is found in its place; start it elsewhere" in told
    assert "Traceback" not in done.stderr
    if package != "storage":
        assert "imported" not in said


def test_a_folder_where_it_is_started_is_named(tmp_path):
    """D5"""
    theirs = tmp_path / "adapters"
    theirs.mkdir()
    (theirs / "__init__.py").touch()
    done = started([sys.executable, "-m", "bot", "run"], tmp_path / "home", tmp_path, None)
    found = f"{theirs} is found in its place"
    (_,) = [line for line in done.stderr.splitlines() if found in line]
    assert done.returncode == 2


def test_a_package_of_ours_that_was_written_over_is_told(tmp_path):
    """D5: two distributions in one folder"""
    told = broken(ImportError("cannot import name 'open_database'", name="storage"))
    assert "“storage”" in told
    assert "another distribution has written over it" in told
    assert broken(ImportError("No module named 'nio'", name="nio")) is None
