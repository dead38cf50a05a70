"""Commands on their way through the whole bot, on a real SQLite file."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.cli.checks import verify
from bot.contract.chat import (
    ChatCapture,
    ChatCorrection,
    ChatEvent,
    ChatMoved,
    ChatTrouble,
    Features,
)
from bot.contract.errors import DatabaseAway
from bot.domain import events as ev
from bot.domain.decide import decide as decide_rightly
from bot.domain.incident import Phase
from bot.refs import ConversationRef, UserRef
from bot.testing import TEAM, ManualClock, RecordingAdapter, stage
from storage.work import SqlWork
from tests.harness.waiting import PATIENCE


async def test_a_redelivered_event_has_no_second_effect(tmp_path):
    """D3"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down", event="e1")
        heard = len(bot.chat.done)
        assert await bot.say("ann", "!inc declare sev1 down", event="e1")
        assert len(bot.chat.done) == heard
        assert (await bot.app.store.read(lambda w: w.list("all", 9)))[0].id == "INC-1"
        assert len(await bot.app.store.read(lambda w: w.list("all", 9))) == 1


async def test_events_out_of_order_are_taken_as_they_come(tmp_path):
    """D3"""
    async with stage(tmp_path) as bot:
        assert not await bot.say("ben", "!inc accept")
        await bot.say("ann", "!inc declare sev1 down")
        assert await bot.say("ben", "!inc accept")
        assert not await bot.say("ben", "!inc accept")


async def test_an_old_command_is_asked_about_and_not_obeyed(tmp_path):
    """D3 F11"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        old = bot.clock.now()
        await bot.minutes(9)
        assert not await bot.say("ann", "!inc resolve", at=old)
        assert (await bot.incident()).phase is Phase.INVESTIGATING
        assert "is 9 min old. It was not done. Still meant?" in bot.heard()[-1]
        assert "!inc INC-1 resolve" in bot.heard()[-1]
        assert not await bot.say("ann", "!inc declare sev1 other", at=old)


async def test_an_old_question_is_dropped_silently(tmp_path):
    """F11"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev3 down")
        old, heard = bot.clock.now(), len(bot.chat.done)
        await bot.minutes(9)
        await bot.say("ann", "!inc status", at=old)
        assert len(bot.chat.done) == heard


async def test_an_old_note_is_taken_with_its_own_time(tmp_path):
    """F11"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev3 down")
        old = bot.clock.now()
        await bot.minutes(9)
        assert await bot.say("ann", "!inc note disk full", at=old)
        event = (await bot.timeline())[-1].event
        assert isinstance(event, ev.NoteAdded)
        assert event.at == old


async def test_a_captured_message_lands_on_the_timeline(tmp_path):
    """L1 F11"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev3 down")
        written = bot.clock.now()
        await bot.minutes(9)
        capture = ChatCapture(
            id="c1",
            conversation=ConversationRef("chat", "ops"),
            sender=UserRef("chat", "ann"),
            sender_name="ann",
            author=UserRef("chat", "dev"),
            author_name="dev",
            text="disk is full",
            written_at=written,
            marked_at=bot.clock.now(),
        )
        assert (await bot.app.receive(capture)).done
        assert (await bot.app.receive(capture)).done
        last = (await bot.timeline())[-1].event
        assert isinstance(last, ev.MessageCaptured)
        assert (last.at, last.author, last.text) == (written, "dev", "disk is full")


async def test_unknown_people_take_part_unless_the_config_refuses_them(tmp_path):
    """F8"""
    async with stage(tmp_path / "a") as bot:
        assert await bot.say("zoe", "!inc declare sev1 down")
        assert (await bot.incident()).commander == "chat:zoe"
    refusing = '\n[access]\nunknown_people = "refuse"\n'
    async with stage(tmp_path / "b", config=TEAM.replace("[paging]", f"{refusing}[paging]")) as bot:
        assert not await bot.say("zoe", "!inc declare sev1 down")
        assert "not among the people" in bot.heard()[-1]
        assert await bot.say("ann", "!inc declare sev1 down")


