"""A ticket for each action, whatever goes wrong; what is closed there is done here (A2)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.contract.errors import ConfigError
from bot.http.application import application
from bot.testing import TEAM, stage
from tests.harness.odd_requests import odd_requests
from tests.harness.waiting import until
from tests.peers.vendors import APIS, TOKEN, VENDORS, GitHub, GitLab, JiraCloud, JiraDataCenter
from tests.worlds.learning import action, over

SHARED = Path(__file__).parents[3] / "shared/apis"
DELIVERY = '[delivery]\nretry_longest = "10s"\n'


def config(vendor) -> str:
    users = TEAM.replace("[people.ben]\n", f'[people.ben]\nusers = {{ {vendor.name} = "ben" }}\n')
    users = users.replace("[people.dev]\n", f'[people.dev]\nusers = {{ {vendor.name} = "gone" }}\n')
    return users + vendor.config() + DELIVERY


@pytest.fixture(params=VENDORS, ids=lambda v: v.described)
async def vendor(request):
    async with request.param().running() as server:
        yield server
        assert server.wrong == []


async def later(bot, seconds: float = 20, times: int = 6) -> None:
    for _ in range(times):
        await bot.minutes(seconds / 60)


async def test_an_action_is_filed_edited_and_closed_from_either_side(vendor, tmp_path):
    """A2"""
    async with stage(tmp_path, config=config(vendor)) as bot:
        await over(bot)
        await bot.say("ben", action(0))
        assert len(vendor.issues) == 1
        filed = (await bot.incident()).action(1)
        assert filed.ticket.plugin == vendor.name
        assert any("A1 is filed: http" in text for text in bot.heard())
        assert "Until it is done" in vendor.text()
        await bot.say("ben", "!inc action move 1 due:2026-12-20 because the vendor delivers then")
        assert "2026-12-20" in vendor.text()
        assert vendor.creations() == 1
        vendor.close()
        await bot.app.jobs.ticket_states.refresh()
        await bot.settle()
        assert (await bot.incident()).action(1).done
        assert "A1 is done (its ticket was closed)" in bot.heard()[-1]
        assert (await bot.incident()).phase.value == "resolved"  # never the incident
        calls = len(vendor.calls)
        await bot.app.jobs.ticket_states.refresh()
        assert all(method == "GET" for method, _ in vendor.calls[calls:])
        await bot.say("ben", "!inc action reopen 1")
        assert not await remotely_closed(bot)
        await bot.say("ben", "!inc action done 1")
        assert await remotely_closed(bot)


async def remotely_closed(bot) -> bool:
    ref = (await bot.incident()).action(1).ticket
    (tracker,) = bot.app.plugins.trackers.values()
    return (await tracker.closed([ref]))[ref.id]


async def test_what_people_add_to_a_ticket_stays(tmp_path):
    async with GitHub().running() as vendor, stage(tmp_path, config=config(vendor)) as bot:
        await over(bot)
        await bot.say("ben", action(0))
        vendor.issues[0]["body"] = f"A remark above.\n\n{vendor.issues[0]['body']}\n\nAnd below."
        await bot.say("ben", "!inc action edit 1 Page when no order came for 5 min")
        text = vendor.text()
        assert text.startswith("A remark above.")
        assert text.endswith("And below.")
        assert "for 5 min" in text
        assert "for 3 min" not in text


async def test_whoever_cannot_be_assigned_is_told_of_and_the_ticket_is_filed(vendor, tmp_path):
    async with stage(tmp_path, config=config(vendor)) as bot:
        await over(bot)
        await bot.say("ben", action(0, owner="dev"))
        await bot.say("ben", action(1, owner="ann"))
        told = " ".join(bot.heard())
        assert len(vendor.issues) == 2
        assert "Nobody is assigned: Dev" in told
        assert f"Nobody is assigned: Ann has no {vendor.name} user" in told


@pytest.mark.parametrize("fault", [401, 403, 409, 429, 500, 502, 503, "lost"])
async def test_what_passes_is_tried_again_and_makes_one_ticket(vendor, tmp_path, fault):
    """A2 D2"""
    async with stage(tmp_path, config=config(vendor)) as bot:
        await over(bot)
        vendor.fail = [("POST", fault), ("GET", 503)]
        await bot.say("ben", action(0))
        await later(bot)
        assert len(vendor.issues) == 1
        assert (await bot.incident()).action(1).ticket is not None
        assert not any("Not delivered" in text for text in bot.heard())


@pytest.mark.parametrize("fault", [400, 404, 410, 422])
async def test_what_is_refused_is_told_with_the_vendors_words_and_filed_another_day(
    vendor, tmp_path, fault
):
    """A2 D2"""
    async with stage(tmp_path, config=config(vendor)) as bot:
        await over(bot)
        vendor.fail = [("POST", fault)]
        await bot.say("ben", action(0))
        told = " ".join(bot.heard())
        assert f"played {fault}" in told
        assert "Not delivered to" in told
        assert vendor.issues == []
        await bot.app.jobs.ticket_states.refresh()
        await bot.settle()
        assert len(vendor.issues) == 1
        assert (await bot.incident()).action(1).ticket is not None


async def test_an_answer_lost_again_and_again_makes_one_ticket_an_action(vendor, tmp_path):
    """A2 D2"""
    async with stage(tmp_path, config=config(vendor)) as bot:
        await over(bot)
        for n in range(5):
            vendor.fail = [("POST", "lost"), ("GET", 502), ("GET", "lost")]
            await bot.say("ben", action(n))
            await later(bot)
        assert len(vendor.issues) == 5
        tickets = {a.ticket.id for a in (await bot.incident()).actions}
        assert len(tickets) == 5


async def test_jiras_search_that_lags_is_waited_for(tmp_path):
    """A2"""
    async with JiraCloud().running() as vendor, stage(tmp_path, config=config(vendor)) as bot:
        await over(bot)
        vendor.fail, vendor.lag = [("POST", "lost")], 1
        await bot.say("ben", action(0))
        await later(bot, seconds=30, times=8)
        assert len(vendor.issues) == 1
        assert (await bot.incident()).action(1).ticket.id == "OPS-1"


async def test_a_tracker_without_a_way_to_done_says_so(tmp_path):
    async with JiraDataCenter().running() as vendor, stage(tmp_path, config=config(vendor)) as bot:
        real = vendor.answer

        def stuck(method, path, query, body):
            if path.endswith("/transitions"):
                return 200, {"transitions": []}
            return real(method, path, query, body)

        vendor.answer = stuck
        await over(bot)
        await bot.say("ben", action(0))
        await bot.say("ben", "!inc action done 1")
        assert (await bot.incident()).action(1).done


async def test_a_ticket_that_is_gone_is_left_out(vendor, tmp_path):
    async with stage(tmp_path, config=config(vendor)) as bot:
        await over(bot)
        await bot.say("ben", action(0))
        await bot.say("ben", action(1))
        vendor.close(2)
        del vendor.issues[0]
        await bot.app.jobs.ticket_states.refresh()
        incident = await bot.incident()
        assert not incident.action(1).done


# --- webhooks -------------------------------------------------------------------------------------


def served(bot):
    made = application(bot.app.store, bot.app.numbers, bot.app.plugins.routes())
    return TestClient(TestServer(made, port=0))


def event(vendor, number: int = 1) -> dict:
    """What the vendor says when an issue changes."""
    if isinstance(vendor, GitHub):
        return {
            "action": "closed",
            "issue": {"number": number},
            "repository": {"full_name": "example/ops"},
            "sender": {"login": "sitrep"},
        }
    if isinstance(vendor, GitLab):
        return {
            "object_kind": "issue",
            "project": {"id": 7, "path_with_namespace": "platform/ops"},
            "object_attributes": {"iid": number, "action": "close"},
        }
    return {"webhookEvent": "jira:issue_updated", "issue": {"key": f"OPS-{number}"}}


def sealed(vendor, body: bytes) -> tuple[str, bytes, dict[str, str]]:
    """Where the vendor sends a body to, the body, and how it is signed."""
    digest = f"sha256={hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()}"
    if isinstance(vendor, GitHub):
        return "/plugins/github/webhook", body, {"X-Hub-Signature-256": digest}
    if isinstance(vendor, GitLab):
        return "/plugins/gitlab/webhook", body, {"X-Gitlab-Token": TOKEN}
    if isinstance(vendor, JiraDataCenter):
        return f"/plugins/jira/webhook/{TOKEN}", body, {}
    return "/plugins/jira/webhook", body, {"X-Hub-Signature": digest}


def hook(vendor, number: int = 1) -> tuple[str, bytes, dict[str, str]]:
    """What the vendor sends when an issue changes: where, what, and how it is signed."""
    return sealed(vendor, json.dumps(event(vendor, number)).encode())


async def test_a_webhook_is_a_hint_and_a_repeat_changes_nothing(vendor, tmp_path):
    """A2 D3"""
    async with stage(tmp_path, config=config(vendor)) as bot, served(bot) as client:
        await over(bot)
        await bot.say("ben", action(0))
        await bot.say("ben", action(1))
        path, body, headers = hook(vendor)
        answer = await client.post(path, data=body, headers=headers)
        assert answer.status == 202
        vendor.close()
        for _ in range(3):
            answer = await client.post(path, data=body, headers=headers)
            assert answer.status == 202

        async def done() -> bool:
            return (await bot.incident()).action(1).done

        await until(done)
        entries = len(await bot.timeline())
        await client.post(path, data=body, headers=headers)
        await asyncio.sleep(0.2)
        assert len(await bot.timeline()) == entries
        assert not (await bot.incident()).action(2).done


async def test_a_webhook_that_is_not_signed_or_not_ours_has_no_effect(vendor, tmp_path):
    """D5"""
    async with stage(tmp_path, config=config(vendor)) as bot, served(bot) as client:
        await over(bot)
        await bot.say("ben", action(0))
        vendor.close()
        path, body, headers = hook(vendor)
        calls = len(vendor.calls)
        wrong = {name: f"{value[:-1]}!" for name, value in headers.items()}
        for where, what, signed in (
            (path.replace(TOKEN, "guess"), body, wrong),
            (path.replace(f"/{TOKEN}", ""), body, {}),
            (path.replace(TOKEN, "guess"), body + b" ", wrong),
            ("/plugins/nobody/webhook", body, headers),
        ):
            answer = await client.post(where, data=what, headers=signed)
            assert answer.status in {401, 404}, where
        where, what, signed = hook(vendor, 99)
        assert (await client.post(where, data=what, headers=signed)).status == 202
        huge = await client.post(path, data=io.BytesIO(b"x" * (1024 * 1024 + 1)), headers=headers)
        assert huge.status in {401, 413}
        await asyncio.sleep(0.2)
        assert len(vendor.calls) == calls
        assert not (await bot.incident()).action(1).done


@pytest.mark.parametrize("secret", [b"\xff", b"sha256=\xff", b"\xed\xa0\x80", b"\xe9"])
async def test_a_webhooks_secret_may_be_of_any_bytes_and_is_refused(vendor, tmp_path, secret):
    """D5"""
    async with stage(tmp_path, config=config(vendor)) as bot, served(bot) as client:
        path, body, headers = hook(vendor)
        asked = f"POST {path.replace(TOKEN, quote(secret))} HTTP/1.1\r\nHost: x\r\n"
        lines = b"".join(b"%s: %s\r\n" % (name.encode(), secret) for name in headers)
        length = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(asked.encode() + lines + length.encode() + body)
        answer = await reader.read()
        writer.close()
        assert b" 401 " in answer.partition(b"\r\n")[0]


async def test_a_webhook_takes_any_method_and_any_bytes_in_any_header(vendor, tmp_path):
    """D5"""
    async with stage(tmp_path, config=config(vendor)) as bot, served(bot) as client:
        path, _, _ = hook(vendor)
        async for what, found in odd_requests(client.port, [path.replace(TOKEN, "guess")]):
            if "Expect:" not in what:  # the server's own affair
                assert 400 <= found < 500, what


READ = {
    "github": ["repository.full_name", "issue.number"],
    "gitlab": ["object_kind", "project.id", "project.path_with_namespace", "object_attributes.iid"],
    "jira": ["issue.key"],
}
"""What is read of a webhook, by tracker."""


async def test_a_webhook_of_another_shape_is_refused_and_has_no_effect(vendor, tmp_path):
    """D5"""
    async with stage(tmp_path, config=config(vendor)) as bot, served(bot) as client:
        calls = len(vendor.calls)

        async def answer(body: bytes) -> int:
            path, body, headers = sealed(vendor, body)
            return (await client.post(path, data=body, headers=headers)).status

        for body in (
            b"", b"{", b"\xff", b"[]", b"null", b'"text"', b"7", b"[" * 200_000,
            b'{"issue":' * 100_000, b'{"issue":' * 99 + b"1" + b"}" * 99, b"1" * 5000,
        ):  # fmt: skip
            assert await answer(body) == 400, body[:20]
        assert await answer(b"{}") == 202  # about something else
        for path in READ[vendor.name]:
            for odd in (None, True, 1.5, float("inf"), [], ["x"], {}, {"id": 1}):
                *way, last = path.split(".")
                told = event(vendor)
                inner = told
                for key in way:
                    inner = inner[key]
                inner[last] = odd
                assert await answer(json.dumps(told).encode()) == 400, (path, odd)
                for key in way[:1]:
                    assert await answer(json.dumps({**told, key: odd}).encode()) in {202, 400}
        await asyncio.sleep(0.1)
        assert len(vendor.calls) == calls


# --- checking -------------------------------------------------------------------------------------


async def test_check_proves_the_key_the_project_and_the_owners(vendor, tmp_path):
    async with stage(tmp_path, config=config(vendor)) as bot:
        (tracker,) = bot.app.plugins.trackers.values()
        found = await tracker.check()
        assert any("Dev" in f.text and not f.fault for f in found)
        assert not any("Ben" in f.text for f in found)
        if vendor.name == "jira":
            (fault,) = [f.text for f in found if f.fault]
            assert "customfield_10042" in fault
        vendor.fail = [("GET", 401)]
        (finding,) = await tracker.check()
        assert finding.fault
        assert "credentials" in finding.text
        assert TOKEN not in finding.text


async def test_a_secret_that_is_written_into_the_config_stops_the_start(vendor, tmp_path):
    wrong = config(vendor).replace(f"token = {vendor.secret}", f'token = "{TOKEN}"')
    with pytest.raises(ConfigError) as stopped:
        async with stage(tmp_path, config=wrong):
            pass
    assert "a secret is not written here" in str(stopped.value)
    assert TOKEN not in str(stopped.value)


# --- the descriptions -----------------------------------------------------------------------------


# The vendors' descriptions are not ours to commit. They lie beside the project where it is worked
# on; a clone has our short ones, which every request of the tests is held against.
@pytest.mark.skipif(not SHARED.exists(), reason="the vendors' descriptions are not here")
@pytest.mark.parametrize("name", ["github", "jira-cloud"])
def test_our_short_descriptions_say_what_the_vendors_do(name):
    ours = json.loads((APIS / f"{name}.json").read_text("utf-8"))
    theirs = json.loads((SHARED / f"{name}.json").read_text("utf-8"))
    for operation, wanted in ours.items():
        if wanted.get("described", True) is False:
            continue
        method, _, path = operation.partition(" ")
        described = theirs["paths"][path][method.lower()]
        named = {
            each["name"]
            for each in (resolved(theirs, p) for p in described.get("parameters", []))
            if each["in"] == "query"
        }
        assert set(wanted.get("query", {})) <= named, operation
        if "body" in wanted:
            schema = described["requestBody"]["content"]["application/json"]["schema"]
            properties = resolved(theirs, schema)["properties"]
            assert set(wanted["body"]["properties"]) <= set(properties), operation


def resolved(document: dict, node: dict) -> dict:
    while "$ref" in node:
        found = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node
