"""Delivery: kept in order, tried again, given up, and heard of."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

from bot.app import composed
from bot.clock import SystemClock
from bot.config.load import parse
from bot.contract.chat import ChatEvent, Features
from bot.contract.errors import PermanentFailure, TemporaryFailure
from bot.domain import events as ev
from bot.refs import ConversationRef, UserRef
from bot.testing import TEAM, ManualClock, Posted, RecordingAdapter, stage
from tests.harness.waiting import until

SECOND = timedelta(seconds=1)


class Fault:
    """Raises for the calls it is meant for, so many times."""

    def __init__(self, error: Exception, times: int = 10**9, only: str = "") -> None:
        self.error, self.times, self.only = error, times, only
        self.calls = 0

    def __call__(self, posted: Posted) -> None:
        meant = self.only in {"", posted.conversation, posted.kind}
        if meant and self.calls < self.times:
            self.calls += 1
            raise self.error


async def again(bot, seconds: float, times: int = 1) -> None:
    """Let the back-off pass."""
    for _ in range(times):
        await bot.clock.advance(timedelta(seconds=seconds))
        await bot.settle()


async def test_a_send_that_fails_is_tried_again_and_order_is_kept(tmp_path):
    """D2"""
    chat = RecordingAdapter()
    async with stage(tmp_path, chat=chat) as bot:
        await bot.say("ann", "!inc declare sev3 down")
        chat.fault = Fault(TemporaryFailure("502"), times=3)
        for text in ("one", "two", "three"):
            await bot.say("ann", f"!inc update {text}")
        assert [t for t in bot.heard() if "— Ann" in t] == []
        await again(bot, 5, times=5)
        said = [t.split()[1] for t in bot.heard() if "— Ann" in t]
        assert said == ["one", "two", "three"]


async def test_back_off_grows_has_jitter_and_honours_retry_after(tmp_path):
    """D2"""
    chat = RecordingAdapter()
    async with stage(tmp_path, chat=chat) as bot:
        chat.fault = fault = Fault(TemporaryFailure("429", retry_after=40 * SECOND))
        await bot.say("ann", "!inc help")
        assert fault.calls == 1
        await again(bot, 39)
        assert fault.calls == 1
        await again(bot, 2)
        assert fault.calls == 2
        chat.fault = fault = Fault(RuntimeError("no hint"))
        await again(bot, 60)
        waits = []
        for _ in range(6):
            now = bot.clock.now()
            soon = await bot.app.store.next_retry(now)
            waits.append((soon - now).total_seconds())
            await bot.clock.set(soon)
            await bot.settle()
        assert waits == sorted(waits)
        assert waits[-1] > 8 * waits[0] / 2
        assert len(set(waits)) == len(waits)


async def test_a_lost_answer_is_sent_again_under_the_same_key(tmp_path):
    """D2"""
    chat = RecordingAdapter()
    async with stage(tmp_path, chat=chat) as bot:
        chat.lost = Fault(ConnectionResetError("gone"), times=1)
        await bot.say("ann", "!inc help declare")
        await again(bot, 5)
        assert chat.repeats == 1
        assert len(bot.heard()) == 1


async def test_what_is_refused_is_a_dead_letter_that_is_heard_of(tmp_path):
    """D2"""
    chat = RecordingAdapter()
    async with stage(tmp_path, chat=chat) as bot:
        chat.fault = Fault(PermanentFailure("ben has blocked the bot"), only="@ben")
        await bot.say("ann", "!inc declare sev1 down")
        await bot.settle()
        told = [t for t in bot.heard() if t.startswith("Not delivered")]
        assert len(told) == 1
        assert "ben has blocked the bot" in told[0]
        assert any(isinstance(e.event, ev.DeliveryFailed) for e in await bot.timeline())


async def test_a_dead_room_is_told_of_to_the_commander_alone_and_only_once(tmp_path):
    """D2"""
    chat = RecordingAdapter()
    async with stage(tmp_path, chat=chat) as bot:
        await bot.say("ann", "!inc declare sev3 down")
        chat.fault = Fault(PermanentFailure("the room is gone"), only="ops")
        await bot.say("ann", "!inc update x", room="@ann") or await bot.say(
            "ann", "!inc INC-1 update x", room="@ann"
        )
        await bot.settle()
        told = [t for t in bot.heard("@ann") if t.startswith("Not delivered")]
        assert told
        assert "the room is gone" in told[0]
        assert (await bot.app.store.backlog())["waiting"] == 0


async def test_after_long_enough_it_is_given_up_and_told(tmp_path):
    """D2"""
    chat = RecordingAdapter()
    async with stage(tmp_path, chat=chat) as bot:
        await bot.say("ann", "!inc declare sev3 down")
        chat.fault = Fault(TemporaryFailure("503"), only="ops")
        await bot.say("ann", "!inc INC-1 update x", room="@ann")
        await again(bot, 301, times=26)
        assert (await bot.app.store.backlog())["dead"] >= 1
        assert any("503" in t for t in bot.heard("@ann"))


async def test_what_is_sent_late_says_how_late(tmp_path):
    """D2"""
    chat = RecordingAdapter()
    async with stage(tmp_path, chat=chat) as bot:
        chat.fault = Fault(TemporaryFailure("502"), times=1)
        await bot.say("ann", "!inc help declare")
        await again(bot, 180)
        assert "This message is 3 min late. Nothing was lost." in bot.heard()[0]


async def test_a_prompt_whose_promise_has_ended_is_dropped(tmp_path):
    chat = RecordingAdapter()
    async with stage(tmp_path, chat=chat) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        chat.fault = Fault(TemporaryFailure("502"), only="@ann")
        await bot.minutes(12)
        await bot.say("ann", "!inc update done")
        chat.fault = lambda _posted: None
        await again(bot, 30, times=3)
        assert [t for t in bot.heard("@ann") if "promised" in t] == []
        assert (await bot.app.store.backlog())["waiting"] == 0


async def test_cadence_prompts_go_ahead_of_what_waits(tmp_path):
    """D2"""
    chat = RecordingAdapter()
    async with stage(tmp_path, chat=chat) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        chat.fault = Fault(TemporaryFailure("502"), only="ops")
        for text in "abc":
            await bot.say("ann", f"!inc note {text}")
        await bot.minutes(15)
        chat.fault = lambda _posted: None
        begun = len(chat.done)
        await again(bot, 200, times=2)
        ours = [p.text for p in chat.done[begun:] if p.conversation == "ops" and p.kind == "post"]
        assert "overdue" in ours[0]


async def test_a_hanging_conversation_delays_no_other(tmp_path):
    """D4"""

    class Hanging(RecordingAdapter):
        said_fast = asyncio.Event()

        async def post(self, to, message, *, key, answers=None, urgent=False):
            if to.id == "slow":
                await asyncio.Event().wait()
            self.said_fast.set()
            return await super().post(to, message, key=key)

    chat = Hanging()
    config = TEAM.replace("[paging]", '[delivery]\ntimeout = "1m"\n[paging]')
    async with stage(tmp_path, chat=chat, config=config) as bot:
        await bot.say("ann", "!inc help declare", room="slow", deliver=False)
        await asyncio.sleep(0.1)
        await bot.say("ann", "!inc help declare", room="fast", deliver=False)
        await until(chat.said_fast.is_set)


async def test_each_incident_gets_a_room_of_its_own_where_the_platform_opens_them(tmp_path):
    """F15"""
    chat = RecordingAdapter(features=Features(rooms=True, edits=True, pins=True))
    async with stage(tmp_path, chat=chat) as bot:
        await bot.say("ann", "!inc declare sev1 Checkout answers 500")
        opened = next(p for p in chat.done if p.kind == "open" and p.conversation == "!inc-1")
        assert opened.text == "incident-checkout-answers-500-2026-11-24"
        assert "INCIDENT DECLARED" in chat.said("!inc-1")[0]
        assert "INCIDENT DECLARED" in chat.said("ops")[0]
        assert await bot.say("ben", "!inc accept", room="!inc-1")
        assert any("is incident commander" in t for t in chat.said("!inc-1"))
        assert not any("is incident commander" in t for t in chat.said("ops"))
        await bot.say("ben", "!inc resolve", room="!inc-1")
        topics = [p for p in chat.done if p.kind == "topic"]
        assert "resolved" in topics[-1].text
        assert any(p.kind == "invite" for p in chat.done) or "ben" in repr(opened)


async def test_what_is_said_while_a_room_is_being_opened_waits_for_it_in_order(tmp_path):
    chat = RecordingAdapter(features=Features(rooms=True, edits=True))
    async with stage(tmp_path, chat=chat) as bot:
        chat.fault = Fault(TemporaryFailure("busy"), only="open")
        await bot.say("ann", "!inc declare sev3 down")
        await bot.say("ann", "!inc INC-1 update one")
        assert chat.said("!inc-1") == []
        chat.fault = lambda _posted: None
        await again(bot, 30, times=2)
        first, *rest = chat.said("!inc-1")
        assert "INCIDENT DECLARED" in first
        assert any("one" in t for t in rest)


async def test_a_room_that_cannot_be_opened_leaves_the_incident_where_it_was_declared(tmp_path):
    """D2 D4"""
    chat = RecordingAdapter(features=Features(rooms=True, edits=True))
    async with stage(tmp_path, chat=chat) as bot:
        chat.fault = Fault(PermanentFailure("not allowed to open rooms"), only="!inc-1")
        await bot.say("ann", "!inc declare sev1 down")
        await bot.settle()
        assert any("not allowed to open rooms" in t for t in chat.said("ops") + chat.said("@ann"))
        assert await bot.say("ben", "!inc accept")
        assert any("is incident commander" in t for t in chat.said("ops"))


async def test_a_card_that_was_deleted_is_posted_again(tmp_path):
    """L2"""
    chat = RecordingAdapter()
    async with stage(tmp_path, chat=chat) as bot:
        await bot.say("ann", "!inc declare sev3 down")
        chat.fault = Fault(PermanentFailure("no such message"), only="edit")
        await bot.say("ann", "!inc impact many")
        cards = [t for t in bot.heard() if t.startswith("INC-1 ·")]
        assert len(cards) == 2
        assert "many" in cards[1]


async def test_a_lane_over_which_the_bot_breaks_down_is_left_alone_for_a_while(
    tmp_path, monkeypatch
):
    """D4"""
    async with stage(tmp_path) as bot:
        broke = []

        def broken(*_args):
            broke.append(1)
            raise ZeroDivisionError

        await bot.say("ann", "!inc declare sev3 down", room="r1")
        with monkeypatch.context() as patched:
            patched.setattr("bot.delivery.outbox._pointless", broken)
            await bot.say("ann", "!inc update x", room="r1")
            await bot.settle()
        assert 1 <= len(broke) <= 2
        assert not any("x — Ann" in text for text in bot.heard("r1"))
        await again(bot, 61)
        assert any("x — Ann" in text for text in bot.heard("r1"))


async def test_of_several_processes_one_listens_and_speaks_until_it_is_gone(tmp_path, url):
    """D2: where a session must be single, as on Matrix"""
    features = Features(edits=True, single=True)
    chats = [RecordingAdapter("chat", features) for _ in range(2)]
    listening: list[int] = []

    def watched(n: int, chat: RecordingAdapter) -> RecordingAdapter:
        heard = chat.run

        async def run(receive):
            listening.append(n)
            return await heard(receive)

        chat.run = run
        return chat

    settings = parse(f'{TEAM}\n[storage]\nurl = "{url}"')
    clock = ManualClock()
    async with AsyncExitStack() as stack:
        tasks = []
        for n, chat in enumerate(chats):
            given = {"chat": watched(n, chat).plugin()}
            if n and url.startswith("sqlite"):
                break  # one process at a time runs on a file
            app = await stack.enter_async_context(
                composed(settings, tmp_path, clock, given=given, tell=lambda _line: None)
            )
            tasks.append(asyncio.create_task(app.run()))
            await until(lambda: listening)
        await asyncio.sleep(0.3)
        assert listening == [0]

        def said(text: str) -> ChatEvent:
            return ChatEvent(
                id=text, conversation=ConversationRef("chat", "ops"), sender_name="ann",
                sender=UserRef("chat", "ann"), text=text, written_at=clock.now(),
            )  # fmt: skip

        await chats[0].inbox.put(said("!inc help declare"))
        await until(lambda: chats[0].done)
        assert [len(chat.done) for chat in chats] == [1, 0]
        if len(tasks) == 2:
            tasks[0].cancel()
            await asyncio.gather(tasks[0], return_exceptions=True)

            async def taken_over() -> bool:
                await clock.advance(timedelta(seconds=3))
                await asyncio.sleep(0.05)
                return listening == [0, 1]

            await until(taken_over)
            await chats[1].inbox.put(said("!inc help update"))
            await until(lambda: chats[1].done)
            assert [len(chat.done) for chat in chats] == [1, 1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_session_that_another_took_while_the_clock_was_set_back_is_given_up(
    tmp_path, monkeypatch
):
    """D2 K6"""
    began, ended = asyncio.Event(), asyncio.Event()

    class Chat(RecordingAdapter):
        async def run(self, receive):
            began.set()
            try:
                return await super().run(receive)
            finally:
                ended.set()

    class Unset(SystemClock):
        off = timedelta(0)

        def now(self):
            return super().now() + self.off

    clock, given = Unset(), {"chat": Chat("chat", Features(single=True)).plugin()}
    monkeypatch.setattr("bot.jobs.adapters.SESSION", timedelta(seconds=6))
    async with composed(parse(TEAM), tmp_path, clock, given=given, tell=lambda _line: None) as app:
        task = asyncio.create_task(app.run())
        await until(began.is_set)

        async def another(*_args: object, **_more: object) -> bool:
            return False

        monkeypatch.setattr(app.store, "hold", another)
        clock.off = -timedelta(hours=1)
        await until(ended.is_set, "the end of the adapter")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
