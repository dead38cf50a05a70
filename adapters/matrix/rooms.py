"""The rooms that the bot makes: a space, the triage room, one for each incident, direct ones.

Creating a room takes no transaction id: its alias tells whether a try succeeded, and its create
event whose try it was.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import structlog

from adapters.matrix.config import MatrixSettings
from adapters.matrix.homeserver import V3, Homeserver, HomeserverRefused
from adapters.matrix.inbound import server_of
from adapters.matrix.power_levels import PowerLevels, creators_rule, power_levels
from bot.contract import ConversationRequest, PermanentFailure, TemporaryFailure

KEY = "org.sitrep.key"
"""The key in a create event's content that says what the room was made for."""

INVITED_AT_ONCE = 5
"""How many people are invited with the creation: homeservers refuse many at once."""

IN = frozenset({"join", "invite"})


class Rooms:
    """Makes and finds rooms."""

    def __init__(
        self, settings: MatrixSettings, server: Homeserver, log: structlog.stdlib.BoundLogger
    ) -> None:
        self._settings, self._server, self._log = settings, server, log
        self._me = settings.user
        self._making: dict[str, asyncio.Lock] = {}
        self._known: dict[str, str] = {}
        self._version: str | None = None
        self.direct_users: dict[str, str] = {}

    def alias(self, local: str = "") -> str:
        """Return the alias of one of the bot's rooms; the space's is the prefix alone."""
        return f"#{self._local(local)}:{self._settings.server}"

    def _local(self, local: str) -> str:
        return f"{self._settings.prefix}-{local}" if local else self._settings.prefix

    async def room_of(self, name: str) -> str:
        """Return the id of a room that is named by its id or its alias."""
        if not name.startswith("#"):
            return name
        if name == self.alias("triage") and not self._settings.triage:
            return await self.triage()
        if name not in self._known:
            found = await self._server.resolve(name)
            if found is None:
                raise PermanentFailure(f"there is no room {name}")
            self._known[name] = found
        return self._known[name]

    def moved(self, was: str, now: str) -> None:
        """Note that a room continues in another one."""
        for name, room in self._known.items():
            if room == was:
                self._known[name] = now

    # --- making -----------------------------------------------------------------------------------

    async def space(self) -> str | None:
        """Return the deployment's space; create it if need be."""
        if not self._settings.space:
            return None
        return await self._kept(
            "",
            {
                "name": "Incidents",
                "topic": "Every incident's room. Kept by Sitrep.",
                "creation_content": {"type": "m.space"},
                # Members of the space may join every incident, so only the bot lets people in.
                "power_level_content_override": {**await self._levels(), "invite": 50},
            },
        )

    async def triage(self) -> str:
        """Return the room where incidents are declared; create it if need be."""
        if self._settings.triage:
            return await self.room_of(self._settings.triage)
        return await self._kept(
            "triage",
            {
                "name": "Triage",
                "topic": "Declare an incident here: !inc declare <what is broken>",
                "initial_state": await self._furnishing(),
                "power_level_content_override": await self._levels(),
            },
            listed=True,
        )

    async def incident(self, request: ConversationRequest, key: str) -> str:
        """Return an incident's room, with everybody invited; create it if need be."""
        users = [user.id for user in request.invite if user.id != self._me]
        at_once = [u for u in users if server_of(u) == self._settings.server][:INVITED_AT_ONCE]
        body = {
            "name": request.name,
            "topic": request.topic,
            "invite": at_once,
            "initial_state": await self._furnishing(private=request.private),
            "power_level_content_override": await self._levels(private=request.private),
        }
        room, fresh = await self._made(request.alias, body, key)
        await self.bring_in(room, [u for u in users if not (fresh and u in at_once)])
        return room

    async def direct(self, user: str) -> str:
        """Return the direct room with a user, who is in it or invited; create it if need be."""
        lock = self._making.setdefault(f"@{user}", asyncio.Lock())
        async with lock:
            direct = await self._server.account_data(self._me, "m.direct")
            for room in reversed(_rooms(direct.get(user))):
                if await self._usable(room, user):
                    self.direct_users[room] = user
                    return room
            local = f"dm-{hashlib.sha256(user.encode()).hexdigest()[:16]}"
            body: dict[str, Any] = {
                "is_direct": True,
                "invite": [user],
                "preset": "trusted_private_chat",
                "initial_state": _encryption(on=self._settings.encrypted),
            }
            room, fresh = await self._made(local, body, f"dm/{user}")
            if not fresh:
                await self.bring_in(room, [user])
            await self.note_direct(user, room)
            return room

    async def note_direct(self, user: str, room: str) -> None:
        """Store in the account that a room is the direct one with a user."""
        direct = await self._server.account_data(self._me, "m.direct")
        rooms = _rooms(direct.get(user))
        if room not in rooms:
            fresh = {**direct, user: [*rooms, room]}
            await self._server.put_account_data(self._me, "m.direct", fresh)
        self.direct_users[room] = user

    def take_direct(self, content: Mapping[str, Any]) -> None:
        """Take over which rooms are direct, as the account has it."""
        self.direct_users = {
            room: str(user) for user, rooms in content.items() for room in _rooms(rooms)
        }

    async def _usable(self, room: str, user: str) -> bool:
        """Return whether the bot is in a direct room, and the user is, or can be invited."""
        try:
            # A user who has left a room can still read its state of that time.
            if await self._server.membership(room, self._me) != "join":
                return False
            if await self._server.membership(room, user) in IN:
                return True
            await self._server.invite(room, user)
        except HomeserverRefused:
            return False
        return True

    async def _kept(self, local: str, body: dict[str, Any], *, listed: bool = False) -> str:
        """Return the one room of its kind; create it on first use."""
        lock = self._making.setdefault(local, asyncio.Lock())
        async with lock:
            alias = self.alias(local)
            if alias not in self._known:
                room, _fresh = await self._made(local, body, local or "space")
                if listed:
                    await self.enlist(room)
                self._known[alias] = room
            return self._known[alias]

    async def _made(self, local: str, body: dict[str, Any], key: str) -> tuple[str, bool]:
        """Create a room, or find the one created for the same key; return whether it is new."""
        creation = {**body.get("creation_content", {}), KEY: key}
        version = await self.version()
        if creators_rule(version) and self._settings.admins:
            creation["additional_creators"] = [a for a in self._settings.admins if a != self._me]
        whole = {
            "preset": "private_chat",
            "visibility": "private",
            "room_version": version,
            **body,
            "room_alias_name": self._local(local),
            "creation_content": creation,
        }
        try:
            return await self._create(whole), True
        except HomeserverRefused as exc:
            if exc.code != "M_ROOM_IN_USE":
                raise
        alias = self.alias(local)
        found = await self._server.resolve(alias)
        if found is None:
            raise TemporaryFailure(f"the room {alias} is just being made")
        taken = PermanentFailure(f"{alias} is another's room; set adapters.matrix.prefix")
        try:
            state = await self._server.whole_state(found)
        except HomeserverRefused:
            state = []  # perhaps one that the bot was removed from
        create, sender = _create_of(state)
        if state and sender != self._me:
            raise taken
        if create.get(KEY) == key and _has_in(state, self._me):
            return found, False
        # One of the bot's, which this database does not know: take the alias for the new room.
        self._log.warning("alias taken over", alias=alias, was=found)
        try:
            await self._server.call("DELETE", f"{V3}/directory/room/{quote(alias, safe='')}")
        except HomeserverRefused as exc:
            raise taken from exc
        return await self._create(whole), True

    async def _create(self, body: dict[str, Any]) -> str:
        path = f"{V3}/createRoom"
        try:
            answer = await self._server.call("POST", path, body)
        except HomeserverRefused as exc:
            if exc.code == "M_ROOM_IN_USE" or not body.get("invite"):
                raise
            # If one person cannot be invited, the others still can.
            self._log.warning("room made without invitations", why=str(exc))
            answer = await self._server.call("POST", path, {**body, "invite": []})
            await self.bring_in(str(answer["room_id"]), body["invite"])
        return str(answer["room_id"])

    async def bring_in(self, room: str, users: Iterable[str]) -> None:
        """Invite people who are not in a room; log those who cannot be invited.

        Raises:
            TemporaryFailure: The homeserver takes no more invitations now.
        """
        busy: TemporaryFailure | None = None
        for user in users:
            try:
                await self._server.invite(room, user)
            except TemporaryFailure as exc:
                busy = exc
            except HomeserverRefused as exc:
                if await self._server.membership(room, user) not in IN:
                    self._log.warning("not invited", user=user, room=room, why=str(exc))
        if busy is not None:
            raise busy

    async def enlist(self, room: str) -> None:
        """Add a room to the space; messages do not wait for that."""
        space = await self.space()
        if space is None:
            return
        via = {"via": [self._settings.server]}
        try:
            await self._server.put_state(space, "m.space.child", via, room)
        except HomeserverRefused as exc:
            self._log.warning("not in the space", room=room, why=str(exc))

    async def close(self, room: str, *, private: bool) -> None:
        """Let only the invited into a room and take it out of the space, or undo both (F17)."""
        levels = await self._server.state(room, "m.room.power_levels") or {}
        wanted = {**levels, "invite": 50 if private else 0}
        await self._server.put_state(room, "m.room.power_levels", wanted)
        rule: dict[str, Any] = {"join_rule": "invite"}
        space = await self.space()
        if space is not None:
            via = {"via": [self._settings.server]}
            child, parent = ({}, {}) if private else (via, {**via, "canonical": True})
            await self._server.put_state(space, "m.space.child", child, room)
            await self._server.put_state(room, "m.space.parent", parent, space)
            if not private and self._settings.join == "space":
                allow = [{"type": "m.room_membership", "room_id": space}]
                rule = {"join_rule": "restricted", "allow": allow}
        await self._server.put_state(room, "m.room.join_rules", rule)

    async def _furnishing(self, *, private: bool = False) -> list[dict[str, Any]]:
        """Return the state that a new room begins with; a private one is in no space."""
        state = [
            {"type": "m.room.history_visibility", "content": {"history_visibility": "shared"}},
            *_encryption(on=self._settings.encrypted),
        ]
        space = None if private else await self.space()
        if space is None:
            return state
        parent = {"via": [self._settings.server], "canonical": True}
        state.append({"type": "m.space.parent", "state_key": space, "content": parent})
        if self._settings.join == "space":
            allow = [{"type": "m.room_membership", "room_id": space}]
            rule = {"join_rule": "restricted", "allow": allow}
            state.append({"type": "m.room.join_rules", "content": rule})
        return state

    async def _levels(self, *, private: bool = False) -> dict[str, Any]:
        """Return the power levels of a new room: everybody may speak and pin, and invite.

        Into a private room only the bot invites: the people who are asked, paged or given a role.
        """
        modern = creators_rule(await self.version())
        users = {} if modern else {self._me: 100, **dict.fromkeys(self._settings.admins, 100)}
        return {
            "users": users,
            "invite": 50 if private else 0,
            "events": {
                "m.room.pinned_events": 0,
                "m.room.power_levels": 100,
                "m.room.history_visibility": 100,
                "m.room.encryption": 100,
                "m.room.server_acl": 100,
                "m.room.tombstone": 150 if modern else 100,
            },
        }

    async def version(self) -> str:
        """Return the room version that new rooms get."""
        if self._settings.room_version:
            return self._settings.room_version
        if self._version is None:
            answer = await self._server.call("GET", f"{V3}/capabilities")
            versions = answer.get("capabilities", {}).get("m.room_versions", {})
            self._version = str(versions.get("default", "10"))
        return self._version

    async def predecessor(self, room: str) -> str | None:
        """Return the room that a room continues; `None` if it continues none."""
        found = await self._server.state(room, "m.room.create")
        before = (found or {}).get("predecessor")
        was = before.get("room_id") if isinstance(before, dict) else None
        return was if isinstance(was, str) else None

    async def power_levels(self, room: str) -> PowerLevels:
        """Return the power levels of a room."""
        state = await self._server.whole_state(room)
        create, sender = _create_of(state)
        levels = next((e.get("content") for e in state if _is(e, "m.room.power_levels")), None)
        return power_levels(create, sender, levels)


def _is(event: Mapping[str, Any], kind: str) -> bool:
    return event.get("type") == kind and event.get("state_key") == ""


def _create_of(state: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], str]:
    event = next((e for e in state if _is(e, "m.room.create")), {})
    return event.get("content", {}), str(event.get("sender", ""))


def _has_in(state: Iterable[Mapping[str, Any]], user: str) -> bool:
    return any(
        e.get("type") == "m.room.member"
        and e.get("state_key") == user
        and e.get("content", {}).get("membership") == "join"
        for e in state
    )


def _rooms(value: object) -> list[str]:
    return [r for r in value if isinstance(r, str)] if isinstance(value, list) else []


def _encryption(*, on: bool) -> list[dict[str, Any]]:
    if not on:
        return []
    return [{"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}]
