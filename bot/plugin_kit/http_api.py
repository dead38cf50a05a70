"""Calls to HTTP APIs: each answer becomes a result, a retry, or a refusal.

If the answer to a change is lost, the failure is `unsure`: the change may have been made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession

from bot.contract.errors import PermanentFailure, TemporaryFailure

LONGEST_REASON = 300
"""How much of a service's own error text is quoted."""


class ApiRefused(PermanentFailure):
    """The service refuses the request; `status` is the HTTP status."""

    def __init__(self, text: str, status: int) -> None:
        """Take the text, with what the service says, and the status."""
        super().__init__(text)
        self.status = status


class Api:
    """One service's API."""

    def __init__(
        self,
        service: str,
        base: str,
        headers: Mapping[str, str],
        session: Callable[[], ClientSession],
        *,
        faults: Callable[[Any], str] = str,
    ) -> None:
        """Make no request yet.

        Args:
            service: The service's name, for messages.
            base: The address that paths are appended to.
            headers: The headers of every request.
            session: Returns the HTTP client, such as `PluginContext.http`.
            faults: Returns the error text of the JSON of a refusal.
        """
        self._service, self._base = service, base.rstrip("/")
        self._headers, self._session, self._faults = headers, session, faults

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Make a request, and return the JSON of the answer; `None` if it has no body.

        Raises:
            TemporaryFailure: The service is away or busy, limits the rate, or refuses the
                credentials; `unsure` if a change may have been made all the same.
            ApiRefused: The service refuses the request.
        """
        changes = method != "GET"
        try:
            async with self._session().request(
                method,
                f"{self._base}{path}",
                params=params,
                json=body,
                headers=self._headers,
                allow_redirects=False,
            ) as response:
                text = await response.text()
                self._judge(response, text, changes=changes)
        except (TimeoutError, ClientError, UnicodeDecodeError) as exc:
            why = str(exc) or type(exc).__name__
            raise TemporaryFailure(f"{self._service} is away: {why}", unsure=changes) from exc
        try:
            return json.loads(text) if text.strip() else None
        except ValueError as exc:
            raise TemporaryFailure(f"{self._service} gave no JSON", unsure=changes) from exc

    def _judge(self, response: ClientResponse, text: str, *, changes: bool) -> None:
        status = response.status
        if 200 <= status < 300:
            return
        wait = _retry_after(response)
        if status in {420, 429} or (status == 403 and wait is not None):
            raise TemporaryFailure(f"{self._service} wants less at once ({status})", wait)
        if status >= 500:
            raise TemporaryFailure(f"{self._service} has trouble ({status})", wait, unsure=changes)
        reason = self._reason(text)
        if status in {401, 403}:
            # Somebody will renew the key, and what waits must not be lost until then.
            raise TemporaryFailure(
                f"{self._service} refuses the credentials ({status}{reason}); "
                "sitrep check says what is missing"
            )
        if status == 409:
            raise TemporaryFailure(f"{self._service} is in conflict ({status}{reason})")
        if 300 <= status < 400:
            where = response.headers.get("Location", "elsewhere")
            raise ApiRefused(f"{self._service} has moved to {where[:200]}; change its url", status)
        raise ApiRefused(f"{self._service} refuses it ({status}{reason})", status)

    def _reason(self, text: str) -> str:
        try:
            said = self._faults(json.loads(text))
        except (ValueError, TypeError, AttributeError, KeyError):
            said = ""
        return f": {said[:LONGEST_REASON]}" if said else ""


def _retry_after(response: ClientResponse) -> timedelta | None:
    said = response.headers.get("Retry-After", "")
    return timedelta(seconds=int(said)) if said.isdigit() else None
