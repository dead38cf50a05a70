"""Everything that Sitrep asks over HTTP, where a proxy is the only way out."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Awaitable, Callable

import jwt
import pytest
from aiohttp import ClientError
from aiosmtpd.smtp import SMTP

from adapters.teams import roster
from adapters.teams.config import TeamsSettings
from adapters.teams.connector import Connector
from adapters.teams.endpoint import Keys
from adapters.teams.graph import Graph
from adapters.teams.tokens import Tokens
from bot.cli import checks
from bot.clock import SystemClock
from bot.config.load import parse
from bot.contract import TemporaryFailure
from bot.network import http_client
from bot.plugin_kit.http_api import Api
from plugins.mail import MailSettings, Smtp
from tests.peers.company import DOMAIN, Company
from tests.peers.microsoft import APP, CHANNEL, ISSUER, PASSWORD, TEAM, TENANT, Microsoft
from tests.players.command_line import sitrep
from tests.worlds.matrix import world

VARIABLES = (
    "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
)  # fmt: skip


@pytest.fixture
async def company(tmp_path, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "company"
    folder.mkdir()
    async with Company(folder).running() as there:
        yield there


@pytest.fixture
def through(company, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", company.proxy)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(company.ca))
    return company


async def asked(url: str) -> int:
    async with http_client() as http, http.get(url) as answer:
        return answer.status


# --- the variables --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
)
@pytest.mark.parametrize("proxy", ["HTTPS_PROXY", "https_proxy"])
async def test_one_variable_for_the_proxy_and_one_for_the_ca_are_enough(
    company, monkeypatch, tmp_path, name, proxy
):
    url = await company.front("chat", company.anything)
    with pytest.raises(ClientError):
        await asked(url)
    monkeypatch.setenv(proxy, company.proxy)
    with pytest.raises(ClientError):
        await asked(url)
    assert company.counted == {f"chat.{DOMAIN}:443": 1}
    monkeypatch.setenv(name, str(company.ca.parent if name.endswith("DIR") else company.ca))
    if name.endswith("DIR"):
        subprocess.run(["openssl", "rehash", company.ca.parent], check=True)  # noqa: ASYNC221
    assert await asked(url) == 200
    assert company.counted == {f"chat.{DOMAIN}:443": 2}


async def test_plain_http_goes_through_the_proxy_too(company, monkeypatch):
    monkeypatch.setenv("http_proxy", company.proxy)
    assert await asked(f"http://plain.{DOMAIN}/x") == 200
    assert company.counted == {f"plain.{DOMAIN}:80": 1}


async def test_this_machine_and_what_is_named_are_reached_directly(through, monkeypatch):
    monkeypatch.setenv("http_proxy", through.proxy)
    assert await asked(f"http://127.0.0.1:{through.anything}/") == 200
    assert through.counted == {}
    monkeypatch.setenv("NO_PROXY", f"other.test,.{DOMAIN}")
    with pytest.raises(ClientError):
        await asked(f"https://chat.{DOMAIN}/")
    assert through.counted == {}


async def test_a_proxy_may_speak_tls_itself(company, monkeypatch):
    url = await company.front("chat", company.anything)
    monkeypatch.setenv("HTTPS_PROXY", company.tls_proxy)
    monkeypatch.setenv("CURL_CA_BUNDLE", str(company.ca))
    assert await asked(url) == 200
    assert company.counted == {f"chat.{DOMAIN}:443": 1}


async def test_a_proxy_may_ask_for_a_password_and_nobody_else_reads_it(
    through, monkeypatch, caplog
):
    through.auth = "sitrep:very%40secret"
    url = await through.front("chat", through.anything)
    address = through.proxy.removeprefix("http://")
    monkeypatch.setenv("HTTPS_PROXY", f"http://sitrep:wrong-secret@{address}")
    async with http_client() as http:
        api = Api("the tracker", url, {}, lambda: http)
        with pytest.raises(TemporaryFailure, match="407") as refused:
            await api.ask("GET", "/")
    monkeypatch.setenv("HTTPS_PROXY", "http://sitrep:wrong-secret@127.0.0.1:9")
    async with http_client() as http:
        api = Api("the tracker", url, {}, lambda: http)
        with pytest.raises(TemporaryFailure) as away:
            await api.ask("GET", "/")
    assert "secret" not in f"{refused.value}{away.value}{caplog.text}"
    monkeypatch.setenv("HTTPS_PROXY", f"http://sitrep:very%2540secret@{address}")
    assert await asked(url) == 200


async def test_a_password_of_netrc_takes_no_tokens_place(through, monkeypatch, tmp_path):
    """aiohttp's own way with the environment would send it to every host."""
    url = await through.front("chat", through.anything)
    (tmp_path / "netrc").write_text("default login ann password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    token = {"Authorization": "Bearer token"}
    async with http_client() as http, http.get(url, headers=token) as answer:
        assert answer.status == 200
        assert answer.request_info.headers["Authorization"] == "Bearer token"


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_proxy_that_cannot_be_used_is_one_line_at_the_start(monkeypatch, tmp_path, command):
    monkeypatch.setenv("HTTPS_PROXY", "socks5://ann:secret@proxy.example.com:1080")
    done = sitrep(tmp_path, command)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "sitrep: HTTPS_PROXY: a proxy of the kind socks5:// cannot be used; "
        "write http://proxy.example.com:3128, or unset it"
    )
    assert "secret" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


