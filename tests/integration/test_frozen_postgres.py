"""A whole Sitrep beside a PostgreSQL that is held still, and goes on."""

from __future__ import annotations

from datetime import timedelta

from bot.app import composed
from bot.clock import SystemClock
from bot.config.load import parse
from bot.contract.errors import DatabaseAway
from bot.delivery import outbox
from bot.testing import TEAM, RecordingAdapter, Stage
from tests.harness.waiting import insist, until
from tests.peers.postgres import started


async def test_every_loop_goes_on_by_itself_after_a_database_that_hung(tmp_path, monkeypatch):
    """D2 D3 D7: what was said meanwhile is done once, without a restart."""
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=1))
    server, chat, clock = started(), RecordingAdapter(), SystemClock()
    url = f"{server.database()}&command_timeout=0.5&connect_timeout=0.5"
    people = '[people.{0}.users]\nchat = "{0}"\n'
    config = parse(
        f'{TEAM}[storage]\nurl = "{url}"\n{people.format("ann")}{people.format("ben")}', {}
    )
    given = {"chat": chat.plugin()}
    try:
        async with composed(config, tmp_path, clock, given=given) as app, app.working():
            bot = Stage(app, clock, chat)

            async def say(who: str, text: str, event: str) -> bool:
                return await bot.say(who, text, event=event, deliver=False)

            assert await insist(lambda: say("ann", "!inc declare sev1 Checkout is down", "e1"))
            await until(lambda: any("Checkout" in each for each in bot.heard()))
            with server.frozen():
                for _ in range(2):  # long enough for each loop to have asked
                    await is_away(lambda: say("ann", "!inc note while it hung", "e2"))
                    await is_away(app.store.ping)
                    await is_away(app.store.backlog)
            await insist(lambda: say("ann", "!inc note while it hung", "e2"))
            assert await insist(lambda: say("ben", "!inc accept", "e3"))
            await until(lambda: any("Ben is incident commander" in each for each in bot.heard()))
            notes = [each for each in await bot.timeline() if "while it hung" in str(each.event)]
            assert len(notes) == 1
    finally:
        server.stop()


async def is_away(act) -> None:
    try:
        await act()
    except DatabaseAway:
        return
    raise AssertionError("it answered")
