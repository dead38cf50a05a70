"""What a person sees in a client that shares no code with ours: cards, edits, pins, no shields."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.waiting import PATIENCE
from tests.peers.machine import Missing, node, unavailable
from tests.peers.synapse import SERVER
from tests.worlds.matrix import world

SEE = Path(__file__).parent.parent / "js/see.mjs"


class Client:
    """A person with matrix-js-sdk."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def of(cls, url: str, user: str) -> Client:
        try:
            found = node()
        except Missing as exc:
            unavailable(str(exc))
            raise
        if not (SEE.parent / "node_modules").exists():
            unavailable("no matrix-js-sdk: run `make peers`")
        pipe = asyncio.subprocess.PIPE
        made = cls(
            await asyncio.create_subprocess_exec(
                found, SEE, url, user, "pw", stdin=pipe, stdout=pipe, limit=1 << 24
            )
        )
        assert await made.told() == {"ready": True}
        return made

    async def told(self) -> dict[str, Any]:
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE)
        found: dict[str, Any] = json.loads(line)
        assert "error" not in found, found
        return found

    async def say(self, room: str, text: str, answer: str) -> None:
        self._process.stdin.write(f"{room}\t{text}\t{answer}\n".encode())
        await self._process.stdin.drain()
        assert await self.told() == {"heard": answer}

    async def sees(self) -> list[dict[str, Any]]:
        self._process.stdin.close()
        seen = (await self.told())["seen"]
        await self._process.wait()
        return seen


@pytest.mark.parametrize("encrypted", [True, False], ids=["encrypted", "plain"])
async def test_an_independent_client_sees_the_whole_incident(synapse, tmp_path, encrypted):
    """L1 L2 C1: with devices excluded that their owners have not signed"""
    async with world(synapse, tmp_path, matrix=f"encrypted = {str(encrypted).lower()}") as w:
        await w.ann.__aexit__()  # ann uses another client from here on
        client = await Client.of(synapse.url, f"{w.bot.prefix}-ann")
        room = "incident-checkout"
        await client.say("Triage", "!inc declare 1 Checkout <b>is</b> down ic:@ann", "DECLARED")
        await client.say(room, "", "State: SEV1")
        await client.say(room, "!inc impact all shops", "Noted")
        await client.say(room, "!inc page @ben eyes", "Paged")
        await client.say(room, "!inc help all", "no id is needed")
        await client.say(room, "!inc sev 9", "sev")
        await client.say(room, "!inc stabilised rolled back", "Stabilised")
        rooms = await client.sees()
        w.people.pop("ann")
    incident = next(r for r in rooms if r["name"].startswith(room))
    said = [e for e in incident["events"] if e["sender"] == w.bot.user]
    assert [e for e in incident["events"] if e["failure"]] == []
    assert [e for e in said if e["shield"]] == []
    assert {e["encrypted"] for e in said} == {encrypted}
    card = next(e for e in said if "State: " in e["body"])
    assert incident["pinned"] == [card["id"]]
    assert card["edited"]
    assert "Impact: all shops" in card["body"]
    assert "stabilised" in incident["topic"]
    declared = next(e for e in said if "DECLARED" in e["body"])
    assert "Checkout &lt;b&gt;is&lt;/b&gt; down" in declared["html"]
    assert declared["reactions"] == [["1️⃣", 1]]
    asked = next(e for e in incident["events"] if e["body"].startswith("!inc impact"))
    assert asked["reactions"] == [["✅", 1]]
    refused = next(e for e in incident["events"] if e["body"].startswith("!inc sev 9"))
    assert refused["reactions"] == [["❓", 1]]
    page = next(e for e in said if "Paged" in e["body"])
    assert page["mentions"] == {"user_ids": [f"@{w.bot.prefix}-ben:{SERVER}"]}
    long = next(e for e in said if "no id is needed" in e["body"])
    question = next(e for e in incident["events"] if e["body"] == "!inc help all")
    assert long["thread"] == question["id"]
    space = next(r for r in rooms if r["space"])
    assert incident["id"] in space["children"]
