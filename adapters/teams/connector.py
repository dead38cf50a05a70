"""The connector's REST API, for all that the bot sends; it talks to known hosts only.

The SDK's client is synchronous, and would run in an executor of six threads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from aiohttp import ClientConnectorError, ClientError, ClientSession

from adapters.teams.config import TeamsSettings
from bot.contract import Clock, PermanentFailure, TemporaryFailure

MAYBE_DONE = frozenset({500, 502, 503, 504})
"""The statuses after which a message may have been posted all the same."""

AGAIN = frozenset({408, 412, 429, *MAYBE_DONE})
"""The statuses that Microsoft wants retried; after 412 and 429 nothing was done."""

PAGE, PAGES = 500, 100
"""How many members Teams gives at a time at most, and how many such pages are asked for."""

_WHY = {
    "MessageWritesBlocked": "they have blocked the app, or removed it",
    "BotNotInConversationRoster": "the app is not installed there",
    "BotDisabledByAdmin": "an administrator has blocked the app",
    "ConversationNotFound": "the conversation is gone",
    "ConversationBlockedByUser": "they have blocked the app",
    "MessageSizeTooBig": "it is too large for Teams",
}


class Gone(PermanentFailure):
    """The conversation or message does not exist, or the app may not use it."""


@dataclass(frozen=True, slots=True)
class Created:
    """A new conversation; `activity` is the id of the message that it began with."""

    id: str
    activity: str | None


class Connector:
    """Posts and updates messages, and opens conversations."""

    def __init__(
        self,
        settings: TeamsSettings,
        http: Callable[[], ClientSession],
        token: Callable[[], Awaitable[str]],
        forget_token: Callable[[], None],
        clock: Clock,
    ) -> None:
        """`token` returns a token for the connector; `forget_token` forgets a refused one."""
        self._settings, self._http, self._clock = settings, http, clock
        self._token, self._forget = token, forget_token

    async def post(
        self, service_url: str, conversation: str, activity: Mapping[str, Any]
    ) -> str | None:
        """Post a message; return its id, which is missing if Teams split the message."""
        path = f"v3/conversations/{_in_path(conversation)}/activities"
        found = await self._call("POST", service_url, path, activity)
        return _text(found.get("id"))

    async def update(
        self, service_url: str, conversation: str, message: str, activity: Mapping[str, Any]
    ) -> None:
        """Replace a message."""
        path = f"v3/conversations/{_in_path(conversation)}/activities/{_in_path(message)}"
        await self._call("PUT", service_url, path, activity)

    async def create(self, service_url: str, request: Mapping[str, Any], *, shows: bool) -> Created:
        """Begin a thread in a channel, or find the chat with a user.

        `shows`: people see each time that it is done, as with a thread.
        """
        try:
            found = await self._call("POST", service_url, "v3/conversations", request)
        except TemporaryFailure as exc:
            exc.unsure &= shows
            raise
        name = _text(found.get("id"))
        if name is None:
            raise PermanentFailure("Teams made a conversation without a name")
        return Created(id=name, activity=_text(found.get("activityId")))

    async def member(self, service_url: str, conversation: str, user: str) -> Mapping[str, Any]:
        """Return what Teams knows about a member of a conversation."""
        path = f"v3/conversations/{_in_path(conversation)}/members/{_in_path(user)}"
        return await self._call("GET", service_url, path, None)

    async def roster(self, service_url: str, conversation: str) -> list[Mapping[str, Any]]:
        """Return the members of a conversation; a channel's are those of its team."""
        path = f"v3/conversations/{_in_path(conversation)}/pagedmembers?pageSize={PAGE}"
        found: list[Mapping[str, Any]] = []
        more: str | None = None
        for _ in range(PAGES):
            query = f"&continuationToken={_in_path(more)}" if more else ""
            answer = await self._call("GET", service_url, path + query, None)
            members = answer.get("members")
            listed = members if isinstance(members, list) else []
            found += [member for member in listed if isinstance(member, dict)]
            more = _text(answer.get("continuationToken"))
            if more is None:
                break
        return found

    async def _call(
        self, method: str, service_url: str, path: str, body: Mapping[str, Any] | None
    ) -> Mapping[str, Any]:
        if not self._settings.may_have_token(service_url):
            raise PermanentFailure("its service URL is not on one of service_hosts")
        headers = {"Authorization": f"Bearer {await self._token()}"}
        url = f"{service_url.rstrip('/')}/{path}"
        try:
            async with self._http().request(
                method, url, json=body, headers=headers, allow_redirects=False
            ) as response:
                if response.status < 300:
                    return await _body(response)
                refusal = await _body(response)
                headers_in, status = response.headers, response.status
        except ClientConnectorError as exc:
            raise TemporaryFailure(f"Teams cannot be reached: {exc.strerror}") from exc
        except (ClientError, TimeoutError, OSError) as exc:
            why = f"the answer was lost: {type(exc).__name__}"
            raise TemporaryFailure(why, unsure=method == "POST") from exc
        raise self._refused(method, status, refusal, headers_in.get("Retry-After"))

    def _refused(
        self, method: str, status: int, body: Mapping[str, Any], retry_after: str | None
    ) -> Exception:
        error = body.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        said = error.get("message") if isinstance(error, dict) else None
        why = _WHY.get(str(code)) or " ".join(str(p)[:120] for p in (status, code, said) if p)
        if status == 401:
            self._forget()
            return TemporaryFailure(f"Teams refuses the app's token: {why}")
        if status in AGAIN:
            return TemporaryFailure(
                f"Teams answered {why}",
                retry_after=asked_to_wait(retry_after, self._clock),
                unsure=method == "POST" and status in MAYBE_DONE,
            )
        if status in {403, 404}:
            return Gone(f"Teams: {why}")
        return PermanentFailure(f"Teams refused it: {why}")


def asked_to_wait(header: str | None, clock: Clock) -> timedelta | None:
    """Return how long a Retry-After asks for: seconds, or a date."""
    if header is None:
        return None
    try:
        return timedelta(seconds=max(0.0, float(header)))
    except (ValueError, OverflowError):
        pass
    try:
        return max(parsedate_to_datetime(header) - clock.now(), timedelta(0))
    except (ValueError, TypeError):
        return None


async def _body(response: Any) -> Mapping[str, Any]:  # noqa: ANN401 - aiohttp's
    try:
        found = await response.json(content_type=None)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _in_path(name: str) -> str:
    return quote(name, safe="")
