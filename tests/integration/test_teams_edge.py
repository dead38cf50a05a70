"""Who is let in from Teams: every token that should not be is refused, before any effect."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from datetime import timedelta
from io import BytesIO

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.teams.config import TeamsSettings
from bot.app import composed
from bot.clock import SystemClock
from bot.config.load import parse
from bot.contract.errors import ConfigError
from bot.testing import ManualClock, plugin_context
from tests.harness.odd_requests import odd_requests
from tests.harness.waiting import until
from tests.peers.microsoft import (
    APP,
    CHANNEL,
    PASSWORD,
    TENANT,
    Key,
    Microsoft,
    activity,
    certificate,
)
from tests.worlds.teams import config, team

DECLARE = "declare 1 forged"


def said(ms: Microsoft, **more) -> dict:
    return activity(ms.service_url, **{"text": DECLARE, **more})


async def unaffected(t) -> None:
    """Nothing was heard, nothing was said, and no token went anywhere."""
    await asyncio.sleep(0.05)
    found = await t.app.store.read(lambda work: work.list("all", 10))
    assert list(found) == []
    assert t.ms.requests == []
    assert await t.app.store.backlog() == {"waiting": 0, "dead": 0}


NOW = time.time

REFUSED = {
    "no header": lambda ms: "",
    "an empty token": lambda ms: "Bearer ",
    "Basic": lambda ms: "Basic dXNlcjpwYXNz",
    "two spaces": lambda ms: f"Bearer  {ms.token()}",
    "a token alone": lambda ms: ms.token(),
    "garbage": lambda ms: "Bearer garbage",
    "three parts of garbage": lambda ms: "Bearer a.b.c",
    "another's key under our key's name": lambda ms: f"Bearer {ms.token(ms.rogue)}",
    "an unknown key": lambda ms: f"Bearer {ms.token(kid='nobody')}",
    "no key named": lambda ms: f"Bearer {ms.token(kid=None)}",
    "expired ten minutes ago": lambda ms: f"Bearer {ms.token(exp=int(NOW()) - 600)}",
    "valid in ten minutes": lambda ms: f"Bearer {ms.token(nbf=int(NOW()) + 600)}",
    "no issuer": lambda ms: f"Bearer {ms.token(iss=None)}",
    "no algorithm": lambda ms: f"Bearer {ms.token(alg='none')}",
    "the public key as a password": lambda ms: f"Bearer {ms.token(alg='HS256')}",
    "a key for another channel": lambda ms: f"Bearer {ms.token(ms.unendorsed)}",
    "another app's": lambda ms: f"Bearer {ms.token(aud='another-app')}",
    "no audience": lambda ms: f"Bearer {ms.token(aud=None)}",
    "a list as audience": lambda ms: f"Bearer {ms.token(aud=[APP])}",
    "another issuer": lambda ms: f"Bearer {ms.token(iss='https://login.example.com')}",
    "no service URL claimed": lambda ms: f"Bearer {ms.token(serviceurl=None)}",
    "another service URL": lambda ms: f"Bearer {ms.token(serviceurl='https://evil.example/')}",
    "without an end": lambda ms: f"Bearer {ms.token(exp=None)}",
    "the emulator's": lambda ms: (
        "Bearer "
        + ms.token(
            iss="https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/",
            appid=APP,
            aud="https://api.botframework.com",
        )
    ),
    "a skill's": lambda ms: (
        "Bearer "
        + ms.token(
            iss="https://login.microsoftonline.com/d6d49420-f39b-4df7-a1dc-d59a935871db/v2.0",
            ver="2.0",
            azp="another-bot",
        )
    ),
    "a long one": lambda ms: f"Bearer {ms.token(ms.rogue, more='x' * 4_000)}",
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_token_that_is_not_teams_is_refused_before_any_effect(tmp_path, monkeypatch, case):
    async with team(tmp_path, monkeypatch) as t:
        header = REFUSED[case](t.ms)
        status, _ = await t.send(said(t.ms), Authorization=header)
        assert status == 401
        await unaffected(t)


async def raw(t, header: bytes, more: bytes = b"") -> bytes:
    """Send a header as it is, and nothing of the body it announces; return the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", t.port)
    writer.write(
        b"POST /plugins/teams/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Authorization: " + header + b"\r\n" + more + b"\r\n"
    )
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    writer.close()
    await writer.wait_closed()
    return answer