async def test_from_a_conversation_that_is_not_allowed_nothing_is_accepted_or_answered(tmp_path):
    """F8"""
    only = '\n[access]\nconversations = ["chat:ops"]\n'
    async with stage(tmp_path, config=TEAM.replace("[paging]", f"{only}[paging]")) as bot:
        assert not await bot.say("mallory", "!inc declare sev1 down", room="elsewhere")
        assert bot.chat.done == []
        await bot.say("ann", "!inc declare sev1 down")
        heard = len(bot.chat.done)
        assert not await bot.say("ann", "!inc INC-1 resolve", room="elsewhere")
        assert len(bot.chat.done) == heard


async def test_the_rotation_is_fair_and_spares_who_is_on_call(tmp_path):
    """C2"""
    on_call = TEAM.replace('on_call = ["dev"]', 'on_call = ["ben"]')
    async with stage(tmp_path, config=on_call) as bot:
        await bot.say("ann", "!inc declare sev1 a", room="r1")
        await bot.say("ben", "!inc accept", room="r1")
        await bot.say("ann", "!inc declare sev1 b", room="r2")
        assert (await bot.incident("INC-2")).asked[0].person == "cara"
        await bot.say("cara", "!inc accept", room="r2")
        await bot.minutes(1)
        await bot.say("ann", "!inc declare sev1 c", room="r3")
        assert (await bot.incident("INC-3")).asked[0].person == "ben"
        await bot.say("ann", "!inc declare sev1 d service:checkout", room="r4")
        assert (await bot.incident("INC-4")).asked[0].person == "cara"


async def test_numbers_have_no_gaps_when_declarations_are_refused(tmp_path):
    """F9"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 a", room="r1")
        await bot.say("ann", "!inc declare", room="r2")
        await bot.say("ann", "!inc declare sev9 b", room="r2")
        await bot.say("ann", "!inc drill sev1 c", room="r2")
        await bot.say("ann", "!inc near-miss d", room="r2")
        await bot.say("ann", "!inc declare sev1 e", room="r3")
        found = await bot.app.store.read(lambda w: w.list("all", 9))
        assert sorted(s.id for s in found) == ["DRILL-1", "INC-1", "INC-2", "NEAR-1"]


async def test_the_card_is_posted_once_pinned_and_edited_ever_after(tmp_path):
    """L2"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        await bot.say("ann", "!inc impact one in three")
        await bot.say("ann", "!inc resolve")
        cards = [p for p in bot.chat.done if p.text.startswith("INC-1 ·") and p.kind == "post"]
        pins = [p for p in bot.chat.done if p.kind == "pin"]
        edits = bot.chat.said("ops", "edit")
        assert len(cards) == len(pins) == 1
        assert "Impact: one in three" in edits[0]
        assert "resolved · postmortem owing" in edits[-1]
        assert {p.ref for p in bot.chat.done if p.kind == "edit"} == {pins[0].text}


async def test_a_long_title_is_shortened_for_display_and_kept_whole(tmp_path):
    """F10"""
    title = "checkout " * 60
    async with stage(tmp_path) as bot:
        await bot.say("ann", f"!inc declare sev1 {title}")
        assert len(bot.heard()[0].splitlines()[0]) < 180
        assert "…" in bot.heard()[0]
        declared = (await bot.timeline())[0].event
        assert isinstance(declared, ev.Declared)
        assert declared.title == title.strip()


