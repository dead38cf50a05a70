"""What an installation weighs."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution

from bench.making import ROOT
from bench.result import Result

PEER_PACKAGES, PEER_MB = 73, 157
"""incidentbot as locked, measured on 2026-11-23: no registry has it to be installed again."""


def of_the_installation() -> Result:
    result = Result(
        unit="MB",
        aim="<= 0.75",
        note="installed size of the locked dependencies and Sitrep, over incidentbot's",
    )
    names = re.findall(
        r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements/run.txt").read_text(), re.MULTILINE
    )
    packages, size = 1, sum(p.stat().st_size for p in ROOT.glob("[abps]*/**/*.py"))
    for name in names:
        try:
            files = distribution(name).files or []
        except PackageNotFoundError:
            continue  # locked for another platform
        packages += 1
        for file in files:
            path = file.locate()
            if path.suffix != ".pyc" and path.is_file():
                size += path.stat().st_size
    megabytes = size / 1e6
    result.add(megabytes, PEER_MB)
    result.counts = {"packages": packages, "packages_ratio": round(packages / PEER_PACKAGES, 3)}
    return result