FORGED = ["another's key under our key's name", "an unknown key", "another app's", "no algorithm"]


@pytest.mark.parametrize("case", FORGED)
async def test_a_forged_request_is_refused_without_a_look_at_its_body(tmp_path, monkeypatch, case):
    """D5: the answer is there though the body never comes"""
    async with team(tmp_path, monkeypatch) as t:
        for length in (200_000, 1_000_000):
            more = b"Content-Length: %d\r\n" % length
            answer = await raw(t, REFUSED[case](t.ms).encode(), more)
            assert b" 401 " in answer.partition(b"\r\n")[0]
        await unaffected(t)


async def test_no_body_is_read_parsed_or_modelled_for_a_token_that_is_not_teams(
    tmp_path, monkeypatch
):  # fmt: skip
    def never(*_args, **_more):
        raise AssertionError("nobody said whose it is")

    async with team(tmp_path, monkeypatch) as t:
        monkeypatch.setattr("bot.plugin_kit.webhooks.body_of", never)
        monkeypatch.setattr("bot.plugin_kit.webhooks._parsed", never)
        monkeypatch.setattr("msrest.serialization.Model.deserialize", never)
        large = said(t.ms, membersAdded=[{}] * 60_000)
        for case in FORGED:
            assert (await t.send(large, Authorization=REFUSED[case](t.ms)))[0] == 401


async def test_what_is_let_in_is_not_modelled_either(tmp_path, monkeypatch):
    def never(*_args, **_more):
        raise AssertionError("it takes seconds for a large activity")

    monkeypatch.setattr("msrest.serialization.Model.deserialize", never)
    async with team(tmp_path, monkeypatch) as t:
        large = said(t.ms, text="help", membersAdded=[{}] * 50_000)
        assert (await t.send(large))[0] == 202
        await t.hears("Begin with")


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
async def test_an_activity_of_more_than_256_kb_is_refused(tmp_path, monkeypatch, chunked):
    """D5"""
    async with team(tmp_path, monkeypatch) as t:
        what = said(t.ms, text="help")
        room = 256 * 1024 - len(json.dumps({**what, "locale": ""}))
        headers = {"Authorization": f"Bearer {t.ms.token()}", "Content-Type": "application/json"}

        async def parts(body: bytes):
            for at in range(0, len(body), 10_000):
                yield body[at : at + 10_000]

        for more, status in ((0, 202), (1, 413)):
            body = json.dumps({**what, "locale": "x" * (room + more)}).encode()
            data = parts(body) if chunked else body
            async with t.http.post(t.url, data=data, headers=headers) as response:
                assert response.status == status


@pytest.mark.parametrize(
    "token",
    [b"\xff.a.b", b"\xed\xa0\x80", b"a.\xff.b", b"a\x80", b"." + b"W1tb" * 1800 + b"."],
    ids=["a byte", "a surrogate", "in the middle", "at the end", "deep"],
)
async def test_a_token_of_any_bytes_is_refused(tmp_path, monkeypatch, token):
    """D5"""
    async with team(tmp_path, monkeypatch) as t:
        if token.startswith(b"."):
            token = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"key-1"}').rstrip(b"=") + token
        answer = await raw(t, b"Bearer " + token, b"Content-Length: 0\r\n")
        assert b" 401 " in answer.partition(b"\r\n")[0]


async def test_any_method_and_any_bytes_in_any_header_are_refused(tmp_path, monkeypatch):
    """D5"""
    async with team(tmp_path, monkeypatch) as t:
        paths = ("/plugins/teams/messages", "/plugins/teams/whole/x", "/plugins/teams/whole/%ff%00")
        async for what, found in odd_requests(t.port, paths):
            assert 400 <= found < 500, what
        await unaffected(t)


async def test_a_token_that_is_believed_opens_no_other_door(tmp_path, monkeypatch):
    """F8: the service URL, the channel and the tenant are looked at with each request."""
    async with team(tmp_path, monkeypatch) as t:
        token = t.ms.token()
        assert (await t.send(said(t.ms, text="hello"), token))[0] == 202
        await t.idle()
        t.ms.requests.clear()
        foreign = {"tenant": {"id": "99999999-aaaa-4bbb-8ccc-000000000009"}}
        for more, status in (
            ({"serviceUrl": "https://evil.example/"}, 401),
            ({"serviceUrl": t.ms.service_url.rstrip("/")}, 401),
            ({"serviceUrl": [t.ms.service_url]}, 401),
            ({"channelId": "webchat"}, 401),
            ({"channelId": ["msteams"]}, 401),
            ({"type": {}}, 401),
            ({"channelData": foreign}, 403),
        ):
            assert (await t.send({**said(t.ms), **more}, token))[0] == status, more
        await unaffected(t)


