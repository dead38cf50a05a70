"""Nothing that the tests start reaches anything but this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import alone
import pytest


def test_nothing_beyond_this_machine_can_be_reached():
    if not alone.alone:
        pytest.skip("a network of one's own is not permitted here: it takes root, and Linux")
    assert not alone.reaches_out()
    asked = "import alone; raise SystemExit(alone.reaches_out())"
    subprocess.run([sys.executable, "-c", asked], check=True, cwd=Path(__file__).parent)
