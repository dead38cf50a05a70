"""The homeserver, over HTTP: failed calls become `TemporaryFailure` or `PermanentFailure`.

matrix-nio does the sync and the encryption; everything else goes through here, so that no library
repeats a call, or sleeps through one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from aiohttp import ClientError, ClientSession
from cachetools import LRUCache

from bot.contract import PermanentFailure, TemporaryFailure

V3 = "/_matrix/client/v3"

ENDED = frozenset({"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED"})
"""The error codes that mean that the session is over."""

WHILE_ENDED = timedelta(minutes=1)
"""How long to wait before a call is repeated while there is no session."""


SENT_KEPT = 20_000
"""How many keys and ids of sent events are remembered."""


class HomeserverRefused(PermanentFailure):
    """The homeserver refuses a request; `code` is the Matrix error code."""

    def __init__(self, status: int, code: str, why: str, answer: Mapping[str, Any]) -> None:
        """Take the parts of the answer."""
        super().__init__(f"{why or 'refused'} ({code or status})")
        self.status, self.code, self.answer = status, code, answer


class Homeserver:
    """A homeserver, with a login."""

    def __init__(self, url: str, http: Callable[[], ClientSession], token: str = "") -> None:
        """Make no request yet; `http` returns the client when one is made."""
        self._url, self._http, self.token = url, http, token
        self.ended: str | None = None
        self.sending = 0
        self.sent: LRUCache[str, None] = LRUCache(SENT_KEPT)
        """The keys that events were sent under, and the ids that they got."""

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        token: str | None = None,
        kind: str = "application/json",
    ) -> dict[str, Any]:
        """Call the homeserver, and return the JSON object that it answers.

        Raises:
            TemporaryFailure: It is away, busy, or the session is over for now.
            HomeserverRefused: It refuses.
        """
        found = await self._ask(method, path, body, token=token, kind=kind)
        if not isinstance(found, dict):
            raise TemporaryFailure("the homeserver answered something else than an object")
        return found

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        token: str | None = None,
        kind: str = "application/json",
    ) -> object:
        headers = {"Content-Type": kind}
        if token or self.token:
            headers["Authorization"] = f"Bearer {token or self.token}"
        data = body if isinstance(body, bytes | None) else json.dumps(body)
        if method in {"POST", "PUT"} and data is None:
            data = "{}"  # some homeservers refuse an empty body
        try:
            async with self._http().request(
                method, self._url + path, data=data, headers=headers, allow_redirects=False
            ) as answer:
                raw, status = await answer.read(), answer.status
                after = answer.headers.get("Retry-After")
        except (ClientError, TimeoutError, OSError) as exc:
            why = str(exc) or type(exc).__name__
            raise TemporaryFailure(f"the homeserver does not answer: {why}") from exc
        return self._read(status, raw, after)

    def _read(self, status: int, raw: bytes, after: str | None) -> object:
        try:
            found: object = json.loads(raw)
        except ValueError:
            found = None
        if status == 200 and found is not None:
            return found
        answer: Mapping[str, Any] = found if isinstance(found, dict) else {}
        code, why = str(answer.get("errcode", "")), str(answer.get("error", ""))[:300]
        if status == 429 or code == "M_LIMIT_EXCEEDED":
            raise TemporaryFailure("the homeserver is busy", _wait(answer, after))
        if code in ENDED:
            self.ended = why or code
            raise TemporaryFailure(f"the session has ended: {self.ended}", WHILE_ENDED)
        if found is None or status >= 500 or status == 200:
            raise TemporaryFailure(f"the homeserver answered {status} {why}".strip())
        raise HomeserverRefused(status, code, why, answer)

    # --- what is asked for often ------------------------------------------------------------------

    async def send(self, room: str, kind: str, content: Mapping[str, Any], *, key: str) -> str:
        """Send an event; `key` makes a repeat harmless. Returns its id."""
        path = f"{V3}/rooms/{_q(room)}/send/{_q(kind)}/{_q(key)}"
        self.sent[key] = None
        self.sending += 1
        try:
            event = str((await self.call("PUT", path, content))["event_id"])
        finally:
            self.sending -= 1
        self.sent[event] = None
        return event

    async def redact(self, room: str, event: str, reason: str, *, key: str) -> None:
        """Remove the content of an event; `key` makes a repeat harmless."""
        path = f"{V3}/rooms/{_q(room)}/redact/{_q(event)}/{_q(key)}"
        await self.call("PUT", path, {"reason": reason})

    async def state(self, room: str, kind: str, key: str = "") -> dict[str, Any] | None:
        """Return the content of a state event; `None` if there is no such event."""
        try:
            return await self.call("GET", f"{V3}/rooms/{_q(room)}/state/{_q(kind)}/{_q(key)}")
        except HomeserverRefused as exc:
            if exc.status == 404:
                return None
            raise

    async def put_state(
        self, room: str, kind: str, content: Mapping[str, Any], key: str = ""
    ) -> None:
        """Set a state event."""
        await self.call("PUT", f"{V3}/rooms/{_q(room)}/state/{_q(kind)}/{_q(key)}", content)

    async def whole_state(self, room: str) -> list[dict[str, Any]]:
        """Return all state events of a room."""
        found = await self._ask("GET", f"{V3}/rooms/{_q(room)}/state")
        return [e for e in found if isinstance(e, dict)] if isinstance(found, list) else []

    async def members(self, room: str) -> list[dict[str, Any]]:
        """Return the membership events of a room."""
        answer = await self.call("GET", f"{V3}/rooms/{_q(room)}/members")
        found = answer.get("chunk")
        return [e for e in found if isinstance(e, dict)] if isinstance(found, list) else []

    async def joined(self, room: str) -> dict[str, str]:
        """Return the display name of everybody who has joined a room; empty if they have none."""
        answer = await self.call("GET", f"{V3}/rooms/{_q(room)}/joined_members")
        found = answer.get("joined")
        members = found.items() if isinstance(found, dict) else ()
        return {
            user: str(each.get("display_name") or "")
            for user, each in members
            if isinstance(each, dict)
        }

    async def event(self, room: str, event: str) -> dict[str, Any] | None:
        """Return an event; `None` if there is no such event, or it may not be seen."""
        try:
            return await self.call("GET", f"{V3}/rooms/{_q(room)}/event/{_q(event)}")
        except HomeserverRefused as exc:
            if exc.status in {403, 404}:
                return None
            raise

    async def resolve(self, alias: str) -> str | None:
        """Return the room that an alias names."""
        try:
            return str((await self.call("GET", f"{V3}/directory/room/{_q(alias)}"))["room_id"])
        except HomeserverRefused as exc:
            if exc.status == 404:
                return None
            raise

    async def join(self, room: str) -> str:
        """Join a room, by its id or alias; return its id."""
        return str((await self.call("POST", f"{V3}/join/{_q(room)}"))["room_id"])

    async def leave(self, room: str) -> None:
        """Leave a room, or decline an invitation."""
        await self.call("POST", f"{V3}/rooms/{_q(room)}/leave")

    async def invite(self, room: str, user: str) -> None:
        """Invite somebody."""
        await self.call("POST", f"{V3}/rooms/{_q(room)}/invite", {"user_id": user})

    async def membership(self, room: str, user: str) -> str:
        """Return somebody's membership; `leave` if they never had one."""
        found = await self.state(room, "m.room.member", user)
        return str(found.get("membership", "leave")) if found is not None else "leave"

    async def account_data(self, user: str, kind: str) -> dict[str, Any]:
        """Return the account data of a type; empty if there is none."""
        try:
            return await self.call("GET", f"{V3}/user/{_q(user)}/account_data/{_q(kind)}")
        except HomeserverRefused as exc:
            if exc.status == 404:
                return {}
            raise

    async def put_account_data(self, user: str, kind: str, content: Mapping[str, Any]) -> None:
        """Store account data."""
        await self.call("PUT", f"{V3}/user/{_q(user)}/account_data/{_q(kind)}", content)

    async def upload(self, data: bytes, name: str, kind: str) -> str:
        """Upload a file; return its `mxc://` address."""
        path = f"/_matrix/media/v3/upload?filename={_q(name)}"
        return str((await self.call("POST", path, data, kind=kind))["content_uri"])


def _q(part: str) -> str:
    return quote(part, safe="")


def _wait(answer: Mapping[str, Any], after: str | None) -> timedelta:
    millis = answer.get("retry_after_ms")
    if isinstance(millis, int | float):
        return timedelta(milliseconds=max(0, millis))
    try:
        return timedelta(seconds=max(0.0, float(after or 5)))
    except ValueError:
        return timedelta(seconds=5)
