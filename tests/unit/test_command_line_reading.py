"""What a person names on the command line is looked at before it is read."""

from __future__ import annotations

import os

import pytest
from typer.testing import CliRunner

from bot.cli.main import cli
from bot.cli.options import Exit
from bot.files import LONGEST_DOCUMENT

COMMANDS = (("lint",), ("postmortem", "import", "INC-1", "--as", "ann"))


@pytest.fixture(params=COMMANDS, ids=" ".join)
def command(request, tmp_path, monkeypatch):
    monkeypatch.setenv("SITREP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SITREP_CONFIG", raising=False)

    def run(file: object, stdin: bytes = b""):
        return CliRunner().invoke(cli, [*request.param, str(file)], input=stdin)

    return run


def files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "long").write_bytes(b"x" * (LONGEST_DOCUMENT + 1))
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    return {
        "/dev/zero": "it is a device or a pipe",
        tmp_path / "pipe": "it is a device or a pipe",
        tmp_path: "it is a folder",
        tmp_path / "long": "it is longer than 1,024 KiB",
        tmp_path / "latin": "it is not UTF-8 (byte 3)",
        tmp_path / "none": "No such file or directory",
    }


def test_what_is_no_document_is_one_line_that_says_the_limit(command, tmp_path):
    """D5 F10"""
    for path, why in files(tmp_path).items():
        done = command(path)
        said = f"cannot read {path}: {why}; name a UTF-8 text file of at most 1,024 KiB"
        assert (done.exit_code, done.stderr) == (Exit.CONFIG, f"sitrep: {said}\n")


def test_no_more_of_standard_input_is_read_than_a_document_may_have(command):
    """D5 F10"""
    done = command("-", b"x" * (LONGEST_DOCUMENT + 10))
    assert done.exit_code == Exit.CONFIG
    assert "cannot read -: it is longer than 1,024 KiB" in done.stderr
