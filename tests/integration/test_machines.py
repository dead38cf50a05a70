"""What a plugin submits: the verbs and the checks of a typed line, and no person's part."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.contract import ConfigError, Features, PluginContext, Submitted, hookimpl
from bot.domain import events as ev
from bot.domain.incident import Severity
from bot.grammar.verb import Scope
from bot.grammar.verbs import VERBS
from bot.testing import TEAM, RecordingAdapter, RecordingProvider, plugin_context, stage

TRIAGE = '\n[triage]\nconversation = "chat:triage"\n'
ROOMS = Features(edits=True, pins=True, direct=True, rooms=True)
DECLARE = "declare sev2 Checkout errors service:checkout"


PAGE = Path(__file__).parents[2] / "docs/how-to/write-a-plugin.md"


class Alerts:
    """A plugin that hears of alerts: it keeps its context, and provides nothing that is called."""

    def __init__(self) -> None:
        self.context: PluginContext | None = None

    def plugin(self) -> object:
        """Return the plugin's module."""

        @hookimpl
        def configure(context: PluginContext) -> None:
            self.context = context

        return SimpleNamespace(configure=configure)


class Monitored:
    """A Sitrep with such a plugin."""

    def __init__(self, bot, alerts: Alerts, outside: RecordingProvider) -> None:
        self.bot, self.outside = bot, outside
        self.context = alerts.context

    async def submit(self, line: str, key: str | None = None, **more: str) -> Submitted:
        """Submit a line, under a key of its own, and let everything be delivered."""
        result = await self.context.submit(line, key=key or line, **more)
        await self.bot.settle()
        return result

    async def said(self) -> str:
        """Everything that was told and recorded, whole."""
        timeline = await self.context.submit("INC-1 timeline", key="timeline")
        return "\n".join([posted.text for posted in self.bot.chat.done] + [timeline.answer])


@asynccontextmanager
async def monitored(home, *, config=TEAM, more=TRIAGE, features=None, url=None):
    alerts, outside = Alerts(), RecordingProvider()
    given = {
        "alerts": alerts.plugin(),
        "outside": outside.plugin("register_pager", "register_stakeholder_channel"),
    }
    more += "\n[plugins.alerts]\n[plugins.outside]\n"
    if url is not None:
        more += f'\n[storage]\nurl = "{url}"\n'
    chat = RecordingAdapter(features=features)
    async with stage(home, config=config, more=more, given=given, chat=chat) as bot:
        yield Monitored(bot, alerts, outside)


async def test_an_alert_declares_once_and_goes_on_with_the_same_incident(tmp_path, url):
    """C1 D3 F8"""
    async with monitored(tmp_path, url=url) as here:
        first = await here.submit(DECLARE, key="fingerprint-1", by="Alertmanager")
        assert (first.done, first.incident) == (True, "INC-1")
        assert "INCIDENT DECLARED" in first.answer
        again = await here.submit(DECLARE, key="fingerprint-1", by="Alertmanager")
        assert (again.done, again.incident) == (True, "INC-1")
        assert "nothing was done again" in again.answer
        noted = await here.submit(f"{first.incident} note disk full on db7", key="fingerprint-1/2")
        assert (noted.done, noted.incident) == (True, "INC-1")
        await here.submit(f"{first.incident} note disk full on db7", key="fingerprint-1/2")
        second = await here.submit(DECLARE, key="fingerprint-2")
        assert second.incident == "INC-2"
        entries = [entry.event for entry in await here.bot.timeline()]
        notes = [e for e in entries if isinstance(e, ev.NoteAdded)]
        assert [(e.text, e.by, e.via) for e in notes] == [
            ("disk full on db7", "plugin:alerts", None)
        ]
        assert entries[0].by == "plugin:alerts/Alertmanager"


