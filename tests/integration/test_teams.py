"""The Teams adapter with Microsoft's side on the loopback: what people type, press and see."""

from __future__ import annotations

import asyncio
import functools
from datetime import UTC, datetime, timedelta

import pytest

from bot.app import composed
from bot.domain import events as ev
from bot.domain.incident import Phase, Severity
from bot.testing import RecordingProvider
from tests.harness.waiting import until
from tests.peers.microsoft import CHANNEL, TENANT, activity, object_id
from tests.worlds.teams import BOT, button, buttons, card, shown, team

CARD, TEXT = "application/vnd.microsoft.card.adaptive", "application/vnd.microsoft.activity.message"
GROUP = "19:group-war-room@thread.v2"


async def test_a_whole_incident_typed_and_pressed(tmp_path, monkeypatch):
    """C1 C4 K2 T1 L2"""
    async with team(tmp_path, monkeypatch) as t:
        assert (await t.say("ann", "declare 1 Checkout answers <500>"))[0] == 202
        thread = await t.thread()
        told = await t.hears("INCIDENT DECLARED — SEV1 — Checkout answers <500>", "a:29:ann")
        assert f"https://teams.microsoft.com/l/message/{CHANNEL.replace(':', '%3A')[:9]}" in str(
            told
        )
        status = t.seen(thread)[0]
        assert "State: SEV1 · investigating" in shown(status)
        asked = await t.hears("take command?")
        await t.press("ben", asked, "Accept", None)
        await t.hears("Ben is incident commander", thread)
        await t.say("ann", "update rolling back", thread)
        await t.hears("rolling back — Ann", thread)
        code, answer = await t.press("ann", status, "Post update", thread, text="40 % done")
        assert (code, answer["statusCode"], answer["type"]) == (200, 200, CARD)
        assert "40 % done" in str(answer)
        await t.hears("40 % done — Ann", thread)
        code, answer = await t.press("ann", status, "Resolve", thread, text="done")
        assert answer["type"] == TEXT
        assert answer["value"].startswith("Only the commander may resolve the incident.")
        await t.press("ben", status, "Resolve", thread, text="done")
        await t.hears("RESOLVED", thread)
        await t.idle()
        assert (await t.incident()).phase is Phase.RESOLVED
        assert "resolved" in shown(t.seen(thread)[0])
        assert len([m for m in t.seen(thread) if "State:" in shown(m)]) == 1
        assert len(t.ms.token_requests) == 1
        assert len({header for _, _, header, _ in t.ms.requests}) == 1


async def test_the_form_asks_the_impact_questions_and_shows_the_severity_first(
    tmp_path, monkeypatch
):  # fmt: skip
    """S2"""
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ann", "declare")
        form = await t.hears("What is broken?")
        assert "Is any user affected?" in shown(form)
        answers = {"title": "Search is slow", "q1": "no", "q2": "yes"}
        _, answer = await t.press("ann", form, "Which severity?", **answers)
        assert answer["type"] == CARD
        assert "This would be SEV2" in shown({"attachments": [{"content": answer["value"]}]})
        preview = {"id": form["id"], "value": answer["value"]}
        await t.press("ann", preview, "Declare SEV2")
        await t.thread()
        incident = await t.incident()
        assert (incident.severity, incident.title) == (Severity.SEV2, "Search is slow")
        more = {"title": "Nobody is affected yet", "q1": "no", "impact": "none so far"}
        _, answer = await t.press("ann", form, "Declare", **more)
        assert answer["type"] == TEXT
        assert "2 more answers would decide" in answer["value"]
        _, answer = await t.press("ann", form, "Declare", title="All down", service="checkout")
        assert (await t.incident("INC-2")).service == "checkout"
        _, answer = await t.press("ann", form, "Declare", title="")
        assert "What is broken?" in str(answer)


async def test_a_press_twice_or_delivered_again_acts_once(tmp_path, monkeypatch):
    """D3"""
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ann", "declare 1 down ic:@ann")
        thread = await t.thread()
        status = dict(t.seen(thread)[0])
        for name in ("i1", "i1", "i2"):
            code, answer = await t.press("ann", status, "No new findings", thread, name=name)
            assert (code, answer["statusCode"]) == (200, 200)
        await t.hears("no new findings", thread)
        await t.idle()
        updates = [e for e in await t.timeline() if isinstance(e, ev.UpdatePosted)]
        assert len(updates) == 1
        fresh = t.seen(thread)[0]
        assert fresh["edits"] >= 1
        await t.press("ben", status, "No new findings", thread)  # somebody else's press
        await t.press("ann", fresh, "No new findings", thread)  # of the card as it is now
        updates = [e for e in await t.timeline() if isinstance(e, ev.UpdatePosted)]
        assert len(updates) == 3


