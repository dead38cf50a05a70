"""Plugins: what each hook brings about, and what one that misbehaves cannot do."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from bot import plugin_manager
from bot.contract.errors import ConfigError
from bot.contract.hooks import Hooks, hookimpl
from bot.domain import events as ev
from bot.domain.effects import News
from bot.domain.publication import PublicState
from bot.people import Directory
from bot.plugin_manager import REGISTERING, PluginManager
from bot.testing import CHANGED, TEAM, ManualClock, RecordingProvider, stage
from tests.harness.waiting import until

OUTSIDE = "\n[plugins.outside]\n"


def calls(outside: RecordingProvider, name: str) -> list:
    return [what for call, what in outside.calls if call == name]


async def test_every_hook_of_the_contract_has_a_reference_plugin():
    hooks = {name for name in vars(Hooks) if not name.startswith("_")}
    assert hooks == {"configure", "command_line", CHANGED, *REGISTERING}


async def test_a_sev4_is_filed_as_a_ticket_once(tmp_path):
    """S4"""
    outside = RecordingProvider()
    given = {"outside": outside.plugin("register_ticket_tracker")}
    async with stage(tmp_path, more=OUTSIDE, given=given) as bot:
        await bot.say("ann", "!inc declare sev4 Typo on the help page")
        await bot.settle()
        ((ticket, ref, _key),) = calls(outside, "sync")
        assert (ticket.marker, ref) == ("sitrep:INC-1", None)
        assert (await bot.incident()).ticket.id == "T-1"
        assert any("tracker.example.com/T-1" in text for text in bot.heard())


async def test_an_external_text_is_published_and_follows_the_phase(tmp_path):
    """X2 K7"""
    outside = RecordingProvider()
    given = {"outside": outside.plugin("register_status_page")}
    external = TEAM.replace('comms = "priya"', 'comms = "priya"\nexternal = { sev1 = "30m" }')
    async with stage(tmp_path, config=external, more=OUTSIDE, given=given) as bot:
        await bot.say("ann", "!inc declare sev1 down service:checkout ic:@ann")
        assert calls(outside, "publish") == []
        assert "Next public update: 14:30" in bot.heard()[0]
        assert not await bot.say("dev", "!inc external we are down")
        await bot.say("ann", "!inc external Checkout is slow")
        await bot.say("ann", "!inc resolve the intern's name was Bob")
        notices = [notice for notice, _ref, _key in calls(outside, "publish")]
        first, last = notices[0], notices[-1]
        assert [(u.text, u.state) for u in first.updates] == [
            ("Checkout is slow", PublicState.INVESTIGATING)
        ]
        assert first.updates == last.updates[:1]
        assert last.state is PublicState.RESOLVED
        assert "Bob" not in last.updates[-1].text
        refs = [ref for _notice, ref, _key in calls(outside, "publish")]
        assert refs[0] is None
        assert refs[-1] is not None
        keys = [key for _notice, _ref, key in calls(outside, "publish")]
        assert len(set(keys)) == len(keys)


async def test_pages_go_to_the_pager_beside_the_mention(tmp_path):
    """K3 F16"""
    outside = RecordingProvider(on_call_now=("cara",))
    given = {"outside": outside.plugin("register_pager")}
    async with stage(tmp_path, more=OUTSIDE, given=given) as bot:
        await bot.app.jobs.on_call.refresh()
        await bot.say("ann", "!inc declare sev1 down service:checkout")
        assert (await bot.incident()).asked[0].person == "ben"
        await bot.say("ann", "!inc page checkout need eyes")
        request, _key = calls(outside, "page")[0]
        assert [a.person for a in request.people] == ["dev", "cara"]
        assert "need eyes" in request.text
        await bot.minutes(20)
        assert len(calls(outside, "page")) >= 3


async def test_a_drill_leaves_nothing_outside(tmp_path):
    outside = RecordingProvider()
    hooks = ("register_pager", "register_status_page", "register_stakeholder_channel")
    given = {"outside": outside.plugin(*hooks)}
    async with stage(tmp_path, more=OUTSIDE, given=given) as bot:
        await bot.say("ann", "!inc drill sev1 practice ic:@ann")
        await bot.say("ann", "!inc page @ben")
        await bot.say("ann", "!inc external practice")
        await bot.say("ann", "!inc brief practice")
        await bot.minutes(60)
        assert [call for call, _ in outside.calls if call != "on_call"] == []


async def test_a_brief_goes_to_the_stakeholders_and_without_text_a_draft_is_shown(tmp_path):
    """H1"""
    outside = RecordingProvider()
    given = {"outside": outside.plugin("register_stakeholder_channel", "register_summarizer")}
    async with stage(tmp_path, more=OUTSIDE, given=given) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        await bot.say("ann", "!inc brief")
        assert "down: we are on it." in bot.heard()[-1]
        assert len(calls(outside, "send")) == 1
        await bot.say("ann", "!inc brief we are on it")
        news = [update for update, _key in calls(outside, "send")]
        assert [(u.news, u.text) for u in news][1:] == [(News.BRIEF, "we are on it")]
        assert news[0].text == "declared — down. Impact: being assessed."


async def test_a_draft_is_there_without_a_summarizer_or_with_one_that_fails(tmp_path):
    """D4"""
    outside = RecordingProvider()

    def fault(call: str) -> None:
        if call == "summarize":
            raise ValueError("no model")

    outside.fault = fault
    given = {"outside": outside.plugin("register_summarizer")}
    async with stage(tmp_path, more=OUTSIDE, given=given) as bot:
        await bot.say("ann", "!inc declare sev1 down ic:@ann")
        await bot.say("ann", "!inc brief")
        assert "down (SEV1, investigating), since 14:00 UTC." in bot.heard()[-1]


async def test_every_entry_is_told_in_order_after_its_commit(tmp_path):
    outside = RecordingProvider()
    given = {"outside": outside.plugin(CHANGED)}
    async with stage(tmp_path, more=OUTSIDE, given=given) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        await bot.say("ann", "!inc note x")
        await bot.settle()
        told = [entry.n for entry, _incident in calls(outside, "changed")]
        assert told == [entry.n for entry in await bot.timeline()]


async def test_the_audit_plugin_writes_lines_and_forgets_what_is_redacted(tmp_path):
    """L3"""
    async with stage(tmp_path, more="\n[plugins.audit]\n") as bot:
        await bot.say("ann", "!inc declare sev1 down")
        await bot.say("ann", "!inc note hunter2")
        await bot.settle()
        path = tmp_path / "audit.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert [line["entry"] for line in lines] == list(range(1, 6))
        assert "hunter2" in path.read_text()
        await bot.say("ann", "!inc redact 5")
        await bot.settle()
        assert "hunter2" not in path.read_text()
        assert len(path.read_text().splitlines()) == 6
        assert path.stat().st_mode & 0o777 == 0o600


# --- misbehaving ----------------------------------------------------------------------------------


def raising(error: BaseException):
    def fault(_call: str) -> None:
        raise error

    return fault


@pytest.mark.parametrize(
    "error", [RuntimeError("boom"), KeyError("x"), SystemExit(3), asyncio.CancelledError()]
)
async def test_a_plugin_that_raises_delays_nobody_and_is_told_of_in_the_end(tmp_path, error):
    """D4 D2"""
    outside = RecordingProvider()
    outside.fault = raising(error)
    given = {"outside": outside.plugin("register_ticket_tracker", CHANGED)}
    config = TEAM.replace("[paging]", '[delivery]\ngive_up_after = "10m"\n[paging]')
    async with stage(tmp_path, config=config, more=OUTSIDE, given=given) as bot:
        await bot.say("ann", "!inc declare sev4 typo")
        assert "recorded — SEV4" in bot.heard()[0]
        for _ in range(12):
            await bot.minutes(2)
        told = [text for text in bot.heard() if text.startswith("Not delivered to outside")]
        assert told
        assert any("ticket" in text for text in told)


async def test_a_plugin_that_hangs_delays_nobody(tmp_path):
    """D4"""

    class Hanging(RecordingProvider):
        async def sync(self, ticket, ref, *, key):
            await asyncio.Event().wait()

    given = {"outside": Hanging().plugin("register_ticket_tracker")}
    async with stage(tmp_path, more=OUTSIDE, given=given) as bot:
        await bot.say("ann", "!inc declare sev4 typo", deliver=False)
        await bot.say("ann", "!inc help declare", deliver=False)
        await until(lambda: len(bot.heard()) == 2, "both answers")


async def test_a_pager_or_summarizer_that_hangs_delays_no_command(tmp_path):
    """D4"""

    class Hanging(RecordingProvider):
        async def on_call(self, schedule):
            await asyncio.Event().wait()

        async def summarize(self, incident, timeline, audience):
            await asyncio.Event().wait()

    hooks = ("register_pager", "register_summarizer", "register_stakeholder_channel")
    given = {"outside": Hanging().plugin(*hooks)}
    async with stage(tmp_path, more=OUTSIDE, given=given) as bot:
        await bot.say("ann", "!inc declare sev1 down service:checkout ic:@ann", deliver=False)
        await bot.say("ann", "!inc brief", deliver=False)
        await bot.say("ann", "!inc update x", deliver=False)
        await until(lambda: any("x — Ann" in text for text in bot.heard()), "the update")


@pytest.mark.parametrize("rubbish", [None, 7, "T-1", object()])
async def test_a_plugin_that_returns_rubbish_is_named_and_not_asked_twice(tmp_path, rubbish):
    """D4"""

    class Rubbish(RecordingProvider):
        async def sync(self, ticket, ref, *, key):
            self.calls.append(("sync", key))
            return rubbish

    outside = Rubbish()
    given = {"outside": outside.plugin("register_ticket_tracker")}
    async with stage(tmp_path, more=OUTSIDE, given=given) as bot:
        await bot.say("ann", "!inc declare sev4 typo")
        await bot.settle()
        assert any("which is no Filed" in text for text in bot.heard())
        assert len(outside.calls) == 1


async def test_an_adapter_that_dies_is_started_again(tmp_path):
    """D4"""
    async with stage(tmp_path) as bot:
        lives = []

        async def run(receive):
            del receive
            lives.append(1)
            if len(lives) < 3:
                raise ConnectionError("gone")
            return True

        bot.chat.run = run
        listening = asyncio.create_task(bot.app.adapters.listen("chat", bot.chat))

        async def ended() -> bool:
            await bot.clock.advance(timedelta(seconds=1))
            return listening.done()

        await until(ended, "its end")
        assert await listening
        assert len(lives) == 3


def load(plugin: object, config: dict | None = None, group: str = "plugins") -> PluginManager:
    manager = PluginManager(ManualClock(), ".", Directory(()))
    sections = {"adapters": {}, "plugins": {}, group: {"third": config or {}}}
    manager.load(sections["adapters"], sections["plugins"], {"third": plugin})
    return manager


def registers(function, hook: str = "register_pager") -> object:
    return SimpleNamespace(**{hook: hookimpl(function)})


def test_a_registration_that_raises_stops_the_start_and_is_named():
    def fail(context):
        raise KeyError("token")

    with pytest.raises(ConfigError, match=r"\[plugins.third\] register_pager raised KeyError"):
        load(registers(fail))


def test_a_registration_that_hangs_is_named(monkeypatch):
    monkeypatch.setattr(plugin_manager, "SETUP_SECONDS", 0.1)

    goes_on = threading.Event()

    def hang(context):
        goes_on.wait()

    with pytest.raises(ConfigError, match="did not return"):
        load(registers(hang))
    goes_on.set()


def test_a_registration_that_returns_rubbish_is_named_with_what_it_lacks():
    with pytest.raises(ConfigError, match="which is no Pager: it lacks on_call, page"):
        load(registers(lambda context: 7))


def test_an_unknown_hook_stops_the_start_and_the_known_ones_are_named():
    def register_coffee(context):
        return None

    with pytest.raises(ConfigError, match=r"unknown hook.*register_chat_adapter"):
        load(SimpleNamespace(register_coffee=hookimpl(register_coffee)))


def test_a_plugin_without_hooks_and_a_section_without_settings_are_named():
    with pytest.raises(ConfigError, match="implements no hook"):
        load(SimpleNamespace())
    outside = RecordingProvider().plugin("register_pager")
    with pytest.raises(ConfigError, match="takes no settings; remove token"):
        load(outside, {"token": "x"})


def test_a_plugin_that_is_no_adapter_is_sent_to_the_other_section():
    outside = RecordingProvider().plugin("register_pager")
    with pytest.raises(ConfigError, match=r"write \[plugins.third\]"):
        load(outside, group="adapters")


def test_an_unknown_plugin_is_answered_with_the_nearest():
    manager = PluginManager(ManualClock(), ".", Directory(()))
    with pytest.raises(ConfigError, match=r"did you mean \[adapters.console\]"):
        manager.load({"consol": {}}, {})


def test_every_fault_of_every_plugin_is_told_at_once():
    manager = PluginManager(ManualClock(), ".", Directory(()))
    with pytest.raises(ConfigError) as caught:
        manager.load({"console": {"persona": 7, "romm": "x"}}, {"audit": {"fil": "x"}})
    text = str(caught.value)
    assert "adapters.console.persona" in text
    assert "did you mean 'room'" in text
    assert "plugins.audit.fil: unknown key; did you mean 'file'" in text


async def test_a_delivery_for_a_plugin_that_was_removed_waits_before_it_is_given_up(tmp_path):
    """D2 D7: the config may be the wrong one."""
    outside = RecordingProvider()
    outside.fault = raising(RuntimeError("away"))
    given = {"outside": outside.plugin("register_ticket_tracker")}
    async with stage(tmp_path, more=OUTSIDE, given=given) as bot:
        await bot.say("ann", "!inc declare sev4 typo")
    async with stage(tmp_path) as bot:
        assert await bot.app.store.awaited() == {"outside": 1}
        await bot.minutes(1)
        await bot.settle()
        assert not any(isinstance(e.event, ev.DeliveryFailed) for e in await bot.timeline())
        await bot.minutes(180)
        await bot.settle()
        assert any("the config has no section for outside" in text for text in bot.heard())
        assert any(isinstance(e.event, ev.DeliveryFailed) for e in await bot.timeline())


def test_a_fault_in_a_plugins_section_does_not_repeat_what_may_be_a_secret():
    class Settings(BaseModel, extra="forbid"):
        token: str

    with pytest.raises(ConfigError) as caught:
        load(registers(lambda context: context.settings(Settings)), {"token": 987654321})
    assert "plugins.third.token" in str(caught.value)
    assert "987654321" not in str(caught.value)
