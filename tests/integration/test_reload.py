"""Another config in force while Sitrep runs: what begins goes by it, what is in work does not."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.config.load import parse
from bot.config.model import Config
from bot.config.reload import put_together
from bot.contract import ConfigError, PluginContext, UserRef, hookimpl
from bot.domain.events import RungFired
from bot.domain.incident import RungKind
from bot.testing import TEAM, RecordingAdapter, stage

ONE_MINUTE = timedelta(minutes=1)
ZOE = TEAM.replace("[people.dev]", "[people.dev]\n[people.zoe]\ncommander = true")


def read(text: str) -> Config:
    """Return a config whose people are on `chat`, as `stage` has it."""
    config = parse(text, {})
    people = {
        key: person.model_copy(update={"users": {"chat": key}})
        for key, person in config.people.items()
    }
    return config.model_copy(update={"people": people})


async def test_a_running_promise_stays_as_it_is_and_what_begins_is_of_the_new(
    tmp_path,
):
    """F13"""
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        await bot.say("ben", "!inc accept")
        before = (await bot.incident()).clocks
        slow = '[clocks]\ninternal = { sev1 = "40m" }\n[clocks.ladder]\npage_after = "1m"\n'
        bot.app.put_in_force(read(TEAM + slow))
        assert (await bot.incident()).clocks == before
        await bot.minutes(17)
        events = [entry.event for entry in await bot.timeline()]
        fired = [event.kind for event in events if isinstance(event, RungFired)]
        assert fired == [RungKind.PROMPT, RungKind.OVERDUE]  # a minute after it is the new one's
        await bot.say("ben", "!inc update rolling back")
        promise = (await bot.incident()).clocks["internal"].promise
        assert promise.due_at - bot.clock.now() == timedelta(minutes=15)  # its clock runs on
        assert {rung.kind: rung.offset for rung in promise.rungs}[RungKind.PAGE] == ONE_MINUTE
        await bot.say("ann", "!inc declare sev1 another thing", room="lab")
        promise = (await bot.incident("INC-2")).clocks["internal"].promise
        assert promise.due_at - bot.clock.now() == timedelta(minutes=40)


async def test_an_event_in_work_ends_by_the_config_that_it_began_with(tmp_path, monkeypatch):
    async with stage(tmp_path, config=ZOE) as bot:
        begun, go_on = asyncio.Event(), asyncio.Event()
        transact = bot.app.store.transact

        async def held(*args):
            begun.set()
            await go_on.wait()
            return await transact(*args)

        with monkeypatch.context() as patched:
            patched.setattr(bot.app.store, "transact", held)
            saying = asyncio.create_task(
                bot.say("zoe", "!inc declare sev1 down service:checkout", deliver=False)
            )
            await begun.wait()
            bot.app.put_in_force(read('[access]\nunknown_people = "refuse"\n[adapters.chat]'))
        go_on.set()
        assert await saying
        incident = await bot.incident()
        assert (incident.declared_by, incident.commander) == ("zoe", "zoe")
        assert not await bot.say("zoe", "!inc INC-1 update all is well")


async def test_people_who_are_added_can_be_meant_and_who_was_met_keeps_their_name(tmp_path):
    """F8"""
    seen: list[PluginContext] = []

    class Listener:
        @hookimpl
        def configure(self, context: PluginContext) -> None:
            seen.append(context)

    async with stage(tmp_path, more="[plugins.ears]\n", given={"ears": Listener()}) as bot:
        await bot.say("mx-1", "!inc declare sev1 down")
        bot.app.config.directory.learn(bot.app.config.directory.person(UserRef("chat", "mx-1")), "")
        name = bot.app.config.directory.name("chat:mx-1")
        bot.app.put_in_force(read(ZOE + "[plugins.ears]\n"))
        assert bot.app.config.directory.name("chat:mx-1") == name
        assert [each.person for each in seen[0].addressees][-1] == "zoe"
        await bot.say("ben", "!inc accept")
        await bot.say("ben", "!inc role comms @zoe")
        assert (await bot.incident()).roles["comms"] == "zoe"


def test_what_is_set_up_at_the_start_stays_and_is_named():
    running = parse(TEAM, {})
    changed = TEAM.replace("[adapters.chat]", '[adapters.chat]\nroom = "x"\n[adapters.other]')
    more = '[http]\nlisten = "127.0.0.1:8080"\n[delivery]\nkeep = "1d"\n[paging]\nlast = ["ben"]\n'
    found, waits = put_together(
        running, parse(changed.replace('[paging]\nlast = ["cara"]', more), {})
    )
    assert waits == ("delivery", "http", "adapters.chat", "adapters.other")
    assert (found.http, found.delivery) == (running.http, running.delivery)
    assert (found.adapters, found.paging.last) == (running.adapters, ("ben",))
    assert put_together(running, parse(TEAM, {})) == (running, ())


def test_what_depends_on_a_section_that_waits_is_not_taken_over():
    running = parse(TEAM, {})
    mirrored = parse(f'{TEAM}[adapters.other]\n[plan]\nmirror = {{ sev1 = ["other"] }}\n', {})
    with pytest.raises(ConfigError) as caught:
        put_together(running, mirrored)
    assert caught.value.faults == (
        "plan.mirror.sev1: no adapter 'other' is configured; there is: chat",
        "adapters.other changed: restart to use it",
    )


async def test_a_place_that_is_named_later_gets_the_weekly_report(tmp_path):
    """A3"""
    chat = RecordingAdapter()
    async with stage(tmp_path, chat=chat) as bot:
        assert not await bot.app.jobs.weekly_report.report()
        assert bot.app.config.report_conversation is None
        bot.app.put_in_force(read(f'{TEAM}[actions]\nconversation = "chat:desk"\n'))
        await bot.say("ann", "!inc declare sev1 down")
        await bot.say("ben", "!inc accept")
        await bot.say("ben", "!inc resolve done")
        added = "action Alert when the disk is 80 % full owner:@ann due:2026-11-25 as:detect"
        assert await bot.say("ben", f"!inc INC-1 {added}")
        await bot.pass_time(timedelta(days=9))
        await bot.app.jobs.weekly_report.report()
        await bot.settle()
        assert any("Alert when the disk" in line for line in bot.heard("desk"))
