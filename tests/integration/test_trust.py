"""Nobody acts beyond their part: what people whom the config does not name cannot bring about."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager, suppress

import pytest

from bot.contract.chat import ChatCapture, ChatEvent
from bot.contract.messages import buttons_of
from bot.domain import events as ev
from bot.grammar.verb import Scope
from bot.grammar.verbs import VERBS
from bot.refs import ConversationRef, UserRef
from bot.testing import START, TEAM, RecordingAdapter, RecordingProvider, Stage, stage

PUBLIC = TEAM.replace(
    'comms = "priya"',
    'comms = "priya"\nowner = "ann"\ncomponents = ["checkout"]\n'
    'external = { sev1 = "30m", sev2 = "30m", sev3 = "60m" }',
)
OUTSIDE = "\n[plugins.outside]\n"
HOOKS = ("register_status_page", "register_pager", "register_stakeholder_channel")

MALLORY = "mallory"
"""Somebody in the room whom the config does not name."""


@asynccontextmanager
async def public(home, more=""):
    """A Sitrep with a status page, a pager and stakeholders, all of which are recorded."""
    outside = RecordingProvider()
    given = {"outside": outside.plugin(*HOOKS)}
    async with stage(home, config=PUBLIC, more=OUTSIDE + more, given=given) as bot:
        yield bot, outside


def published(outside: RecordingProvider) -> list[str]:
    """The texts that the status page was given."""
    return [what[0].updates[-1].text for call, what in outside.calls if call == "publish"]


async def press(bot: Stage, who: str, label: str, nth: int = -1) -> bool:
    """Press a button of a message that the bot sent."""
    found = [
        button.command
        for posted in bot.chat.done
        if posted.message is not None
        for button in buttons_of(posted.message)
        if button.label == label
    ]
    return await bot.say(who, list(dict.fromkeys(found))[nth], room=f"@{who}")


async def test_a_stranger_who_declares_publishes_nothing(tmp_path):
    """F8 X3 C1"""
    async with public(tmp_path) as (bot, outside):
        await bot.say(MALLORY, "!inc declare sev1 We were breached service:checkout")
        assert not await bot.say(MALLORY, "!inc external All customer data was stolen")
        assert not await bot.say(MALLORY, "!inc approve 3")
        assert not await press(bot, MALLORY, "Approve")
        assert published(outside) == []
        told = [what[0].text for call, what in outside.calls if call == "send"]
        assert told
        assert not any("breached" in text for text in told)
        await bot.say("ben", "!inc accept")
        await bot.say("ben", "!inc stabilised rolled back")
        told = [what[0].text for call, what in outside.calls if call == "send"]
        assert "breached" in told[-1]


async def test_a_sev3_without_a_commander_is_no_way_out(tmp_path):
    """F8 X3 C5"""
    async with public(tmp_path) as (bot, outside):
        await bot.say("dev", "!inc declare sev3 Search is slow service:checkout")
        for line in (
            "external Everything is on fire",
            "resolve nothing here",
            "cancel because I say so",
            "sev 4 because it is nothing",
            "cadence internal 10m",
            "brief We are all fired",
            "mirror chat",
        ):
            assert not await bot.say(MALLORY, f"!inc INC-1 {line}", room="other"), line
        incident = await bot.incident()
        assert incident.running
        assert published(outside) == []


async def test_raising_makes_a_stranger_no_publisher(tmp_path):
    """F8 X3 F5"""
    async with public(tmp_path) as (bot, outside):
        await bot.say("dev", "!inc declare sev3 Search is slow service:checkout")
        assert await bot.say(MALLORY, "!inc INC-1 sev 1", room="other")
        incident = await bot.incident()
        assert (incident.commander, incident.acting) == ("chat:mallory", True)
        assert not await bot.say(MALLORY, "!inc INC-1 external Data stolen", room="other")
        assert published(outside) == []
        assert await bot.say("priya", "!inc take ic")
        assert (await bot.incident()).commander == "priya"


async def test_two_strangers_cannot_take_command(tmp_path):
    """F8 C1 C2 F4"""
    async with public(tmp_path) as (bot, outside):
        await bot.say("ann", "!inc declare sev1 Checkout is down service:checkout")
        assert await bot.say("m2", "!inc join")
        for line in ("ic @m2", "handoff @m2", "role comms @m2", "take ic"):
            assert not await bot.say(MALLORY, f"!inc {line}"), line
        assert not await bot.say("ann", "!inc ic @chat:m2")
        assert not await bot.say("m2", "!inc accept")
        assert not await bot.say("m2", "!inc external hacked")
        assert (await bot.incident()).commander == "ann"
        assert published(outside) == []


async def test_a_draft_that_was_swapped_is_shown_again_and_not_published(tmp_path):
    """X3"""
    async with public(tmp_path) as (bot, outside):
        await bot.say("ann", "!inc declare sev1 Checkout is down service:checkout ic:@ben")
        await bot.say("ben", "!inc accept")
        await bot.say("priya", "!inc external Checkout is slow")
        await bot.say("priya", "!inc external Checkout is down", deliver=False)
        # Neither the first preview's button nor a bare word publishes what nobody has seen.
        assert not await bot.say("ben", "!inc approve")
        assert published(outside) == []
        assert "this text waits now" in bot.heard()[-1]
        assert not await press(bot, "ben", "Approve", nth=-2)
        assert published(outside) == []
        assert await press(bot, "ben", "Approve")
        assert published(outside) == ["Checkout is down"]


async def test_a_bare_approval_is_of_what_the_conversation_showed_last(tmp_path):
    """X3"""
    async with public(tmp_path) as (bot, outside):
        await bot.say("ann", "!inc declare sev1 Checkout is down service:checkout ic:@ben")
        await bot.say("ben", "!inc accept")
        assert not await bot.say("ben", "!inc INC-1 approve", room="elsewhere")
        await bot.say("priya", "!inc external Checkout is slow")
        assert await bot.say("ben", "!inc approve")
        assert published(outside) == ["Checkout is slow"]


async def test_a_stranger_is_no_scribe_and_erases_nothing(tmp_path):
    """F8 L3"""
    async with public(tmp_path) as (bot, _outside):
        await bot.say("ann", "!inc declare sev1 Checkout is down service:checkout")
        await bot.say("dev", "!inc note evidence: card numbers leaked from host db7")
        n = (await bot.incident()).entries
        await bot.say(MALLORY, "!inc note mine")
        for line in (
            f"redact {n}",
            f"redact {n + 1}",
            f"amend {n} nothing happened",
            "role scribe @mallory",
            f"INC-1 redact {n}",
        ):
            assert not await bot.say(MALLORY, f"!inc {line}"), line
        texts = [e.event.text for e in await bot.timeline() if isinstance(e.event, ev.NoteAdded)]
        assert texts == ["evidence: card numbers leaked from host db7", "mine"]


@pytest.mark.parametrize(
    "line",
    [
        "page @cara spam",
        "page checkout spam",
        "cadence internal 5m",
        "cadence internal 1h because x",
        "pm start because x",
        "pm set summary Ben did it on purpose",
        "pm held",
        "pm review",
        "pm schedule 2026-12-01 03:00",
        "pm unschedule",
        "action Give mallory root access to it owner:@dev due:2026-12-15 as:detect",
        "reopen because x",
        "shield off",
        "subscribe to:here",
        "subscribe all to:here",
        "subscribe all to:ceo@example.com",
        "unmirror chat",
    ],
)
@pytest.mark.parametrize("over", [False, True])
async def test_what_a_stranger_never_does(tmp_path, line, over):
    """F8"""
    async with public(tmp_path) as (bot, outside):
        await bot.say("ann", "!inc declare sev1 Checkout is down service:checkout")
        if over:
            await bot.say("ann", "!inc resolve")
        before, calls = await bot.incident(), list(outside.calls)
        assert not await bot.say(MALLORY, f"!inc {line}")
        assert await bot.incident() == before
        assert outside.calls == calls


async def test_the_subscription_of_a_room_is_not_a_strangers_to_end(tmp_path):
    """F8 H1"""
    async with public(tmp_path) as (bot, _outside):
        await bot.say("dev", "!inc subscribe all to:here", room="board")
        await bot.say(MALLORY, "!inc unsubscribe all", room="board")
        await bot.say("ann", "!inc declare sev1 Checkout is down service:checkout")
        assert any("INC-1" in text for text in bot.heard("board"))


async def test_whoever_joined_records_what_they_see_and_do(tmp_path):
    """F8"""
    async with public(tmp_path) as (bot, outside):
        await bot.say("ann", "!inc declare sev1 Checkout is down service:checkout ic:@ben")
        await bot.say("ben", "!inc accept")
        for line in ("update we look", "saw 500s", "did restart it", "tried rollback 3.1"):
            assert not await bot.say("guest", f"!inc {line}"), line
        assert await bot.say("guest", "!inc join")
        await bot.say("ben", "!inc external We are looking")
        for line in (
            "update we look",
            "saw 500s",
            "did restart it",
            "tried rollback 3.1",
            "impact nobody can pay",
            "stabilised rolled back",
        ):
            assert await bot.say("guest", f"!inc {line}"), line
        assert not await bot.say("guest", "!inc did it by:@olga")
        assert published(outside) == ["We are looking"]  # “a fix is in place” waits for the word
        assert await bot.say("ben", f"!inc approve {(await bot.incident()).draft.entry}")
        assert len(published(outside)) == 2


async def test_where_everybody_is_trusted_everybody_counts_as_named(tmp_path):
    """F8"""
    for n, access in enumerate(('unknown_people = "trust"', 'trusted = ["chat:mal*"]')):
        home = tmp_path / str(n)
        home.mkdir()
        async with public(home, f"\n[access]\n{access}\n") as (bot, outside):
            await bot.say(MALLORY, "!inc declare sev1 Checkout is down service:checkout")
            assert await bot.say(MALLORY, "!inc external We are looking")
            assert published(outside) == ["We are looking"]


async def test_a_refusal_tells_a_stranger_how_to_be_named(tmp_path):
    """F8 D5"""
    async with public(tmp_path) as (bot, _outside):
        await bot.say("ann", "!inc declare sev1 Checkout is down")
        await bot.say(MALLORY, "!inc page @cara spam")
        assert 'users = { chat = "mallory" }' in bot.heard()[-1]


LINES = (
    *(verb.example for verb in VERBS),
    *(f"INC-1 {verb.example}" for verb in VERBS if verb.scope is Scope.INCIDENT),
    "role scribe @mallory",
    "role comms @m2",
    "ic @mallory",
    "ic @m2",
    "handoff @m2",
    "accept",
    "take ic",
    "approve",
    "approve 3",
    "approve 5",
    "reject no",
    "redact 1",
    "redact 2",
    "redact 5",
    "sev 1",
    "sev 4 because x",
    "resolve",
    "cancel because x",
    "reopen because x",
    "pm draft because x",
    "page @cara x",
    "unsubscribe all",
    "shield off",
    "private on because x",
    "private off because x",
)
HARM = (
    ev.ExternalPublished,
    ev.BriefSent,
    ev.PagedOut,
    ev.EntryRedacted,
    ev.Resolved,
    ev.Reopened,
    ev.MirrorEnded,
    ev.Mirrored,
    ev.RoleAssigned,
    ev.PrivacyChanged,
    ev.PostmortemFinalised,
    ev.SectionWritten,
    ev.ActionAdded,
    ev.DraftRejected,
)
"""What nobody brings about whom the config does not name."""


@pytest.mark.parametrize("seed", range(8))
async def test_no_lines_of_strangers_publish_page_redact_end_or_hide_anything(tmp_path, url, seed):
    """F8 X3"""
    chance = random.Random(seed)
    async with public(tmp_path, f'\n[storage]\nurl = "{url}"\n') as (bot, outside):
        who = "ann" if seed % 2 else MALLORY
        await bot.say(who, f"!inc declare sev{1 + seed % 3} It is broken service:checkout")
        if seed % 4 == 3:
            await bot.say("ben", "!inc accept")
            await bot.say("priya", "!inc external We look into it")
        before, trusted = await bot.incident(), len(await bot.timeline())
        for n in range(25):
            line, stranger = chance.choice(LINES), chance.choice((MALLORY, "m2"))
            if line.startswith(("declare", "drill", "near-miss")):
                continue  # these open others
            if chance.random() < 0.5:
                await bot.say(stranger, f"!inc {line}")
            else:
                await pressed(bot, stranger, line, f"press{n}")
        after, happened = await bot.incident(), (await bot.timeline())[trusted:]
        assert not [e.event for e in happened if isinstance(e.event, HARM) and e.event.by]
        assert published(outside) == []
        named = {"ann", "ben", "cara", "priya", "dev"}
        assert set(after.roles.values()) <= named
        assert after.draft == before.draft or after.draft.by is None  # the plan's own words
        if who == "ann":
            assert after.running
            assert after.commander == before.commander or not before.severity.commanded


async def pressed(bot: Stage, who: str, line: str, name: str) -> None:
    """Have a line come from a button or a form, whose presser is answered alone."""
    await bot.app.receive(
        ChatEvent(
            id=name,
            conversation=ConversationRef("chat", "ops"),
            sender=UserRef("chat", who),
            sender_name=who,
            text=line,
            written_at=bot.clock.now(),
            addressed=True,
            inline=True,
        )
    )
    await bot.settle()


async def test_what_strangers_mark_is_captured_and_no_more(tmp_path):
    """F8 L1"""
    async with public(tmp_path) as (bot, _outside):
        await bot.say("ann", "!inc declare sev1 It is broken service:checkout")
        await bot.app.receive(
            ChatCapture(
                id="c1",
                conversation=ConversationRef("chat", "ops"),
                sender=UserRef("chat", MALLORY),
                sender_name=MALLORY,
                author=UserRef("chat", "dev"),
                author_name="dev",
                text="!inc resolve",
                written_at=bot.clock.now(),
                marked_at=bot.clock.now(),
                message="m1",
            )
        )
        (entry,) = [
            e.event for e in await bot.timeline() if isinstance(e.event, ev.MessageCaptured)
        ]
        assert (entry.author, entry.text) == ("dev", "!inc resolve")
        assert (await bot.incident()).running


async def test_somebody_refused_is_told_once_an_hour_and_triage_of_their_declaration(tmp_path):
    """F8"""
    refuse = '\n[access]\nunknown_people = "refuse"\n[triage]\nconversation = "chat:triage"\n'
    async with public(tmp_path, refuse) as (bot, _outside):
        assert not await bot.say(MALLORY, "!inc declare sev1 Checkout is down")
        assert not await bot.say(MALLORY, "!inc status")
        assert 'users = { chat = "mallory" }' in bot.heard()[-1]
        assert len(bot.heard()) == 1
        assert "mallory tried to declare “Checkout is down”" in bot.heard("triage")[-1]
        await bot.minutes(61)
        assert not await bot.say(MALLORY, "!inc help")
        assert len(bot.heard()) == 2


async def test_an_assessment_that_is_refused_is_marked_as_not_done(tmp_path):
    """F8 D5"""
    async with public(tmp_path) as (bot, _outside):
        await bot.say("ann", "!inc declare sev1 Checkout is down service:checkout")
        assert await bot.say("dev", "!inc assess")  # a question back is no refusal
        assert not await bot.say("dev", "!inc assess no no no")
        assert (await bot.incident()).severity == 1


def from_home(who: str, home: str | None, text: str, n: int) -> ChatEvent:
    """Something that somebody says whom a platform signs as coming from somewhere."""
    return ChatEvent(
        id=f"h{n}",
        conversation=ConversationRef("chat", "ops"),
        sender=UserRef("chat", who),
        sender_name=who.capitalize(),
        text=text,
        written_at=START,
        home=home,
    )


async def test_whoever_comes_from_a_trusted_home_counts_as_named_at_once_and_after_a_start(
    tmp_path,
):
    """F8"""
    access = '\n[access]\ntrusted = ["chat:ACME"]\n'
    async with public(tmp_path, access) as (bot, _outside):
        await bot.say("ann", "!inc declare sev1 Checkout is down service:checkout")
        for n, (who, home) in enumerate((("eve", None), ("eve", "other"), ("eve", "acme2"))):
            refused = await bot.app.receive(from_home(who, home, "!inc page @cara help", n))
            assert not refused.done, (who, home)
        done = await bot.app.receive(from_home(MALLORY, "acme", "!inc page @cara help", 9))
        assert done.done
    async with public(tmp_path, access) as (bot, _outside):
        assert await bot.say(MALLORY, "!inc page @cara again")
        assert not await bot.say("eve", "!inc page @cara again")


async def test_where_strangers_are_refused_a_trusted_home_is_admitted(tmp_path):
    """F8"""
    access = '\n[access]\nunknown_people = "refuse"\ntrusted = ["chat:acme"]\n'
    async with public(tmp_path, access) as (bot, _outside):
        assert not (await bot.app.receive(from_home("eve", "other", "!inc declare a", 1))).done
        assert (await bot.app.receive(from_home(MALLORY, "acme", "!inc declare a", 2))).done


async def test_a_transaction_that_is_run_again_stores_what_it_learned(tmp_path, monkeypatch):
    """F8 D1"""

    class UndoneError(Exception):
        pass

    async with public(tmp_path) as (bot, _outside):
        transact = bot.app.store.transact

        async def run_again(body):
            async def undone(work):
                await body(work)
                raise UndoneError

            with suppress(UndoneError):
                await transact(undone)
            return await transact(body)

        monkeypatch.setattr(bot.app.store, "transact", run_again)
        await bot.app.receive(from_home("eve", "acme", "!inc declare a", 1))
        for prefix, value in (("name/", "Eve"), ("home/", "acme")):
            stored = await bot.app.store.read(lambda work, p=prefix: work.refs_under(p))
            assert stored == {"chat:eve": value}


async def test_what_a_failed_transaction_learned_is_stored_by_the_next(tmp_path, monkeypatch):
    """F8 D1"""
    async with public(tmp_path) as (bot, _outside):
        with monkeypatch.context() as patched:

            async def fails(*_parts):
                raise RuntimeError

            patched.setattr(bot.app.intake.service._commands, "open", fails)
            await bot.app.receive(from_home("eve", "acme", "!inc declare a", 1))
        assert await bot.app.store.read(lambda work: work.refs_under("home/")) == {}
        await bot.app.receive(from_home("eve", "acme", "!inc declare a", 2))
        assert await bot.app.store.read(lambda work: work.refs_under("home/")) == {
            "chat:eve": "acme"
        }


async def test_the_first_declaration_where_nobody_is_named_says_once_who_counts(tmp_path):
    """F8"""

    def remarks(chat: RecordingAdapter) -> list[str]:
        return [p.text for p in chat.done if "names nobody on Other" in p.text]

    def said(text: str, n: int) -> ChatEvent:
        return ChatEvent(
            id=f"o{n}",
            conversation=ConversationRef("other", "lobby"),
            sender=UserRef("other", "eve"),
            sender_name="Eve",
            text=text,
            written_at=START,
        )

    for start in range(2):
        chat = RecordingAdapter("other")
        given = {"other": chat.plugin()}
        async with stage(tmp_path, more="[adapters.other]\n", given=given) as bot:
            await bot.say("ann", "!inc declare sev3 Search is slow", event=f"ann{start}")
            for n, line in enumerate(("help", "declare sev3 a", "declare sev3 b")):
                assert (await bot.app.receive(said(f"!inc {line}", 10 * start + n))).done
                await bot.settle()
                assert len(remarks(chat)) == (start == 0 and n > 0)
            assert not any("names nobody" in text for text in bot.heard())
        if start == 0:
            assert 'users = { other = "…" }' in remarks(chat)[0]
            assert "[access] trusted" in remarks(chat)[0]


@pytest.mark.parametrize(
    "access",
    ['unknown_people = "trust"', 'unknown_people = "refuse"', 'trusted = ["other:*"]'],
)
async def test_where_the_config_says_who_counts_nothing_is_said(tmp_path, access):
    """F8"""
    chat = RecordingAdapter("other")
    more = f"[adapters.other]\n[access]\n{access}\n"
    async with stage(tmp_path, more=more, given={"other": chat.plugin()}) as bot:
        where = ConversationRef("other", "lobby")
        event = ChatEvent(
            id="1", conversation=where, sender=UserRef("other", "eve"), sender_name="Eve",
            text="!inc declare sev3 a", written_at=START,
        )  # fmt: skip
        await bot.app.receive(event)
        await bot.settle()
        assert not any("names nobody" in posted.text for posted in chat.done)