async def test_the_two_of_a_press_at_once_act_once(tmp_path, monkeypatch):
    """D3"""
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ann", "declare 1 down ic:@ann")
        thread = await t.thread()
        status = dict(t.seen(thread)[0])
        presses = [t.press("ann", status, "No new findings", thread) for _ in range(8)]
        assert {code for code, _ in await asyncio.gather(*presses)} == {200}
        updates = [e for e in await t.timeline() if isinstance(e, ev.UpdatePosted)]
        assert len(updates) == 1


async def test_a_press_that_did_nothing_is_made_again(tmp_path, monkeypatch):
    """D3: the same button of the same card is refused again, answered again, then done"""
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ben", "help")
        await t.say("ann", "declare 1 down ic:@ann")
        thread = await t.thread()
        await t.idle()
        status = dict(t.seen(thread)[0])
        for _ in range(2):
            _, answer = await t.press("ben", status, "Hand over", thread, person="@cara")
            assert "Only the commander may hand over command" in answer["value"]
        await t.say("ann", "handoff @ben", thread)
        await t.say("ben", "accept", thread)
        await t.idle()
        assert (await t.incident()).commander == "ben"
        for _ in range(2):
            _, answer = await t.press("ben", status, "Hand over", thread, person="@cara")
            assert "may hand over command" not in str(answer)
        offered = [e for e in await t.timeline() if isinstance(e, ev.HandoffOffered)]
        assert [e.person for e in offered] == ["ben", "cara"]


async def test_each_sees_on_the_card_what_they_may_press(tmp_path, monkeypatch):
    """C5: and what is pressed all the same is refused"""
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ben", "help")
        await t.say("ann", "declare 1 down ic:@ben")
        thread = await t.thread()
        _, _ = await t.press("ben", await t.hears("take command?"), "Accept")
        await t.hears("Ben is incident commander", thread)
        await t.idle()
        status = t.seen(thread)[0]
        refresh = card(status)["refresh"]
        assert set(refresh["userIds"]) == {"29:ann", "29:ben"}
        views = {}
        for who in ("ann", "ben"):
            value = {"action": refresh["action"], "trigger": "automatic"}
            _, answer = await t.invoke(
                who, "adaptiveCard/action", value, thread, replyToId=status["id"]
            )
            assert answer["type"] == CARD
            views[who] = {b["title"] for b in buttons(answer["value"])}
            assert answer["value"]["refresh"]["userIds"]
        assert "Resolve" not in views["ann"]
        assert {"Resolve", "Hand over", "Stabilised"} <= views["ben"]
        _, answer = await t.press("ann", status, "Hand over", thread, person="@cara")
        assert "Only the commander may hand over command" in answer["value"]
        await t.press("ben", status, "Hand over", thread, person="@cara")
        await t.hears("Command is offered to", thread)
        _, answer = await t.press("ann", status, "Give the role", thread, role="role scribe",
                                  person="@ann")  # fmt: skip
        await t.hears("Ann is scribe", thread)
        _, answer = await t.press("ann", status, "Change", thread, level="2", why="fewer")
        assert "Only the commander may lower" in answer["value"]
        _, answer = await t.press(
            "ann", status, "Record", thread, kind="tried rollback", text="311"
        )
        assert any(isinstance(e, ev.StepTried) for e in await t.timeline())


async def test_where_it_hears_and_where_it_does_not(tmp_path, monkeypatch):
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ann", "what a day", f"{CHANNEL};messageid=7", mention=False)
        await t.say("ann", "help", f"{CHANNEL};messageid=7", mention=False)
        await t.say("ann", "!inc help", f"{CHANNEL};messageid=8", mention=False)
        await t.hears("Begin with", f"{CHANNEL};messageid=8")
        await t.say("ann", "help", f"{CHANNEL};messageid=9")
        await t.hears("Begin with", f"{CHANNEL};messageid=9")
        await t.say("ann", "help", GROUP)
        await t.hears("Begin with", GROUP)
        await t.say("ann", "hello", GROUP, mention=False)
        await t.idle()
        assert f"{CHANNEL};messageid=7" not in t.ms.messages
        assert len(t.seen(GROUP)) == 1


