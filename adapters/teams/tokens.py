"""The app's tokens: one for each audience, cached, and fetched off the event loop.

The SDK creates a new MSAL application for every turn, and so fetches a token for each.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msal
from aiohttp import ClientError, ClientSession, ClientTimeout
from botframework.connector.auth import MicrosoftAppCredentials
from botframework.connector.auth.certificate_app_credentials import CertificateAppCredentials

from adapters.teams.config import TeamsSettings
from bot.contract import Clock, SetupFailed, TemporaryFailure, within

CONNECTOR = "https://api.botframework.com"
"""The audience of the connector's tokens."""

ASKED_AGAIN = timedelta(minutes=4)
"""How long a token is used before MSAL is asked: its tokens last five minutes at least."""

SECONDS = ClientTimeout(total=10)
"""How long Entra may take."""

_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL
)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class AppRefused(TemporaryFailure):
    """Entra refuses the app a token; the person who runs Sitrep can mend that."""


class Tokens:
    """The app's tokens, by audience."""

    def __init__(
        self, settings: TeamsSettings, http: Callable[[], ClientSession], clock: Clock
    ) -> None:
        """Fetch nothing yet; `http` returns the client when a token is fetched.

        Raises:
            SetupFailed: The certificate cannot be read.
        """
        self._settings, self._clock = settings, clock
        self._credential = _credential(settings)
        self._app: Any = None
        self._http = _Http(http)
        self._fresh: dict[str, tuple[str, datetime]] = {}
        self._lock = asyncio.Lock()

    async def get(self, audience: str = CONNECTOR) -> str:
        """Return a token for an audience.

        Raises:
            AppRefused: Entra does not accept the app or its secret.
            TemporaryFailure: Entra cannot be reached.
        """
        known = self._fresh.get(audience)
        if known is not None and within(ASKED_AGAIN, known[1], self._clock.now()):
            return known[0]
        async with self._lock:
            known = self._fresh.get(audience)
            if known is not None and within(ASKED_AGAIN, known[1], self._clock.now()):
                return known[0]
            try:
                self._http.loop = asyncio.get_running_loop()
                token = await asyncio.to_thread(self._fetch, audience)
            except PermissionError as exc:
                raise AppRefused(f"Entra refuses the app: {_first_line(str(exc))}") from exc
            except (ClientError, TimeoutError, ValueError) as exc:
                raise TemporaryFailure(f"Entra cannot be reached: {type(exc).__name__}") from exc
            self._fresh[audience] = (token, self._clock.now())
            return token

    def forget(self, audience: str = CONNECTOR) -> None:
        """Forget a token that was not accepted."""
        self._fresh.pop(audience, None)

    def _fetch(self, audience: str) -> str:
        settings = self._settings
        if self._app is None:
            own = settings.login != TeamsSettings.model_fields["login"].default
            self._app = msal.ConfidentialClientApplication(
                settings.app_id,
                client_credential=self._credential,
                authority=f"{settings.login}/{settings.tenant}",
                instance_discovery=False if own else None,
                http_client=self._http,
            )
        kind: Any = MicrosoftAppCredentials
        given: tuple[str, ...] = ("",)
        if isinstance(self._credential, dict):
            kind = CertificateAppCredentials
            given = (self._credential["thumbprint"], self._credential["private_key"])
        credentials = kind(settings.app_id, *given, settings.tenant, audience)
        credentials.app = self._app
        return str(credentials.get_access_token())


@dataclass(frozen=True, slots=True)
class _Answer:
    """An HTTP answer, as MSAL reads it."""

    status_code: int
    text: str
    headers: Mapping[str, str]


class _Http:
    """MSAL's HTTP client: MSAL works in a thread, and the one client of the loop asks for it."""

    def __init__(self, http: Callable[[], ClientSession]) -> None:
        self._http = http
        self.loop: asyncio.AbstractEventLoop | None = None

    def get(self, url: str, **asked: Any) -> _Answer:  # noqa: ANN401 - as MSAL has it
        return self._wait("GET", url, asked)

    def post(self, url: str, **asked: Any) -> _Answer:  # noqa: ANN401 - as MSAL has it
        return self._wait("POST", url, asked)

    def _wait(self, method: str, url: str, asked: Mapping[str, Any]) -> _Answer:
        if self.loop is None:
            raise RuntimeError("no loop runs yet")
        wanted = {k: v for k in ("params", "headers") if (v := asked.get(k)) is not None}
        if (form := asked.get("data")) is not None:
            wanted["data"] = urlencode(form)  # MSAL puts bytes among its texts
            wanted["headers"] = {**wanted.get("headers", {}), **_FORM}
        return asyncio.run_coroutine_threadsafe(self._ask(method, url, wanted), self.loop).result()

    async def _ask(self, method: str, url: str, asked: Mapping[str, Any]) -> _Answer:
        async with self._http().request(method, url, timeout=SECONDS, **asked) as answer:
            return _Answer(answer.status, await answer.text(), dict(answer.headers))


def _credential(settings: TeamsSettings) -> str | dict[str, str]:
    """Return the app's credential for MSAL: its secret, or a certificate with its key."""
    if settings.password is not None:
        return settings.password.get_secret_value()
    pem = settings.certificate.get_secret_value() if settings.certificate is not None else ""
    key, certificate = _KEY.search(pem), _CERTIFICATE.search(pem)
    if key is None or certificate is None:
        raise SetupFailed(
            "[adapters.teams] certificate: needs the certificate and its private key, both as PEM; "
            'write certificate = { file = "/path/to/app.pem" }'
        )
    try:
        der = ssl.PEM_cert_to_DER_cert(certificate[0])
    except ValueError as exc:
        raise SetupFailed(f"[adapters.teams] certificate: cannot be read: {exc}") from exc
    return {
        "private_key": key[0],
        "thumbprint": hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
        "public_certificate": certificate[0],
    }


def _first_line(text: str) -> str:
    """Return Entra's error message without the trace ids that follow it."""
    return text.partition("error_description:")[2].strip().partition(" Trace ID")[0][:300] or text
