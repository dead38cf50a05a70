"""What every store does, on every engine."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.action_values import Strength
from bot.domain.due import next_due
from bot.domain.effects import News
from bot.domain.events import Entry
from bot.domain.incident import ClockName, Severity
from bot.domain.policy import Bound, Plan
from bot.domain.subscription import Piece, Subscription
from bot.refs import ConversationRef, ExternalRef
from bot.store.rows import Card, Guard, Outgoing
from bot.store.subscriptions import Subscribed
from storage import open_database
from tests.harness.waiting import PATIENCE
from tests.worlds.domain import ALL, ANN, BEN, DEV, OPS, START, Play
from tests.worlds.store import declared, entries, post, send

LATER = timedelta(seconds=6)


@pytest.fixture
def opened(url):
    return lambda: open_database(url, tell=lambda _line: None)


async def claim(db, owner: str = "me", now=START, limit: int = 10):
    return await db.claim(owner, now=now, until=now + LATER, limit=limit)


async def test_what_is_saved_is_read_back_whole(opened):
    async with opened() as db:
        play = await declared(db)
        assert await db.read(lambda w: w.incident("INC-1")) == play.state
        timeline = await db.read(lambda w: w.timeline("INC-1"))
        assert timeline == entries(play)
        assert await db.read(lambda w: w.entry("INC-1", 2)) == entries(play)[1]
        assert await db.read(lambda w: w.entry("INC-1", 99)) is None


async def test_a_transaction_is_there_whole_or_not_at_all(opened):
    """D1"""

    async def fail(work):
        await work.number("INC")
        await work.send([post()], now=START)
        raise RuntimeError("boom")

    async with opened() as db:
        with pytest.raises(RuntimeError):
            await db.transact(fail)
        assert await db.transact(lambda w: w.number("INC")) == 1
        assert (await db.backlog())["waiting"] == 0


async def test_numbers_count_from_one_without_gaps_each_series_for_itself(opened):
    """F9"""
    async with opened() as db:
        tasks = [db.transact(lambda w: w.number("INC")) for _ in range(20)]
        assert sorted(await asyncio.gather(*tasks)) == list(range(1, 21))
        assert await db.transact(lambda w: w.number("DRILL")) == 1


async def test_an_inbound_event_counts_once(opened):
    """D3"""
    async with opened() as db:

        async def arrive(event: str):
            return await db.transact(lambda w: w.arrive("chat", event, OPS, at=START))

        for event in ("e1", "x" * 5000):
            first, again = await arrive(event), await arrive(event)
            assert first.conversation == OPS
            assert again is None


async def test_an_event_that_is_released_arrives_again(opened):
    """D3"""
    async with opened() as db:

        async def arrive(event: str, *, released: bool):
            async def work(w):
                arrival = await w.arrive("chat", event, OPS, at=START)
                if released:
                    await w.outcome("chat", event, "rejected", "chat:@ann")
                    await w.release("chat", event)
                return arrival

            return await db.transact(work)

        for event in ("e1", "x" * 5000):
            for released in (True, True, False):
                assert await arrive(event, released=released) is not None
            assert await arrive(event, released=True) is None


async def test_an_arrival_takes_a_number_once(opened):
    """D3 F9"""
    async with opened() as db:

        async def arrive(event: str):
            return await db.transact(lambda w: w.arrive("chat", event, OPS, at=START, series="INC"))

        assert [(await arrive(e)).number for e in ("e1", "e2")] == [1, 2]
        assert await arrive("e1") is None
        assert (await arrive("e3")).number == 3


async def test_what_is_due_is_found_once_and_in_order(opened):
    """K6"""
    async with opened() as db:
        play = await declared(db)
        due = await db.next_due()
        assert due == next_due(play.state, play.setting.policy)
        assert await db.transact(lambda w: w.due(due - timedelta(seconds=1))) is None
        found = await db.transact(lambda w: w.due(due))
        assert found == play.state


async def test_incidents_are_found_by_conversation_the_last_to_come_first(opened):
    """Also where the clock was set back between the two."""
    async with opened() as db:
        first = await declared(db)
        second = Play(name="INC-2")
        second.now -= timedelta(minutes=1)
        command = cmd.Declare(title="y", severity=Severity.SEV3)
        second.do(ANN, command)
        await db.transact(lambda w: w.save(second.state, entries(second), due_at=None))
        found = await db.read(lambda w: w.incidents_in(OPS))
        assert [i.id for i in found] == ["INC-2", first.state.id]
        assert await db.read(lambda w: w.incidents_in(ConversationRef("chat", "other"))) == []


async def test_lists_show_what_is_open_and_what_is_owing(opened):
    async with opened() as db:
        play = await declared(db)
        names = [s.id for s in await db.read(lambda w: w.list("open", 10))]
        assert names == ["INC-1"]
        begun = len(play.events)
        play.do(ANN, cmd.Resolve())
        await db.transact(lambda w: w.save(play.state, entries(play, begun), due_at=None))
        assert await db.read(lambda w: w.list("open", 10)) == []
        owing = await db.read(lambda w: w.list("owing", 10))
        assert [(s.id, s.postmortem) for s in owing] == [("INC-1", "full")]
        assert len(await db.read(lambda w: w.list("all", 10))) == 1


async def test_a_redacted_text_is_nowhere_any_more(opened, url):
    """L3"""
    secret = 'the pass"word is hünter2'
    async with opened() as db:
        play = await declared(db)
        note = cmd.AddNote(kind=cmd.NoteKind.NOTE, text=secret)
        for command in (note, cmd.Redact(entry=play.state.entries + 1)):
            begun = len(play.events)
            entry = play.events[-1] if isinstance(command, cmd.Redact) else None
            play.do(ANN, command, entry=entry)
            new = entries(play, begun)
            await db.transact(lambda w, new=new: w.save(play.state, new, due_at=None))
            if entry is None:
                await send(db, post(f"noted: {secret}", incident="INC-1"))
        text = repr(await db.read(lambda w: w.timeline("INC-1")))
        assert "hünter2" not in text
        assert ev.REDACTED in text
        (lease,) = await claim(db)
        row = await db.read(lambda w: w.waiting(lease))
        assert "hünter2" not in repr(row)
        assert ev.REDACTED in repr(row)
    del url


async def test_an_amended_text_stays_in_the_audit_record(opened):
    """L3"""
    async with opened() as db:
        play = await declared(db)
        play.do(ANN, cmd.AddNote(kind=cmd.NoteKind.NOTE, text="21 %"))
        entry = play.events[-1]
        play.do(ANN, cmd.Amend(entry=play.state.entries, text="12 %"), entry=entry)
        new = entries(play, len(play.events) - 2)
        await db.transact(lambda w: w.save(play.state, new, due_at=None))
        texts = [getattr(e.event, "text", "") for e in await db.read(lambda w: w.timeline("INC-1"))]
        assert texts[-2:] == ["21 %", "12 %"]


async def test_the_rotation_remembers_who_served(opened):
    """C2"""
    async with opened() as db:
        await db.transact(lambda w: w.note_served(BEN, START))
        await db.transact(lambda w: w.note_served(BEN, START + LATER))
        assert await db.transact(lambda w: w.served()) == {BEN: START + LATER}


async def test_thousands_of_rows_are_queued_in_one_transaction(opened):
    """D1 H1: as many as there are subscribers"""
    async with opened() as db:
        await send(db, *(post(lane=f"chat/{n}") for n in range(5000)))
        assert (await db.backlog())["waiting"] == 5000


async def test_news_is_counted_once_for_each_reader_whatever_happens_at_once(opened):
    """F18"""
    bound, addresses = Bound(most=4, within=timedelta(minutes=5)), [f"chat/{n}" for n in range(150)]
    piece = Piece(incident="INC-1", news=News.DECLARED, highest=Severity.SEV1, service=None)

    async def told(work) -> int:
        n = await work.add_news(piece, at=START)
        after = [each.after(n, START, bound) for each in await work.readers(addresses, at=START)]
        await work.store_readers(after)
        return n

    async with opened() as db:
        numbers = await asyncio.gather(*(db.transact(told) for _ in range(6)))
        readers = [await db.read(lambda w, a=a: w.reader(a)) for a in addresses]
        assert {each.told for each in readers} == {4}
        (held,) = {each.held for each in readers}
        assert len([n for n in numbers if n >= held]) == 2
        assert await db.read(lambda w: w.news_from(max(numbers))) == [piece]
        assert await db.read(lambda w: w.reader("chat/nobody")) is None
        await db.prune(START + timedelta(days=40))
        assert await db.read(lambda w: w.news_from(1)) == []
        assert await db.read(lambda w: w.reader(addresses[0])) is not None  # something is held


async def test_subscriptions_are_kept_once_and_end(opened):
    """H1"""
    numbers = itertools.count(1)
    async with opened() as db:

        def wanted(**more: object) -> Subscription:
            token = f"token-{next(numbers)}"
            given = {"address": "chat/direct:dev", "by": DEV, "token": token, **more}
            return Subscription(**given)

        async def store(subscription: Subscription) -> Subscription:
            return await db.transact(lambda w: w.subscribe(subscription))

        every, again = await store(wanted()), await store(wanted(token="another"))
        assert every == again
        assert every.n > 0
        assert await db.read(lambda w: w.subscribed("INC-9", "checkout")) == Subscribed(
            anyone=True, to_briefs=True
        )
        one = await store(wanted(incident="INC-1", severity=Severity.SEV2, service="checkout"))
        papers = await store(wanted(incident="INC-2", postmortems=True, digest=True))
        planned = await store(wanted(address="mail:board@example.com", by=None))
        found = await db.read(lambda w: w.subscriptions(incident="INC-1"))
        assert list(found) == [every, one, planned]
        assert list(await db.read(lambda w: w.subscriptions(by=DEV))) == [every, one, papers]
        assert await db.read(lambda w: w.subscription(one.token)) == one
        assert await db.read(lambda w: w.subscription(one.n)) == one
        assert await db.read(lambda w: w.subscription("nothing")) is None
        assert await db.read(lambda w: w.subscribed("INC-1", None)) == Subscribed(
            anyone=True, to_briefs=True
        )
        for each in (every, one, planned):
            await db.transact(lambda w, n=each.n: w.unsubscribe(n))
        assert await db.read(lambda w: w.subscribed("INC-1", None)) == Subscribed(
            anyone=False, to_briefs=False
        )
        assert await db.read(lambda w: w.subscribed("INC-2", None)) == Subscribed(
            anyone=True, to_briefs=False
        )
        left = await db.read(lambda w: w.subscriptions())
        assert [(each.n, each.muted) for each in left] == [(papers.n, False), (planned.n, True)]
        assert (await store(wanted(address="mail:board@example.com", by=None))).muted
        arrival = await db.transact(lambda w: w.arrive("chat", "e1", OPS, at=START))
        assert arrival.has_subscribers
        await db.transact(lambda w: w.unsubscribe(papers.n))
        arrival = await db.transact(lambda w: w.arrive("chat", "e2", OPS, at=START))
        assert not arrival.has_subscribers


async def test_what_a_page_tells_of_and_what_changed_can_be_asked_for(opened):
    """X2 H1"""
    async with opened() as db:
        play = Play(audiences=ALL, plan=Plan(external={Severity.SEV1: timedelta(minutes=30)}))
        play.declare(commander=ANN)
        await db.transact(lambda w: w.save(play.state, entries(play, 0), due_at=None))
        assert await db.read(lambda w: w.public()) == []
        known = len(play.events)
        play.do(ANN, cmd.Approve())
        await db.transact(lambda w: w.save(play.state, entries(play, known), due_at=None))
        assert await db.read(lambda w: w.public()) == [play.state]
        assert await db.read(lambda w: w.changed_since(START)) == [play.state]
        later = START + timedelta(days=1)
        assert await db.read(lambda w: w.changed_since(later)) == []
        known = len(play.events)
        play.do(ANN, cmd.Resolve())
        await db.transact(lambda w: w.save(play.state, entries(play, known), due_at=None))
        assert await db.read(lambda w: w.public()) == []


async def test_a_lane_keeps_its_order_and_the_urgent_go_first(opened):
    """D2"""
    async with opened() as db:
        await send(db, post("one"), post("two"))
        await send(db, post("now", urgent=True))
        (lease,) = await claim(db)
        said = []
        while (row := await db.read(lambda w: w.waiting(lease))) is not None:
            said.append(row.what.body.message.summary[0])
            await db.transact(lambda w, row=row: w.sent(lease, row, now=START))
        assert said == ["now", "one", "two"]


async def test_a_lane_is_held_by_one_and_falls_free_with_its_lease(opened):
    async with opened() as db:
        await send(db, post())
        (mine,) = await claim(db, "me")
        assert await claim(db, "you") == []
        (yours,) = await claim(db, "you", now=START + LATER + timedelta(seconds=1))
        assert yours.fence > mine.fence
        row = await db.read(lambda w: w.waiting(mine))
        assert not await db.transact(lambda w: w.sent(mine, row, now=START))
        assert await db.transact(lambda w: w.sent(yours, row, now=START))


async def test_a_renewed_lease_stays_and_a_released_lane_is_free(opened):
    async with opened() as db:
        await send(db, post())
        (mine,) = await claim(db)
        await db.renew("me", [mine], until=START + 3 * LATER)
        assert await claim(db, "you", now=START + 2 * LATER) == []
        await db.release("me", mine)
        assert len(await claim(db, "you")) == 1


async def test_a_lease_or_delay_from_before_the_clock_jumped_back_binds_nobody(opened):
    """K6"""
    async with opened() as db:
        await send(db, post())
        (lease,) = await claim(db)
        back = START - timedelta(hours=5)
        (lease,) = await claim(db, "you", now=back)
        row = await db.read(lambda w: w.waiting(lease))
        soon = START + timedelta(minutes=5)
        await db.transact(lambda w: w.retry(lease, row, "503", not_before=soon))
        await db.release("you", lease)
        assert len(await claim(db, now=back)) == 1


async def test_what_is_put_off_waits_and_holds_its_lane(opened):
    """D2"""
    async with opened() as db:
        await send(db, post("one"), post("two"))
        (lease,) = await claim(db)
        row = await db.read(lambda w: w.waiting(lease))
        soon = START + timedelta(seconds=30)
        assert await db.transact(lambda w: w.retry(lease, row, "503", not_before=soon))
        await db.release("me", lease)
        assert await claim(db) == []
        assert not await db.claimable(START)
        assert await db.next_retry(START) == soon
        (lease,) = await claim(db, now=soon)
        again = await db.read(lambda w: w.waiting(lease))
        assert (again.id, again.attempts) == (row.id, 1)


async def test_a_dead_letter_is_counted_and_out_of_the_way(opened):
    """D2"""
    async with opened() as db:
        await send(db, post("one"), post("two"))
        (lease,) = await claim(db)
        row = await db.read(lambda w: w.waiting(lease))
        assert await db.transact(lambda w: w.dead(lease, row, "gone", now=START))
        assert await db.backlog() == {"waiting": 1, "dead": 1}


async def test_what_converges_waits_once_and_newest_wins(opened):
    async with opened() as db:
        card = Outgoing(target="chat", lane="chat/ops", body=Card(), slot="card/1")
        await send(db, card)
        await send(db, card)
        assert (await db.backlog())["waiting"] == 1
        (lease,) = await claim(db)
        row = await db.read(lambda w: w.waiting(lease))
        assert row.version == 1
        await send(db, card)  # asked for again while it is being sent
        assert await db.transact(lambda w: w.sent(lease, row, now=START))
        again = await db.read(lambda w: w.waiting(lease))
        assert (again.key, again.version) == (row.key, 2)
        assert await db.transact(lambda w: w.sent(lease, again, now=START))
        assert await db.read(lambda w: w.waiting(lease)) is None
        await send(db, card)
        assert (await db.read(lambda w: w.waiting(lease))).key != row.key


async def test_keys_are_unique_and_the_text_goes_once_it_is_sent(opened):
    async with opened() as db:
        await send(db, *(post(str(i), lane=f"chat/{i}") for i in range(50)))
        leases = await claim(db, limit=100)
        rows = [await db.read(lambda w, lease=lease: w.waiting(lease)) for lease in leases]
        assert len({row.key for row in rows}) == 50
        await db.transact(lambda w: w.sent(leases[0], rows[0], now=START))
        assert await db.prune(START + timedelta(days=1)) == 1


async def test_a_guard_and_an_incident_come_back_with_the_row(opened):
    async with opened() as db:
        guard = Guard(clock=ClockName.INTERNAL, n=3)
        await send(db, post(guard=guard, incident="INC-1"))
        (lease,) = await claim(db)
        row = await db.read(lambda w: w.waiting(lease))
        assert row.what.guard == guard
        assert row.what.incident == "INC-1"


async def test_places_and_references_are_kept(opened):
    async with opened() as db:
        new, room = ConversationRef("chat", "new:INC-1"), ConversationRef("chat", "!abc")
        assert await db.read(lambda w: w.real(new)) is None
        await db.transact(lambda w: w.opened(new, room))
        assert await db.read(lambda w: w.real(new)) == room
        await db.transact(lambda w: w.opened(ConversationRef("chat", "new:2"), OPS, own=False))
        for i, (real, logical) in enumerate([(room, new), (OPS, OPS)]):
            arrival = await db.transact(
                lambda w, i=i, real=real: w.arrive("chat", str(i), real, at=START)
            )
            assert arrival.conversation == logical
        await db.transact(lambda w: w.store_ref("card/1", "x"))
        await db.transact(lambda w: w.store_ref("card/1", "y"))
        assert await db.read(lambda w: w.ref("card/1")) == "y"


async def test_two_hundred_commands_at_once_are_all_there(opened):
    """No "database is locked", no lost number, every row."""
    async with opened() as db:

        async def one(i: int) -> None:
            async def body(work):
                n = await work.number("INC")
                play = Play(name=f"INC-{n}")
                play.do(ANN, cmd.Declare(title=str(i)))
                await work.save(play.state, entries(play), due_at=None)
                await work.send([post(str(i), lane=f"chat/{i % 7}")], now=START)

            await db.transact(body)

        await asyncio.gather(*(one(i) for i in range(200)))
        found = await db.read(lambda w: w.list("all", 1000))
        assert Counter(s.id for s in found) == Counter(f"INC-{n}" for n in range(1, 201))
        assert (await db.backlog())["waiting"] == 200


async def test_two_transactions_on_one_incident_do_not_lose_an_entry(opened):
    async with opened() as db:
        await declared(db)

        async def note(i: int) -> None:
            async def body(work):
                incident = await work.incident("INC-1")
                event = ev.NoteAdded(at=START, by=ANN, kind=cmd.NoteKind.NOTE, text=str(i))
                after = replace(incident, entries=incident.entries + 1)
                entry = Entry(n=after.entries, event=event, recorded_at=START)
                await work.save(after, [entry], due_at=None)

            await db.transact(body)

        before = (await db.read(lambda w: w.incident("INC-1"))).entries
        await asyncio.gather(*(note(i) for i in range(30)))
        timeline = await db.read(lambda w: w.timeline("INC-1"))
        assert [e.n for e in timeline] == list(range(1, before + 31))


async def test_transactions_that_wait_for_each_other_both_get_through(opened):
    """C1"""
    async with opened() as db:
        for n in (1, 2):
            play = Play(name=f"INC-{n}")
            command = cmd.Declare(title="x")
            play.do(ANN, command)
            await db.transact(lambda w, play=play: w.save(play.state, entries(play), due_at=None))

        async def both(first: str, second: str) -> None:
            async def body(work):
                await work.incident(first)
                if not db.is_sqlite:  # there is one writer at a time
                    await asyncio.sleep(0.2)
                await work.incident(second)
                await work.number("N")

            await db.transact(body)

        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(both("INC-1", "INC-2"), both("INC-2", "INC-1"))
        assert await db.transact(lambda w: w.number("N")) == 3


async def test_action_items_are_a_table_of_their_own(opened):
    """A2 A3"""
    async with opened() as db:
        play = await declared(db)
        play.do(play.state.commander, cmd.Resolve())
        for n, owner in enumerate((ANN, BEN, BEN), 1):
            due = date(2026, 12, n)
            text = f"page when none came for {n} min"
            play.do(ANN, cmd.AddAction(text=text, owner=owner, due=due, strength=Strength.DETECT))
        ticket = ExternalRef("tracker", "T/1", "https://t.example.com")
        play.do(None, cmd.NoteActionTicket(n=1, ticket=ticket))
        play.do(None, cmd.NoteActionTicket(n=2, ticket=ExternalRef("other", "2")))
        play.now += timedelta(days=7)
        play.do(BEN, cmd.FinishAction(n=2))
        first = (await db.read(lambda w: w.incident("INC-1"))).entries
        await db.transact(lambda w: w.save(play.state, entries(play, first), due_at=None))

        async def listed(which: str, **more: object) -> list[int]:
            lines = await db.read(lambda w: w.actions(which, today=date(2026, 12, 2), **more))
            assert {line.incident for line in lines} <= {"INC-1"}
            return [line.action.n for line in lines]

        assert await listed("all") == [1, 2, 3]
        assert await listed("open") == [1, 3]
        assert await listed("overdue") == [1]
        assert await listed("open", owner=BEN) == [3]
        assert await listed("all", incident="INC-2") == []
        assert await listed("all", limit=1) == [1]
        (line,) = await db.read(lambda w: w.ticketed("tracker"))
        assert line.action == play.state.action(1)
        (line,) = await db.read(lambda w: w.ticketed("other", "2"))
        assert line.action.done
        assert line.finished_at == play.now
        assert await db.read(lambda w: w.ticketed("other")) == []
        assert await db.read(lambda w: w.shares(date(2026, 12, 2))) == (2, 1)
        before = len(play.events)
        play.do(BEN, cmd.ReopenAction(n=2))
        await db.transact(lambda w: w.save(play.state, entries(play, before), due_at=None))
        assert await listed("open") == [1, 2, 3]
        (line,) = await db.read(lambda w: w.ticketed("other", "2"))
        assert line.finished_at is None


async def test_news_is_numbered_in_the_order_in_which_readers_are_told_of_it(opened):
    """F18: what was told alone is not in the gathered message, too"""
    bound, address = Bound(most=10, within=timedelta(minutes=5)), "chat/direct:dev"
    piece = Piece(incident="INC-1", news=News.DECLARED, highest=Severity.SEV1, service=None)

    async def tell(work) -> int | None:
        n = await work.add_news(piece, at=START)
        (reader,) = await work.readers([address], at=START)
        after = reader.after(n, START, bound)
        await work.store_readers([after])
        return n if after.held is None else None

    async with opened() as db:
        told = await asyncio.gather(*(db.transact(tell) for _ in range(80)))
        alone = [n for n in told if n is not None]
        held = (await db.read(lambda w: w.reader(address))).held
        assert max(alone) < held
        assert (len(alone), len(await db.read(lambda w: w.news_from(held)))) == (10, 70)


async def test_a_session_is_kept_for_as_long_as_it_was_asked_for(url):
    """D2 K6"""
    async with open_database(url, tell=lambda _line: None) as db:
        for length in (timedelta(seconds=9), timedelta(minutes=6)):
            name = f"session/{length}"
            until = START + length
            assert await db.hold(name, "a", now=START, until=until)
            assert not await db.hold(name, "b", now=START, until=until)
            back = START - timedelta(days=1)
            assert await db.hold(name, "b", now=back, until=back + length)
