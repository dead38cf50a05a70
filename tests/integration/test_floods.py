"""What comes too often for one reader is gathered: told once, with the bound, and never lost."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta

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
