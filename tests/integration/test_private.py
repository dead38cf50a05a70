"""Private incidents: those who take part read them, and no word of one reaches anybody else."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot import http
from bot.contract.chat import Features
from bot.contract.messages import plain
from bot.grammar.parser import parse
from bot.people import Directory
from bot.refs import ConversationRef
from bot.testing import TEAM, RecordingAdapter, RecordingProvider, stage

MARK = "zanzibar"
ROOM = "!inc-1"
HOOKS = (
    "register_status_page",
    "register_pager",
    "register_stakeholder_channel",
    "register_ticket_tracker",
    "register_postmortem_publisher",
    "register_mailer",
    "incident_changed",
)
CONFIG = (
    TEAM.replace(
        'comms = "priya"',
        'comms = "priya"\nowner = "ann"\nexternal = { sev1 = "30m" }\n'
        'audiences = { sev1 = ["chat:board"] }',
    )
    + '[people.olga]\n[services.payroll]\nowner = "ann"\nprivate = true\n[plugins.outside]\n'
    + '[actions]\nconversation = "chat:ops-report"\n[access]\nauditors = ["cara"]\n'
)


@asynccontextmanager
async def closed(home, *, more: str = "", **features):
    """A Sitrep on a platform with private rooms, and with everything outside recorded."""
    given = {"edits": True, "pins": True, "rooms": True, "private_rooms": True}
    chat = RecordingAdapter("chat", Features(**{**given, **features}))
    outside = RecordingProvider()
    given = {"outside": outside.plugin(*HOOKS)}
    async with stage(home, config=CONFIG + more, chat=chat, given=given) as bot:
        yield bot, outside


def told(bot, *, but=()) -> str:
    """Everything that was sent, except into some conversations."""
    return "\n".join(
        f"{each.text}\n{plain(each.message) if each.message is not None else ''}"
        for each in bot.chat.done
        if each.conversation not in but
    )


async def test_no_word_of_a_private_incident_reaches_anybody_outside_it(tmp_path, caplog):
    """F17"""
    async with closed(tmp_path) as (bot, outside):
        for who, room in (("dev", "board"), ("priya", "lobby")):
            await bot.say(who, "!inc subscribe all to:here", room=room)
        await bot.say("ann", f"!inc declare sev1 {MARK} leaks private service:checkout ic:@ben")
        incident = await bot.incident()
        assert incident.private
        assert incident.title == f"{MARK} leaks"
        here = incident.conversation
        assert here.pending == "INC-1"
        await bot.say("ben", "!inc accept", room=ROOM)
        for line in (
            f"impact {MARK} is known to all",
            f"update {MARK} is being hidden",
            f"note {MARK} saw it",
            f"page @dev {MARK}",
            "stabilised",
        ):
            assert await bot.say("ben", f"!inc {line}", room=ROOM), line
        await bot.minutes(70)
        for who in ("mallory", "olga"):
            for line in ("list", "list all", "actions all", "actions overdue"):
                await bot.say(who, f"!inc {line}", room="lounge")
            for line in ("status", "timeline", "who", "pm", "update x", "note x", "join"):
                assert not await bot.say(who, f"!inc INC-1 {line}", room="lounge"), line
                assert not await bot.say(who, f"INC-1 {line}", room=f"@{who}"), line
            assert not await bot.say(who, "!inc subscribe INC-1", room="lounge")
        await bot.say("ben", "!inc resolve it is over", room=ROOM)
        await bot.say(
            "ben",
            f"!inc action Page when {MARK} grows for 3 min owner:@dev due:2026-12-15 as:detect",
            room=ROOM,
        )
        await bot.minutes(60 * 24 * 30)
        await bot.app.jobs.weekly_report.report()
        await bot.app.jobs.daily_digest.digest()
        await bot.settle()
        inside = {ROOM, "@ann", "@ben", "@cara", "@dev", "@priya", "new:INC-1"}
        leaks = [
            (e.conversation, e.kind, e.text)
            for e in bot.chat.done
            if MARK in repr(e) and e.conversation not in inside
        ]
        assert not leaks
        assert "INC-1" in told(bot, but=inside)
        calls = repr([(call, what) for call, what in outside.calls if call != "incident_changed"])
        assert MARK not in calls
        assert not [call for call, _what in outside.calls if call in {"send", "publish"}]
        assert MARK not in caplog.text


async def test_those_who_take_part_read_it_in_its_room_and_directly(tmp_path):
    """F17"""
    async with closed(tmp_path) as (bot, _outside):
        await bot.say("ann", f"!inc declare sev1 {MARK} private service:checkout ic:@ben")
        assert await bot.say("mallory", "!inc status", room=ROOM)  # who is in the room reads it
        assert await bot.say("ben", "INC-1 status", room="@ben")
        assert MARK in bot.heard("@ben")[-1]
        assert not await bot.say("ben", "!inc INC-1 status", room="lounge")
        assert MARK not in "".join(bot.heard("lounge"))
        assert await bot.say("cara", "INC-1 status", room="@cara")  # an auditor
        assert not await bot.say("priya2", "INC-1 status", room="@priya2")
        assert MARK not in "".join(bot.heard("ops"))


async def test_a_plugin_reads_no_private_incident(tmp_path):
    """F17"""
    async with closed(tmp_path) as (bot, _outside):
        await bot.say("ann", f"!inc declare sev1 {MARK} private service:checkout ic:@ben")
        machines = bot.app.intake.machines
        assert await machines.incidents("open") == ()
        assert await machines.incidents("INC-1") == ()
        for n, line in enumerate(("INC-1 status", "INC-1 timeline", "INC-1 note x", "list")):
            answer = (await machines.submit("alerts", line, None, f"k{n}")).answer
            assert MARK not in answer


async def test_a_service_can_have_private_incidents_alone(tmp_path):
    """F17"""
    async with closed(tmp_path) as (bot, _outside):
        await bot.say("ann", "!inc declare sev2 wages are wrong service:payroll")
        assert (await bot.incident()).private


async def test_where_nothing_can_be_kept_private_nothing_is_declared(tmp_path):
    """F17"""
    async with closed(tmp_path, private_rooms=False) as (bot, _outside):
        assert not await bot.say("ann", f"!inc declare sev1 {MARK} private")
        assert "cannot keep a place private" in bot.heard()[-1]
        assert await bot.app.store.read(lambda w: w.list("all", 9)) == []
        assert await bot.say("ann", f"declare sev1 {MARK} private", room="@ann")
        incident = await bot.incident()
        assert incident.conversation == ConversationRef("chat", "@ann")


async def test_an_incident_is_made_private_and_opened_again(tmp_path):
    """F17"""
    async with closed(tmp_path) as (bot, _outside):
        await bot.say("ann", "!inc declare sev1 checkout is slow service:checkout ic:@ben")
        await bot.say("ben", "!inc accept", room=ROOM)
        assert not await bot.say("ben", "!inc private on", room=ROOM)
        assert await bot.say("ben", "!inc private on because names are in it", room=ROOM)
        assert (await bot.incident()).private
        assert [p.kind for p in bot.chat.done if p.kind in {"private", "public"}] == ["private"]
        assert "What was told before stays" in "".join(bot.heard(ROOM))
        assert not await bot.say("dev", "!inc private off because x", room=ROOM)
        assert await bot.say("ben", "!inc private off because it was nothing", room=ROOM)
        assert not (await bot.incident()).private


async def test_an_open_room_that_others_read_is_not_called_private(tmp_path):
    """F17 D5"""
    async with closed(tmp_path, rooms=False, private_rooms=False) as (bot, _outside):
        await bot.say("ann", "!inc declare sev1 checkout is slow")
        assert not await bot.say("ann", "!inc private on because names are in it")
        assert "cannot be closed" in bot.heard()[-1]


async def test_a_private_incidents_public_text_is_seen_first(tmp_path):
    """F17 X3"""
    async with closed(tmp_path) as (bot, outside):
        await bot.say("ann", "!inc declare sev1 x private service:checkout ic:@ben")
        await bot.say("ben", "!inc accept", room=ROOM)
        await bot.say("ben", "!inc external We look into a problem", room=ROOM)
        assert not [call for call, _what in outside.calls if call == "publish"]
        assert "private" in bot.heard(ROOM)[-1]
        assert await bot.say("ben", "!inc approve", room=ROOM)
        assert [call for call, _what in outside.calls if call == "publish"]


@pytest.mark.parametrize("title", ["we leak private keys", "private"])
def test_the_word_within_a_title_is_a_word(title):
    """F17"""
    asked = parse(f"declare sev1 {title}", Directory(()), {})
    assert (asked.what.title, asked.what.private) == (title, False)


INSIDE = (
    f"impact {MARK} is known to all",
    f"update {MARK} is being hidden",
    f"note {MARK} saw it",
    f"saw {MARK} on db7",
    f"did remove {MARK}",
    f"decided to tell {MARK}",
    f"tried rollback {MARK}",
    f"page @dev {MARK}",
    f"brief {MARK} is handled",
    f"external state:investigating {MARK} affects you",
    "reject not yet",
    "role scribe @cara",
    "join",
    "sev 2 because less",
    "sev 1",
    f"sev 4 because {MARK} is nothing",
    "cadence internal 10m",
    f"stabilised {MARK} is gone",
    f"resolve {MARK} is over",
    f"reopen because {MARK} is back",
    "assess no yes",
    "pm",
    f"pm set summary {MARK} was seen by nobody for 3 hours",
    "pm schedule 2026-12-20 14:00",
    "pm review",
    f"action Page when {MARK} grows for 3 min owner:@dev due:2026-12-15 as:detect",
    "action done 1",
    "amend 1 " + MARK,
    "status",
    "timeline",
    "mirror chat",
)
OUTSIDE = (
    "list", "list all", "list owing", "actions all", "actions overdue", "INC-1 status",
    "INC-1 timeline", "INC-1 who", "INC-1 pm", "INC-1 pm show summary", "INC-1 external",
    "INC-1 brief", "INC-1 join", "INC-1 note x", "INC-1 actions", "actions INC-1", "any news?",
    "subscribe INC-1", "subscribe all", "subscribe all digest", "subscriptions", "INC-1 score",
    "declare sev3 something else", "INC-1 accept", "INC-1 take ic",
)  # fmt: skip
PLUGINS = """
[plugins.page]
url = "https://status.example.com"
components = { checkout = "Checkout" }
[plugins.site]
url = "https://status.example.com"
[plugins.library]
[plugins.audit]
"""


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_is_done_no_word_of_it_is_sent_or_served_to_others(tmp_path, seed, capfd):
    """F17"""
    chance = random.Random(seed)
    async with closed(tmp_path, more=PLUGINS) as (bot, outside):
        await bot.say("olga", "!inc subscribe all to:here", room="board")
        declared = f"declare sev{1 + seed % 3} {MARK} leaks private service:checkout"
        await bot.say("ann", f"!inc {declared} ic:@ben")
        await bot.say("ben", "!inc accept", room=ROOM)
        await bot.say("olga", "!inc declare sev3 Search is slow", room="lounge")
        for _ in range(25):
            if chance.random() < 0.6:
                who, line = chance.choice(("ann", "ben", "cara", "dev")), chance.choice(INSIDE)
                await bot.say(who, f"!inc {line}", room=ROOM)
            else:
                who, room = chance.choice(("mallory", "olga")), chance.choice(("lounge", "board"))
                await bot.say(who, f"!inc {chance.choice(OUTSIDE)}", room=room)
            if chance.random() < 0.2:
                await bot.minutes(chance.choice((5, 20)))
        for who in ("ann", "ben", "cara", "dev"):
            for line in ("take ic", "accept", "resolve it is over"):
                await bot.say(who, f"!inc {line}", room=ROOM)
        assert not (await bot.incident()).running
        await bot.minutes(60 * 24 * chance.choice((1, 8, 20)))
        await bot.app.jobs.weekly_report.report()
        await bot.app.jobs.daily_digest.digest()
        await bot.settle()
        inside = {ROOM, "new:INC-1", *(f"@{who}" for who in ("ann", "ben", "cara", "dev", "priya"))}
        outer = [each for each in bot.chat.done if each.conversation not in inside]
        assert not [(e.conversation, e.text) for e in outer if MARK in repr(e)]
        assert MARK not in repr(outside.calls)
        for path in ("page/", "page/history", "page/history.atom", "page/api/v2/summary.json"):
            assert MARK not in await served(bot, f"/plugins/{path}")
        assert MARK not in await served(bot, "/metrics")
        for folder in ("status-site", "postmortems"):
            texts = (each.read_text("utf-8", "replace") for each in files_of(tmp_path / folder))
            assert MARK not in "".join(texts)
        audited = (tmp_path / "audit.jsonl").read_text("utf-8")
        assert "Search is slow" in audited  # it hears of what is not private
        assert MARK not in audited
    assert MARK not in "".join(capfd.readouterr())


def files_of(folder):
    return [each for each in folder.rglob("*") if each.is_file() and ".git" not in each.parts]


async def served(bot, path: str) -> str:
    """What HTTP answers under a path."""
    app = http.application(bot.app.store, bot.app.numbers, bot.app.plugins.routes())
    async with TestClient(TestServer(app)) as client, client.get(path) as answer:
        return await answer.text()