async def test_a_key_server_that_is_away_is_asked_once_for_many_requests(tmp_path, monkeypatch):
    async with team(tmp_path, monkeypatch) as t:
        t.ms.published = None  # its answer cannot be read
        found = await asyncio.gather(*(t.send(said(t.ms)) for _ in range(10)))
        assert [status for status, _ in found] == [503] * 10
        assert t.ms.discovered == 1


async def test_a_time_before_all_time_is_taken_for_none(tmp_path, monkeypatch):
    """D5"""
    async with team(tmp_path, monkeypatch) as t:
        odd = said(t.ms, text="help", timestamp="0001-01-01T00:00:00+23:59")
        assert (await t.send(odd))[0] == 202


@pytest.mark.parametrize("seconds", [0, -120], ids=["valid", "within the leeway"])
async def test_a_token_of_teams_is_let_in(tmp_path, monkeypatch, seconds):
    async with team(tmp_path, monkeypatch) as t:
        token = t.ms.token(exp=int(NOW()) + (seconds or 3600))
        assert (await t.send(said(t.ms), token))[0] == 202
        await t.thread()


async def test_other_tenants_and_hosts_are_forbidden_and_get_no_token(tmp_path, monkeypatch):
    async with team(tmp_path, monkeypatch) as t:
        foreign = {"tenant": {"id": "99999999-aaaa-4bbb-8ccc-000000000009"}}
        assert (await t.send(said(t.ms, channelData=foreign)))[0] == 403
        assert (await t.send(said(t.ms, channelData={})))[0] == 403
        assert (await t.send(said(t.ms, channelData=None)))[0] == 403
        evil = "https://evil.example/amer/"
        token = t.ms.token(serviceurl=evil)
        assert (await t.send({**said(t.ms), "serviceUrl": evil}, token))[0] == 403
        plain = t.ms.service_url.replace("127.0.0.1", "127.0.0.2")
        token = t.ms.token(serviceurl=plain)
        assert (await t.send({**said(t.ms), "serviceUrl": plain}, token))[0] == 403
        await unaffected(t)
        assert len(t.ms.token_requests) == 1  # its own, at start


async def test_what_lacks_a_service_url_a_channel_or_sense_is_refused(tmp_path, monkeypatch):
    async with team(tmp_path, monkeypatch) as t:
        for key in ("serviceUrl", "channelId", "type"):
            bad = said(t.ms)
            del bad[key]
            assert (await t.send(bad))[0] == 401, key
        assert (await t.send({**said(t.ms), "channelId": "webchat"}))[0] == 401
        headers = {"Authorization": f"Bearer {t.ms.token()}"}
        for body, kind, status in (
            (b"not json", "application/json", 400),
            (b"[1, 2]", "application/json", 400),
            (b'"text"', "application/json", 400),
            (b"", "application/json", 400),
            (b"\xff\xfe", "application/json", 400),
            (json.dumps(said(t.ms)).encode(), "text/plain", 415),
            (BytesIO(b"x" * (2 << 20)), "application/json", 413),
        ):
            kinds = {**headers, "Content-Type": kind}
            async with t.http.post(t.url, data=body, headers=kinds) as response:
                assert response.status == status, kind
        async with t.http.get(t.url) as response:
            assert response.status == 405
        await unaffected(t)


async def test_a_replayed_request_has_no_second_effect(tmp_path, monkeypatch):
    """D3"""
    async with team(tmp_path, monkeypatch) as t:
        what = said(t.ms)
        token = t.ms.token()
        for _ in range(3):
            assert (await t.send(what, token))[0] == 202
        await t.thread()
        await t.idle()
        assert len(await t.app.store.read(lambda work: work.list("all", 10))) == 1


