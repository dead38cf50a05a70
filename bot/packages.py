"""The packages that Sitrep brings: whether an import of one would meet another distribution's.

Their names are those that any application might choose, so a folder or a distribution of the same
name, found first, stands in their place.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

OURS = frozenset({"adapters", "plugins", "storage"})

PLACE = Path(__file__).parents[1]
"""The folder in which they stand side by side."""

REMEDY = "start it elsewhere and without PYTHONPATH, or install Sitrep in an environment of its own"


def instead(module: str) -> str | None:
    """Return why a module of ours cannot be had, and what to do; `None` if it is no other's.

    Nothing is imported to find out: it may be anybody's.
    """
    package = module.partition(".")[0]
    if package not in OURS:
        return None
    places = _places(package)
    ours = PLACE / package
    if ours.exists() and any(ours.samefile(place) for place in places):
        return None
    found = f"{places[0]} is found in its place" if places else "it is not installed"
    return f"it needs Sitrep's own “{package}”, and {found}; {REMEDY}"


def broken(error: ImportError) -> str | None:
    """Return why an import of ours failed, and what to do; `None` if it was of something else."""
    package = (error.name or "").partition(".")[0]
    if package not in OURS:
        return None
    return instead(package) or (
        f"Sitrep's own “{package}” in {PLACE} is not whole ({error}); another distribution has "
        "written over it: install Sitrep in an environment of its own"
    )


def _places(package: str) -> list[Path]:
    known = sys.modules.get(package)
    spec = known.__spec__ if known is not None else find_spec(package)
    if spec is None:
        return []
    if spec.submodule_search_locations is None:
        return [Path(spec.origin or package)]
    return [place for each in spec.submodule_search_locations if (place := Path(each)).exists()]
