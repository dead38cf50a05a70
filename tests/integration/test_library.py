"""Finished postmortems in a folder, and in git (P5)."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from bot.testing import RecordingProvider, stage
from tests.peers.machine import unavailable
from tests.worlds.learning import over

CAUSE = "A query without an index. What made that possible: the test database holds 1,000 rows."


async def finalised(bot) -> None:
    """Write and finalise the postmortem of an incident that is over."""
    for line in (
        "!inc pm set summary Every order failed for 10 min; release 311 was withdrawn.",
        "!inc pm set impact 3,400 users could not pay for 10 min.",
        f"!inc pm set cause {CAUSE}",
        "!inc pm set well The rollback took 4 min.",
        "!inc pm set poorly The first alert came after 9 min.",
        "!inc pm set lessons A test database of 1,000 rows says nothing about 40 million.",
        "!inc pm review",
        "!inc pm waive 1 because one change removes the class of fault",
        "!inc pm finalise",
    ):
        assert await bot.say("ben", line), (line, bot.heard()[-1])
    assert (await bot.incident()).phase.value == "closed"


async def test_a_finished_postmortem_is_published_with_an_index(tmp_path):
    """P5"""
    folder = tmp_path / "shelf"
    more = f'[plugins.library]\nfolder = "{folder}"\n'
    async with stage(tmp_path, more=more) as bot:
        await over(bot, title="<script>alert(1)</script> | [x](y) is down")
        assert not folder.exists()
        await finalised(bot)
        text = (folder / "INC-1.md").read_text("utf-8")
        assert text.startswith("# Postmortem: <script>")
        assert CAUSE in text
        assert "**Status:** Finalised" in text
        page = (folder / "INC-1.html").read_text("utf-8")
        assert "<script>" not in page
        assert "<h2>Root cause</h2>" in page
        (entry,) = json.loads((folder / "index.json").read_text("utf-8"))
        assert entry["incident"] == "INC-1"
        assert "INC-1.md" in (folder / "README.md").read_text("utf-8")
        assert "<script>" not in (folder / "index.html").read_text("utf-8")
        assert not (folder / ".git").exists()


async def test_what_is_taken_back_and_finalised_again_replaces_it_and_git_keeps_both(tmp_path):
    """P5"""
    if shutil.which("git") is None:
        unavailable("git is not installed")
    folder = tmp_path / "shelf"
    more = f'[plugins.library]\nfolder = "{folder}"\ngit = true\n'
    async with stage(tmp_path, more=more) as bot:
        await over(bot)
        await finalised(bot)
        await bot.say("ben", "!inc pm draft because a second factor was found")
        assert (await bot.incident()).phase.value == "resolved"
        await bot.say("ben", "!inc pm add cause Also, no alert measured orders a minute.")
        await bot.say("ben", "!inc pm review")
        assert await bot.say("ben", "!inc pm finalise"), bot.heard()[-1]
        log = commits(folder)
        assert len(log) == 2
        assert all(line.startswith("Postmortem INC-1: Checkout is down") for line in log)
        assert "orders a minute" in (folder / "INC-1.md").read_text("utf-8")
        await bot.app.plugins.publishers["library"].publish(*(await published(bot)), key="again")
        assert commits(folder) == log


def commits(folder) -> list[str]:
    command = ["git", "-C", str(folder), "log", "--format=%s"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


async def published(bot):
    return await bot.app.outbox._outside.document(await bot.incident()), None


async def test_a_redaction_after_it_was_published_reaches_the_library(tmp_path):
    """L3 P5"""
    folder = tmp_path / "shelf"
    more = f'[plugins.library]\nfolder = "{folder}"\n'
    async with stage(tmp_path, more=more) as bot:
        await over(bot)
        await bot.say("ben", "!inc note the password is hunter2")
        n = len(await bot.timeline())
        await bot.say("ben", "!inc pm keep timeline")
        await finalised(bot)
        assert "hunter2" in (folder / "INC-1.md").read_text("utf-8")
        await bot.say("ben", f"!inc redact {n}")
        assert "hunter2" not in (folder / "INC-1.md").read_text("utf-8")
        assert "hunter2" not in (folder / "INC-1.html").read_text("utf-8")
        for entry in await bot.timeline():
            assert "hunter2" not in repr(entry.event)
        assert "hunter2" not in repr(await bot.incident())


async def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path):
    """D2 D4"""
    blocked = tmp_path / "file"
    blocked.write_text("")
    more = f'[plugins.library]\nfolder = "{blocked}/shelf"\n'
    async with stage(tmp_path, more=more) as bot:
        await over(bot)
        await finalised(bot)
        blocked.unlink()
        await bot.minutes(5)
        assert (blocked / "shelf/INC-1.md").exists()


@pytest.mark.parametrize("hook", ["register_stakeholder_channel"])
async def test_stakeholders_hear_that_it_is_published(tmp_path, hook):
    """P5 H1"""
    outside = RecordingProvider()
    given = {"outside": outside.plugin(hook)}
    async with stage(tmp_path, more="[plugins.outside]\n", given=given) as bot:
        await over(bot)
        await finalised(bot)
        sent = [what[0].text for call, what in outside.calls if call == "send"]
        assert sent[-1].startswith("The postmortem of INC-1 is published: Checkout is down.")
