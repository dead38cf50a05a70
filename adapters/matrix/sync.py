"""The sync loop: waits out every failure, and handles every event once and in order.

The sync token is kept once everything before it is handled; the core recognises events that come
again after a crash. `AsyncClient.sync_forever` does none of this.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import structlog
from aiohttp import ClientError
from nio import AsyncClient, SyncError, SyncResponse, UnknownAccountDataEvent

from adapters.matrix import inbound
from adapters.matrix.crypto import Crypto, in_clear, is_key
from adapters.matrix.homeserver import ENDED, V3, Homeserver, HomeserverRefused
from adapters.matrix.inbound import Event
from adapters.matrix.session import Keep
from bot.contract import Clock, DatabaseAway, SessionEnded, TemporaryFailure

WAIT_MILLIS = 30_000
"""How long the homeserver may hold a sync until there is news."""

HANGS_SECONDS = 60.0
"""How long a sync may take before the server counts as hung."""

FIRST, LONGEST = timedelta(milliseconds=250), timedelta(seconds=10)
"""The first and the longest pause between requests to a failing homeserver: ten seconds spare it,
and an incident waits no longer than that once it is back."""

PAGE, PAGES = 100, 30
"""How many events a page has, and how many pages of a gap are fetched."""

FILTER: Mapping[str, Any] = {
    "presence": {"types": []},
    "account_data": {"types": ["m.direct"]},
    "room": {
        "timeline": {"limit": PAGE},
        "ephemeral": {"types": []},
        "account_data": {"types": []},
    },
}

RELOGIN = "log in again: sitrep matrix login"


class SyncHandler(Protocol):
    """The receiver of what the sync brings."""

    async def event(self, room: str, event: Event) -> None:
        """Handle an event of a room's timeline."""

    async def invited(self, room: str, state: Sequence[Event]) -> None:
        """Handle an invitation; `state` are the state events that come with it."""

    async def left(self, room: str, events: Sequence[Event]) -> None:
        """Handle that the bot is not in a room any more."""

    async def account(self, kind: str, content: Event) -> None:
        """Handle a change of the account data."""

    async def settled(self) -> None:
        """Wait for events that are handled beside the rooms' queues."""


@dataclass(slots=True)
class _Batch:
    since: str
    tasks: list[asyncio.Task[None]]


