"""The messaging endpoint: an HTTP handler with botbuilder's full validation of tokens.

It is our own since botbuilder-integration-aiohttp answers 500 to forged tokens and to
every card's action, lets other tenants in, and blocks the event loop (`docs/explanation/teams.md`).

A request is judged by its header first: the body of one that is not Teams' is never read. The SDK
reads the body before it looks at the token, and builds a model of it, which takes seconds for a
megabyte; here its steps come in the other order, and the JSON is handed on as it is.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, web
from botbuilder.core import CloudAdapterBase, TurnContext
from botbuilder.schema import Activity, CallerIdConstants
from botframework.connector.auth import (
    AuthenticateRequestResult,
    AuthenticationConfiguration,
    AuthenticationConstants,
    BotFrameworkAuthentication,
    ChannelValidation,
    ClaimsIdentity,
    JwtTokenValidation,
    SimpleCredentialProvider,
)
from botframework.connector.auth.jwt_token_extractor import JwtTokenExtractor
from jwt.algorithms import RSAAlgorithm

from adapters.teams.config import TeamsSettings
from adapters.teams.inbound import text_at
from bot.contract import Clock, DatabaseAway, within
from bot.plugin_kit.webhooks import json_body

ISSUER = "https://api.botframework.com"
"""The issuer of Teams' tokens; those of emulators, skills and our own are refused."""

CHANNEL = "msteams"
"""The channel whose tokens are accepted; a key may be endorsed for others alone."""

LONGEST_BODY = 256 * 1024
"""The longest activity, in bytes; Teams keeps messages below 100 KB."""

KEYS_KEPT = timedelta(days=1)
"""How long signing keys count as current."""

KEYS_AGAIN = timedelta(minutes=5)
"""How soon keys may be fetched again for an unknown one: the platform may have rotated them."""

KEYS_TRIED = timedelta(seconds=5)
"""How soon they may be fetched again after a failure, so that requests do not queue up for it."""

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
        self._failed: tuple[datetime, str] | None = None
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
            if self._failed is not None and within(KEYS_TRIED, self._failed[0], self._clock.now()):
                raise KeysAway(self._failed[1])
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
                    self._failed = self._clock.now(), f"{type(exc).__name__}: {exc}"
                    raise KeysAway(self._failed[1]) from exc
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
    """The SDK's validation, by the header alone, without the clients it creates for every turn."""

    def __init__(self, app_id: str) -> None:
        self._app = SimpleCredentialProvider(app_id, "")
        self._configuration = AuthenticationConfiguration()

    async def believe(self, header: str) -> AuthenticateRequestResult:
        """Return what a header's token claims, if Teams signed it for this app.

        Key, endorsement, signature, times, issuer and audience are checked: all but the service
        URL, which stands in the body too.
        """
        identity = await ChannelValidation.authenticate_channel_token(
            header, self._app, CHANNEL, self._configuration
        )
        await JwtTokenValidation.validate_claims(self._configuration, identity.claims)
        if "exp" not in identity.claims:
            raise PermissionError("the token never ends")
        result = AuthenticateRequestResult()
        result.claims_identity = identity
        result.audience = AuthenticationConstants.TO_CHANNEL_FROM_BOT_OAUTH_SCOPE
        result.caller_id = CallerIdConstants.public_azure_channel
        result.connector_factory = _Connectors()
        return result

    async def authenticate_request(
        self, _activity: Activity, _auth_header: str
    ) -> AuthenticateRequestResult:
        raise PermissionError("a request is authenticated before its activity is read")

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
        self._authentication = _Authentication(settings.app_id)
        ChannelValidation.open_id_metadata_endpoint = settings.openid
        JwtTokenExtractor.metadataCache[settings.openid] = Keys(settings.openid, http, clock)
        super().__init__(self._authentication)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request: 401 and 403 before anything else is done with it, 400 for nonsense."""
        result = await self._authenticated(request)
        raw = await self._activity(request)
        activity = self._let_in(raw, result.claims_identity)
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

    async def _authenticated(self, request: web.Request) -> AuthenticateRequestResult:
        """Return whose token a request bears, without a look at its body."""
        header = _bearer(request.headers.get("Authorization", ""))
        if header is None:
            raise web.HTTPUnauthorized
        name = hashlib.sha256(header.encode()).digest()
        known = self._believed.of(name)
        if known is not None:
            return known
        try:
            result = await self._authentication.believe(header)
        except KeysAway as exc:
            self._log.error("no signing keys", why=str(exc))
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"}) from exc
        except Exception as exc:
            # The SDK raises a dozen kinds of error; each means that the sender is not Teams.
            raise self._refused(f"{type(exc).__name__}: {exc}") from exc
        self._believed.keep(name, result)
        return result

    async def _activity(self, request: web.Request) -> Mapping[str, Any]:
        """Return the activity that an authenticated request brings."""
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        raw = await json_body(request, limit=LONGEST_BODY)
        if not isinstance(raw, dict):
            raise web.HTTPBadRequest(text="not an activity")
        return raw

    def _let_in(self, raw: Mapping[str, Any], claims: ClaimsIdentity) -> Activity:
        """Return the SDK's idea of an activity, if its sender may send it; the rest stays JSON."""
        kind, service_url = text_at(raw, "type"), text_at(raw, "serviceUrl")
        if not kind or not service_url or raw.get("channelId") != CHANNEL:
            raise self._refused(f"it lacks a type or service URL, or is not from {CHANNEL}")
        if claims.get_claim_value(ChannelValidation.SERVICE_URL_CLAIM) != service_url:
            raise self._refused("the token is for another service URL")
        tenant = text_at(raw, "channelData", "tenant", "id").casefold()
        if tenant not in self._settings.tenants:
            self._log.warning("other tenant", tenant=tenant[:64])
            raise web.HTTPForbidden
        if not self._settings.may_have_token(service_url):
            self._log.warning("other host", service_url=service_url[:200])
            raise web.HTTPForbidden
        return Activity(type=kind, service_url=service_url, channel_id=CHANNEL)

    def _refused(self, why: str) -> web.HTTPUnauthorized:
        self._log.warning("refused", why=why[:200])
        return web.HTTPUnauthorized()


def _bearer(header: str) -> str | None:
    """Return a header if it holds a token that claims to be the platform's, else `None`."""
    if header.count(" ") != 1 or not header.startswith("Bearer ") or not header.isascii():
        return None
    try:
        claims = jwt.decode(header.removeprefix("Bearer "), options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        # Tokens are JSON too, of any depth, and this one is anybody's.
        return None
    return header if claims.get("iss") == ISSUER else None
