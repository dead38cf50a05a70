"""Killed between a ticket's creation and its commit, again and again: one ticket an action (A2)."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app import composed, reading
from bot.cli.checks import verify
from bot.config.load import parse
from bot.contract.chat import ChatEvent
from bot.refs import ConversationRef, UserRef
from bot.testing import START, TEAM, ManualClock, RecordingAdapter
from tests.harness.forked import played
from tests.peers.machine import Missing, unavailable
from tests.peers.redmine import Redmine
from tests.worlds.learning import ACTIONS

KILLS = 50
EACH = 7

pytestmark = pytest.mark.crash


async def test_killed_fifty_times_after_the_post_fifty_actions_have_fifty_tickets(tmp_path):
    """A2 D1 D2"""
    try:
        redmine = Redmine().start()
    except (Missing, OSError, RuntimeError) as exc:
        unavailable(f"no Redmine: {exc}")
        raise
    try:
        await _killed(redmine, tmp_path)
    finally:
        redmine.stop()


async def _killed(redmine: Redmine, home: Path) -> None:
    key = redmine.secret()
    text = TEAM + f'[plugins.redmine]\nurl = "{redmine.url}"\nkey = {key}\nproject = "ops"\n'
    text = text.replace("[people.ben]\n", '[people.ben]\nusers = { chat = "ben" }\n')
    file = home / "sitrep.toml"
    file.write_text(text)
    await _promised(text, home)
    killed = 0
    for run in range(KILLS + 10):
        started = START + timedelta(hours=1 + run)
        lives = "kill" if killed < KILLS else "live"
        ended = await played("filing", str(home), str(file), started.isoformat(), lives)
        if ended == -9:
            killed += 1
        elif ended == 0:
            break
    assert killed == KILLS
    markers = Counter(
        re.search(r"\[(sitrep:[^\]]+)\]$", issue["subject"])[1] for issue in redmine.issues()
    )
    assert len(markers) == KILLS
    assert set(markers.values()) == {1}
    config = parse(text, {})
    async with reading(config, home) as store:
        assert await verify(store) == []
        lines = await store.read(lambda work: work.actions("all", today=START.date()))
    assert len(lines) == KILLS
    assert len({line.action.ticket.id for line in lines}) == KILLS


async def _promised(text: str, home: Path) -> None:
    """Record incidents and their actions, with nothing delivered yet."""
    chat, clock = RecordingAdapter(), ManualClock()
    given = {"chat": chat.plugin()}
    numbers = iter(range(10_000))
    config = parse(text, {})
    async with composed(config, home, clock, given=given, tell=lambda _line: None) as app:

        async def say(who: str, line: str, room: str) -> None:
            n = next(numbers)
            receipt = await app.receive(
                ChatEvent(
                    id=f"e{n}",
                    conversation=ConversationRef("chat", room),
                    sender=UserRef("chat", who),
                    sender_name=who,
                    text=line,
                    written_at=clock.now(),
                    message=f"e{n}",
                )
            )
            assert receipt.done, line

        for action in range(KILLS):
            room = f"room{action // EACH}"
            if action % EACH == 0:
                await say("ben", "!inc declare sev1 Checkout is down ic:@ben", room)
                await say("ben", "!inc resolve", room)
            text = ACTIONS[action % EACH]
            await say("ben", f"!inc action {text} owner:@ben due:2026-12-14 as:detect", room)