async def test_messages_of_two_conversations_may_have_the_same_id(tmp_path, monkeypatch):
    """D3"""
    async with team(tmp_path, monkeypatch) as t:
        for who in ("ann", "ben", "ann"):
            await t.say(who, "help", id="1700000001234")
        await t.hears("Begin with", "a:29:ann")
        await t.hears("Begin with", "a:29:ben")
        await t.idle()
        assert len(t.seen("a:29:ann")) == 1


async def test_people_are_named_by_mention(tmp_path, monkeypatch):
    """C4"""
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ben", "help")
        await t.say("ann", "declare 1 down ic:@ann")
        thread = await t.thread()
        entities = [
            {"type": "mention", "text": "<at>Sitrep</at>", "mentioned": {"id": BOT}},
            {"type": "mention", "text": "<at>Ben Two</at>",
             "mentioned": {"id": "29:ben", "name": "Ben Two"}},
        ]  # fmt: skip
        text = "<at>Sitrep</at> handoff <at>Ben Two</at>"
        what = activity(t.ms.service_url, text=text, entities=entities)
        await t.send({**what, **t.where(thread, "ann")})
        told = await t.hears("Command is offered to", thread)
        assert "<at>Ben</at>" in str(told)
        assert "29:ben" in str(told)
        assert (await t.incident()).offered_to == "ben"


async def test_somebody_who_was_never_heard_is_called_by_their_object_id(tmp_path, monkeypatch):
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ann", "declare 1 down")
        thread = await t.thread()
        told = await t.hears("INCIDENT DECLARED", thread)
        entities = card(told)["msteams"]["entities"]
        assert [e["mentioned"]["id"] for e in entities] == [object_id("ben")]
        asked = await t.hears("take command?", f"a:{object_id('ben')}")
        assert button(asked, "Accept")


async def test_a_message_is_put_on_the_timeline_with_its_own_time_and_followed(
    tmp_path, monkeypatch
):  # fmt: skip
    """L1 L3"""
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ann", "declare 2 slow ic:@ann")
        thread = await t.thread()
        written = datetime.now(UTC) - timedelta(minutes=2)
        payload = {
            "id": "1700000009999",
            "replyToId": thread.partition("messageid=")[2],
            "createdDateTime": written.isoformat().replace("+00:00", "Z"),
            "from": {"user": {"id": object_id("dev"), "displayName": "Dev Eloper"}},
            "body": {"contentType": "html", "content": "<p>db-1 at 100&nbsp;% &amp; rising</p>"},
        }
        value = {"commandId": "timeline", "messagePayload": payload}
        for _ in range(2):
            code, answer = await t.invoke("ann", "composeExtension/fetchTask", value, CHANNEL)
            assert code == 200
            assert answer["task"]["type"] == "message"
            assert f"{written:%H:%M:%S} UTC" in answer["task"]["value"]
        (entry,) = [e for e in await t.timeline() if isinstance(e, ev.MessageCaptured)]
        assert entry.text == "db-1 at 100 % & rising"
        assert entry.author == f"teams:{object_id('dev')}"
        assert abs((entry.at - written).total_seconds()) < 0.001
        for kind, text in (("messageUpdate", "db-1 at 90 %"), ("messageDelete", "")):
            what = activity(t.ms.service_url, kind, text=text)
            await t.send({**what, **t.where(thread, "dev"), "id": "1700000009999"})
        (entry,) = [e for e in await t.timeline() if isinstance(e, ev.MessageCaptured)]
        assert entry.text == ev.REDACTED
        elsewhere = {"commandId": "timeline", "messagePayload": {**payload, "id": "1"}}
        _, answer = await t.invoke("ann", "composeExtension/fetchTask", elsewhere, GROUP)
        assert "No incident runs" in answer["task"]["value"]
        empty = {"messagePayload": {**payload, "id": "2", "body": {}}}
        _, answer = await t.invoke("ann", "composeExtension/fetchTask", empty, CHANNEL)
        assert "no text" in answer["task"]["value"]


