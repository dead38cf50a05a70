"""The messaging endpoint: an HTTP handler with botbuilder's full validation of tokens.

It is our own since botbuilder-integration-aiohttp answers 500 to forged tokens and to
every card's action, lets other tenants in, and blocks the event loop (`docs/explanation/teams.md`).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, web
from botbuilder.core import CloudAdapterBase, TurnContext
from botbuilder.schema import Activity
from botframework.connector.auth import (
    AuthenticateRequestResult,
    AuthenticationConfiguration,
    BotFrameworkAuthentication,
    BotFrameworkAuthenticationFactory,
    ChannelValidation,
    ClaimsIdentity,
    PasswordServiceClientCredentialFactory,
)
from botframework.connector.auth.jwt_token_extractor import JwtTokenExtractor
from jwt.algorithms import RSAAlgorithm

from adapters.teams.config import TeamsSettings
from bot.contract import Clock, DatabaseAway, within

ISSUER = "https://api.botframework.com"
"""The issuer of Teams' tokens; those of emulators, skills and our own are refused."""

KEYS_KEPT = timedelta(days=1)
"""How long signing keys count as current."""

KEYS_AGAIN = timedelta(minutes=5)
"""How soon keys may be fetched again for an unknown one: the platform may have rotated them."""

BELIEVED_FOR, TOKENS_KEPT = timedelta(seconds=30), 256
"""How long a validated token is trusted without validation, and how many are remembered."""

SECONDS = ClientTimeout(total=10)
"""How long the key server may take."""


Turn = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]
"""Handles an authenticated activity, as plain JSON.

Returns the body that answers an invoke; `None` if there is nothing to answer.
"""


class KeysAway(Exception):  # noqa: N818 - a state, not a fault
    """The signing keys cannot be fetched, so no token can be validated now."""


@dataclass(frozen=True, slots=True)
class _Key:
    public_key: Any
    endorsements: list[str]


class Keys:
    """The platform's signing keys, with the interface of the SDK's own class.

    That class fetches them with blocking calls on the event loop, and not again for an unknown key.
    """

    def __init__(self, url: str, http: Callable[[], ClientSession], clock: Clock) -> None:
        """Fetch nothing yet."""
        self._url, self._http, self._clock = url, http, clock
        self._keys: dict[str, _Key] = {}
        self._fetched_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def get(self, key_id: str | None) -> _Key:
        """Return a key.

        Raises:
            PermissionError: There is no such key.
            KeysAway: No keys could be fetched.
        """
        if key_id is None:
            raise PermissionError("the token names no key")
        if self._older_than(KEYS_KEPT):
            await self._fetch(KEYS_KEPT)
        if key_id not in self._keys and self._older_than(KEYS_AGAIN):
            await self._fetch(KEYS_AGAIN)
        if key_id not in self._keys:
            raise PermissionError("the token is signed with an unknown key")
        return self._keys[key_id]

    def _older_than(self, age: timedelta) -> bool:
        return self._fetched_at is None or not within(age, self._fetched_at, self._clock.now())

    async def _fetch(self, age: timedelta) -> None:
        async with self._lock:
            if not self._older_than(age):
                return
            try:
                document = await self._json(self._url)
                found = (await self._json(str(document["jwks_uri"])))["keys"]
                self._keys = {
                    key["kid"]: _Key(RSAAlgorithm.from_jwk(key), key.get("endorsements", []))
                    for key in found
                    if key.get("kty") == "RSA"
                }
            except (ClientError, TimeoutError, ValueError, KeyError, TypeError) as exc:
                if not self._keys:
                    raise KeysAway(f"{type(exc).__name__}: {exc}") from exc
            self._fetched_at = self._clock.now()

    async def _json(self, url: str) -> dict[str, Any]:
        async with self._http().get(url, timeout=SECONDS) as response:
            response.raise_for_status()
            found: dict[str, Any] = await response.json(content_type=None)
            return found


class _Connectors:
    """Replaces the SDK's connector client: everything is sent through our own."""

    async def create(self, service_url: str, audience: str) -> object:
        del service_url, audience
        return self


class _Believed:
    """A cache of tokens validated a moment ago: Teams sends each with many activities.

    They are kept so briefly that a revoked key does not matter; the SDK keeps keys for a day.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._results: OrderedDict[bytes, tuple[AuthenticateRequestResult, datetime]] = (
            OrderedDict()
        )

    def of(self, name: bytes) -> AuthenticateRequestResult | None:
        """Return the result of a token's validation, if that was just now."""
        found = self._results.get(name)
        if found is None or not within(BELIEVED_FOR, found[1], self._clock.now()):
            return None
        return found[0]

    def keep(self, name: bytes, result: AuthenticateRequestResult) -> None:
        """Remember a valid token."""
        self._results[name] = (result, self._clock.now())
        if len(self._results) > TOKENS_KEPT:
            self._results.popitem(last=False)