async def test_a_plan_that_is_missing_is_said_at_declaration(tmp_path):
    """X1"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down service:unheard-of")
        said = bot.heard()[0]
        assert "unheard-of has no communication plan; the default plan applies." in said
        await bot.say("ann", "!inc declare sev1 down", room="lab")
        assert "No service is named; the default plan applies." in bot.heard("lab")[0]


async def test_a_missed_promise_while_down_is_told_once_with_the_next(tmp_path):
    """K6"""
    clock = ManualClock()
    async with stage(tmp_path, clock=clock) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        await bot.minutes(1)
    await clock.advance(timedelta(minutes=45))
    async with stage(tmp_path, clock=clock) as bot:
        await bot.app.jobs.due_times.run_due()
        await bot.settle()
        missed = [text for text in bot.heard() if "missed" in text]
        assert len(missed) == 1
        assert "The update promised for 14:15 UTC was missed." in missed[0]
        assert "Sitrep was not running then; this comes 16 min late." in missed[0]
        assert "Next update 14:45 UTC" in missed[0]


@pytest.mark.parametrize("jump", [timedelta(hours=-3), timedelta(hours=3), timedelta(days=40)])
async def test_a_clock_jump_is_survived_in_both_directions(tmp_path, jump):
    """K6"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        await bot.clock.advance(jump)
        await bot.app.jobs.due_times.run_due()
        await bot.settle()
        assert await bot.say("ann", "!inc update still here")
        state = (await bot.incident()).clocks["internal"]
        assert state.promise is not None
        assert state.promise.due_at == bot.clock.now() + timedelta(minutes=15)
        assert state.settled == state.made - 1


async def test_two_people_accepting_at_once_leave_one_commander(tmp_path):
    """C1"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        await bot.minutes(5)
        outcomes = await asyncio.gather(
            bot.say("ben", "!inc accept", deliver=False),
            bot.say("cara", "!inc accept", deliver=False),
        )
        assert sorted(outcomes) == [False, True]
        changes = [e for e in await bot.timeline() if isinstance(e.event, ev.CommanderChanged)]
        assert len(changes) == 2


async def test_an_untouched_sev3_is_raised_in_triage_at_the_end_of_the_business_day(tmp_path):
    """F16"""
    triage = '\n[triage]\nconversation = "chat:triage"\nzone = "Europe/Berlin"\n'
    async with stage(tmp_path, config=TEAM.replace("[paging]", f"{triage}[paging]")) as bot:
        await bot.say("ann", "!inc declare sev3 Export button is grey")
        await bot.pass_time(timedelta(hours=1, minutes=59))
        assert bot.heard("triage") == []
        await bot.minutes(1)
        assert "nobody took it up today" in bot.heard("triage")[0]


async def test_rows_fold_from_their_timelines(tmp_path):
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        await bot.say("ann", "!inc note secret")
        await bot.say("ann", "!inc redact 5")
        await bot.minutes(200)
        await bot.say("ann", "!inc update x")
        assert await verify(bot.app.store) == []


async def test_a_new_commander_gets_the_state_the_decisions_and_the_clocks(tmp_path):
    """C4"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann impact:everyone")
        await bot.say("dev", "!inc decided roll back before reading the trace")
        await bot.say("dev", "!inc update rolling back")
        await bot.say("ann", "!inc handoff @cara")
        brief = bot.heard("@cara")[-1]
        for text in (
            "Ann hands command to you",
            "Impact: everyone",
            "Decided 14:00 UTC: roll back before reading the trace",
            "Last update 14:00 UTC: rolling back",
            "Next update 14:15 UTC",
        ):
            assert text in brief


async def test_whoever_else_was_asked_is_told_that_somebody_commands(tmp_path):
    """F4"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev2 down")
        await bot.minutes(5)
        await bot.say("cara", "!inc accept")
        assert "Cara commands; nothing to answer." in bot.heard("@ben")[-1]


async def test_cancelling_tells_whoever_was_called(tmp_path):
    """F6"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        await bot.say("ann", "!inc page @dev")
        await bot.say("ann", "!inc cancel because a test alert")
        for person in ("@ben", "@dev"):
            assert "was a false alarm: a test alert" in bot.heard(person)[-1]


