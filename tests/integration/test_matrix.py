"""The Matrix adapter on a real Synapse: what people type, press and see."""

from __future__ import annotations

import pytest
from matrix_world import synapse, until, world  # noqa: F401 - a fixture

from bot.domain.incident import Phase


@pytest.mark.parametrize("encrypted", [True, False], ids=["encrypted", "plain"])
@pytest.mark.parametrize("version", ["11", "12"])
async def test_a_whole_incident_by_typed_commands(synapse, tmp_path, encrypted, version):  # noqa: F811
    """C1 C4 K2 T1"""
    settings = f'encrypted = {str(encrypted).lower()}\nroom_version = "{version}"'
    async with world(synapse, tmp_path, matrix=settings) as w:
        room = await w.declared("1 Checkout answers 500 service:checkout")
        await w.ann.hears("INCIDENT DECLARED", room)
        direct = await w.ben.hears("take command?")
        await w.ben.say(direct["room_id"], "!inc INC-1 accept")
        await w.ben.hears("is incident commander", room)
        told = await w.ann.say(room, "!inc update rolling back")
        await w.ann.reacted(told, "✅")
        await w.ann.hears("rolling back — Ann", room)
        wrong = await w.ann.say(room, "!inc resolve")
        await w.ann.reacted(wrong, "❓")
        await w.ben.say(room, "!inc resolve done")
        await w.ann.hears("RESOLVED", room)
        assert (await w.bot.incident()).phase is Phase.RESOLVED
        said = [e for e in w.ann.heard(room) if e["sender"] == w.bot.user]
        assert all(e["decrypted"] is encrypted for e in said)
        assert all("m.mentions" in e["content"] for e in said)
