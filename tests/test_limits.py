"""A test that hangs or dies is named, the rest go on, and no run hangs or ends in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow

CONFTEST = (
    "from tests.harness import limits\n\n\n"
    "def pytest_configure(config):\n    limits.register(config)\n"
)
REST = "import pytest\n\n@pytest.mark.parametrize('n', range(12))\ndef test_rest(n):\n    pass\n"
HANGS = {
    "test_waits_in_a_loop": "async def test_it():\n    await asyncio.Event().wait()\n",
    "test_is_busy": "def test_it():\n    while True:\n        pass\n",
    "test_waits_for_a_process": (
        "def test_it():\n"
        "    subprocess.run([sys.executable, '-c', 'import time; time.sleep(99)'])\n"
    ),
    "test_swallows_what_ends_it": (
        "def test_it():\n    while True:\n        try:\n            time.sleep(99)\n"
        "        except BaseException:\n            pass\n"
    ),
}
DEATHS = {
    "test_ends_its_process": "def test_it():\n    os._exit(1)\n",
    "test_is_killed": "def test_it():\n    os.kill(os.getpid(), signal.SIGKILL)\n",
}
IMPORTS = "import asyncio, os, signal, subprocess, sys, time\n\n\n"


def run(folder: Path, files: dict[str, str], *, limit: str = "60") -> subprocess.CompletedProcess:
    """Run files as this suite is run, in a process of their own."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(IMPORTS + text)
    (folder / "test_zz_rest.py").write_text(REST)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "2",
        "--dist",
        "worksteal",
        "-p",
        "no:cacheprovider",
    ]
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "SITREP_"))}
    return subprocess.run(
        command,
        cwd=folder,
        env={**environ, "PYTHONPATH": str(ROOT), "SITREP_TEST_LIMIT": limit},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_test_that_runs_out_of_time_is_named_and_the_rest_go_on(tmp_path):
    done = run(tmp_path, HANGS, limit="3")
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    for name in HANGS:
        assert f"FAILED {name}.py::test_it" in said, said
    assert f"{len(HANGS)} failed, 12 passed" in said


def test_a_test_that_ends_its_process_is_named_and_the_rest_go_on(tmp_path):
    done = run(tmp_path, DEATHS)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    for name in DEATHS:
        assert f"FAILED {name}.py::test_it" in said, said
    assert f"{len(DEATHS)} failed, 12 passed" in said


def test_a_run_in_which_nothing_ends_is_given_up_with_the_names(tmp_path):
    stopped = "def test_it():\n    os.kill(os.getpid(), signal.SIGSTOP)\n"
    done = run(tmp_path, {"test_stands_still": stopped}, limit="1")
    assert done.returncode == 70
    assert "test_stands_still.py::test_it" in done.stderr
