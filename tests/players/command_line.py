"""Somebody at a shell, who runs `sitrep` and reads what it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bot.cli import main
from tests.harness.forked import completed

SITREP = Path(sys.executable).with_name("sitrep")
TEAM = """
[people.ann]
[people.ben]
commander = true
[people.cara]
commander = true
[clocks]
internal = { sev1 = "6s" }
[adapters.console]
"""


def sitrep(
    home: Path, *args: str, lines: str = "", config: str = "", place: Path | None = None
) -> subprocess.CompletedProcess:
    environ = {**os.environ, "SITREP_HOME": str(home)}
    environ.pop("SITREP_CONFIG", None)
    if config:
        home.mkdir(parents=True, exist_ok=True)
        (home / "sitrep.toml").write_text(config)
        environ["SITREP_CONFIG"] = str(home / "sitrep.toml")
    return completed(main, ["sitrep", *args], environ, lines, place)