async def test_reactions_and_dialogs_of_others_have_no_effect(tmp_path, monkeypatch):
    async with team(tmp_path, monkeypatch) as t:
        what = activity(
            t.ms.service_url, "messageReaction", reactionsAdded=[{"type": "like"}], replyToId="1"
        )
        assert (await t.send(what))[0] == 202
        for name in ("task/fetch", "task/submit", "signin/verifyState", "fileConsent/invoke"):
            assert (await t.invoke("ann", name, {"data": {"line": "declare 1 x"}}))[0] == 400
        assert list(await t.app.store.read(lambda work: work.list("all", 9))) == []


async def test_older_clients_submit_what_newer_ones_execute(tmp_path, monkeypatch):
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ann", "declare 1 down ic:@ann")
        thread = await t.thread()
        status = t.seen(thread)[0]
        action = button(status, "No new findings")
        assert action["fallback"]["type"] == "Action.Submit"
        what = activity(t.ms.service_url, value=action["fallback"]["data"], text=None)
        for _ in range(2):
            await t.send({**what, **t.where(thread, "ann"), "replyToId": status["id"]})
        await t.hears("no new findings", thread)
        updates = [e for e in await t.timeline() if isinstance(e, ev.UpdatePosted)]
        assert len(updates) == 1


async def test_it_greets_where_it_is_added_and_incidents_hear_where_it_is_removed(
    tmp_path, monkeypatch
):  # fmt: skip
    """D2"""
    async with team(tmp_path, monkeypatch) as t:
        what = activity(t.ms.service_url, "installationUpdate", action="add")
        await t.send({**what, **t.where(None, "cara")})
        await t.hears("declare <title>", "a:29:cara")
        await t.say("ann", "declare 1 down ic:@ann")
        await t.thread()
        await t.idle()
        gone = activity(t.ms.service_url, "installationUpdate", action="remove")
        await t.send({**gone, **t.where("19:general@thread.tacv2", "eve")})
        await t.hears("The app was removed", "a:29:ann")


@pytest.mark.parametrize(
    "step",
    [(429, "Throttled", {"Retry-After": "1"}), (412, "PreconditionFailed"), (503, "Busy")],
    ids=["429", "412", "503"],
)
async def test_what_the_connector_puts_off_is_said_once(tmp_path, monkeypatch, step):
    """D2"""
    async with team(tmp_path, monkeypatch) as t:
        t.ms.script.extend([step, step])
        await t.say("ann", "help")
        said = await t.hears("Begin with")
        await t.idle()
        assert len(t.seen("a:29:ann")) == 1
        unsure = step[0] == 503
        assert ("Sent again" in shown(said)) is unsure
        posts = [p for m, p, _, _ in t.ms.requests if m == "POST" and p.endswith("activities")]
        assert len(posts) == 3


@pytest.mark.parametrize("step", ["lost", (502, "BadGateway"), (504, "GatewayTimeout")])
async def test_what_may_have_been_said_is_said_again_with_a_mark(tmp_path, monkeypatch, step):
    """D2"""
    async with team(tmp_path, monkeypatch) as t:
        t.ms.script.append(step)
        await t.say("ann", "help")
        await t.hears("Sent again: whether the first try arrived is not known")
        await t.idle()
        assert len(t.seen("a:29:ann")) == (2 if step == "lost" else 1)


async def test_an_answer_that_never_comes_is_not_waited_for(tmp_path, monkeypatch):
    """D2 D4"""
    more = '[plan]\ncomms = "ann"\n'
    async with team(tmp_path, monkeypatch, more=more) as t:
        # The section may be the one default of every config.
        delivery = vars(t.app.config.delivery)
        monkeypatch.setitem(delivery, "timeout", timedelta(seconds=1))
        monkeypatch.setitem(delivery, "retry_first", timedelta(milliseconds=100))
        t.ms.script.append("hang")
        await t.say("ann", "help")
        await t.say("ben", "help")
        await t.hears("Begin with", "a:29:ben")
        await t.hears("Sent again", "a:29:ann")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("MessageWritesBlocked", "they have blocked the app, or removed it"),
        ("BotNotInConversationRoster", "the app is not installed there"),
        ("Anything", "Teams: 403 Anything"),
    ],
)
async def test_a_conversation_that_blocks_the_app_is_told_of_elsewhere(
    tmp_path, monkeypatch, code, why
):  # fmt: skip
    """D2"""
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ann", "declare 1 down")
        thread = await t.thread()
        await t.idle()

        def blocked(_method, path):
            return (403, code) if "ben" in path or object_id("ben") in path else None

        t.ms.script.extend([blocked] * 40)
        await t.say("ann", "page @ben look", thread)
        told = await t.hears("Not delivered to", thread)
        assert why in shown(told)


