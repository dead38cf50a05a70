"""Private incidents: those who take part read them, and no word of one reaches anybody else."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.contract.chat import Features
from bot.contract.errors import PermanentFailure, TemporaryFailure
from bot.contract.messages import plain
from bot.grammar.parser import parse
from bot.http.application import application
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
        assert "Sitrep takes back what it said" in "".join(bot.heard(ROOM))
        assert not await bot.say("dev", "!inc private off because x", room=ROOM)
        assert await bot.say("ben", "!inc private off because it was nothing", room=ROOM)
        assert not (await bot.incident()).private


OTHERS = ("ops", "board", "lounge", "lobby")
"""The conversations of people who take no part."""


def shown(bot, conversation: str) -> list[str]:
    """What a conversation shows now: each message as it was edited last."""
    now = {}
    for each in bot.chat.done:
        if each.conversation == conversation and each.kind in {"post", "edit"}:
            now[each.ref or bot.chat.ref_of(each)] = each.text
    return list(now.values())


async def told_elsewhere(bot):
    """Tell people in several conversations of an incident that is not private yet."""
    await bot.say("dev", "!inc subscribe all to:here", room="lobby")
    await bot.say("ann", f"!inc declare sev1 {MARK} is slow service:checkout ic:@ben")
    await bot.say("ben", "!inc accept", room=ROOM)
    await bot.say("ben", f"!inc update {MARK} is looked at", room=ROOM)
    await bot.say("dev", "!inc INC-1 status", room="lounge")
    await bot.say("ben", f"!inc INC-1 note {MARK} was restarted", room="lounge")
    await bot.say("ben", f"!inc brief We look into {MARK}", room=ROOM)


async def test_what_others_were_told_is_taken_back(tmp_path):
    """F17"""
    async with closed(tmp_path) as (bot, _outside):
        await told_elsewhere(bot)
        for room in OTHERS:
            assert MARK in "".join(shown(bot, room)), room
        assert await bot.say("ben", "!inc private on because names are in it", room=ROOM)
        for room in OTHERS:
            assert MARK not in "".join(shown(bot, room)), room
            assert "INC-1 is private." in shown(bot, room), room
        assert MARK in "".join(shown(bot, ROOM))
        await bot.say("ben", "!inc private off because it was nothing", room=ROOM)
        await bot.say("dev", "!inc INC-1 status", room="lounge")
        edits = len([each for each in bot.chat.done if each.kind == "edit"])
        await bot.say("ben", "!inc private on because names are in it", room=ROOM)
        # Only what was said since: the rest was taken back before.
        again = [each for each in bot.chat.done if each.kind == "edit"][edits:]
        assert [e.conversation for e in again if e.text == "INC-1 is private."] == ["lounge"]


async def test_what_waits_for_others_is_not_sent_once_it_is_private(tmp_path):
    """F17 D2"""
    async with closed(tmp_path) as (bot, outside):

        def away(posted):
            if posted.conversation in OTHERS:
                raise TemporaryFailure("away")

        def down(call):
            if call in {"send", "incident_changed"}:
                raise TemporaryFailure("away")

        bot.chat.fault, outside.fault = away, down
        await told_elsewhere(bot)
        assert await bot.say("ben", "!inc private on because names are in it", room=ROOM)
        bot.chat.fault = outside.fault = lambda _what: None
        await bot.minutes(5)
        for room in OTHERS:
            assert MARK not in "".join(shown(bot, room)), room
        assert [call for call, _what in outside.calls if call in {"send", "incident_changed"}] == []


async def test_what_is_being_sent_meanwhile_is_taken_back(tmp_path):
    """F17"""
    async with closed(tmp_path) as (bot, _outside):
        await told_elsewhere(bot)
        post = bot.chat.post

        async def slowly(to, message, **how):
            posted = await post(to, message, **how)
            if to.id == "lounge" and not (await bot.incident()).private:
                line = "!inc private on because names are in it"
                assert await bot.say("ben", line, room=ROOM, deliver=False)
            return posted

        bot.chat.post = slowly
        await bot.say("dev", "!inc INC-1 timeline", room="lounge")
        assert (await bot.incident()).private
        assert MARK not in "".join(shown(bot, "lounge"))


@pytest.mark.parametrize("repeats", [True, False])
async def test_what_may_be_there_already_is_taken_back_or_reported(tmp_path, repeats):
    """F17 D2: a try was cut short after the platform had taken the message"""
    async with closed(tmp_path, repeats=repeats) as (bot, _outside):
        await told_elsewhere(bot)

        def lost(posted):
            if posted.conversation == "lounge" and posted.kind == "post":
                raise TemporaryFailure("no answer", unsure=True)

        bot.chat.lost = lost
        await bot.say("dev", "!inc INC-1 timeline", room="lounge")
        assert await bot.say("ben", "!inc private on because names are in it", room=ROOM)
        bot.chat.lost = lambda _posted: None
        await bot.minutes(5)
        if repeats:
            assert MARK not in "".join(shown(bot, "lounge"))
        else:
            assert "it may be there: a try to send it was cut short" in "".join(bot.heard(ROOM))


async def test_every_answer_about_one_incident_is_taken_back(tmp_path):
    """F17: refusals that show a draft, and what a new subscriber is told"""
    async with closed(tmp_path) as (bot, _outside):
        await told_elsewhere(bot)
        await bot.say("priya", f"!inc external {MARK} is slow for all", room=ROOM)
        await bot.say("dev", "!inc subscribe INC-1 to:here", room="lounge")
        await bot.say("ben", "!inc INC-1 approve 3", room="lounge")
        await bot.say("dev", "!inc INC-1 draft", room="lounge")
        assert "".join(shown(bot, "lounge")).count(MARK) > 3
        assert await bot.say("ben", "!inc private on because names are in it", room=ROOM)
        assert MARK not in "".join(shown(bot, "lounge"))


async def test_what_cannot_be_taken_back_is_told(tmp_path):
    """F17 D2"""
    async with closed(tmp_path, edits=False) as (bot, _outside):
        await told_elsewhere(bot)
        bot.chat.fault = _refuses_to_close
        assert await bot.say("ben", "!inc private on because names are in it", room=ROOM)
        assert "What stays: mails" in "".join(bot.heard(ROOM))
        assert "the removal of a message that others read" in "".join(bot.heard(ROOM))
        assert "the change of who may enter the room" in "".join(bot.heard("@ben"))


async def test_what_is_told_of_many_is_told_though_one_is_private(tmp_path):
    """F17 F18: gathered news has their numbers alone"""
    async with closed(tmp_path, more="[floods]\nnews = 1\n") as (bot, _outside):
        await bot.say("dev", "!inc subscribe all to:here", room="lobby")
        for n in (1, 2, 3):
            await bot.say("ann", f"!inc declare sev1 {MARK} {n} service:checkout ic:@ben")

        def away(posted):
            if posted.conversation == "lobby":
                raise TemporaryFailure("away")

        bot.chat.fault = away
        await bot.minutes(6)
        await bot.say("ben", "!inc accept", room="!inc-3")
        line = "!inc private on because names are in it"
        assert await bot.say("ben", line, room="!inc-3")
        bot.chat.fault = lambda _posted: None
        await bot.minutes(6)
        heard = shown(bot, "lobby")
        assert any("2 incidents declared: INC-2, INC-3" in text for text in heard), heard


def _refuses_to_close(posted):
    if posted.kind == "private":
        raise PermanentFailure("the room cannot be closed")


async def test_its_tickets_lose_their_words(tmp_path):
    """F17"""
    async with closed(tmp_path) as (bot, outside):
        await told_elsewhere(bot)
        await bot.say("ben", "!inc resolve it is over", room=ROOM)
        line = f"action Page when {MARK} grows for 3 min owner:@dev due:2026-12-15 as:detect"
        await bot.say("ben", f"!inc {line}", room=ROOM)
        tickets = [what[0] for call, what in outside.calls if call == "sync"]
        assert MARK in repr(tickets[-1])
        assert await bot.say("ben", "!inc private on because names are in it", room=ROOM)
        tickets = [what[0] for call, what in outside.calls if call == "sync"]
        assert MARK not in repr(tickets[-1])
        assert [each.kind for each in bot.chat.done if each.kind == "private"] == ["private"]


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
    app = application(bot.app.store, bot.app.numbers, bot.app.plugins.routes())
    async with TestClient(TestServer(app)) as client, client.get(path) as answer:
        return await answer.text()
