"""Calls to HTTP APIs: each answer becomes success, a retry, or a refusal.

A call whose answer is lost may have been done: it fails as `unsure`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession

from bot.contract.errors import PermanentFailure, TemporaryFailure

LONGEST_REASON = 300


class ApiRefused(PermanentFailure):
    """The service refuses the request as it is; `status` is its HTTP status."""

    def __init__(self, text: str, status: int) -> None:
        """See the class."""
        super().__init__(text)
        self.status = status


class Api:
    """One service's API, with its base address and headers."""

    def __init__(
        self,
        service: str,
        base: str,
        headers: Mapping[str, str],
        session: Callable[[], ClientSession],
        *,
        faults: Callable[[Any], str] = str,
    ) -> None:
        """`service` is what it is called in messages; `faults` reads its error answers."""
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
        """Return the answer's JSON; none for an answer without a body.

        Raises:
            TemporaryFailure: It is away, busy, or wants less at once; `unsure` where a change may
                have been made all the same.
            PermanentFailure: It refuses, with its words.
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
            # A key is renewed sooner or later, and what waits is not to be lost over it.
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