async def test_a_card_that_was_deleted_is_posted_anew(tmp_path, monkeypatch):
    """L2"""
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ann", "declare 1 down ic:@ann")
        thread = await t.thread()
        await t.idle()
        del t.ms.messages[thread][0]
        await t.say("ann", "impact everybody", thread)
        await t.hears("Impact: everybody", thread)


async def test_a_token_that_is_refused_is_fetched_anew(tmp_path, monkeypatch):
    async with team(tmp_path, monkeypatch) as t:
        t.ms.script.append((401, "Unauthorized"))
        await t.say("ann", "help")
        await t.hears("Begin with")
        assert len(t.ms.token_requests) >= 1


async def test_what_is_too_long_is_shortened_with_a_link_to_the_whole(tmp_path, monkeypatch):
    """F10 L3"""
    teams = 'public_url = "http://127.0.0.1:9"'
    async with team(tmp_path, monkeypatch, teams=teams) as t:
        await t.say("ann", "declare 1 down ic:@ann")
        thread = await t.thread()
        for n in range(12):
            await t.say("ann", f"note {n} {'wörd ' * 1500}END{n}", thread)
        await t.say("ann", "timeline", thread)
        said = await t.hears("… shortened. The whole: http://127.0.0.1:9/plugins/teams/whole/")
        address = shown(said).partition("http://127.0.0.1:9")[2].split()[0]
        async with t.http.get(f"http://127.0.0.1:{t.port}{address}") as response:
            assert response.status == 200
            text = await response.text()
            assert all(f"END{n}" in text for n in range(12))
            assert response.headers["Cache-Control"] == "no-store"
        async with t.http.get(f"http://127.0.0.1:{t.port}{address[:-1]}") as response:
            assert response.status == 404
        notes = [n for n, e in enumerate(await t.timeline(), 1) if isinstance(e, ev.NoteAdded)]
        await t.say("ann", f"redact {notes[3]}", thread)
        await t.hears("is removed, for good", thread)
        async with t.http.get(f"http://127.0.0.1:{t.port}{address}") as response:
            text = await response.text()
        assert "END3" not in text
        assert "END4" in text
        await t.app.store.prune(datetime.now(UTC) + timedelta(seconds=1))
        async with t.http.get(f"http://127.0.0.1:{t.port}{address}") as response:
            assert response.status == 404


async def test_an_incident_gets_a_channel_of_its_own_where_that_is_granted(tmp_path, monkeypatch):
    async with team(tmp_path, monkeypatch, teams='layout = "channels"') as t:
        t.ms.script.append((503, "busy"))
        await t.say("ann", "declare 1 Checkout: 'down' & out? service:checkout")
        await until(lambda: t.ms.channels)
        ((channel, name),) = t.ms.channels.items()
        assert name.startswith("inc-1 checkout-down-out-")
        await t.hears("INCIDENT DECLARED", channel)
        await t.hears("State: SEV1", channel)
        await t.say("ann", "update on it", channel)
        await t.hears("on it — Ann", channel)


async def test_without_a_channel_an_incident_stays_where_it_was_declared(tmp_path, monkeypatch):
    async with team(tmp_path, monkeypatch, teams='channel = ""') as t:
        await t.say("ann", "declare 1 down ic:@ann", GROUP)
        await t.hears("INCIDENT DECLARED", GROUP)
        await t.hears("State: SEV1", GROUP)
        await t.say("ann", "nochange", GROUP)
        await t.hears("no new findings", GROUP)


async def test_comms_drafts_and_the_commander_answers_by_button(tmp_path, monkeypatch):
    """X2"""
    page = RecordingProvider()
    plugins = {"outside": page.plugin("register_status_page")}
    with_page = functools.partial(composed, given=plugins)

    monkeypatch.setattr("tests.worlds.teams.composed", with_page)
    async with team(tmp_path, monkeypatch, more="[plugins.outside]\n") as t:
        await t.say("ben", "declare 1 down service:checkout ic:@ben")
        thread = await t.thread()
        await t.say("ann", "external Checkout is *slow*", thread)
        draft = await t.hears("for the status page, by", thread)
        assert "Checkout is *slow*" in shown(draft)
        _, answer = await t.press("ann", draft, "Approve", thread)
        assert "Only the commander may approve" in answer["value"]
        await t.press("ben", draft, "Send back", thread, why="say since when")
        await t.hears("Not published: say since when", thread)
        await t.say("ann", "external Checkout is slow since 14:04", thread)
        draft = await t.hears("since 14:04", thread)
        await t.press("ben", draft, "Approve", thread)
        await t.hears("Publishing as investigating: Checkout is slow since 14:04", thread)
        await until(lambda: page.calls)
        assert page.calls[-1][1][0].updates[-1].text == "Checkout is slow since 14:04"


