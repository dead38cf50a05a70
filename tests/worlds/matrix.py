"""A homeserver, people on it, and a Sitrep: what the tests of the Matrix adapter act with."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from nio import AsyncClient, AsyncClientConfig, MegolmEvent

from adapters.matrix.command import _login
from adapters.matrix.config import MatrixSettings
from adapters.matrix.session import Keep
from bot.app import App, composed
from bot.clock import SystemClock
from bot.config.load import parse
from bot.domain.events import Entry
from bot.domain.incident import Incident
from tests.harness.waiting import PATIENCE, until
from tests.peers.synapse import SERVER, Synapse

PICKLE = "a-long-enough-test-secret"
_numbers = itertools.count(1)


class Person:
    """A user with a client of their own, that encrypts where the room does."""

    def __init__(self, hs: Synapse, name: str, *, url: str | None = None) -> None:
        self.hs, self.name = hs, name
        self.user = f"@{name}:{SERVER}"
        found = hs.register(name)
        self.token = found["access_token"]
        self._store = tempfile.TemporaryDirectory(prefix="person-")
        config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=False)
        self.client = AsyncClient(
            url or hs.url, self.user, found["device_id"], self._store.name, config
        )
        self.client.restore_login(self.user, found["device_id"], self.token)
        self.events: list[dict[str, Any]] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Person:
        await self.client.sync(full_state=True)
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.client.close()
        if self.client.store is not None:
            self.client.store.database.close()
        self._store.cleanup()

    async def _listen(self) -> None:
        flt = {"room": {"timeline": {"limit": 200}, "ephemeral": {"types": []}}}
        while True:
            answer = await self.client.sync(timeout=10_000, sync_filter=flt)
            if not hasattr(answer, "rooms"):
                await asyncio.sleep(0.2)
                continue
            for room in answer.rooms.invite:
                await self.client.join(room)
            for room, info in answer.rooms.join.items():
                for event in info.timeline.events:
                    source = dict(event.source)
                    source["room_id"] = room
                    source["sealed"] = isinstance(event, MegolmEvent)
                    source["decrypted"] = bool(getattr(event, "decrypted", False))
                    self.events.append(source)
            if self.client.should_upload_keys:
                await self.client.keys_upload()
            if self.client.should_query_keys:
                await self.client.keys_query()
            if self.client.should_claim_keys:
                await self.client.keys_claim(self.client.get_users_for_key_claiming())
            await self.client.send_to_device_messages()

    async def send(self, room: str, kind: str, content: Mapping[str, Any]) -> str:
        await until(lambda: room in self.client.rooms, f"{self.name} sees {room}")
        for _ in range(5):
            # nio's own `room_send` fails where somebody joins while it shares the room's key.
            with suppress(KeyError):
                answer = await self.client.room_send(
                    room, kind, dict(content), ignore_unverified_devices=True
                )
                return str(answer.event_id)
        raise AssertionError(f"{self.name} cannot send to {room}")

    async def say(self, room: str, text: str, **more: Any) -> str:
        return await self.send(room, "m.room.message", {"msgtype": "m.text", "body": text, **more})

    async def react(self, room: str, event: str, key: str) -> str:
        relation = {"rel_type": "m.annotation", "event_id": event, "key": key}
        return await self.send(room, "m.reaction", {"m.relates_to": relation})

    def heard(self, room: str | None = None, kind: str = "m.room.message") -> list[dict[str, Any]]:
        return [
            e for e in self.events
            if e.get("type") == kind and (room is None or e["room_id"] == room)
        ]  # fmt: skip

    def texts(self, room: str | None = None) -> list[str]:
        return [str(e["content"].get("body", "")) for e in self.heard(room)]

    async def hears(
        self, text: str, room: str | None = None, *, after: int = 0, patience: float = PATIENCE
    ) -> dict[str, Any]:
        """Wait for a message with a text in it; return the event."""

        def found() -> dict[str, Any] | None:
            there = self.heard(room)[after:]
            return next((e for e in there if text in str(e["content"].get("body", ""))), None)

        try:
            return await until(found, patience=patience)
        except AssertionError:
            shown = "\n".join(t[:300] for t in self.texts(room)[-12:])
            raise AssertionError(f"{self.name} never heard {text!r}; the last:\n{shown}") from None

    async def room(self, name: str) -> str:
        """Wait to be in a room whose alias or name begins so; return its id."""

        def found() -> str | None:
            return next(
                (
                    r for r, room in self.client.rooms.items()
                    if (room.canonical_alias or "").startswith(f"#{name}")
                    or (room.name or "").startswith(name)
                ),
                None,
            )  # fmt: skip

        return str(await until(found, f"{self.name} in {name}"))

    async def reacted(self, event: str, key: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            return next(
                (
                    e for e in self.heard(kind="m.reaction")
                    if e["content"].get("m.relates_to", {}).get("event_id") == event
                    and e["content"]["m.relates_to"].get("key") == key
                ),
                None,
            )  # fmt: skip

        return await until(found, f"{key} on {event}")

    async def joined(self, room: str, user: str) -> None:
        def there() -> bool:
            return any(
                e["content"].get("membership") == "join"
                for e in self.heard(room, "m.room.member")
                if e.get("state_key") == user
            )

        await until(there, f"{user} in {room}")

    async def powers(self, room: str, levels: dict[str, Any], user: str, level: int) -> None:
        users = {**levels.get("users", {}), user: level}
        await self.client.room_put_state(room, "m.room.power_levels", {**levels, "users": users})

    async def state(self, room: str, kind: str, key: str = "") -> dict[str, Any]:
        answer = await self.client.room_get_state_event(room, kind, key)
        return dict(getattr(answer, "content", {}))


class Bot:
    """A Sitrep on the homeserver, in this process."""

    def __init__(self, hs: Synapse, home: Path, settings: str, prefix: str, user: str) -> None:
        self.hs, self.home, self.settings, self.prefix, self.user = hs, home, settings, prefix, user
        self.app: App | None = None

    async def login(self) -> list[str]:
        matrix = MatrixSettings.model_validate(self.config().adapters["matrix"])
        return await _login(matrix, Keep(str(self.home)), "pw", is_token=False)

    def config(self):
        return parse(self.settings, {"PICKLE": PICKLE})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[App]:
        async with composed(
            self.config(), self.home, SystemClock(), tell=lambda _line: None
        ) as app:
            self.app = app
            task = asyncio.create_task(app.run())
            try:
                adapter = app.plugins.adapters["matrix"]
                await until(
                    lambda: task.done() or (adapter._sync and adapter._sync.ready.is_set()), "sync"
                )
                yield app
            finally:
                self.outcome = None
                if task.done():
                    self.outcome = task.result()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def incident(self, name: str = "INC-1") -> Incident:
        assert self.app is not None
        found = await self.app.store.read(lambda work: work.incident(name))
        assert found is not None
        return found

    async def timeline(self, name: str = "INC-1") -> list[Entry]:
        assert self.app is not None
        return list(await self.app.store.read(lambda work: work.timeline(name)))


def config(
    hs: Synapse, prefix: str, *, url: str | None = None, matrix: str = "", more: str = "",
    people: tuple[str, ...] = ("ann", "ben", "cara"),
) -> str:  # fmt: skip
    sections = "\n".join(
        f"[people.{p}]\ncommander = {'true' if p != 'ann' else 'false'}\n"
        f'users = {{ matrix = "@{prefix}-{p}:{SERVER}" }}\n'
        for p in people
    )
    return f"""
{sections}
[services.checkout]
comms = "cara"
[adapters.matrix]
homeserver = "{url or hs.url}"
user = "@{prefix}-bot:{SERVER}"
pickle_key = {{ env = "PICKLE" }}
prefix = "{prefix}"
{matrix}
{more}
"""


class World:
    """The bot and its people."""

    def __init__(self, bot: Bot, people: dict[str, Person]) -> None:
        self.bot, self.people = bot, people

    def __getattr__(self, name: str) -> Person:
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None

    async def triage(self) -> str:
        return await self.people["ann"].room(f"{self.bot.prefix}-triage")

    async def declared(self, text: str, who: str = "ann", number: str = "inc-1") -> str:
        """Declare an incident in the triage room; return its room, once the declarer is in it."""
        await self.people[who].say(await self.triage(), f"!inc declare {text}")
        return await self.people[who].room(f"{self.bot.prefix}-{number}")


@asynccontextmanager
async def world(
    hs: Synapse, home: Path, *, matrix: str = "", more: str = "", url: str | None = None,
    strangers: tuple[str, ...] = (), people: tuple[str, ...] = ("ann", "ben", "cara"),
    start: bool = True,
) -> AsyncIterator[World]:  # fmt: skip
    """A fresh bot account with fresh people, all connected, in the triage room."""
    prefix = f"t{next(_numbers)}p{os.getpid()}"
    hs.register(f"{prefix}-bot")
    matrix = matrix.replace("{ann}", f"@{prefix}-ann:{SERVER}")
    bot = Bot(
        hs, home, config(hs, prefix, url=url, matrix=matrix, more=more, people=people), prefix,
        f"@{prefix}-bot:{SERVER}",
    )  # fmt: skip
    await bot.login()
    made = {p: Person(hs, f"{prefix}-{p}") for p in (*people, *strangers)}
    for person in made.values():
        await person.__aenter__()
    try:
        there = World(bot, made)
        if start:
            async with bot.running():
                for p in people:
                    await made[p].room(f"{prefix}-triage")
                yield there
        else:
            yield there
    finally:
        for person in made.values():
            await person.__aexit__()
