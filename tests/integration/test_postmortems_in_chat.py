"""From resolved to closed where people talk: over Matrix by lines, over Teams by forms."""

from __future__ import annotations

from bot.domain.incident import Phase
from tests.worlds.matrix import world
from tests.worlds.teams import shown, team

WRITTEN = {
    "summary": "Every order failed for 10 min; release 311 was withdrawn.",
    "impact": "3,400 users could not pay for 10 min.",
    "cause": "A query without an index. What made that possible: the test data has 1,000 rows.",
    "well": "The rollback took 4 min.",
    "poorly": "The first alert came after 9 min.",
    "lessons": "A test database of 1,000 rows says nothing about 40 million.",
}
ACTION = "Page when no order was placed for 3 min"


async def test_a_postmortem_is_written_and_closed_on_matrix_by_typed_lines(synapse, tmp_path):
    """P1 P2 P4 P5 A1"""
    async with world(synapse, tmp_path) as w:
        room = await w.declared("1 Checkout is down ic:@ben")
        direct = await w.ben.hears("take command?")
        await w.ben.say(direct["room_id"], "!inc INC-1 accept")
        await w.ben.hears("is incident commander", room)
        await w.ben.say(room, "!inc resolve release 311 withdrawn")
        await w.ben.hears("The draft is ready; its owner is Ben", room)
        await w.ben.say(room, "!inc pm schedule 2099-12-01 14:00")
        await w.ben.hears("The postmortem is reviewed on", room)
        file = await w.ben.hears("INC-1.ics", room)
        assert file["content"]["msgtype"] == "m.file"
        assert file["content"]["info"]["mimetype"] == "text/calendar"
        assert "file" in file["content"]  # encrypted, as the room is
        for section, text in WRITTEN.items():
            await w.ben.say(room, f"!inc pm set {section} {text}")
        await w.ben.say(room, f"!inc action {ACTION} owner:@everyone due:2099-12-01 as:detect")
        await w.ben.hears("everyone is a team", room)
        await w.ben.say(room, f"!inc action {ACTION} owner:@ann due:2099-12-01 as:detect")
        await w.ben.hears("A1: Page when", room)
        await w.ben.say(room, "!inc pm finalise")
        await w.ben.hears("has to be reviewed before it is final", room)
        await w.ann.say(room, "!inc pm review")
        await w.ben.hears("is in review", room)
        await w.ben.say(room, "!inc pm lint")
        await w.ben.hears("1 warning", room)
        await w.ben.say(room, "!inc pm waive 1 because one change removes the class of fault")
        await w.ben.hears("may stand", room)
        await w.ann.say(room, "!inc pm finalise")
        await w.ben.hears("the service's owner may finalise it.", room)
        await w.ben.say(room, "!inc pm finalise")
        await w.ben.hears("INC-1 is closed: its postmortem is final.", room)
        assert (await w.bot.incident()).phase is Phase.CLOSED


async def test_a_postmortem_is_written_and_closed_in_teams_by_forms(tmp_path, monkeypatch):
    """P1 P2 P4 P5 A1"""
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ben", "declare 1 Checkout is down ic:@ben")
        thread = await t.thread()
        await t.say("ben", "resolve release 311 withdrawn", thread)
        await t.hears("The draft is ready", thread)
        await t.idle()
        status = t.seen(thread)[0]
        _, answer = await t.press("ben", status, "Postmortem", thread)
        assert "Postmortem of INC-1: draft" in str(answer)
        form = {"id": status["id"], "value": answer["value"]}
        for section, text in WRITTEN.items():
            filled = {"section": section, "how": "set", "text": text}
            code, _ = await t.press("ben", form, "Write", thread, **filled)
            assert code == 200
        await t.press("ben", form, "Schedule", thread, when="2099-12-01 14:00")
        told = await t.hears("The postmortem is reviewed on", thread)
        assert "https://outlook.office.com/calendar/" in str(told)
        wrong = {"text": "improve monitoring", "due": "soon", "strength": "detect"}
        _, answer = await t.press("ben", form, "Add", thread, **wrong)
        assert "which signal" in str(answer)
        assert "One person" in str(answer)
        right = {"text": ACTION, "person": "@ann", "due": "2099-12-01", "strength": "detect"}
        await t.press("ben", form, "Add", thread, **right)
        await t.hears("A1: Page when", thread)
        await t.press("ann", form, "Hand to review", thread)
        await t.hears("is in review", thread)
        _, answer = await t.press("ann", form, "Finalise", thread)
        assert "the service's owner may finalise it." in str(answer)
        _, answer = await t.press("ben", form, "Find", thread)
        assert "1 warning" in str(answer)
        await t.press("ben", form, "Waive", thread, n="1", why="one change removes the class")
        await t.press("ben", form, "Finalise", thread)
        await t.hears("INC-1 is closed: its postmortem is final.", thread)
        await t.idle()
        assert (await t.incident()).phase is Phase.CLOSED
        assert "closed" in shown(t.seen(thread)[0])