class Sync:
    """One connection to the homeserver, for as long as the session lasts."""

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        client: AsyncClient,
        crypto: Crypto,
        server: Homeserver,
        keep: Keep,
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
        handler: SyncHandler,
    ) -> None:
        self._client, self._crypto, self._server = client, crypto, server
        self._keep, self._clock, self._log, self._handler = keep, clock, log, handler
        self._me = str(client.user_id)
        self._tails: dict[str, asyncio.Task[None]] = {}
        self._batches: deque[_Batch] = deque()
        self._more = asyncio.Event()
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Listen until the session ends.

        Raises:
            SessionEnded: The homeserver does not know the token any more.
        """
        since = self._keep.token()
        keeping = asyncio.create_task(self._keep_tokens())
        try:
            await self._listen(since)
        finally:
            keeping.cancel()
            for task in self._tails.values():
                task.cancel()
            await asyncio.gather(keeping, *self._tails.values(), return_exceptions=True)

    async def _listen(self, since: str | None) -> None:
        first, wait = True, timedelta(0)
        while True:
            try:
                answer = await self._ask(since, first=first)
            except TemporaryFailure as exc:
                wait = min(LONGEST, max(FIRST, wait * 2))
                pause = max(exc.retry_after or wait, wait) * random.uniform(0.7, 1.0)  # noqa: S311
                self._log.warning("sync", why=str(exc), again_in=round(pause.total_seconds(), 1))
                await self._clock.sleep(pause)
                continue
            wait = timedelta(0)
            await self._take(answer, since)
            since, first = answer.next_batch, False

    async def _ask(self, since: str | None, *, first: bool) -> SyncResponse:
        if self._server.ended is not None:
            raise SessionEnded(f"{self._server.ended}; {RELOGIN}")
        try:
            async with asyncio.timeout(HANGS_SECONDS):
                answer = await self._client.sync(
                    timeout=0 if first else WAIT_MILLIS,
                    since=since,
                    full_state=first,
                    sync_filter=dict(FILTER),
                )
        except (ClientError, TimeoutError, OSError) as exc:
            raise TemporaryFailure(str(exc) or type(exc).__name__) from exc
        except Exception as exc:
            # What a proxy or a library makes of a broken answer must not end the sync.
            self._log.warning("sync broke", error=repr(exc), exc_info=True)
            raise TemporaryFailure(repr(exc)) from exc
        if isinstance(answer, SyncError):
            status = getattr(answer.transport_response, "status", None)
            if answer.status_code in ENDED:
                raise SessionEnded(f"{answer.message}; {RELOGIN}")
            millis = answer.retry_after_ms
            after = timedelta(milliseconds=millis) if millis else None
            raise TemporaryFailure(f"{status} {answer.status_code or ''}".strip(), after)
        return answer

    async def _take(self, answer: SyncResponse, since: str | None) -> None:
        """Put what came into its rooms' queues, and do what the encryption asks for."""
        for room in answer.rooms.leave:
            self._client.rooms.pop(room, None)
            self._crypto.left.add(room)
        await self._crypto.synced()
        if any(is_key(event) for event in answer.to_device_events):
            self._crypto.keys_came.set()
        tasks: list[asyncio.Task[None]] = []
        for data in answer.account_data_events:
            if isinstance(data, UnknownAccountDataEvent):
                await self._guarded(self._handler.account(data.type, data.content))
        for room, info in answer.rooms.invite.items():
            # The library removes the content from the source of such events.
            state = [{**e.source, "content": getattr(e, "content", {})} for e in info.invite_state]
            tasks.append(self._queue(room, partial(self._handler.invited, room, state)))
        for room, info in answer.rooms.leave.items():
            events = [in_clear(e) for e in info.timeline.events]
            if since is not None:
                tasks.append(self._queue(room, partial(self._handler.left, room, events)))
        for room, info in answer.rooms.join.items():
            events = [in_clear(e) for e in info.timeline.events]
            if since is None or not events:
                continue  # on the first start, listen from now on
            gap = info.timeline.prev_batch if info.timeline.limited else None
            tasks.append(self._queue(room, partial(self._room, room, events, gap, since)))
        self._batches.append(_Batch(answer.next_batch, tasks))
        self._more.set()
        self.ready.set()
        try:
            await self._crypto.keep_up()
        except (ClientError, TimeoutError, OSError, TemporaryFailure, HomeserverRefused) as exc:
            self._log.warning("keys", why=str(exc) or type(exc).__name__)
        except Exception as exc:  # noqa: BLE001 - the library's fault must not end the sync
            self._log.warning("keys broke", error=repr(exc), exc_info=True)

    async def _guarded(self, what: Awaitable[None]) -> None:
        try:
            await what
        except Exception as exc:  # noqa: BLE001 - one event must not stop the others
            self._log.exception("not handled", error=repr(exc))

    def members(self, room: str) -> frozenset[str] | None:
        """Return who is in a room or invited; `None` if the sync has not shown the room yet."""
        known = self._client.rooms.get(room)
        return frozenset(known.users) if known is not None else None

    def unlisted(self, space: str) -> list[str]:
        """Return the rooms that name a space as their parent but are not among its children."""
        rooms = self._client.rooms
        listed = rooms[space].children if space in rooms else set()
        return [
            name for name, room in rooms.items() if space in room.parents and name not in listed
        ]

    # --- rooms ------------------------------------------------------------------------------------

    def _queue(self, room: str, what: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Handle something after what its room has waiting, in parallel with other rooms."""
        before = self._tails.get(room)

        async def after() -> None:
            if before is not None:
                await asyncio.wait((before,))
            await self._guarded(what())  # made only now: a stop may come before

        task = asyncio.create_task(after(), name=f"room {room}")
        self._tails[room] = task
        task.add_done_callback(lambda done: self._forget(room, done))
        return task

    def _forget(self, room: str, done: asyncio.Task[None]) -> None:
        if self._tails.get(room) is done:
            del self._tails[room]

    async def _room(self, room: str, events: list[Event], gap: str | None, since: str) -> None:
        own = [n for n, event in enumerate(events) if self._joins(event)]
        if own:
            # Messages from before the bot joined are not for it.
            events = events[own[-1] :]
        elif gap is not None:
            events = [*await self._missed(room, gap, since), *events]
        for event in events:
            what = partial(self._handler.event, room)
            await until_handled(what, event, self._clock, self._log)

    def _joins(self, event: Event) -> bool:
        if not inbound.is_member(event, self._me):
            return False
        unsigned = event.get("unsigned")
        before = unsigned.get("prev_content") if isinstance(unsigned, Mapping) else None
        was = before.get("membership") if isinstance(before, Mapping) else None
        return inbound.content(event).get("membership") == "join" and was != "join"

    async def _missed(self, room: str, start: str, until: str) -> list[Event]:
        """Return the events that a sync left out: it only brings the last ones of a room."""
        found: list[Event] = []
        token: str | None = start
        for _page in range(PAGES):
            query = {"from": token, "to": until, "dir": "b", "limit": PAGE}
            path = f"{V3}/rooms/{quote(room, safe='')}/messages?{urlencode(query)}"
            answer = await self._page(path)
            chunk = answer.get("chunk") or []
            found += [event for event in chunk if isinstance(event, dict)]
            token = answer.get("end")
            if not chunk or token is None or any(self._joins(event) for event in chunk):
                break
        else:
            self._log.warning("older messages are not read", room=room, read=len(found))
        found.reverse()
        own = [n for n, event in enumerate(found) if self._joins(event)]
        return found[own[-1] :] if own else found

    async def _page(self, path: str) -> dict[str, Any]:
        wait = FIRST
        while True:
            try:
                return await self._server.call("GET", path)
            except HomeserverRefused:
                return {}
            except TemporaryFailure as exc:
                self._log.warning("put off", what="older messages", why=str(exc))
            await self._clock.sleep(wait)
            wait = min(LONGEST, wait * 2)

    # --- the token --------------------------------------------------------------------------------

    async def _keep_tokens(self) -> None:
        """Keep each sync token once everything up to it is handled."""
        while True:
            await self._more.wait()
            self._more.clear()
            done: str | None = None
            while self._batches:
                batch = self._batches[0]
                if batch.tasks:
                    await asyncio.wait(batch.tasks)
                await self._handler.settled()
                done = self._batches.popleft().since
                if len(self._batches) == 0 or any(not t.done() for t in self._batches[0].tasks):
                    await asyncio.to_thread(self._keep.store_token, done)


async def until_handled(
    what: Callable[[Event], Awaitable[None]],
    event: Event,
    clock: Clock,
    log: structlog.stdlib.BoundLogger,
) -> None:
    """Retry an event until it is handled; log and skip one that cannot be."""
    wait = FIRST
    while True:
        try:
            await what(event)
        except (TemporaryFailure, DatabaseAway) as exc:
            log.warning("put off", event_id=event.get("event_id"), why=str(exc))
        except Exception as exc:
            log.exception("not handled", event_id=event.get("event_id"), error=repr(exc))
            return
        else:
            return
        await clock.sleep(wait)
        wait = min(LONGEST, wait * 2)
