"""`sitrep teams …` and `sitrep check`, as an administrator uses them."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import tomllib
import zipfile
from pathlib import Path

import jsonschema
import pytest

from bot.cli import main
from tests.harness.forked import completed
from tests.peers.machine import free_port, unavailable
from tests.peers.microsoft import APP, CHANNEL, PASSWORD, TEAM, TENANT, Microsoft, object_id
from tests.worlds.teams import config

SCHEMAS = Path(__file__).parents[1] / "js/node_modules/@microsoft/app-manifest/build/json-schemas"


async def sitrep(home: Path, *words: str) -> tuple[int, str]:
    environ = {
        **os.environ, "SITREP_CONFIG": str(home / "sitrep.toml"), "SITREP_HOME": str(home),
        "COLUMNS": "200",
    }  # fmt: skip
    done = await asyncio.to_thread(completed, main, ["sitrep", *words], environ, "", home)
    return done.returncode, done.stdout + done.stderr


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


def member(name: str, **more) -> dict:
    """A member of the roster, in the connector's shape."""
    first = name.split(maxsplit=1)[0].casefold()
    return {
        "id": f"29:{first}", "objectId": object_id(first).upper(), "name": name,
        "email": f"{first}@example.com", "userPrincipalName": f"{first}@corp.example.com",
        "tenantId": TENANT, "userRole": "user", **more,
    }  # fmt: skip


async def test_the_people_of_the_channels_team_are_printed_as_sections(tmp_path, monkeypatch):
    """F8"""
    async with Microsoft().running(monkeypatch) as ms:
        ms.page = 2
        ms.roster = [
            member("Ann Lee"), member("Eve Ünal"), member("Joe", email=""),
            member("Guest", userRole="guest"), member("Nobody", objectId=None),
        ]  # fmt: skip
        (tmp_path / "sitrep.toml").write_text(config(ms, 1))
        code, said = await sitrep(tmp_path, "teams", "people")
        assert code == 0, said
        assert f"# Ann Lee ({object_id('ann')}) is [people.ann] already" in said
        found = tomllib.loads(said)["people"]
        assert list(found) == ["eve-unal", "guest", "joe", "nobody"]
        assert found["eve-unal"] == {
            "name": "Eve Ünal", "mail": "eve@example.com", "users": {"teams": object_id("eve")},
        }  # fmt: skip
        assert found["joe"]["mail"] == "joe@corp.example.com"
        assert "# A guest in the team." in said
        assert "users" not in found["nobody"]
        assert [path for method, path, *_ in ms.requests if method == "GET"] == [
            f"conversations/{CHANNEL}/pagedmembers"
        ] * 3
        with (tmp_path / "sitrep.toml").open("a") as file:
            file.write(said)
        assert (await sitrep(tmp_path, "check"))[0] == 0

        (tmp_path / "mails.txt").write_text("EVE@example.com\n\nzoe.van.dam@example.com # new\n")
        (tmp_path / "sitrep.toml").write_text(config(ms, 1))
        code, said = await sitrep(tmp_path, "teams", "people", "mails.txt")
        assert code == 0, said
        found = tomllib.loads(said)["people"]
        assert list(found) == ["eve-unal", "zoe-van-dam"]
        assert "Their object id stands in the Entra admin center" in said

        ms.script.append((403, "BotNotInConversationRoster"))
        code, said = await sitrep(tmp_path, "teams", "people")
        assert code == 2
        assert "the app is not installed there" in said
        ms.refuse_tokens = "AADSTS7000215: Invalid client secret provided. Trace ID: x"
        code, said = await sitrep(tmp_path, "teams", "people")
        assert code == 2
        assert "AADSTS7000215" in said
        assert PASSWORD not in said


async def test_mail_addresses_become_sections_without_asking_microsoft(tmp_path):
    """F8"""
    text = config(Microsoft(), 1).replace(f'channel = "{CHANNEL}"', "")
    text = text.replace("[people.ann]", '[people.ann]\nmail = "ann@example.com"')
    (tmp_path / "sitrep.toml").write_text(text)
    (tmp_path / "mails.txt").write_text("ann@example.com\neve.unal@example.com\n")
    code, said = await sitrep(tmp_path, "teams", "people", "mails.txt")
    assert code == 0, said
    assert "# Ann (ann@example.com) is [people.ann] already\n" in said
    assert tomllib.loads(said)["people"] == {
        "eve-unal": {"name": "Eve Unal", "mail": "eve.unal@example.com"}
    }
    assert '# users = { teams = "…" }' in said
    code, said = await sitrep(tmp_path, "teams", "people")
    assert code == 2
    assert "set channel, or give mail addresses" in said
    (tmp_path / "mails.txt").write_text("ann@example.com\nEve\n")
    code, said = await sitrep(tmp_path, "teams", "people", "mails.txt")
    assert code == 2
    assert "mails.txt, line 2: 'Eve' is not a mail address" in said
    for wrong, why in ((".", "it is a folder"), ("/dev/zero", "a device"), ("none", "No such")):
        code, said = await sitrep(tmp_path, "teams", "people", wrong)
        assert code == 2
        assert why in said


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
    code, said = await sitrep(tmp_path, "teams", "people", "--help")
    assert code == 0
    assert "Nothing has to be granted in Entra" in " ".join(said.split())
