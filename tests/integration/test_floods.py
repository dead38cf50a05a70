"""What comes too often for one reader is gathered: told once, with the bound, and never lost."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta

from bot.contract.messages import Mention, spans_of
from bot.domain import events as ev
from bot.testing import TEAM, RecordingProvider, Stage, stage

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


# --- pages by name --------------------------------------------------------------------------------


async def test_pages_for_one_person_within_a_minute_are_one_call(tmp_path):
    """F18"""
    async with paging(tmp_path) as (bot, outside):
        await bot.say("ann", "!inc declare sev1 Checkout is down ic:@ann")
        for n, reason in enumerate(("the database", "hurry", "hurry more")):
            assert await bot.say("ann", f"!inc page @cara {reason}"), reason
            await bot.clock.advance(20 * SECOND)
            assert len(await told(bot, "cara")) == 1, n
        assert paged(outside, "cara") == ["INC-1 SEV1: Checkout is down — the database"]
        heard = bot.heard()
        assert "Cara was paged 20 s ago; it stays one call." in heard[-2]
        assert "hurry" in heard[-2]
        reasons = [e.event.reason for e in await bot.timeline() if isinstance(e.event, ev.PagedOut)]
        assert reasons == ["the database", "hurry", "hurry more"]
        # A minute after the call, and not after the last wish for one, it is a call again.
        assert await bot.say("dev", "!inc page @cara still down")
        assert len(await told(bot, "cara")) == 2
        assert await bot.say("ann", "!inc page @ben too")
        assert len(await told(bot, "ben")) == 1


async def test_a_page_for_a_service_is_joined_only_where_all_of_them_were_called(tmp_path):
    """F18"""
    async with paging(tmp_path) as (bot, outside):
        await bot.say("ann", "!inc declare sev1 Checkout is down service:checkout ic:@ann")
        assert await bot.say("ann", "!inc page @dev look")
        assert await bot.say("ann", "!inc page checkout look")
        assert await bot.say("ann", "!inc page checkout look again")
        assert len(paged(outside, "dev")) == 2
        assert "Dev (on call for checkout) was paged 0 s ago" in bot.heard()[-1]


async def test_a_page_in_another_incident_is_a_call_of_its_own(tmp_path):
    """F18"""
    async with paging(tmp_path) as (bot, outside):
        for room in ("r1", "r2"):
            await bot.say("ann", "!inc declare sev1 down ic:@ann", room=room)
            assert await bot.say("ann", "!inc page @cara look", room=room)
        assert len(paged(outside, "cara")) == 2


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
