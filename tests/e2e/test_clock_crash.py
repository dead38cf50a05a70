"""The clock of the machine jumps by years under a process that is killed: nothing lost or deaf."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.test_crash import hear_more, whole
from tests.peers.machine import ROOT, unavailable
from tests.players import scripted
from tests.players.scripted import make_sink

TURNS = int(os.environ.get("SITREP_KILLS", "16")) // 32
"""How often the clock jumps twice; a kill ends every other turn."""

SEEN_WITHIN = 1
"""Seconds within which a process sees a jump."""

LENGTHS = ("+1y", "-3d", "+0", "-1y", "+10y", "+2h")

pytestmark = pytest.mark.crash


def libfaketime() -> Path:
    """Return the library that shows a process another time."""
    found = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if found is None:
        unavailable("no libfaketime: apt-get install faketime")
    return found


def test_jumps_of_any_length_lose_nothing_and_leave_nobody_deaf(tmp_path):
    """K5 K6 D1 D2 D3"""
    chance, shown = random.Random(TURNS), tmp_path / "shown"
    shown.write_text("+0")
    environ = {
        **os.environ,
        "LD_PRELOAD": str(libfaketime()),
        "FAKETIME_TIMESTAMP_FILE": str(shown),
        "FAKETIME_CACHE_DURATION": str(SEEN_WITHIN),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # with it, waits of threads spin
    }
    url, errors = f"sqlite://{tmp_path / 'sitrep.db'}", tmp_path / "errors"
    args = [url, str(tmp_path / "sink.db"), "a", str(tmp_path / "stop")]
    with closing(make_sink(tmp_path / "sink.db")) as sink, errors.open("ab") as log:

        def started() -> subprocess.Popen[str]:
            command = [sys.executable, "-m", scripted.__name__, *args]
            child = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=environ, text=True, cwd=ROOT
            )
            assert child.stdout.readline() == "ready\n", errors.read_text()
            return child

        def heard_more() -> None:
            hear_more(sink, lambda: child.poll() is None, errors)

        child = started()
        for turn in range(max(2, TURNS)):
            for length in chance.sample(LENGTHS, 2):
                heard_more()
                shown.write_text(length)
                time.sleep(SEEN_WITHIN)
            heard_more()
            if turn % 2:
                child.kill()
                child.communicate()
                shown.write_text(chance.choice(LENGTHS))
                child = started()
        shown.write_text("+0")
        heard_more()
        (tmp_path / "stop").touch()
        said, _ = child.communicate()
        assert said == "done 0 0\n", errors.read_text()
        assert "broke down" not in errors.read_text()
        asyncio.run(whole(url, sink, names="a", repeats=max(2, TURNS) * 3))