class _Authentication(BotFrameworkAuthentication):  # type: ignore[misc] # it has no types
    """The SDK's validation, without the clients that it creates for every turn."""

    def __init__(self, app_id: str) -> None:
        self._whole = BotFrameworkAuthenticationFactory.create(
            credential_factory=PasswordServiceClientCredentialFactory(app_id),
            auth_configuration=AuthenticationConfiguration(),
        )

    async def authenticate_request(
        self, activity: Activity, auth_header: str
    ) -> AuthenticateRequestResult:
        result = await self._whole.authenticate_request(activity, auth_header)
        result.connector_factory = _Connectors()
        return result

    async def authenticate_streaming_request(
        self, _auth_header: str, _channel_id_header: str
    ) -> AuthenticateRequestResult:
        raise PermissionError("nothing streams here")

    def create_connector_factory(self, _claims: ClaimsIdentity) -> _Connectors:
        return _Connectors()

    async def create_user_token_client(self, _claims: ClaimsIdentity) -> None:
        """Nobody signs in through the bot."""


class Endpoint(CloudAdapterBase):  # type: ignore[misc] # it has no types
    """Accepts requests from Teams, and from nobody else."""

    def __init__(
        self,
        settings: TeamsSettings,
        http: Callable[[], ClientSession],
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
        turn: Turn,
    ) -> None:
        """`turn` handles the activities that pass validation."""
        self._settings, self._log, self._turn = settings, log, turn
        self._believed = _Believed(clock)
        ChannelValidation.open_id_metadata_endpoint = settings.openid
        JwtTokenExtractor.metadataCache[settings.openid] = Keys(settings.openid, http, clock)
        super().__init__(_Authentication(settings.app_id))

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request: 401 and 403 before anything else is done with it, 400 for nonsense."""
        raw, activity, result = await self._let_in(request)
        answer: Mapping[str, Any] | None = None

        async def turn(_context: TurnContext) -> None:
            nonlocal answer
            answer = await self._turn(raw)

        try:
            await self.process_activity(result, activity, turn)
        except DatabaseAway as exc:
            self._log.warning("database away", error=str(exc))
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"}) from exc
        if activity.type != "invoke":
            return web.Response(status=202)
        if answer is None:
            return web.Response(status=400)
        return web.json_response(answer)

    # --- who it is --------------------------------------------------------------------------------

    async def _let_in(
        self, request: web.Request
    ) -> tuple[Mapping[str, Any], Activity, AuthenticateRequestResult]:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        header = _bearer(request.headers.get("Authorization", ""))
        if header is None:
            raise web.HTTPUnauthorized
        raw, activity = await _read(request)
        try:
            result = await self._authenticated(activity, header)
        except KeysAway as exc:
            self._log.error("no signing keys", why=str(exc))
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"}) from exc
        except Exception as exc:
            # The SDK raises a dozen kinds of error; each means that the sender is not Teams.
            self._log.warning("refused", why=f"{type(exc).__name__}: {exc}"[:200])
            raise web.HTTPUnauthorized from exc
        tenant = _tenant(raw)
        if tenant not in self._settings.tenants:
            self._log.warning("other tenant", tenant=tenant[:64])
            raise web.HTTPForbidden
        if not self._settings.may_have_token(activity.service_url):
            self._log.warning("other host", service_url=str(activity.service_url)[:200])
            raise web.HTTPForbidden
        return raw, activity, result

    async def _authenticated(self, activity: Activity, header: str) -> AuthenticateRequestResult:
        if not (activity.type and activity.service_url and activity.channel_id == "msteams"):
            raise PermissionError("it lacks a type or service URL, or is not from msteams")
        # Everything that the validation depends on, besides the keys and the time.
        looked_at = "\0".join((header, str(activity.service_url), str(activity.channel_id)))
        name = hashlib.sha256(looked_at.encode("utf-8", "surrogatepass")).digest()
        known = self._believed.of(name)
        if known is not None:
            return known
        authentication = self.bot_framework_authentication
        result: AuthenticateRequestResult = await authentication.authenticate_request(
            activity, header
        )
        if "exp" not in result.claims_identity.claims:
            raise PermissionError("the token never ends")
        self._believed.keep(name, result)
        return result


def _bearer(header: str) -> str | None:
    """Return a header if it holds a token that claims to be the platform's, else `None`."""
    if header.count(" ") != 1 or not header.startswith("Bearer "):
        return None
    try:
        claims = jwt.decode(header.removeprefix("Bearer "), options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    return header if claims.get("iss") == ISSUER else None


async def _read(request: web.Request) -> tuple[Mapping[str, Any], Activity]:
    body = await request.read()
    try:
        raw: dict[str, Any] = json.loads(body)
        return raw, Activity().deserialize(raw)
    except Exception as exc:
        # msrest lets every exception of its parsing through.
        raise web.HTTPBadRequest(text="not an activity") from exc


def _tenant(raw: Mapping[str, Any]) -> str:
    """Return the tenant that an activity comes from; the SDK's `tenant_id` is never filled."""
    data = raw.get("channelData")
    tenant = data.get("tenant") if isinstance(data, dict) else None
    found = tenant.get("id") if isinstance(tenant, dict) else None
    return found.casefold() if isinstance(found, str) else ""