# --- every part -----------------------------------------------------------------------------------

PLUGINS = {
    "github": 'repository = "ops/actions"\ntoken = {{ env = "T" }}\napi = "{url}"',
    "gitlab": 'url = "{url}"\nproject = "ops/actions"\ntoken = {{ env = "T" }}',
    "jira": 'url = "{url}"\nproject = "OPS"\nuser = "ann"\ntoken = {{ env = "T" }}',
    "redmine": 'url = "{url}"\nkey = {{ env = "T" }}\nproject = "ops"',
    "statuspage": 'page = "abc"\nkey = {{ env = "T" }}\napi = "{url}"',
    "cachet": 'url = "{url}"\ntoken = {{ env = "T" }}',
}


@pytest.mark.parametrize("name", PLUGINS)
async def test_a_plugin_goes_through_the_proxy(through, tmp_path, name):
    url = await through.front("api", through.anything)
    text = f"[people.ann]\n[plugins.{name}]\n{PLUGINS[name].format(url=url)}\n"
    said: list[str] = []
    await checks.check(parse(text, {"T": "t"}), tmp_path / "home", deep=False, tell=said.append)
    assert through.counted == {f"api.{DOMAIN}:443": 1}
    assert through.seen[0][0] == f"api.{DOMAIN}"
    assert f"       network: {through.proxy} for https; directly: this machine" in said


PARTS: dict[str, tuple[str, Callable[..., Awaitable[object]]]] = {
    "tokens": ("login", lambda s, http: Tokens(s, lambda: http, SystemClock()).get()),
    "keys": ("keys", lambda s, http: Keys(s.openid, lambda: http, SystemClock()).get("key-1")),
    "connector": ("smba", lambda s, http: connector(s, http).roster(s.service_url, CHANNEL)),
    "graph": ("graph", lambda s, http: graph(s, http).channel("a", "b")),
    "sitrep teams people": ("smba", lambda s, _http: roster._members(Context(), s)),
}


class Context:
    """What `sitrep teams people` needs of a plugin's context."""

    clock = SystemClock()


def bearing(audience: str) -> Callable[[], Awaitable[str]]:
    async def token() -> str:
        return jwt.encode({"aud": audience}, "k" * 32, algorithm="HS256")

    return token


def connector(settings: TeamsSettings, http) -> Connector:
    return Connector(settings, lambda: http, bearing(ISSUER), lambda: None, SystemClock())


def graph(settings: TeamsSettings, http) -> Graph:
    return Graph(settings, lambda: http, bearing(settings.graph), SystemClock())


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_of_teams_goes_through_the_proxy(through, monkeypatch, part):
    host, ask = PARTS[part]
    ms = Microsoft()
    async with ms.running(monkeypatch):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(through.ca))
        unchecked = ssl._create_unverified_context()  # noqa: S323 - from the front to Entra's peer
        ms.login = await through.front("login", ms.tls, unchecked)
        base = ms.base
        urls = {name: await through.front(name, ms.port) for name in ("keys", "smba", "graph")}
        ms.base, ms.graph = urls["keys"], ms.graph.replace(base, urls["graph"])
        settings = TeamsSettings(
            app_id=APP, tenant=TENANT, tenants=(TENANT,), password=PASSWORD, channel=CHANNEL,
            team=TEAM, login=ms.login, openid=f"{urls['keys']}/openid",
            graph=ms.graph, service_hosts=(f"smba.{DOMAIN}",),
            service_url=ms.service_url.replace(base, urls["smba"]),
        )  # fmt: skip
        async with http_client() as http:
            await ask(settings, http)
    assert through.counted[f"{host}.{DOMAIN}:443"] == 1
    assert sum(through.counted.values()) == (2 if part == "sitrep teams people" else 1)


async def test_logging_in_and_talking_on_matrix_go_through_the_proxy(through, synapse, tmp_path):
    """`sitrep matrix login`, the sync of matrix-nio with its keys, and all that is sent."""
    url = await through.front("matrix", synapse.port)
    async with world(synapse, tmp_path / "home", url=url, start=False) as w:
        # Two clients: the command's own, and matrix-nio's.
        assert through.counted == {f"matrix.{DOMAIN}:443": 2}
        async with w.bot.running():
            await w.ann.room(f"{w.bot.prefix}-triage")
            room = await w.declared("Checkout is down")
            await w.ann.hears("Checkout is down", room)
    assert set(through.counted) == {f"matrix.{DOMAIN}:443"}


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_mail_trusts_the_same_cas_and_knows_no_proxy(through, monkeypatch, security):
    """SMTP has no proxies of this kind: a mail server must be reached directly."""
    first, later = (through.tls, None) if security == "tls" else (None, through.tls)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(object(), tls_context=later), "127.0.0.1", 0, ssl=first
    )
    try:
        port = server.sockets[0].getsockname()[1]
        settings = MailSettings(
            host="localhost", port=port, security=security, sender="sitrep@example.com"
        )
        assert await Smtp(Context(), settings).check() == []
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        (finding,) = await Smtp(Context(), settings).check()
        assert "certificate" in finding.text
    finally:
        server.close()
    assert through.counted == {}
