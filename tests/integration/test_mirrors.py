"""One incident on two platforms: told on both, counted once, whole while one of them is away."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.contract.chat import ChatCapture, ChatEvent, Features
from bot.contract.errors import PermanentFailure, TemporaryFailure
from bot.domain import events as ev
from bot.domain.incident import ClockName
from bot.refs import ConversationRef, UserRef
from bot.testing import TEAM, RecordingAdapter, stage

ROOMS = Features(edits=True, rooms=True)
HERE, THERE = "!inc-1", "!inc-1"


class Fault:
    """Raises for every call until it is taken away."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, _posted) -> None:
        raise self.error


@asynccontextmanager
async def two(tmp_path, more: str = "", config: str = TEAM, **features):
    chat = RecordingAdapter("chat", ROOMS)
    other = RecordingAdapter("other", Features(edits=True, rooms=True, **features))
    config = config.replace("[adapters.chat]", "[adapters.chat]\n[adapters.other]") + more
    config = config.replace("[people.ann]", '[people.ann]\nusers = { other = "ann" }')
    async with stage(tmp_path, chat=chat, config=config, given={"other": other.plugin()}) as bot:
        yield bot, other


async def say(bot, who: str, text: str, n: int) -> None:
    await bot.app.receive(
        ChatEvent(
            id=f"o{n}",
            conversation=ConversationRef("other", THERE),
            sender=UserRef("other", who),
            sender_name=f"{who.capitalize()} Other",
            text=text,
            written_at=bot.clock.now(),
        )
    )
    await bot.settle()


async def test_what_is_said_on_one_platform_is_told_on_the_other_with_author_and_platform(tmp_path):
    async with two(tmp_path) as (bot, other):
        await bot.say("ann", "!inc declare 1 down ic:@ann")
        await bot.say("ann", "!inc mirror other", room=HERE)
        assert "INC-1 is told on Other too: INC-1" in bot.heard(HERE)[-1]
        assert "runs on Chat, and here" in "\n".join(other.said(THERE))
        await bot.say("ann", "!inc update rolling back", room=HERE)
        assert "14:00 rolling back — Ann (Chat)" in other.said(THERE)[-1]
        assert "rolling back — Ann\n" in bot.heard(HERE)[-1]
        await say(bot, "eve", "!inc note the replica lags", 1)
        assert bot.heard(HERE)[-1].startswith("14:00:00 UTC Eve Other (Other): the replica lags")
        assert other.said(THERE)[-1].startswith("Noted 14:00:00 UTC as entry")
        await say(bot, "eve", "!inc join", 9)
        await say(bot, "eve", "!inc update seen", 2)
        state = (await bot.incident()).clocks[ClockName.INTERNAL]
        assert (state.made, state.kept) == (3, 2)
        marked = ChatCapture(
            id="c1",
            conversation=ConversationRef("other", THERE),
            sender=UserRef("other", "eve"),
            sender_name="Eve",
            author=UserRef("other", "eve"),
            author_name="Eve",
            text="disk full",
            written_at=bot.clock.now(),
            marked_at=bot.clock.now(),
        )
        await bot.app.receive(marked)
        await bot.settle()
        assert "(Other): disk full — entry" in bot.heard(HERE)[-1]
        assert any("Told on: Chat, Other" in p.text for p in other.done if p.kind == "edit")
        await say(bot, "ann", "!inc resolve", 3)
        assert "RESOLVED" in bot.heard(HERE)[-1]
        assert "RESOLVED" in other.said(THERE)[-1]


async def test_a_mirror_is_ended_and_begun_again_in_the_same_conversation(tmp_path):
    async with two(tmp_path) as (bot, other):
        await bot.say("ann", "!inc declare 3 slow")
        await bot.say("ann", "!inc mirror other", room=HERE)
        await bot.say("ann", "!inc mirror other", room=HERE)
        assert "runs on other already" in bot.heard(HERE)[-1]
        await bot.say("ann", "!inc unmirror other", room=HERE)
        assert "told here no more" in other.said(THERE)[-1]
        await bot.say("ann", "!inc update x", room=HERE)
        assert "told here no more" in other.said(THERE)[-1]
        await say(bot, "ann", "!inc update y", 1)
        assert "y — Ann (Other)" in bot.heard(HERE)[-1]
        await bot.say("ann", "!inc mirror other", room=HERE)
        await bot.say("ann", "!inc update z", room=HERE)
        assert "z — Ann (Chat)" in other.said(THERE)[-1]
        assert len([p for p in other.done if p.kind == "open"]) == 1
        await bot.say("ann", "!inc mirror slack", room=HERE)
        assert "Sitrep cannot open a conversation on “slack”" in bot.heard(HERE)[-1]


