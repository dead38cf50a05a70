"""The import contracts hold what the architecture says: each forbidden step makes lint fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("bot", "adapters", "plugins", "storage")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code, to try what must not be done."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def linted(checkout: Path) -> tuple[bool, str]:
    """Return whether the copy keeps every import contract, and what was said of it."""
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-cache"],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout + done.stderr


def test_the_code_as_it_stands_keeps_every_contract(checkout):
    kept, said = linted(checkout)
    assert kept, said


def test_a_file_that_stands_in_no_layer_is_refused(checkout):
    new = checkout / "bot/brand_new.py"
    new.write_text("")
    try:
        kept, said = linted(checkout)
    finally:
        new.unlink()
    assert not kept
    assert "brand_new" in said


@pytest.mark.parametrize(
    "importer",
    ["adapters/matrix/config.py", "plugins/jira/client.py", "storage/codec.py"],
)
@pytest.mark.parametrize("imported", ["bot.brand_new", "bot.people"])
def test_what_is_not_on_the_allow_list_is_refused(checkout, importer, imported):
    refused(checkout, importer, imported)


@pytest.mark.parametrize("imported", ["bot.brand_new", "bot.people", "bot.contract.messages"])
def test_the_domain_imports_nothing_above_it(checkout, imported):
    refused(checkout, "bot/domain/durations.py", imported)


def refused(checkout: Path, importer: str, imported: str) -> None:
    """Hold that one file's import of one module breaks a contract that names the importer."""
    path, new = checkout / importer, checkout / "bot/brand_new.py"
    before = path.read_text("utf-8")
    path.write_text(f"{before}\nimport {imported}\n")
    new.write_text("")
    layers = checkout / "pyproject.toml"
    settings = layers.read_text("utf-8")
    # Somebody gave the new file a layer: the other contracts must hold by themselves.
    layers.write_text(settings.replace('"config : people"', '"config : people : brand_new"'))
    try:
        kept, said = linted(checkout)
    finally:
        path.write_text(before)
        new.unlink()
        layers.write_text(settings)
    assert not kept
    assert importer.removesuffix(".py").replace("/", ".") in said