async def test_new_keys_are_taken_up_and_unknown_ones_do_not_make_it_fetch_for_ever(
    tmp_path, monkeypatch
):  # fmt: skip
    clock = ManualClock()
    monkeypatch.setattr("tests.worlds.teams.SystemClock", lambda: clock)
    async with team(tmp_path, monkeypatch) as t:
        assert (await t.send(said(t.ms, text="help")))[0] == 202
        assert t.ms.keys_fetched == 1
        fresh = Key("key-2")
        t.ms.published = [fresh.jwk("msteams")]
        assert (await t.send(said(t.ms, text="help"), t.ms.token(fresh)))[0] == 401
        assert t.ms.keys_fetched == 1
        clock._now += timedelta(minutes=6)
        assert (await t.send(said(t.ms, text="help"), t.ms.token(fresh)))[0] == 202
        assert t.ms.keys_fetched == 2
        for _ in range(5):
            assert (await t.send(said(t.ms), t.ms.token(kid="nobody")))[0] == 401
        assert t.ms.keys_fetched == 2
        assert (await t.send(said(t.ms, text="help")))[0] == 401  # the old key is withdrawn
        t.ms.published = [Key("key-3").jwk("msteams")]
        clock._now -= timedelta(days=1)  # set back: nothing is known to be young
        assert (await t.send(said(t.ms, text="help"), t.ms.token(fresh)))[0] == 401
        assert t.ms.keys_fetched == 3


async def test_a_slow_key_server_holds_up_nothing_else_and_one_that_is_away_is_said(
    tmp_path, monkeypatch
):  # fmt: skip
    ms = Microsoft()
    ms.answers_openid.clear()
    async with team(tmp_path, monkeypatch, ms=ms) as t:
        asking = asyncio.create_task(t.send(said(t.ms, text="help")))
        await until(lambda: ms.discovered)
        async with t.http.get(f"http://127.0.0.1:{t.port}/healthz") as response:
            assert response.status == 200
        assert not asking.done()
        ms.answers_openid.set()
        assert (await asking)[0] == 202


async def test_without_keys_nobody_is_believed(tmp_path, monkeypatch):
    async with team(tmp_path, monkeypatch) as t:
        t.ms.published = None  # its answer cannot be read
        status, _ = await t.send(said(t.ms))
        assert status == 503
        await unaffected(t)


MS = Microsoft()


class TestSettings:
    """The start is refused for what would let anybody in, or the token out."""

    def faults(self, old: str = "", new: str = "") -> str:
        text = config(MS, 1)
        assert not old or old in text
        adapters = parse(text.replace(old, new), {}).adapters["teams"]
        try:
            plugin_context("teams", adapters).settings(TeamsSettings)
        except ConfigError as exc:
            return str(exc)
        return ""

    def test_as_it_should_be(self):
        assert self.faults() == ""

    def test_an_app_id_is_needed(self):
        assert "app_id" in self.faults(f'app_id = "{APP}"', 'app_id = ""')
        assert "app_id: missing" in self.faults(f'app_id = "{APP}"', "")

    def test_tenants_are_needed(self):
        assert "tenants: is empty" in self.faults(f'tenants = ["{TENANT}"]', "tenants = []")
        assert "tenants: missing" in self.faults(f'tenants = ["{TENANT}"]', "")

    def test_service_hosts_are_needed(self):
        old = 'service_hosts = ["127.0.0.1"]'
        assert "service_hosts: is empty" in self.faults(old, "service_hosts = []")
        assert "service_url is not on one" in self.faults(old, 'service_hosts = ["x.example"]')

    def test_one_proof_of_the_app_is_needed(self):
        old = f'password = "{PASSWORD}"'
        assert "password or a certificate" in self.faults(old, "")
        both = f'{old}\ncertificate = "x"'
        assert PASSWORD not in self.faults(old, both)
        assert "not both" in self.faults(old, both)

    def test_addresses_that_others_can_read_are_refused(self):
        for url in ("http://login.example.com", "ftp://x", "https://user@evil.example/"):
            text = "login: it is not an https"
            assert text in self.faults(f'login = "{MS.login}"', f'login = "{url}"')

    def test_a_channel_is_written_as_teams_does(self):
        assert "channel" in self.faults(f'channel = "{CHANNEL}"', 'channel = "Incidents"')


async def test_nothing_listens_is_refused(tmp_path):
    text = config(Microsoft(), 1).replace('listen = "127.0.0.1:1"', "")
    with pytest.raises(ConfigError, match="teams hears over HTTP"):
        async with composed(parse(text, {}), tmp_path, SystemClock()):
            pass


