"""Action items in a real Redmine (A2)."""

from __future__ import annotations

import pytest

from bot.testing import TEAM, stage
from tests.peers.machine import Missing, unavailable
from tests.peers.redmine import Redmine
from tests.worlds.learning import action, over


@pytest.fixture(scope="session")
def redmine():
    try:
        server = Redmine().start()
    except (Missing, OSError, RuntimeError) as exc:
        unavailable(f"no Redmine: {exc}")
        raise
    yield server
    server.stop()


def config(redmine: Redmine, *, key: str = "", project: str = "ops") -> str:
    ids = redmine.people
    text = TEAM.replace(
        "[people.ben]\n", f'[people.ben]\nusers = {{ redmine = "{ids["ben"]["id"]}" }}\n'
    ).replace("[people.dev]\n", f'[people.dev]\nusers = {{ redmine = "{ids["zoe"]["id"]}" }}\n')
    return text + (
        f'[plugins.redmine]\nurl = "{redmine.url}"\nkey = {redmine.secret(key)}\n'
        f'project = "{project}"\n'
    )


async def test_an_action_is_filed_edited_and_closed_there_and_here(redmine, tmp_path):
    """A2"""
    async with stage(tmp_path, config=config(redmine)) as bot:
        await over(bot)
        await bot.say("ben", action(0))
        number = (await bot.incident()).action(1).ticket.id
        issue = redmine.ask("GET", f"/issues/{number}.json")["issue"]
        assert issue["subject"].endswith("[sitrep:INC-1/A1]")
        assert issue["due_date"] == "2026-12-14"
        assert issue["assigned_to"]["id"] == redmine.people["ben"]["id"]
        await bot.say("ben", "!inc action move 1 due:2026-12-20 because the vendor delivers then")
        issue = redmine.ask("GET", f"/issues/{number}.json")["issue"]
        assert issue["due_date"] == "2026-12-20"
        redmine.close(number)
        await bot.app.jobs.ticket_states.refresh()
        await bot.settle()
        assert (await bot.incident()).action(1).done
        assert "its ticket was closed" in bot.heard()[-1]
        await bot.say("ben", "!inc action reopen 1")
        issue = redmine.ask("GET", f"/issues/{number}.json")["issue"]
        assert not issue["status"]["is_closed"]
        await bot.say("ben", "!inc action done 1")
        issue = redmine.ask("GET", f"/issues/{number}.json")["issue"]
        assert issue["status"]["is_closed"]
        before = len(await bot.timeline())
        await bot.app.jobs.ticket_states.refresh()
        assert len(await bot.timeline()) == before  # what Sitrep closed itself is no news


async def test_whoever_is_no_member_is_told_of_and_the_ticket_is_filed(redmine, tmp_path):
    async with stage(tmp_path, config=config(redmine)) as bot:
        await over(bot)
        await bot.say("ben", action(0, owner="dev"))
        assert (await bot.incident()).action(1).ticket is not None
        assert "Nobody is assigned: Dev is not a member of ops." in bot.heard()[-1]


async def test_check_proves_the_key_the_project_and_the_owners(redmine, tmp_path):
    async with stage(tmp_path / "a", config=config(redmine)) as bot:
        found = await bot.app.plugins.trackers["redmine"].check()
        assert [f.fault for f in found] == [False]
        assert "Dev" in found[0].text
    async with stage(tmp_path / "b", config=config(redmine, key="wrong")) as bot:
        (finding,) = await bot.app.plugins.trackers["redmine"].check()
        assert finding.fault
        assert "credentials (401" in finding.text
    async with stage(tmp_path / "c", config=config(redmine, project="nowhere")) as bot:
        (finding,) = await bot.app.plugins.trackers["redmine"].check()
        assert "identifier" in finding.text


async def test_a_lost_answer_makes_one_ticket(redmine, tmp_path):
    """A2 D2"""
    async with stage(tmp_path, config=config(redmine)) as bot:
        tracker = bot.app.plugins.trackers["redmine"]
        real, lost = tracker.create, []

        async def created(*args):
            filed = await real(*args)
            if not lost:
                lost.append(filed)
                raise ConnectionResetError("the answer was lost")
            return filed

        tracker.create = created
        before = len(redmine.issues())
        await over(bot)
        await over(bot, room="other", title="An answer is lost")  # INC-2: no other test has one
        await bot.say("ben", action(0), room="other")
        await bot.minutes(1)
        assert (await bot.incident("INC-2")).action(1).ticket.id == lost[0].ref.id
        assert len(redmine.issues()) == before + 1