async def test_the_commander_is_a_person_and_is_paged_at_once(tmp_path):
    """C1 C2"""
    async with monitored(tmp_path) as here:
        await here.submit(DECLARE, by="Alertmanager")
        incident = await here.bot.incident()
        assert (incident.commander, incident.acting) == ("ben", True)
        paged = [what[0].people[0].person for call, what in here.outside.calls if call == "page"]
        assert paged == ["ben"]
        (asked,) = here.bot.heard("@ben")
        assert "Alertmanager (plugin) declared it; you are acting commander" in asked
        text = await here.said()
        assert "IC: Ben (acting, until a commander accepts)" in text
        assert "IC: Alertmanager" not in text
        assert "IC: alerts" not in text
        await here.bot.say("ben", "!inc INC-1 accept", room="@ben")
        incident = await here.bot.incident()
        assert (incident.commander, incident.acting) == ("ben", False)


async def test_what_a_machine_declared_pages_on_until_somebody_accepts(tmp_path):
    """F16 C1"""
    async with monitored(tmp_path) as here:
        await here.submit("declare sev1 Checkout is down service:checkout")
        await here.bot.minutes(16)
        calls = [what[0].people for call, what in here.outside.calls if call == "page"]
        paged = [[each.person for each in people] for people in calls]
        assert paged[0] == ["ben"]
        assert ["cara"] in paged
        stages = [
            e.event.stage
            for e in await here.bot.timeline()
            if isinstance(e.event, ev.ResponseEscalated)
        ]
        assert stages == [1, 2, 3]


NOBODY = """
[people.ann]
[people.ben]
[services.checkout]
[adapters.chat]
"""


async def test_with_nobody_to_appoint_the_card_says_how_to_take_command(tmp_path):
    """C1 D5"""
    async with monitored(tmp_path, config=NOBODY, features=ROOMS) as here:
        result = await here.submit(DECLARE, by="Alertmanager")
        assert "no commander: !inc INC-1 take ic" in result.answer
        incident = await here.bot.incident()
        assert incident.commander is None
        text = await here.said()
        assert text.count("no commander: !inc INC-1 take ic") >= 3  # told, in triage, on the card
        assert not await here.bot.say("ann", "!inc INC-1 resolve it went away")
        assert not await here.bot.say("mallory", "!inc INC-1 take ic")
        assert await here.bot.say("ann", "!inc INC-1 take ic")
        assert (await here.bot.incident()).commander == "ann"
        assert await here.bot.say("ann", "!inc INC-1 resolve it went away")


@pytest.mark.parametrize("verb", [v for v in VERBS if v.changes], ids=lambda v: v.name)
async def test_a_machine_changes_nothing_but_by_declaring_and_noting(verb, tmp_path):
    """F8 C1 C3"""
    async with monitored(tmp_path) as here:
        await here.submit(DECLARE)
        before = await here.bot.incident()
        line = verb.example if verb.scope is Scope.NEW else f"INC-1 {verb.example}"
        result = await here.submit(line, key="once")
        if verb.scope is Scope.NEW:
            assert result.done
            assert result.incident not in {None, "INC-1"}
            return
        assert result.done is (verb.name == "note"), result
        assert result.answer
        after = await here.bot.incident()
        assert (after == before) is (verb.name != "note")
        assert (await here.submit(line, key="once")).done is result.done


@pytest.mark.parametrize("verb", [v for v in VERBS if not v.changes], ids=lambda v: v.name)
async def test_a_machine_reads_what_anybody_reads_and_again_under_the_same_key(verb, tmp_path):
    """F8"""
    async with monitored(tmp_path) as here:
        await here.submit(DECLARE)
        elsewhere = verb.scope is not Scope.INCIDENT
        line = verb.example if elsewhere else f"INC-1 {verb.name}"
        first = await here.submit(line, key="reading")
        assert first.answer
        assert await here.submit(line, key="reading") == first