async def test_the_end_of_a_private_incidents_mirror_is_told_there(tmp_path):
    """F17: those who were in the mirror are not others"""
    async with two(tmp_path, private_rooms=True) as (bot, other):
        bot.chat.features = replace(ROOMS, private_rooms=True)
        await bot.say("ann", "!inc declare 1 zanzibar private ic:@ann")
        assert await bot.say("ann", "!inc mirror other", room=HERE)
        assert await bot.say("ann", "!inc unmirror other", room=HERE)
        assert "told here no more" in other.said(THERE)[-1]


@pytest.mark.parametrize("level", [1, 3])
async def test_the_plan_says_which_severities_are_mirrored(tmp_path, level):
    more = '\n[plan]\nmirror = { sev1 = ["other"] }\n'
    async with two(tmp_path, more) as (bot, other):
        await bot.say("ann", f"!inc declare {level} down")
        assert bool(other.said(THERE)) is (level == 1)
        if level == 3:
            await bot.say("ann", "!inc sev 1", room=HERE)
        assert "INC-1" in "\n".join(p.text for p in other.done)
        events = [e.event for e in await bot.timeline()]
        assert sum(isinstance(e, ev.Mirrored) for e in events) == 1


async def test_a_platform_that_is_away_is_told_of_once_and_caught_up_at_once(tmp_path):
    """D2 D4"""
    async with two(tmp_path) as (bot, other):
        await bot.say("ann", "!inc declare 1 down ic:@ann")
        await bot.say("ann", "!inc mirror other", room=HERE)
        other.fault = Fault(TemporaryFailure("503"))
        await bot.say("ann", "!inc update one", room=HERE)
        for _ in range(30):
            await bot.clock.advance(timedelta(seconds=10))
            await bot.settle()
        told = [t for t in bot.heard(HERE) if "has not taken messages since 14:00 UTC" in t]
        assert len(told) == 1
        assert "Chat is complete. Retrying." in told[0]
        await bot.say("ann", "!inc update two", room=HERE)
        other.fault = lambda _posted: None
        before = len(other.said(THERE))
        for _ in range(30):
            await bot.clock.advance(timedelta(seconds=10))
            await bot.settle()
            if len(other.said(THERE)) >= before + 2:
                break
        said = "\n".join(other.said(THERE)[before:])
        assert said.index("one — Ann") < said.index("two — Ann")
        assert "min late. Nothing was lost." in said
        assert bot.heard(HERE)[-1] == "Other takes messages again; what waited is on its way."
        assert (await bot.incident()).unheard == {}


async def test_a_mirror_that_cannot_be_opened_ends_and_is_told_of_once(tmp_path):
    """D2"""
    async with two(tmp_path) as (bot, other):
        await bot.say("ann", "!inc declare 1 down ic:@ann")
        other.fault = Fault(PermanentFailure("not installed there"))
        await bot.say("ann", "!inc mirror other", room=HERE)
        await bot.say("ann", "!inc update one", room=HERE)
        told = [t for t in bot.heard(HERE) if "not installed there" in t]
        assert len(told) == 1
        assert (await bot.incident()).mirrors == ()


async def test_what_may_be_there_already_is_marked_where_a_repeat_shows(tmp_path):
    """D2"""
    async with two(tmp_path, repeats=False) as (bot, other):
        await bot.say("ann", "!inc declare 1 down ic:@ann")
        await bot.say("ann", "!inc mirror other", room=HERE)
        other.fault = Fault(TemporaryFailure("busy"))
        await bot.say("ann", "!inc update refused before it was said", room=HERE)
        other.fault = lambda _posted: None
        await bot.clock.advance(timedelta(seconds=2))
        await bot.settle()
        assert "Sent again" not in other.said(THERE)[-1]
        other.fault = Fault(TemporaryFailure("answer lost", unsure=True))
        await bot.say("ann", "!inc update the answer was lost", room=HERE)
        other.fault = lambda _posted: None
        await bot.clock.advance(timedelta(seconds=2))
        await bot.settle()
        assert "the answer was lost" in other.said(THERE)[-1]
        assert "Sent again: whether the first try arrived" in other.said(THERE)[-1]
        await bot.say("ann", "!inc update calm again", room=HERE)
        assert "Sent again" not in other.said(THERE)[-1]


async def test_what_people_call_themselves_does_not_pass_for_somebody_else(tmp_path):
    """F8"""
    async with two(tmp_path) as (bot, _other):
        await bot.say("ann", "!inc declare 1 down ic:@ann")
        await bot.say("ann", "!inc mirror other", room=HERE)
        event = ChatEvent(
            id="o9",
            conversation=ConversationRef("other", THERE),
            sender=UserRef("other", "29:x"),
            sender_name="ben",
            text="!inc note all is well",
            written_at=bot.clock.now(),
        )
        await bot.app.receive(event)
        await bot.settle()
        assert "ben (29:x) (Other)" in bot.heard(HERE)[-1]
