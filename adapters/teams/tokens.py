"""The app's tokens: one for each audience, cached, and fetched off the event loop.

The SDK creates a new MSAL application for every turn, and so fetches a token for each.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from datetime import datetime, timedelta
from typing import Any

import msal
import requests
from botframework.connector.auth import MicrosoftAppCredentials
from botframework.connector.auth.certificate_app_credentials import CertificateAppCredentials

from adapters.teams.config import TeamsSettings
from bot.contract import Clock, SetupFailed, TemporaryFailure

CONNECTOR = "https://api.botframework.com"
"""The audience of the connector's tokens."""

ASKED_AGAIN = timedelta(minutes=4)
"""How long a token is used before MSAL is asked: its tokens last five minutes at least."""

SECONDS = 10
"""How long Entra may take."""

_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL
)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class AppRefused(TemporaryFailure):
    """Entra refuses the app a token; the person who runs Sitrep can mend that."""


class Tokens:
    """The app's tokens, by audience."""

    def __init__(self, settings: TeamsSettings, clock: Clock) -> None:
        """Fetch nothing yet.

        Raises:
            SetupFailed: The certificate cannot be read.
        """
        self._settings, self._clock = settings, clock
        self._credential = _credential(settings)
        self._app: Any = None
        self._http = _Session()
        self._fresh: dict[str, tuple[str, datetime]] = {}
        self._lock = asyncio.Lock()

    async def get(self, audience: str = CONNECTOR) -> str:
        """Return a token for an audience.

        Raises:
            AppRefused: Entra does not accept the app or its secret.
            TemporaryFailure: Entra cannot be reached.
        """
        known = self._fresh.get(audience)
        if known is not None and self._clock.now() < known[1]:
            return known[0]
        async with self._lock:
            known = self._fresh.get(audience)
            if known is not None and self._clock.now() < known[1]:
                return known[0]
            try:
                token = await asyncio.to_thread(self._fetch, audience)
            except PermissionError as exc:
                raise AppRefused(f"Entra refuses the app: {_first_line(str(exc))}") from exc
            except (requests.RequestException, ValueError) as exc:
                raise TemporaryFailure(f"Entra cannot be reached: {type(exc).__name__}") from exc
            self._fresh[audience] = (token, self._clock.now() + ASKED_AGAIN)
            return token

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

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


class _Session(requests.Session):
    """An HTTP session with a timeout; MSAL sets none itself."""

    def request(self, *args: Any, **more: Any) -> requests.Response:  # noqa: ANN401 - as requests has it
        return super().request(*args, **{"timeout": SECONDS, **more})


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
