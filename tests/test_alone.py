"""Nothing that the tests start reaches anything but this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import alone


def test_nothing_beyond_this_machine_can_be_reached():
    # Only root on Linux can have a network of its own. Elsewhere there is nothing to hold here: the
    # tests speak to loopback all the same, since that is where their peers are.
    if not alone.alone:
        pytest.skip("a network of one's own is not permitted here: it takes root, and Linux")
    assert not alone.reaches_out()
    asked = "from tests.harness import alone; raise SystemExit(alone.reaches_out())"
    subprocess.run([sys.executable, "-c", asked], check=True, cwd=Path(__file__).parents[1])