async def test_a_bad_line_is_answered_with_what_would_work(tmp_path):
    """D5"""
    async with monitored(tmp_path) as here:
        for line, said in (
            ("", "help"),
            ("declrae Checkout", "Did you mean"),
            ("INC-7 note x", "There is no INC-7."),
            ("note x", "Put its id first"),
            ("declare sev2 Checkout ic:@nobody", "Nobody here is called"),
            ("declare", "declare"),
        ):
            result = await here.submit(line, key=f"bad {line}")
            assert (result.done, result.incident) == (line == "", None), line
            assert said in result.answer
            again = await here.submit(line, key=f"bad {line}")
            assert (again.done, again.incident) == (result.done, None), line
        assert (await here.submit(DECLARE)).incident == "INC-1"  # nothing took a number


async def test_a_key_is_needed_and_any_text_is_one(tmp_path):
    """D3"""
    async with monitored(tmp_path) as here:
        with pytest.raises(ValueError, match="under a key"):
            await here.context.submit(DECLARE, key="")
        for key in ("x" * 5000, "two\nlines\x00", "\ud800"):
            assert (await here.submit(DECLARE, key=key)).incident == (
                await here.submit(DECLARE, key=key)
            ).incident
        assert len(await here.context.incidents()) == 3


async def test_it_is_told_in_the_triage_conversation_where_no_platform_opens_rooms(tmp_path):
    """C1"""
    async with monitored(tmp_path) as here:
        await here.submit(DECLARE, by="Alertmanager")
        assert (await here.bot.incident()).conversation.id == "triage"
        assert "INCIDENT DECLARED" in here.bot.heard("triage")[0]
        await here.submit("INC-1 note disk full on db7", by="Alertmanager")
        assert "Alertmanager (plugin): disk full on db7 — entry" in here.bot.heard("triage")[-1]


async def test_it_has_a_room_of_its_own_where_its_platform_opens_rooms(tmp_path):
    """C1 F15"""
    async with monitored(tmp_path, features=ROOMS) as here:
        await here.submit(DECLARE)
        told = here.bot.heard("!inc-1")
        assert "INCIDENT DECLARED" in told[0]
        assert "INCIDENT DECLARED" in here.bot.heard("triage")[0]
        await here.submit("INC-1 note disk full on db7")
        assert "disk full" in here.bot.heard("!inc-1")[-1]
        assert not any("disk full" in text for text in here.bot.heard("triage"))
    async with monitored(tmp_path / "else", more="", features=ROOMS) as here:
        await here.submit(DECLARE)
        assert "INCIDENT DECLARED" in here.bot.heard("!inc-1")[0]
        assert not (await here.submit("declare sev4 A typo")).done


async def test_with_nowhere_to_tell_of_it_nothing_is_declared(tmp_path):
    """C1 F9"""
    async with monitored(tmp_path, more="") as here:
        result = await here.submit(DECLARE)
        assert (result.done, result.incident) == (False, None)
        assert "[triage] conversation" in result.answer
        await here.bot.say("ann", "!inc declare sev3 Search is slow")
        assert (await here.bot.incident("INC-1")).title == "Search is slow"


async def test_a_machine_is_never_mistaken_for_a_person(tmp_path):
    """C1 F8"""
    async with monitored(tmp_path) as here:
        await here.submit(DECLARE, by="Ben\n\u200b" + "n" * 100)
        name = here.bot.app.config.directory.name((await here.bot.incident()).declared_by)
        assert name.startswith("Ben")
        assert name.endswith("n (plugin)")
        assert "\n" not in name
        assert len(name) < 80
        assert not await here.bot.say("ben", "!inc INC-1 handoff @alerts")
        told = [what[0].text for call, what in here.outside.calls if call == "send"]
        assert told
        assert not any("Checkout errors" in text for text in told)  # nobody named has acted


async def test_a_refused_unknown_person_is_one_thing_and_a_plugin_another(tmp_path):
    """F8"""
    refuse = TRIAGE + '\n[access]\nunknown_people = "refuse"\nconversations = ["chat:ops"]\n'
    async with monitored(tmp_path, more=refuse) as here:
        assert (await here.submit(DECLARE)).done


