"""Killed at any instant between the commander's word and the page: one incident, all in order."""

from __future__ import annotations

import asyncio
import json
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
from tests.peers.status_pages import PAGES
from tests.peers.vendors import Vendor

KILLS = 18
INSTANTS = 12
"""How far into a delivery a process is killed: further than any delivery here goes."""

pytestmark = pytest.mark.crash

PLANNED = TEAM.replace(
    'comms = "priya"', 'comms = "priya"\ncomponents = ["checkout"]\nexternal = { sev1 = "30m" }'
)
for _name in ("ann", "priya"):
    PLANNED = PLANNED.replace(
        f"[people.{_name}]\n", f'[people.{_name}]\nusers = {{ chat = "{_name}" }}\n'
    )
OURS = (
    '[plugins.page]\nurl = "https://status.example.com"\n'
    # No ladder: once the commander was silent through one, comms need nobody's approval.
    "[clocks]\ninternal = {}\n"
)


class Commander:
    """Says lines to a Sitrep that delivers nothing."""

    def __init__(self, text: str, home: Path) -> None:
        self._config, self._home = parse(text, {}), home
        self._clock, self._said = ManualClock(), 0

    async def approves(self, who: str) -> None:
        """Approve by number: nothing is delivered, so nobody was shown the draft."""
        async with reading(self._config, self._home) as store:
            incident = await store.read(lambda work: work.incident("INC-1"))
        await self.says((who, f"approve {incident.draft.entry}"))

    async def says(self, *lines: tuple[str, str]) -> None:
        given = {"chat": RecordingAdapter().plugin()}
        async with composed(
            self._config, self._home, self._clock, given=given, tell=lambda _line: None
        ) as app:
            for who, line in lines:
                self._said += 1
                event = f"e{self._said}"
                receipt = await app.receive(
                    ChatEvent(
                        id=event,
                        conversation=ConversationRef("chat", "ops"),
                        sender=UserRef("chat", who),
                        sender_name=who,
                        text=f"!inc {line}",
                        written_at=self._clock.now(),
                        message=event,
                    )
                )
                assert receipt.done, line


async def test_killed_between_approve_and_publish_all_updates_are_there_in_order(tmp_path):
    """X2 D1 D2"""
    async with asyncio.TaskGroup() as both:
        for vendor in PAGES:
            home = tmp_path / vendor.described
            home.mkdir()
            both.create_task(_killed(vendor, home))


async def _killed(vendor: type[Vendor], home: Path) -> None:
    async with vendor().running() as page:
        text = PLANNED + page.config() + OURS
        file = home / "sitrep.toml"
        file.write_text(text)
        ann = Commander(text, home)
        await ann.says(("ann", "declare sev1 down service:checkout ic:@ann"))
        texts: list[str] = []
        killed = run = 0
        while killed < KILLS:
            texts.append(f"text {len(texts)}")
            await ann.says(("priya", f"external {texts[-1]}"))
            await ann.approves("ann")
            for instant in range(1 + run % 3, INSTANTS, 3):
                run += 1
                ended = await _delivering(home, file, run, instant)
                killed += not ended
                if ended:
                    break
        await ann.says(("ann", "resolve"))
        assert await _delivering(home, file, run + 1, 0)
        wanted = [("investigating", said) for said in texts]
        wanted.append(("resolved", "The problem with checkout is resolved."))
        assert page.updates() == wanted
        assert len(page.issues) == 1
        assert page.creations() == 1
        assert page.health() == "operational"
        assert page.wrong == []
    async with reading(parse(text, {}), home) as store:
        assert await verify(store) == []
        kept = json.loads(await store.read(lambda work: work.ref("memory/page/incident/INC-1")))
        assert [(u["state"], u["text"]) for u in kept["updates"]] == wanted


async def _delivering(home: Path, file: Path, run: int, instant: int) -> bool:
    """Deliver until killed at an instant; whether it came to its end before."""
    started = START + timedelta(hours=1 + run)
    ended = await played("publishing", str(home), str(file), started.isoformat(), str(instant))
    assert ended in {0, -9}
    return ended == 0
