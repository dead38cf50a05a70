"""A channel for each incident (`layout = "channels"`); the app must have that permission."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import ClientConnectorError, ClientError, ClientSession

from adapters.teams.config import TeamsSettings
from adapters.teams.connector import asked_to_wait
from bot.contract import Clock, PermanentFailure, TemporaryFailure

LONGEST_NAME = 50
"""The longest display name of a channel."""

_NOT_IN_A_NAME = str.maketrans(dict.fromkeys("~#%&*{}/\\:<>?+|'\"", " "))


class Graph:
    """Creates channels."""

    def __init__(
        self,
        settings: TeamsSettings,
        http: Callable[[], ClientSession],
        token: Callable[[], Awaitable[str]],
        clock: Clock,
    ) -> None:
        """Make no request yet; `token` returns a token for Graph."""
        self._settings, self._http, self._token, self._clock = settings, http, token, clock
        self._channels = f"{settings.graph}/v1.0/teams/{settings.team}/channels"

    async def channel(self, name: str, topic: str) -> str:
        """Return the channel with a name; create it if need be."""
        shown = " ".join(name.translate(_NOT_IN_A_NAME).split())[:LONGEST_NAME].rstrip(" .")
        found = await self._find(shown)
        if found is not None:
            return found
        body = {"displayName": shown, "description": topic[:1024], "membershipType": "standard"}
        made = await self._call("POST", self._channels, body)
        return _id(made)

    async def _find(self, name: str) -> str | None:
        """Return the channel with a name, which a try whose answer was lost may have created."""
        literal = name.replace("'", "''")
        wanted = {"$filter": f"displayName eq '{literal}'"}
        found = await self._call("GET", self._channels, None, wanted)
        values = found.get("value")
        return _id(values[0]) if isinstance(values, list) and values else None

    async def _call(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {await self._token()}"}
        try:
            async with self._http().request(
                method, url, params=query, json=body, headers=headers, allow_redirects=False
            ) as response:
                found = await response.json(content_type=None)
                status, wait = response.status, response.headers.get("Retry-After")
        except ClientConnectorError as exc:
            raise TemporaryFailure(f"Graph cannot be reached: {exc.strerror}") from exc
        except (ClientError, TimeoutError, ValueError) as exc:
            raise TemporaryFailure(f"Graph: {type(exc).__name__}") from exc
        if status < 300 and isinstance(found, dict):
            return found
        error = found.get("error") if isinstance(found, dict) else None
        said = error.get("message") if isinstance(error, dict) else None
        if status == 429 or status >= 500:
            raise TemporaryFailure(f"Graph answered {status}", asked_to_wait(wait, self._clock))
        if status == 403:
            raise PermanentFailure("Graph: the app may not make channels (Channel.Create.Group)")
        raise PermanentFailure(f"Graph answered {status} {said or ''}".strip()[:200])


def _id(channel: Mapping[str, Any]) -> str:
    name = channel.get("id")
    if not isinstance(name, str) or not name:
        raise PermanentFailure("Graph made a channel without an id")
    return name