async def test_a_certificate_proves_the_app(tmp_path, monkeypatch):
    key = Key("app")
    pem = (certificate(key) + key.pem).decode()
    secret = tmp_path / "app.pem"
    secret.write_text(pem)
    ms = Microsoft()
    original = config

    def with_certificate(*args, **kwargs):
        return original(*args, **kwargs).replace(
            f'password = "{PASSWORD}"', f'certificate = {{ file = "{secret}" }}'
        )

    monkeypatch.setattr("tests.worlds.teams.config", with_certificate)
    async with team(tmp_path, monkeypatch, ms=ms) as t:
        await t.say("ann", "help")
        await t.hears("Begin with")
        (asked,) = t.ms.token_requests
        assert "client_secret" not in asked
        claims = jwt.decode(
            asked["client_assertion"],
            key.public_pem,
            algorithms=["RS256", "PS256"],
            options={"verify_aud": False},
        )
        assert claims["iss"] == APP


async def test_a_secret_that_ended_ends_the_session(tmp_path, monkeypatch):
    ms = Microsoft()
    ms.refuse_tokens = "AADSTS7000222: The client secret has expired. Trace ID: 1"
    async with team(tmp_path, monkeypatch, ms=ms) as t:
        await until(lambda: t.app.adapters.lost)
        assert "AADSTS7000222" in t.app.adapters.lost[0]
        assert "renew the app's secret" in t.app.adapters.lost[0]
        assert PASSWORD not in t.app.adapters.lost[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["id", "text", "type", "mentioned", "name", "tenant", "action", "data", "line",
             "messagePayload", "from", "user", "body", "content", "conversationType"]
        ),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
KINDS = [
    "message", "invoke", "messageUpdate", "messageDelete", "messageReaction", "installationUpdate",
    "conversationUpdate", "typing", "event", "endOfConversation", "nonsense",
]  # fmt: skip
FIELDS = [
    "id", "timestamp", "from", "conversation", "recipient", "text", "entities", "value", "name",
    "action", "attachments", "replyToId", "channelData", "deliveryMode", "membersAdded", "locale",
]  # fmt: skip


@pytest.mark.parametrize("name", ["x" * 5000, "nul\0", "\ud800", "a/b", "", "\u202e"])
async def test_malformed_ids_and_names_are_answered_and_have_no_effect(
    tmp_path, monkeypatch, name, postgres
):
    """D5: on the database that is stricter about text"""
    url = f'[storage]\nurl = "{postgres.database()}"\n'
    async with team(tmp_path, monkeypatch, more=url) as t:
        account = {"id": name, "aadObjectId": name, "name": name}
        for more in (
            {"from": account},
            {"conversation": {"id": name, "conversationType": "personal"}},
            {"conversation": {"id": f"19:a;messageid={name}", "conversationType": "channel"}},
            {"id": name},
            {"recipient": account, "entities": [{"type": "mention", "mentioned": account}]},
        ):
            for kind in ("message", "invoke"):
                what = activity(t.ms.service_url, kind, **{"text": "hello", **more})
                status, _ = await t.send(json.loads(json.dumps(what)))
                assert status < 500
        await t.idle()
        assert list(await t.app.store.read(lambda work: work.list("all", 10))) == []
        assert (await t.app.store.backlog())["dead"] == 0


async def test_whatever_comes_is_answered_without_a_fault_and_without_effect(
    tmp_path, monkeypatch
):  # fmt: skip
    """D5"""
    async with team(tmp_path, monkeypatch) as t:
        loop = asyncio.get_running_loop()
        token = t.ms.token()
        seen = set()

        @settings(max_examples=150, derandomize=True)
        @given(
            kind=st.sampled_from(KINDS),
            more=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5),
            invoke=st.sampled_from(
                ["adaptiveCard/action", "composeExtension/fetchTask", "task/fetch", "signin/x", ""]
            ),
        )
        def one(kind, more, invoke):
            what = activity(t.ms.service_url, kind)
            if kind == "invoke":
                what["name"] = invoke
            data = more.pop("channelData", None)
            what |= more
            if isinstance(data, dict):
                what["channelData"] = {**data, "tenant": {"id": TENANT}}
            future = asyncio.run_coroutine_threadsafe(t.send(what, token), loop)
            status, body = future.result(20)
            seen.add(status)
            assert status < 500, (status, body, what)

        await asyncio.to_thread(one)
        assert 202 in seen
        await t.idle()
        found = await t.app.store.read(lambda work: work.list("all", 10))
        assert list(found) == []
