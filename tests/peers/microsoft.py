"""Microsoft's side on the loopback: OpenID keys, Entra's tokens, a connector, Graph.

The tokens are real ones, of our own keys. The connector plays what the Agents Playground cannot:
refusals, limits, lost answers. What it is handed is checked against the official card schema.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import ipaddress
import itertools
import json
import ssl
import tempfile
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.peers.card_schema import faults_in
from tests.peers.machine import free_port

ISSUER = "https://api.botframework.com"
APP, TENANT = "11111111-aaaa-4bbb-8ccc-000000000001", "22222222-aaaa-4bbb-8ccc-000000000002"
TEAM, CHANNEL = "33333333-aaaa-4bbb-8ccc-000000000003", "19:incidents@thread.tacv2"
PASSWORD = "a-client-secret"


class Key:
    """A signing key."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def pem(self) -> bytes:
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def jwk(self, *endorsements: str) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA", "use": "sig", "kid": self.kid, "x5t": self.kid,
            "n": _b64(numbers.n), "e": _b64(numbers.e), "endorsements": list(endorsements),
        }  # fmt: skip


@cache
def _keys() -> tuple[Key, Key, Key]:
    """Ours, an attacker's under the same name, and one for another channel; made once."""
    return Key("key-1"), Key("key-1"), Key("key-webchat")


@cache
def _tls() -> bytes:
    key = Key("tls")
    return certificate(key) + key.pem


