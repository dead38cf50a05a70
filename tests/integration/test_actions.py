"""Action items across incidents: listed, reported once a week, imported, healed (A2, A3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.cli.checks import verify
from bot.domain import drafting
from bot.domain import events as ev
from bot.testing import RecordingProvider, stage
from tests.worlds.learning import action, days, over

REPORT = '[actions]\nconversation = "chat:ops-report"\n'


async def test_actions_are_listed_by_incident_by_owner_and_overdue(tmp_path):
    """A3"""
    async with stage(tmp_path) as bot:
        await over(bot, room="a")
        await over(bot, room="b", title="Search is down")
        await bot.say("ben", action(0, owner="dev"), room="a")
        await bot.say("ben", action(1, owner="ben", days=20), room="a")
        await bot.say("ben", action(2, owner="dev", days=10), room="b")
        await bot.say("ann", "!inc actions", room="a")
        assert bot.heard("a")[-1].startswith("2 action items of INC-1")
        await bot.say("ann", "!inc actions INC-2", room="a")
        assert bot.heard("a")[-1].startswith("1 action item of INC-2")
        await bot.say("dev", "!inc actions mine", room="elsewhere")
        assert bot.heard("elsewhere")[-1].startswith("2 action items of yours")
        assert bot.heard("elsewhere")[-1].index("INC-2 A1") < bot.heard("elsewhere")[-1].index(
            "INC-1 A1"
        )
        await bot.say("ann", "!inc actions overdue", room="elsewhere")
        assert bot.heard("elsewhere")[-1].startswith("No action item overdue")
        await days(bot, 17)
        await bot.say("ann", "!inc actions overdue", room="elsewhere")
        assert bot.heard("elsewhere")[-1].startswith("1 action item overdue")
        await bot.say("ann", "!inc actions", room="elsewhere")
        assert bot.heard("elsewhere")[-1].startswith("3 action items open, 1 overdue")
        await bot.say("ann", "!inc actions INC-9", room="elsewhere")
        assert "There is no INC-9" in bot.heard("elsewhere")[-1]


async def test_the_report_of_a_week_is_sent_once_and_shares_what_was_done_in_time(tmp_path):
    """A3"""
    async with stage(tmp_path, more=REPORT) as bot:
        assert not await bot.app.jobs.weekly_report.report()  # nothing was ever promised
        await over(bot)
        await bot.say("ben", "!inc pm held")
        await bot.say("ben", action(0, owner="dev"))
        await bot.say("ben", action(1, owner="ben", days=20))
        await days(bot, 3)
        await bot.say("ben", "!inc action done 2")
        await bot.clock.set(datetime(2026, 12, 21, 9, 0, 30, tzinfo=UTC))  # a Monday
        assert await bot.app.jobs.weekly_report.report()
        assert not await bot.app.jobs.weekly_report.report()
        bot.app.jobs.weekly_report._once._begun.clear()  # as after a restart
        assert not await bot.app.jobs.weekly_report.report()
        await bot.settle()
        (told,) = bot.heard("ops-report")
        assert told.startswith("1 incident is likely to repeat: 1 action is overdue.")
        assert "INC-1 — Checkout is down" in told
        assert "Done in time: 1 of 2." in told
        await bot.clock.advance(timedelta(days=7))
        assert await bot.app.jobs.weekly_report.report()


async def test_a_bot_that_was_down_on_monday_reports_on_tuesday(tmp_path):
    """A3 K6"""
    async with stage(tmp_path, more=REPORT) as bot:
        await over(bot)
        await bot.say("ben", action(0, owner="dev"))
        await bot.clock.set(datetime(2026, 12, 22, 3, 0, tzinfo=UTC))
        assert await bot.app.jobs.weekly_report.report()


async def test_actions_from_before_the_tracker_are_filed_when_there_is_one(tmp_path):
    """A2"""
    async with stage(tmp_path) as bot:
        await over(bot)
        await bot.say("ben", action(0))
    outside = RecordingProvider()
    given = {"outside": outside.plugin("register_ticket_tracker")}
    async with stage(tmp_path, more="[plugins.outside]\n", given=given) as bot:
        for _ in range(3):
            await bot.app.jobs.ticket_states.refresh()
            await bot.settle()
        assert [call for call, _ in outside.calls if call == "sync"] == ["sync"]
        assert (await bot.incident()).action(1).ticket.id == "T-1"


async def test_a_drills_actions_get_no_ticket(tmp_path):
    """A2"""
    outside = RecordingProvider()
    given = {"outside": outside.plugin("register_ticket_tracker")}
    async with stage(tmp_path, more="[plugins.outside]\n", given=given) as bot:
        await bot.say("ben", "!inc drill sev1 Practice ic:@ben")
        await bot.say("ben", "!inc resolve")
        assert await bot.say("ben", action(0))
        await bot.app.jobs.ticket_states.refresh()
        await bot.settle()
        assert not any(call == "sync" for call, _ in outside.calls)


async def test_an_edited_document_becomes_one_version_and_new_actions(tmp_path):
    """P3 A1"""
    async with stage(tmp_path) as bot:
        await over(bot)
        await bot.say("ben", action(0))
        text = await document(bot)
        edited = text.replace(
            "[The durable takeaways — what should a different team learn from this?]",
            "A table of 1,000 rows says nothing.\n\n## A heading of our own\n\n- x",
        )
        row = "| A1 | Page when no order was placed for 3 min | Ben | 2026-12-14 |"
        assert row in edited
        edited = edited.replace(row, row.replace("2026-12-14", "2026-12-18"))
        text = "Reject a query without an index in CI"
        new = f"|  | {text} | dev | 2026-12-20 | prevent | eliminate |  |"
        edited = edited.replace("\n\n## Lessons", f"\n{new}\n\n## Lessons")
        done, said = await bot.app.intake.documents.take_over("INC-1", edited, "ben")
        assert (done, said) == (True, "1 section and 2 action items changed")
        await bot.settle()
        assert bot.heard()[-1].startswith("Written: Lessons learned, A2, A1 (version 1), by Ben.")
        assert any("A2" in text for text in bot.chat.said("@dev"))
        incident = await bot.incident()
        assert incident.action(2).owner == "dev"
        assert incident.action(1).due.isoformat() == "2026-12-18"
        assert "## A heading of our own" in next(iter(incident.review.sections.values()))
        again = await bot.app.intake.documents.take_over("INC-1", await document(bot), "ann")
        assert again == (True, "nothing differs from the record")


async def test_a_document_with_an_unacceptable_action_changes_nothing(tmp_path):
    """P3 A1 D5"""
    async with stage(tmp_path) as bot:
        await over(bot)
        text = await document(bot)
        before = await bot.incident()
        new = "|  | improve monitoring | platform-team | soon | detect | detect |  |"
        edited = text.replace("\n\n## Lessons", f"\n{new}\n\n## Lessons").replace(
            "[if measurable]", "none"
        )
        done, said = await bot.app.intake.documents.take_over("INC-1", edited, "ann")
        assert not done
        assert "platform-team is a team" in said
        assert "which signal" in said
        assert await bot.incident() == before
        done, said = await bot.app.intake.documents.take_over("INC-1", "no document", "ann")
        assert not done
        assert "no postmortem" in said


async def document(bot) -> str:
    incident, entries = await bot.incident(), await bot.timeline()
    return drafting.document(incident, entries, bot.app.presenter.drafting)


async def test_list_owing_says_who_owes_what_by_when(tmp_path):
    """P1"""
    async with stage(tmp_path) as bot:
        await over(bot)
        await bot.say("ann", "!inc near-miss Disk at 97 %", room="b")
        await bot.say("ann", "!inc list owing", room="c")
        told = bot.heard("c")[-1]
        assert "INC-1 SEV1 · full postmortem, draft · Ben · held by" in told
        assert "scheduled by Thu 26 Nov" in told
        assert "NEAR-1" in told
        assert "light postmortem, draft · Ann · held by" in told


async def test_an_action_is_told_to_its_owner_and_filed_in_the_same_transaction(tmp_path):
    """D1 A2"""
    outside = RecordingProvider()
    given = {"outside": outside.plugin("register_ticket_tracker")}
    async with stage(tmp_path, more="[plugins.outside]\n", given=given) as bot:
        await over(bot)
        await bot.say("ben", action(0, owner="dev"), deliver=False)
        backlog = await bot.app.store.backlog()
        assert backlog["waiting"] >= 1
        await bot.settle()
        assert "INC-1 A1 is yours, by 2026-12-14: Page when" in bot.chat.said("@dev")[-1]
        (ticket,) = [what[0] for call, what in outside.calls if call == "sync"]
        assert ticket.marker == "sitrep:INC-1/A1"
        filed = [e.event for e in await bot.timeline() if isinstance(e.event, ev.ActionFiled)]
        assert len(filed) == 1


async def test_a_secret_in_an_action_is_redacted_everywhere(tmp_path):
    """L3"""
    outside = RecordingProvider()
    given = {"outside": outside.plugin("register_ticket_tracker")}
    async with stage(tmp_path, more="[plugins.outside]\n", given=given) as bot:
        await over(bot)
        line = "Replace the key hunter2 within 3 days owner:@dev due:2026-12-14 as:detect"
        await bot.say("ben", f"!inc action {line}")
        n = next(e.n for e in await bot.timeline() if isinstance(e.event, ev.ActionAdded))
        await bot.say("ben", "!inc action move 1 due:2026-12-10")
        await bot.say("ben", "!inc pm set cause The key hunter2 was shared; and more.")
        assert await bot.say("ben", f"!inc redact {n}")
        incident = await bot.incident()
        assert incident.action(1).text == ev.REDACTED
        assert "hunter2" not in repr([e.event for e in await bot.timeline() if e.n <= n + 2])
        lines = await bot.app.store.read(lambda w: w.actions("all", today=bot.clock.now().date()))
        assert "hunter2" not in repr(lines)
        synced = [what[0] for call, what in outside.calls if call == "sync"]
        assert "hunter2" not in synced[-1].title + synced[-1].text
        assert await verify(bot.app.store) == []