async def test_what_a_machine_recorded_as_a_near_miss_is_owned_by_a_person(tmp_path):
    """F7 P1 C1"""
    async with monitored(tmp_path) as here:
        result = await here.submit("near-miss The backup was empty service:checkout")
        assert result.incident == "NEAR-1"
        review = (await here.bot.incident("NEAR-1")).review
        assert review is not None
        assert review.owner == "dev"  # on call for it; the plan names no owner


async def test_a_plugin_reads_incidents_as_they_stand(tmp_path):
    """F8"""
    async with monitored(tmp_path) as here:
        await here.submit(DECLARE, key="1")
        await here.submit("declare sev3 Search is slow", key="2")
        await here.bot.say("ben", "!inc INC-2 resolve it was warm-up", room="triage")
        assert [i.id for i in await here.context.incidents()] == ["INC-1"]
        assert {i.id for i in await here.context.incidents("all")} == {"INC-1", "INC-2"}
        (found,) = await here.context.incidents("inc-1")
        assert (found.severity, found.commander) == (Severity.SEV2, "ben")
        assert await here.context.incidents("INC-9") == ()


async def test_an_internal_error_leaves_nothing_behind_not_even_the_key(tmp_path, monkeypatch):
    """D1 D3"""
    async with monitored(tmp_path) as here:
        transaction = here.bot.app.intake.transaction

        async def breaks(*_args: object, **_more: object) -> None:
            raise RuntimeError("of a test")

        with monkeypatch.context() as patched:
            patched.setattr(transaction, "commit", breaks)
            broken = await here.submit(DECLARE, key="alert")
        assert (broken.done, broken.incident) == (False, None)
        assert (await here.submit(DECLARE, key="alert")).incident == "INC-1"


async def test_the_alert_of_the_how_to_declares_and_notes_once(tmp_path):
    """C1 D3"""
    source = PAGE.read_text("utf-8").partition("## Let an alert declare")[2]
    example: dict[str, object] = {}
    exec(source.partition("```python\n")[2].partition("```")[0], example)  # noqa: S102 - our own page
    plugin = SimpleNamespace(configure=example["configure"])
    more = TRIAGE + "\n[plugins.alerts]\n"
    alert = {"title": "Errors", "service": "checkout", "fingerprint": "f1", "summary": "5xx: 9 %"}
    async with stage(tmp_path, more=more, given={"alerts": plugin}) as bot:
        (_prefix, routes), *_ = bot.app.plugins.routes()
        (route,) = routes
        for _ in range(2):
            answered = await route.handler(Fired(alert))
            assert (answered.status, answered.text) == (200, "INC-1")
        notes = [e.event for e in await bot.timeline() if isinstance(e.event, ev.NoteAdded)]
        assert [note.text for note in notes] == ["5xx: 9 %"]
        unread = alert | {"title": "Errors ic:@nobody", "fingerprint": "f2"}
        refused = await route.handler(Fired(unread))
        assert refused.status == 422


class Fired:
    """A request of a monitor."""

    def __init__(self, alert: dict[str, str]) -> None:
        self.alert = alert

    async def json(self) -> dict[str, str]:
        """Return its body."""
        return self.alert


async def test_before_sitrep_runs_a_plugin_is_told_so():
    context = plugin_context("alerts")
    with pytest.raises(RuntimeError, match="once Sitrep runs"):
        await context.submit(DECLARE, key="1")
    with pytest.raises(RuntimeError, match="once Sitrep runs"):
        await context.incidents()


async def test_no_adapter_is_called_as_machines_are(tmp_path):
    """F8"""
    chat = RecordingAdapter("plugin")
    config = TEAM.replace("[adapters.chat]", "[adapters.plugin]")
    with pytest.raises(ConfigError, match="names machines"):
        async with stage(tmp_path, config=config, chat=chat):
            pass
