"""The pages of the documentation, and what a generated one is held against."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted(ROOT.glob("docs/**/*.md"))


def same(path: Path, text: str) -> None:
    """Hold a generated page against what it should be; `make golden` writes it."""
    if os.environ.get("SITREP_GOLDEN") == "write":
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text
