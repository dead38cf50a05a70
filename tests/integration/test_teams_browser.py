"""What a person sees in a real browser, in the Agents Playground."""

from __future__ import annotations

import os
from pathlib import Path

from bot.domain.incident import Phase, Severity
from tests.peers.browser import Browser, browser
from tests.peers.machine import Missing, unavailable
from tests.peers.playground import HERE, emulated


class Person:
    """Somebody in front of the emulator."""

    def __init__(self, page: Browser) -> None:
        self._page = page

    async def do(self, what: str, **more: str) -> object:
        return (await self._page.step(do=what, **more)).get("done")


async def test_an_incident_is_declared_and_run_by_hand(tmp_path, monkeypatch):
    """S2 K2 L2 C5"""
    if not HERE.exists():
        unavailable("no Agents Playground: run `make peers`")
    pictures = Path(os.environ.get("SITREP_PICTURES", tmp_path))
    try:
        async with (
            emulated(tmp_path, monkeypatch) as there,
            browser("teams.mjs", there.playground.url, str(pictures)) as driven,
        ):
            page = Person(driven)
            await page.do("say", text="declare")
            await page.do("see", text="What is broken? A title is enough")
            await page.do("look", name="1-form")
            await page.do("press", name="Declare")
            await page.do("see", text="This is needed.")
            await page.do(
                "fill", label="What is broken", text="Checkout answers *500* <everywhere>"
            )
            await page.do("press", name="Which severity?")
            await page.do("see", text="This would be SEV1")
            await page.do("look", name="2-preview")
            await page.do("press", name="Declare SEV1")
            await page.do("see", text="INCIDENT DECLARED")
            await page.do("look", name="3-declared")
            assert (await there.incident()).severity is Severity.SEV1
            await page.do("open", name="Incidents")
            await page.do("see", text="Next update")
            await page.do("look", name="4-thread")
            await page.do("press", name="Update")
            await page.do("look", name="5-update")
            await page.do("fill", label="What is new, in one or two lines", text="Rolling back 311")
            await page.do("press", name="Post update")
            await page.do("see", text="Rolling back 311")
            await page.do("look", name="6-updated")
            text = str(await page.do("read"))
            assert "Checkout answers *500* <everywhere>" in text
            await page.do("press", name="Commander")
            await page.do("see", text="Only the commander: Ann.")
            await page.do("fill", label="What ended it, or what stands", text="311 withdrawn")
            await page.do("press", name="Resolve")
            await page.do("see", text="RESOLVED")
            await page.do("look", name="7-resolved")
            incident = await there.incident()
            assert incident.last_update.text == "Rolling back 311"
            assert incident.phase is Phase.RESOLVED
            await page.do("press", name="Postmortem")
            await page.do("see", text="Postmortem of INC-1: draft")
            await page.do("press", name="Add an action")
            await page.do("fill", label="What is there when it is done", text="improve monitoring")
            await page.do("fill", label="By when, like 2026-12-15", text="soon")
            await page.do("look", name="8-postmortem")
            await page.do("press", name="Add")
            await page.do("see", text="which signal, at what threshold, who sees it?")
            await page.do("look", name="9-refused")
    except Missing as exc:
        unavailable(f"no Agents Playground: {exc}")