async def test_a_command_over_which_the_bot_breaks_down_changes_nothing_and_is_answered(
    tmp_path, monkeypatch
):
    """D5"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        before = await bot.timeline()
        with monkeypatch.context() as broken:
            broken.setattr("bot.intake.transaction.decide", lambda *_: 1 / 0)
            assert not await bot.say("ann", "!inc note x", event="n1")
        assert "something is wrong with Sitrep itself" in bot.heard()[-1]
        assert await bot.timeline() == before
        assert await bot.say("ann", "!inc note x", event="n1")  # a redelivery: seen before
        assert await bot.timeline() == before
        assert await bot.say("ann", "!inc note x", event="n2")


async def test_a_press_over_which_the_bot_breaks_down_is_made_again(tmp_path, monkeypatch):
    """D3 D5"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down")

        async def press():
            return await bot.app.receive(
                ChatEvent(
                    id="press/1",
                    conversation=ConversationRef("chat", "ops"),
                    sender=UserRef("chat", "ann"),
                    sender_name="ann",
                    text="!inc note x",
                    written_at=bot.clock.now(),
                    inline=True,
                )
            )

        with monkeypatch.context() as broken:
            broken.setattr("bot.intake.transaction.decide", lambda *_: 1 / 0)
            assert not (await press()).done
        before = await bot.timeline()
        for _ in range(2):  # the second of them is the same press
            assert (await press()).done
            assert len(await bot.timeline()) == len(before) + 1


async def test_an_incident_over_which_the_bot_breaks_down_stops_no_other_clock(
    tmp_path, monkeypatch
):
    """D4 K6"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 a ic:@ann", room="r1")
        await bot.say("ann", "!inc declare sev1 b ic:@ann", room="r2")

        def partly(incident, *rest):
            if incident.id == "INC-1":
                raise ZeroDivisionError
            return decide_rightly(incident, *rest)

        with monkeypatch.context() as broken:
            broken.setattr("bot.intake.ticks.decide", partly)
            await bot.minutes(16)
        assert any("overdue" in text for text in bot.heard("r2"))
        assert not any("overdue" in text for text in bot.heard("r1"))
        await bot.minutes(2)
        assert any("overdue" in text for text in bot.heard("r1"))


async def test_a_database_that_fails_during_a_tick_puts_no_incident_off(tmp_path, monkeypatch):
    """D4 K6"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        due = await bot.app.store.next_due()

        async def unreachable(_work):
            raise ConnectionResetError

        with monkeypatch.context() as broken:
            broken.setattr(SqlWork, "served", unreachable)
            await bot.clock.set(due)
            with pytest.raises(DatabaseAway):
                await bot.app.intake.ticks.tick()
        assert await bot.app.store.next_due() == due
        await bot.minutes(0)
        assert await bot.app.store.next_due() > due


@pytest.mark.parametrize(("seconds", "told"), [(180, 1), (2, 0)])
async def test_the_room_hears_that_the_database_was_away(tmp_path, monkeypatch, seconds, told):
    """D7: once, before what was typed meanwhile is answered."""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        before = len(bot.heard())

        async def unreachable(_body):
            raise DatabaseAway("the disk is full")

        with monkeypatch.context() as broken:
            broken.setattr(bot.app.store, "transact", unreachable)
            for line in ("!inc note one", "!inc note two"):
                with pytest.raises(DatabaseAway):
                    await bot.say("ann", line)
            await bot.clock.set(bot.clock.now() + timedelta(seconds=seconds))
        await bot.say("ann", "!inc note one")
        await bot.say("ann", "!inc note two")
        heard = bot.heard()[before:]
        away = [text for text in heard if "database could not be used for 3 min" in text]
        assert len(away) == told
        assert heard[:told] == away


async def test_a_config_that_makes_something_due_later_does_not_keep_the_clocks_busy(tmp_path):
    """F13"""
    clock = ManualClock()
    async with stage(tmp_path, clock=clock) as bot:
        await bot.say("ann", "!inc declare sev2 down ic:@ann")
    later = TEAM.replace("[paging]", '[command]\nnudge_after = "14m"\n[paging]')
    async with stage(tmp_path, clock=clock, config=later) as bot:
        await clock.advance(timedelta(minutes=10))
        async with asyncio.timeout(PATIENCE):
            await bot.app.jobs.due_times.run_due()
        assert await bot.app.store.next_due() == clock.now() + timedelta(minutes=2)
        await bot.minutes(4)
        assert any("no stabilising step" in text for text in bot.heard())


