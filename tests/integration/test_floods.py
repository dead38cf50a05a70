"""What comes too often for one reader is gathered: told once, with the bound, and never lost."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta

from bot.contract.errors import TemporaryFailure
from bot.contract.messages import Mention, spans_of
from bot.domain.policy import Bound
from bot.domain.subscription import Reader, Subscription
from bot.refs import ConversationRef, Lane, UserRef
from bot.store.work import Work
from bot.testing import START, TEAM, Posted, RecordingAdapter, RecordingProvider, Stage, stage

MALLORY = "mallory"
"""Somebody in the room whom the config does not name."""

SECOND = timedelta(seconds=1)


@asynccontextmanager
async def paging(home, config: str = TEAM, **more):
    """A Sitrep with a pager that keeps what it is asked for."""
    outside = RecordingProvider()
    given = {"outside": outside.plugin("register_pager")}
    async with stage(home, config=f"{config}\n[plugins.outside]\n", given=given, **more) as bot:
        yield bot, outside


def paged(outside: RecordingProvider, person: str) -> list[str]:
    """The texts of the pages that a person got."""
    pages = [what[0] for call, what in outside.calls if call == "page"]
    return [page.text for page in pages if person in [each.person for each in page.people]]


async def told(bot: Stage, who: str) -> list[str]:
    await bot.settle()
    return bot.chat.said(f"@{who}")


# --- declarations ---------------------------------------------------------------------------------


async def test_twenty_declarations_by_one_stranger_are_a_handful_of_calls(tmp_path):
    """F18 F8"""
    async with paging(tmp_path) as (bot, outside):
        for n in range(1, 21):
            assert await bot.say(MALLORY, f"!inc declare sev1 number {n}", room=f"r{n}")
            await bot.clock.advance(SECOND)
        assert len([1 for n in range(1, 21) if (await bot.incident(f"INC-{n}")).running]) == 20
        assert len(await told(bot, "ben")) == 3
        assert "one by one for 3 in 5 min" in bot.heard("r4")[0]
        assert "one by one" not in bot.heard("r3")[0]
        await bot.minutes(1)
        ben = await told(bot, "ben")
        assert len(ben) == 4
        assert "20 incidents declared by mallory in 19 s: INC-1 … INC-20." in ben[-1]
        # Nobody answers: each of the three is escalated, and the others once in five minutes.
        await bot.minutes(11)
        for who in ("ben", "cara"):
            heard = await told(bot, who)
            gathered = [text for text in heard if "20 incidents declared by mallory" in text]
            assert 1 <= len(gathered) <= 3, (who, heard)
            assert len(heard) <= 3 * 4 + 3, (who, heard)
        pages = [what[0] for call, what in outside.calls if call == "page"]
        for who in ("ben", "cara"):
            assert 1 <= len(paged(outside, who)) <= 3 * 3 + 3
            assert any("20 incidents declared by mallory" in t for t in paged(outside, who))
        assert len(pages) <= 2 * (3 * 3 + 3)


async def test_what_is_declared_beyond_the_bound_is_opened_and_listed(tmp_path):
    """F18"""
    async with stage(tmp_path) as bot:
        for n in range(1, 6):
            await bot.say(MALLORY, f"!inc declare sev1 number {n}", room=f"r{n}")
        await bot.say("dev", "!inc list", room="lobby")
        assert all(f"INC-{n}" in bot.heard("lobby")[-1] for n in range(1, 6))
        declared = (await bot.timeline("INC-5"))[0].event
        assert (declared.beyond.most, declared.beyond.within) == (3, timedelta(minutes=5))
        assert any("INC-5" in text for text in bot.heard("r5"))


async def test_a_named_person_meets_no_bound_and_ends_the_gathering(tmp_path):
    """F18"""
    async with paging(tmp_path) as (bot, outside):
        for n in range(1, 6):
            await bot.say("ann", f"!inc declare sev1 number {n}", room=f"a{n}")
        assert len(await told(bot, "ben")) == 5
        for n in range(1, 6):
            await bot.say(MALLORY, f"!inc declare sev1 number {n}", room=f"r{n}")
        before = len(await told(bot, "cara"))
        for n in (4, 5):
            assert await bot.say("dev", "!inc page @cara it is real", room=f"r{n}")
        assert len(await told(bot, "cara")) == before + 2
        assert len(paged(outside, "cara")) == 2
        # From now on its calls are its own, though nobody has accepted.
        assert not any("one by one" in t for t in bot.chat.said("@cara")[before:])
        await bot.minutes(5)
        assert any("INC-10 SEV1 has no commander yet" in t for t in await told(bot, "cara"))


async def test_after_a_time_of_quiet_a_stranger_calls_people_again(tmp_path):
    """F18"""
    async with stage(
        tmp_path, more='[floods]\ndeclarations = 1\ndeclarations_within = "2m"\n'
    ) as bot:
        for n in (1, 2):
            await bot.say(MALLORY, f"!inc declare sev1 number {n}", room=f"r{n}")
        assert len(await told(bot, "ben")) == 1
        await bot.say(MALLORY, "!inc cancel because a test", room="r1")
        await bot.say(MALLORY, "!inc cancel because a test", room="r2")
        await bot.clock.advance(timedelta(minutes=2))
        await bot.say(MALLORY, "!inc declare sev1 number 3", room="r3")
        assert any("INC-3 SEV1: take command?" in text for text in await told(bot, "ben"))


async def test_raising_counts_as_declaring(tmp_path):
    """F18 F5"""
    async with stage(tmp_path) as bot:
        for n in range(1, 7):
            await bot.say(MALLORY, f"!inc declare sev3 number {n}", room=f"r{n}")
        for n in range(1, 7):
            assert await bot.say(MALLORY, "!inc sev 1", room=f"r{n}")
        assert await told(bot, "ben") == []
        assert "This goes beyond" in bot.heard("r1")[-1]
        await bot.minutes(1)
        (text,) = await told(bot, "ben")
        assert "12 incidents declared by mallory" in text or "INC-6" in text


async def test_no_room_notifies_the_people_who_get_one_call(tmp_path):
    """F18"""
    async with stage(tmp_path) as bot:
        for n in range(1, 5):
            await bot.say(MALLORY, f"!inc declare sev1 number {n}", room=f"r{n}")

        def notified(room: str) -> list[str]:
            posts = [p.message for p in bot.chat.done if p.conversation == room and p.message]
            spans = [span for each in posts for span in spans_of(each)]
            return [s.person for s in spans if isinstance(s, Mention) and s.notify]

        assert "ben" in notified("r3")
        assert notified("r4") == []


async def test_the_one_call_is_made_after_a_restart_too(url, tmp_path):
    """F18 D1"""
    config = f'{TEAM}[storage]\nurl = "{url}"\n'
    async with stage(tmp_path / "home", config=config) as bot:
        for n in range(1, 6):
            await bot.say(MALLORY, f"!inc declare sev1 number {n}", room=f"r{n}", deliver=False)
        clock = bot.clock
    await clock.advance(timedelta(minutes=1))
    async with stage(tmp_path / "home", config=config, clock=clock) as bot:
        gathered = [t for t in await told(bot, "ben") if "5 incidents declared by mallory" in t]
        assert len(gathered) == 1


# --- news for one reader --------------------------------------------------------------------------


async def subscribed(bot: Stage, count: int) -> list[str]:
    """Subscribe readers to everything, without a word; return their names."""
    names = [f"reader{n}" for n in range(count)]
    wanted = [
        Subscription(
            address=Lane.of(ConversationRef.direct(UserRef("chat", name))),
            by=bot.app.config.directory.person(UserRef("chat", name)),
            token=f"token-of-{name}",
        )
        for name in names
    ]

    async def store(work: Work) -> None:
        for each in wanted:
            await work.subscribe(each)

    await bot.app.store.transact(store)
    return names


async def waiting(bot: Stage, names: list[str]) -> list[int]:
    """How many rows wait for each reader: in their lane, and gathered."""

    async def count(work: Work) -> list[int]:
        found = []
        for name in names:
            lane = Lane.of(ConversationRef.direct(UserRef("chat", name)))
            both = (lane, Lane.of_plugin("gathered", lane))
            found.append(sum([await work.waiting_in(each) for each in both]))
        return found

    return await bot.app.store.read(count)


async def test_many_incidents_are_a_few_messages_to_each_reader(url, tmp_path):
    """F18 H1 D1: 200 incidents and 50 readers, and what waits for each of them is bounded"""
    config = f'{TEAM}[storage]\nurl = "{url}"\n'
    chat = RecordingAdapter()
    async with stage(tmp_path / "home", config=config, chat=chat) as bot:
        names = await subscribed(bot, 50)

        def away(posted: Posted) -> None:
            if posted.conversation.startswith("@reader"):
                raise TemporaryFailure("away")

        chat.fault = away
        for n in range(1, 201):
            line = f"!inc declare sev3 number {n}"
            assert await bot.say("ann", line, room=f"r{n}", deliver=n % 20 == 0)
        assert set(await waiting(bot, names)) == {11}
        for n in (3, 4, 5):
            await bot.say("ann", "!inc resolve", room=f"r{n}")
        assert set(await waiting(bot, names)) == {11}
        clock = bot.clock
    chat.fault = lambda _posted: None
    # What is held is rows: whatever happened to the process, the next one tells it, once.
    await clock.advance(timedelta(minutes=6))
    async with stage(tmp_path / "home", config=config, clock=clock, chat=chat) as bot:
        await bot.settle()
        await bot.clock.advance(timedelta(minutes=6))
        await bot.settle()
        for name in names:
            heard = await told(bot, name)
            assert len(heard) == 11, name
            assert heard[-1].startswith("190 incidents declared, 3 resolved: INC-3 … INC-200.")
            assert "More than 10 messages in 5 min come as one." in heard[-1]
        assert set(await waiting(bot, names)) == {0}


async def test_a_reader_is_told_one_by_one_again_after_a_quiet_time(tmp_path):
    """F18 H1"""
    async with stage(tmp_path, more='[floods]\nnews = 2\nnews_within = "2m"\n') as bot:
        await bot.say("dev", "!inc subscribe all", room="lobby")
        for n in range(1, 6):
            await bot.say("ann", f"!inc declare sev3 number {n}", room=f"r{n}")
        assert len(await told(bot, "dev")) == 2
        await bot.minutes(2)
        assert (await told(bot, "dev"))[2].startswith("3 incidents declared: INC-3, INC-4, INC-5.")
        # More of it in the time after that is gathered too: one message in two minutes.
        await bot.say("ann", "!inc resolve", room="r1")
        assert len(await told(bot, "dev")) == 3
        await bot.minutes(2)
        assert (await told(bot, "dev"))[3].startswith("1 resolved: INC-1.")
        await bot.minutes(3)
        await bot.say("ann", "!inc resolve the disk was full", room="r2")
        assert "INC-2 SEV3: resolved" in (await told(bot, "dev"))[4]


async def test_what_is_gathered_is_only_what_the_reader_asked_for(tmp_path):
    """F18 H1"""
    async with stage(tmp_path, more="[floods]\nnews = 1\n") as bot:
        await bot.say("dev", "!inc subscribe sev1", room="lobby")
        for n, level in enumerate(("sev1", "sev1", "sev3", "sev1", "sev3"), 1):
            await bot.say("ann", f"!inc declare {level} number {n} ic:@ann", room=f"r{n}")
        await bot.minutes(5)
        assert (await told(bot, "dev"))[1].startswith("2 incidents declared: INC-2, INC-4.")
        await bot.say("dev", "!inc unsubscribe all", room="lobby")
        await bot.say("ann", "!inc resolve", room="r1")
        await bot.minutes(10)
        assert len(await told(bot, "dev")) == 2


async def test_what_is_urgent_for_a_person_is_never_gathered(tmp_path):
    """F18"""
    async with paging(tmp_path, more="[floods]\nnews = 1\n") as (bot, _outside):
        await bot.say("ben", "!inc subscribe all", room="lobby")
        for n in range(1, 4):
            await bot.say("ann", f"!inc declare sev1 number {n}", room=f"r{n}")
        await bot.say("ann", "!inc page @ben look", room="r3")
        heard = await told(bot, "ben")
        assert [f"INC-{n} SEV1: take command?" in " ".join(heard) for n in (1, 2, 3)] == [True] * 3
        assert any("Paged by Ann" in text for text in heard)
        assert len([text for text in heard if "declared — number" in text]) == 1


async def test_a_mail_says_what_was_gathered_and_how_to_end_it(tmp_path):
    """F18 H1"""
    outside = RecordingProvider()
    config = TEAM.replace("[people.ann]\n", '[people.ann]\nmail = "ann@example.com"\n')
    more = (
        '[plugins.post]\n[stakeholders]\nurl = "https://sitrep.example.com"\n[floods]\nnews = 1\n'
    )
    given = {"post": outside.plugin("register_mailer")}
    async with stage(tmp_path, config=config, more=more, given=given) as bot:
        await bot.say("ann", "!inc subscribe to:mail", room="lobby")
        for n in range(1, 4):
            await bot.say("ann", f"!inc declare sev3 number {n}", room=f"r{n}")
        await bot.minutes(5)
        _first, gathered = [what[0] for call, what in outside.calls if call == "mail"]
        assert "2 incidents declared: INC-2, INC-3." in gathered.text
        assert "number 3" not in gathered.text + gathered.subject
        assert gathered.unsubscribe in gathered.text


async def test_news_that_came_while_a_later_one_was_held_is_told_with_it():
    """F18: two transactions may store their news in one order, and hold it in the other"""
    bound, now = Bound(most=1, within=timedelta(minutes=5)), START
    reader = Reader(address="chat/x", since=now, told=1).after(8, now, bound).after(7, now, bound)
    assert reader.held == 7
