"""The Teams adapter with Microsoft's side on the loopback: what people type, press and see."""

from __future__ import annotations

from teams_world import shown, team

from bot.domain.incident import Phase


async def test_a_whole_incident_typed_and_pressed(tmp_path, monkeypatch):
    """C1 C4 K2 T1 L2"""
    async with team(tmp_path, monkeypatch) as t:
        assert (await t.say("ann", "declare 1 Checkout answers <500>"))[0] == 202
        thread = await t.thread()
        told = await t.hears("INCIDENT DECLARED — SEV1 — Checkout answers <500>", "a:29:ann")
        assert "https://teams.microsoft.com/l/message/" in str(told)
        status = t.seen(thread)[0]
        assert "State: SEV1 · investigating" in shown(status)
        asked = await t.hears("take command?")
        status_code, answer = await t.press("ben", asked, "Accept")
        assert status_code == 200
        await t.hears("Ben is incident commander", thread)
        await t.say("ann", "update rolling back", thread)
        await t.hears("rolling back — Ann", thread)
        code, answer = await t.press("ann", status, "Post update", thread, text="40 % done")
        assert (code, answer["type"]) == (200, "application/vnd.microsoft.card.adaptive")
        assert "40 % done" in str(answer)
        await t.hears("40 % done — Ann", thread)
        code, answer = await t.press("ann", status, "Resolve", thread, text="done")
        assert answer["type"] == "application/vnd.microsoft.activity.message"
        assert "Only the commander" in answer["value"]
        await t.press("ben", status, "Resolve", thread, text="done")
        await t.hears("RESOLVED", thread)
        await t.idle()
        assert (await t.incident()).phase is Phase.RESOLVED
        assert "resolved" in shown(t.seen(thread)[0])
        assert len([m for m in t.seen(thread) if "State:" in shown(m)]) == 1
        tokens = {r[2] for r in t.ms.requests}
        assert len(t.ms.token_requests) == 1
        assert len(tokens) == 1