async def test_rooms_that_the_bot_opened_may_speak_where_only_some_are_named(tmp_path):
    """F8"""
    chat = RecordingAdapter(features=Features(rooms=True, edits=True, direct=True))
    more = '[access]\nconversations = ["chat:ops"]'
    async with stage(tmp_path, chat=chat, more=more) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        assert await bot.say("ann", "!inc update here", room="!inc-1")
        assert not await bot.say("ann", "!inc INC-1 update there", room="elsewhere")
        assert not await bot.say("ann", "!inc INC-1 update there", room="!inc-2")


async def test_a_command_is_marked_as_done_or_not_where_there_are_reactions(tmp_path):
    """D5"""
    chat = RecordingAdapter(features=Features(reactions=True, edits=True))
    async with stage(tmp_path, chat=chat) as bot:
        await bot.say("ann", "!inc declare sev1 down", event="m1")
        await bot.say("ann", "!inc resolv", event="m2")
        await bot.say("dev", "!inc resolve", event="m3")
        await bot.say("ann", "!inc status", event="m4")
        marks = [(posted.ref, posted.text) for posted in chat.done if posted.kind == "mark"]
        assert marks == [("m1", "✅"), ("m2", "❓"), ("m3", "❓")]
        assert next(p for p in chat.done if p.conversation == "ops").kind == "mark"
        declared = next(p for p in chat.done if "DECLARED" in p.text)
        offers = [p for p in chat.done if (p.kind, p.conversation) == ("offer", "ops")]
        assert offers[0].text == "1"
        assert chat.done.index(offers[0]) > chat.done.index(declared)


async def test_a_message_captured_twice_is_one_entry_and_its_changes_are_followed(tmp_path):
    """L1 L3"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        ops, dev, eve = ConversationRef("chat", "ops"), UserRef("chat", "dev"), UserRef("chat", "x")

        def capture(n: int) -> ChatCapture:
            now = bot.clock.now()
            return ChatCapture(
                id=f"c{n}", conversation=ops, sender=dev, sender_name="dev", author=eve,
                author_name="x", text="password: hunter2", written_at=now, marked_at=now,
                message="$said",
            )  # fmt: skip

        before = len(await bot.timeline())
        assert (await bot.app.receive(capture(1))).done
        assert (await bot.app.receive(capture(2))).done
        assert len(await bot.timeline()) == before + 1
        # A moderator took it away: neither its author nor anybody in the incident.
        gone = ChatCorrection(
            id="r1", conversation=ops, sender=UserRef("chat", "moderator"), message="$said",
            text=None, written_at=bot.clock.now(),
        )  # fmt: skip
        assert (await bot.app.receive(gone)).done
        captured = (await bot.timeline())[before].event
        assert captured.text == ev.REDACTED
        assert not (await bot.app.receive(replace(gone, id="r2", message="$another"))).done


async def test_trouble_and_a_move_are_told_where_the_bot_can_speak(tmp_path):
    """D2"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        ops, now = ConversationRef("chat", "ops"), bot.clock.now()
        trouble = ChatTrouble(
            id="t1", conversation=ops, text="It may not pin here.", noticed_at=now, reachable=True
        )
        await bot.app.receive(trouble)
        await bot.app.receive(replace(trouble, id="t2", text="Put out.", reachable=False))
        await bot.settle()
        assert bot.heard()[-1] == "INC-1 SEV1: It may not pin here."
        assert bot.heard("@ann")[-1] == "INC-1 SEV1: Put out."
        fresh = ConversationRef("chat", "ops2")
        await bot.app.receive(ChatMoved(id="m1", conversation=ops, to=fresh, moved_at=now))
        await bot.say("ann", "!inc update moved", room="ops2")
        assert any("State: SEV1" in text for text in bot.heard("ops2"))
        assert any("moved — Ann" in text for text in bot.heard("ops2"))