async def test_an_overdue_promise_is_kept_in_one_tap(tmp_path, monkeypatch):
    """K2 K3"""
    more = '[clocks]\ninternal = { sev1 = "3s" }\n'
    async with team(tmp_path, monkeypatch, more=more) as t:
        await t.say("ann", "declare 1 down ic:@ann")
        thread = await t.thread()
        overdue = await t.hears("update is overdue", thread)
        _, answer = await t.press("ann", overdue, "No new findings", thread)
        assert answer == {"statusCode": 200, "type": TEXT, "value": "Done."}
        await t.hears("no new findings", thread)


async def test_a_slow_database_does_not_keep_a_press_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr("adapters.teams.activities.DEADLINE", 0.2)
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ann", "declare 1 down ic:@ann")
        thread = await t.thread()
        await t.idle()
        status = t.seen(thread)[0]
        transact = t.app.store.transact

        async def slow(body):
            await asyncio.sleep(0.6)  # beyond the deadline, however slow the machine is
            return await transact(body)

        monkeypatch.setattr(t.app.store, "transact", slow)
        _, answer = await t.press("ann", status, "No new findings", thread)
        monkeypatch.setattr(t.app.store, "transact", transact)
        assert "Working on it" in answer["value"]
        await t.hears("no new findings", thread)


async def test_a_private_incident_is_told_in_the_group_chat_for_it_and_nowhere_else(
    tmp_path, monkeypatch
):  # fmt: skip
    """F17"""
    chat = "19:group-security@thread.v2"
    async with team(tmp_path, monkeypatch, teams=f'private = "{chat}"') as t:
        await t.say("ann", "declare sev1 zanzibar leaks private ic:@ben", CHANNEL)
        await t.hears("INCIDENT DECLARED", chat)
        await t.say("ann", "update zanzibar is being closed", chat)
        await t.hears("zanzibar is being closed — Ann", chat)
        await t.say("cara", "INC-1 status", CHANNEL)
        await t.hears("INC-1 is private", CHANNEL)
        await t.idle()
        outer = {c: m for c, m in t.ms.messages.items() if c != chat and not c.startswith("a:")}
        assert "zanzibar" not in str(outer)
        assert (await t.incident()).conversation.id == chat


async def test_without_a_place_for_it_a_private_incident_is_declared_to_the_bot_alone(
    tmp_path, monkeypatch
):  # fmt: skip
    """F17"""
    async with team(tmp_path, monkeypatch) as t:
        await t.say("ann", "declare sev1 zanzibar leaks private", CHANNEL)
        await t.hears("cannot keep a place private", CHANNEL)
        await t.say("ann", "declare sev1 zanzibar leaks private")
        await t.hears("INCIDENT DECLARED", "a:29:ann")
        assert (await t.incident()).private


async def test_whoever_comes_from_a_trusted_tenant_counts_as_named(tmp_path, monkeypatch):
    """F8: typed, pressed or marked"""
    access = f'[access]\ntrusted = ["teams:{TENANT.upper()}"]'
    for n, (more, counts) in enumerate(((access, True), ("", False))):
        home = tmp_path / str(n)
        home.mkdir()
        async with team(home, monkeypatch, more=more) as t:
            await t.say("ann", "declare 1 down ic:@ann")
            thread = await t.thread()
            await t.press("eve", t.seen(thread)[0], "Post update", thread, text="seen")
            updates = [e for e in await t.timeline() if isinstance(e, ev.UpdatePosted)]
            assert len(updates) == counts
            message = {
                "messagePayload": {
                    "id": "1", "from": {"user": {"id": object_id("ann")}},
                    "body": {"contentType": "text", "content": "disk full"},
                }
            }  # fmt: skip
            await t.invoke("joe", "composeExtension/fetchTask", message, thread)
            homes = await t.app.store.read(lambda work: work.refs_under("home/"))
            assert homes == {f"teams:{object_id(p)}": TENANT for p in ("eve", "joe")}