def _b64(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def certificate(key: Key) -> bytes:
    """A self-signed certificate for this machine."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key.private, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


class Microsoft:
    """Everything of Microsoft's that the adapter talks to."""

    def __init__(self) -> None:
        self.key, self.rogue, self.unendorsed = _keys()
        self.published = [self.key.jwk("msteams"), self.unendorsed.jwk("webchat")]
        self.port, self.tls = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.login = f"https://127.0.0.1:{self.tls}"
        self.openid = f"{self.base}/openid"
        self.service_url = f"{self.base}/amer/"
        self.graph = f"{self.base}/graph"
        self.keys_fetched = self.discovered = 0
        self.answers_openid = asyncio.Event()
        self.answers_openid.set()
        self.token_requests: list[dict[str, Any]] = []
        self.refuse_tokens = ""
        self.requests: list[tuple[str, str, str, Any]] = []
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.channels: dict[str, str] = {}
        self.roster: list[dict[str, Any]] = []
        self.page = 500
        self.script: deque[Any] = deque()
        self.faults: list[str] = []
        self.delay = 0.0
        self._numbers = itertools.count(1)

    def token(
        self, key: Key | None = None, alg: str = "RS256", kid: str | None = "", **over
    ) -> str:
        """Sign what Teams would sign; `over` changes or (none) removes claims."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": APP, "serviceurl": self.service_url,
            "nbf": now - 60, "iat": now - 60, "exp": now + 3600,
        }  # fmt: skip
        claims = {k: v for k, v in {**claims, **over}.items() if v is not None}
        key = key or self.key
        headers = {"kid": key.kid if kid == "" else kid}
        if alg == "none":
            return jwt.encode(claims, None, algorithm="none", headers=headers)
        if alg == "HS256":
            # PyJWT refuses to make such a token: it is made by hand, as an attacker would.
            return _hmac_token(claims, key, headers)
        headers = {k: v for k, v in headers.items() if v is not None}
        return jwt.encode(claims, key.pem, algorithm=alg, headers=headers)

    # --- OpenID and Entra -------------------------------------------------------------------------

    async def _openid(self, _request: web.Request) -> web.Response:
        self.discovered += 1
        await self.answers_openid.wait()
        return web.json_response({"issuer": ISSUER, "jwks_uri": f"{self.base}/keys"})

    async def _keys(self, _request: web.Request) -> web.Response:
        self.keys_fetched += 1
        return web.json_response({"keys": self.published})

    async def _discover(self, request: web.Request) -> web.Response:
        base = f"{self.login}/{request.match_info['tenant']}"
        return web.json_response(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
            }
        )

    async def _token(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        self.token_requests.append(form)
        if self.refuse_tokens:
            error = {"error": "invalid_client", "error_description": self.refuse_tokens}
            return web.json_response(error, status=401)
        audience = str(form["scope"]).removesuffix("/.default")
        token = jwt.encode(
            {"aud": audience, "n": len(self.token_requests)}, "k" * 32, algorithm="HS256"
        )
        answer = {"token_type": "Bearer", "expires_in": 3599, "access_token": token}
        return web.json_response(answer)

    # --- the connector ----------------------------------------------------------------------------

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        path = request.path.removeprefix("/amer/v3/")
        header = request.headers.get("Authorization", "")
        self.requests.append((request.method, path, header, body))
        await asyncio.sleep(self.delay)
        if self.script:
            step = self.script.popleft()
            if callable(step):
                step = step(request.method, path)
            if step == "lost":
                self._do(request.method, path, body)
                request.transport.close()
                return web.Response()
            if step == "hang":
                self._do(request.method, path, body)
                await asyncio.sleep(60)
            if isinstance(step, tuple):
                status, code, headers = (*step, {}, {})[:3] if len(step) < 3 else step
                error = {"error": {"code": code or "Error", "message": "no"}}
                return web.json_response(error, status=status, headers=headers or {})
        if not self._bears(header, ISSUER):
            return web.json_response({"error": {"code": "Unauthorized"}}, status=401)
        if path.endswith("/pagedmembers"):
            return self._paged(path.split("/")[1], request.query)
        return self._do(request.method, path, body)

    def _paged(self, conversation: str, query: Mapping[str, str]) -> web.Response:
        """A page of the roster, as the connector gives it."""
        if conversation != CHANNEL:
            return web.json_response({"error": {"code": "ConversationNotFound"}}, status=404)
        begin = int(query.get("continuationToken", "at+0").removeprefix("at+"))
        end = begin + min(self.page, int(query["pageSize"]))
        more = {"continuationToken": f"at+{end}"} if end < len(self.roster) else {}
        return web.json_response({"members": self.roster[begin:end], **more})

    def _bears(self, header: str, audience: str) -> bool:
        try:
            claims = jwt.decode(header.removeprefix("Bearer "), options={"verify_signature": False})
        except jwt.InvalidTokenError:
            return False
        return claims.get("aud") == audience

    def _do(self, method: str, path: str, body: Any) -> web.Response:
        parts = path.split("/")
        if parts == ["conversations"]:
            return self._create(body)
        conversation = parts[1]
        if parts[2:3] == ["members"]:
            return web.json_response({"id": parts[3], "name": "Somebody"})
        if method == "POST":
            self._check(body)
            if body.get("text") and body.get("attachments"):
                return web.Response(status=202)
            name = self._keep(conversation, body)
            return web.json_response({"id": name}, status=201)
        for message in self.messages.get(conversation, []):
            if message["id"] == parts[3]:
                self._check(body)
                message.update({**body, "edits": message.get("edits", 0) + 1})
                return web.json_response({"id": parts[3]})
        return web.json_response({"error": {"code": "ActivityNotFound"}}, status=404)

    def _create(self, body: dict[str, Any]) -> web.Response:
        if body["tenantId"] != TENANT:
            return web.json_response({"error": {"code": "BadTenant"}}, status=400)
        if body["isGroup"]:
            channel = body["channelData"]["channel"]["id"]
            self._check(body["activity"])
            root = f"{1700000000000 + next(self._numbers)}"
            conversation = f"{channel};messageid={root}"
            self.messages.setdefault(conversation, []).append({**body["activity"], "id": root})
            return web.json_response({"id": conversation, "activityId": root}, status=201)
        return web.json_response({"id": f"a:{body['members'][0]['id']}"}, status=201)

    def _keep(self, conversation: str, activity: dict[str, Any]) -> str:
        name = f"{1700000000000 + next(self._numbers)}"
        self.messages.setdefault(conversation, []).append({**activity, "id": name})
        return name

    def _check(self, activity: dict[str, Any]) -> None:
        for attachment in activity.get("attachments", []):
            self.faults += faults_in(attachment["content"])
        size = len(json.dumps(activity, ensure_ascii=False).encode("utf-16-le"))
        if size > 80_000:
            self.faults.append(f"a message of {size} bytes")
        for entity in activity.get("entities", []):
            if entity["text"] not in activity["text"]:
                self.faults.append(f"mentioned, and not in the text: {entity['text']}")

    # --- Graph ------------------------------------------------------------------------------------

    async def _graph(self, request: web.Request) -> web.Response:
        if not self._bears(request.headers.get("Authorization", ""), self.graph):
            return web.json_response({"error": {"message": "no token"}}, status=401)
        if self.script:
            status, code, *_ = self.script.popleft()
            return web.json_response({"error": {"code": code, "message": "no"}}, status=status)
        if request.method == "GET":
            wanted = request.query["$filter"].removeprefix("displayName eq '").removesuffix("'")
            found = [
                {"id": k, "displayName": v}
                for k, v in self.channels.items()
                if v == wanted.replace("''", "'")
            ]
            return web.json_response({"value": found})
        body = await request.json()
        assert 0 < len(body["displayName"]) <= 50
        name = f"19:made{next(self._numbers)}@thread.tacv2"
        self.channels[name] = body["displayName"]
        return web.json_response({"id": name, **body}, status=201)

    # --- running ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self, monkeypatch) -> AsyncIterator[Microsoft]:
        app = web.Application(client_max_size=1 << 20)
        app.router.add_get("/openid", self._openid)
        app.router.add_get("/keys", self._keys)
        app.router.add_route("*", "/graph/v1.0/teams/{team}/channels", self._graph)
        app.router.add_route("*", "/amer/v3/{rest:.*}", self._connect)
        entra = web.Application()
        for version in ("v2.0/", ""):
            path = f"/{{tenant}}/{version}.well-known/openid-configuration"
            entra.router.add_get(path, self._discover)
        entra.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        with tempfile.TemporaryDirectory() as folder:
            pem = Path(folder) / "entra.pem"
            pem.write_bytes(_tls())
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            runners = []
            for each, port, tls in ((app, self.port, None), (entra, self.tls, context)):
                runner = web.AppRunner(each, access_log=None, shutdown_timeout=0.1)
                await runner.setup()
                await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
                runners.append(runner)
            try:
                yield self
            finally:
                for runner in runners:
                    await _ended(runner)


async def _ended(runner: web.AppRunner) -> None:
    """End a server with its connections: over TLS each would wait for the other side's goodbye."""
    transports = [each.transport for each in runner.server.connections]
    await runner.cleanup()
    for transport in transports:
        if transport is not None:
            transport.abort()
    await asyncio.sleep(0)  # the loop closes what was aborted in its next turn


def _hmac_token(claims: dict[str, Any], key: Key, headers: dict[str, Any]) -> str:
    """A token that is signed with the public key as if it were a password."""

    def part(value: dict[str, Any]) -> str:
        raw = json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    signed = f"{part({'alg': 'HS256', 'typ': 'JWT', **headers})}.{part(claims)}"
    mark = hmac.new(key.public_pem, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


def activity(service_url: str, kind: str = "message", **more: Any) -> dict[str, Any]:
    """What Teams sends, in its shape."""
    now = dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z")
    return {
        "type": kind,
        "id": str(uuid.uuid4()),
        "timestamp": now,
        "serviceUrl": service_url,
        "channelId": "msteams",
        "recipient": {"id": f"28:{APP}", "name": "Sitrep"},
        "conversation": {
            "id": "a:personal-ann",
            "conversationType": "personal",
            "tenantId": TENANT,
        },
        "from": {"id": "29:ann", "name": "Ann", "aadObjectId": object_id("ann")},
        "channelData": {"tenant": {"id": TENANT}},
        "locale": "en-GB",
        **more,
    }


def object_id(name: str) -> str:
    """The directory's id of somebody invented."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.example.com"))
