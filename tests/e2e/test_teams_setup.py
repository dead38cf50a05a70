"""`sitrep teams …` and `sitrep check`, as an administrator uses them."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest

from tests.harness.waiting import PATIENCE
from tests.peers.machine import free_port, unavailable
from tests.peers.microsoft import APP, PASSWORD, TEAM, Microsoft
from tests.worlds.teams import config

SCHEMAS = Path(__file__).parents[1] / "js/node_modules/@microsoft/app-manifest/build/json-schemas"


async def sitrep(home: Path, *words: str) -> tuple[int, str]:
    environ = {
        **os.environ, "SITREP_CONFIG": str(home / "sitrep.toml"), "SITREP_HOME": str(home),
        "COLUMNS": "200",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *words, env=environ, cwd=home,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode, out.decode()


def package(path: Path) -> tuple[dict, dict[str, bytes]]:
    with zipfile.ZipFile(path) as found:
        files = {name: found.read(name) for name in found.namelist()}
    return json.loads(files["manifest.json"]), files


def official(manifest: dict) -> list[str]:
    schema = SCHEMAS / f"teams/v{manifest['manifestVersion']}/MicrosoftTeams.schema.json"
    if not schema.exists():
        unavailable("no manifest schema: run `make peers`")
    read = json.loads(schema.read_text("utf-8"))
    validator = jsonschema.validators.validator_for(read)(read)
    return [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(manifest)]


@pytest.mark.parametrize(
    ("teams", "options", "asked"),
    [
        ("", (), ["ChannelMessage.Read.Group", "ChatMessage.Read.Chat"]),
        ("", ("--mentions-only",), []),
        (
            'layout = "channels"',
            ("--mentions-only", "--version", "1.0.1"),
            ["Channel.Create.Group"],
        ),
    ],
)
async def test_the_package_is_one_that_teams_takes(tmp_path, teams, options, asked):
    (tmp_path / "sitrep.toml").write_text(config(Microsoft(), 1, teams=teams))
    code, said = await sitrep(tmp_path, "teams", "manifest", "--out", "app.zip", *options)
    assert code == 0, said
    manifest, files = package(tmp_path / "app.zip")
    assert official(manifest) == []
    assert manifest["id"] == manifest["bots"][0]["botId"] == APP
    permissions = manifest.get("authorization", {}).get("permissions", {})
    assert [p["name"] for p in permissions.get("resourceSpecific", [])] == asked
    for name in asked:
        assert f"It asks for {name}: to" in said
    for icon, size in (("color.png", 192), ("outline.png", 32)):
        assert struct.unpack(">II", files[icon][16:24]) == (size, size)
    commands = manifest["bots"][0]["commandLists"][0]["commands"]
    assert commands[0]["title"] == "declare"
    assert manifest["composeExtensions"][0]["commands"][0]["title"] == "Add to timeline"
    assert PASSWORD not in json.dumps(manifest)


async def test_a_faulty_manifest_would_be_noticed(tmp_path):
    (tmp_path / "sitrep.toml").write_text(config(Microsoft(), 1))
    await sitrep(tmp_path, "teams", "manifest", "--out", "app.zip")
    manifest, _ = package(tmp_path / "app.zip")
    manifest["name"]["short"] = "x" * 31
    assert "31" in official(manifest)[0] or "too long" in official(manifest)[0]


async def test_check_asks_entra_and_looks_at_the_people(tmp_path, monkeypatch):
    async with Microsoft().running(monkeypatch) as ms:
        text = config(ms, free_port())
        (tmp_path / "sitrep.toml").write_text(text)
        code, said = await sitrep(tmp_path, "check")
        assert code == 0, said
        assert "without public_url" in said
        (tmp_path / "sitrep.toml").write_text(
            text.replace("users = { teams =", 'users = { teams = "ANN", x =', 1)
        )
        code, said = await sitrep(tmp_path, "check")
        assert code != 0
        assert "write the object id, in lower case" in said
        ms.refuse_tokens = "AADSTS7000215: Invalid client secret provided. Trace ID: x"
        (tmp_path / "sitrep.toml").write_text(text)
        code, said = await sitrep(tmp_path, "check")
        assert code != 0
        assert "AADSTS7000215" in said
        assert PASSWORD not in said


async def test_without_an_address_to_be_called_at_nothing_starts(tmp_path):
    text = config(Microsoft(), 1).replace('listen = "127.0.0.1:1"', "")
    (tmp_path / "sitrep.toml").write_text(text)
    for words in (("run",), ("check",)):
        code, said = await sitrep(tmp_path, *words)
        assert code != 0
        assert "http.listen: teams hears over HTTP" in said


async def test_help_teaches(tmp_path):
    (tmp_path / "sitrep.toml").write_text(config(Microsoft(), 1))
    code, said = await sitrep(tmp_path, "teams")
    assert "sitrep teams manifest" in said
    code, said = await sitrep(tmp_path, "teams", "manifest", "--help")
    assert code == 0
    assert "--mentions-only" in said
    assert TEAM not in said
