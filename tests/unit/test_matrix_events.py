"""Matrix: what a room's events do, with doubles for the homeserver and the encryption."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from adapters.matrix import inbound
from adapters.matrix.config import MatrixSettings
from adapters.matrix.crypto import Sealed
from adapters.matrix.homeserver import HomeserverRefused
from adapters.matrix.power_levels import power_levels
from adapters.matrix.room_events import Participants, RoomEvents
from bot.contract import ChatCapture, ChatCorrection, ChatEvent, ChatMoved, ChatTrouble
from bot.contract import ChatUnreadable as Unread
from bot.testing import ManualClock

ME, ANN, ROOM = "@sitrep:example.org", "@ann:example.org", "!room:example.org"
STATE = {
    "m.room.tombstone": {"replacement_room": "!trap:example.org", "body": "this way"},
    "m.room.pinned_events": {"pinned": ["$said"]},
    "m.room.power_levels": {"users": {}, "events_default": 100},
}
MUTED = power_levels({"room_version": "11", "creator": ANN}, ANN, STATE["m.room.power_levels"])


class Server:
    """A homeserver that knows some events, and lets the bot join everything."""

    def __init__(self) -> None:
        self.joined: list[str] = []
        self.events: dict[str, dict[str, Any]] = {"$said": message("db-1 is full", id="$said")}

    async def join(self, room: str) -> str:
        if room.startswith("!closed"):
            raise HomeserverRefused("no", 403, "M_FORBIDDEN")
        self.joined.append(room)
        return room

    async def event(self, room: str, target: str) -> dict[str, Any] | None:
        return self.events.get(target)


class Rooms:
    direct_users: dict[str, str]

    def __init__(self) -> None:
        self.direct_users = {}

    def moved(self, was: str, now: str) -> None: ...

    async def power_levels(self, room: str) -> object:
        return MUTED


class Crypto:
    """An encryption that reads what the test has sealed."""

    def __init__(self, *, encrypted: bool) -> None:
        self.encrypted = encrypted

    async def is_encrypted(self, room: str) -> bool:
        return self.encrypted

    def decrypted(self, room: str, event: Any) -> Any:
        inner = event["content"].get("inner")
        return Sealed(inner) if event["type"] == "m.room.encrypted" and inner else event


class Room:
    """A room with a bot in it, and what the bot hands to the core."""

    def __init__(self, *, encrypted: bool = False) -> None:
        self.heard: list[Any] = []
        self.server, self.rooms = Server(), Rooms()
        who = Participants(
            me=ME, my_name="Sitrep", people=lambda: (ANN,), homeservers=("example.org",)
        )
        settings = MatrixSettings(homeserver="https://x", user=ME, pickle_key="x" * 20)
        self.events = RoomEvents(
            settings, who, self.server, self.rooms, Crypto(encrypted=encrypted), ManualClock(),
            structlog.stdlib.get_logger("test"), self._receive, lambda what: what.close(),
        )  # fmt: skip

    async def _receive(self, inbound: Any) -> None:
        self.heard.append(inbound)

    async def hears(self, event: dict[str, Any]) -> list[Any]:
        self.heard.clear()
        await self.events.event(ROOM, event)
        return self.heard


def message(body: str, *, id: str = "$e", **content: Any) -> dict[str, Any]:  # noqa: A002
    return {
        "type": "m.room.message",
        "event_id": id,
        "sender": ANN,
        "origin_server_ts": 1_764_000_000_123,
        "content": {"msgtype": "m.text", "body": body, **content},
    }


def of_type(kind: str, **more: Any) -> dict[str, Any]:
    unsigned = {"prev_content": {"users": {ME: 100}} if kind == "m.room.power_levels" else {}}
    return {**message(""), "type": kind, "content": STATE[kind], "unsigned": unsigned, **more}


def sealed(clear: dict[str, Any]) -> dict[str, Any]:
    return {**clear, "type": "m.room.encrypted", "content": {"inner": clear}}


def edit(body: str) -> dict[str, Any]:
    fresh, relation = {"body": body}, {"rel_type": "m.replace", "event_id": "$said"}
    return message(f"* {body}", **{"m.new_content": fresh, "m.relates_to": relation})


# --- state ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STATE)
async def test_only_a_state_event_changes_what_a_room_is(kind):
    """F8: whoever may speak may send a message of any type"""
    room = Room()
    for pretended in (of_type(kind), of_type(kind, state_key="x"), of_type(kind, state_key=None)):
        assert await room.hears(pretended) == []
    assert room.server.joined == []
    (done,) = await room.hears(of_type(kind, state_key=""))
    assert isinstance(done, ChatMoved | ChatCapture | ChatTrouble)


@pytest.mark.parametrize("kind", ["m.room.message", "m.reaction", "m.room.redaction"])
async def test_what_is_said_is_no_state_event(kind):
    """F8"""
    assert inbound.kind({"type": kind}) == kind
    assert inbound.kind({"type": kind, "state_key": ""}) == ""
    assert await Room().hears({**message("!inc list"), "state_key": ""}) == []


def test_how_a_user_stands_to_a_room_is_said_by_their_own_state_event():
    """F8"""
    assert inbound.is_member({"type": "m.room.member", "state_key": ME}, ME)
    assert not inbound.is_member({"type": "m.room.member", "state_key": ANN}, ME)
    assert not inbound.is_member({"type": "m.room.member"}, ME)


# --- in clear -------------------------------------------------------------------------------------

COMMANDS = ("!inc resolve done", "!incident list", "sitrep: status", f"{ME} update x", "!INC")


@pytest.mark.parametrize("text", COMMANDS)
async def test_a_command_in_clear_in_an_encrypted_room_is_answered_and_not_done(text):
    """F8 D5"""
    (answer,) = await Room(encrypted=True).hears(message(text))
    assert isinstance(answer, Unread)
    assert (answer.in_clear, answer.message, answer.sender.id) == (True, "$e", ANN)
    assert isinstance((await Room().hears(message(text)))[0], ChatEvent)
    (done,) = await Room(encrypted=True).hears(sealed(message(text)))
    assert isinstance(done, ChatEvent)


async def test_in_a_direct_room_every_line_is_a_command():
    """F8 D5"""
    room = Room(encrypted=True)
    assert await room.hears(message("status")) == []  # talk among people
    room.rooms.direct_users[ROOM] = ANN
    assert [each.in_clear for each in await room.hears(message("status"))] == [True]


@pytest.mark.parametrize("mark", [Sealed.__name__, "sealed", "decrypted", "encrypted"])
async def test_nobody_can_pretend_that_a_message_came_encrypted(mark):
    """F8"""
    (answer,) = await Room(encrypted=True).hears({**message("!inc resolve"), mark: True})
    assert isinstance(answer, Unread)


async def test_an_edit_in_clear_of_a_sealed_message_is_answered_and_not_followed():
    """F8 L1"""
    room = Room(encrypted=True)
    room.server.events["$said"] = sealed(room.server.events["$said"])
    (answer,) = await room.hears(edit("db-1 is fine"))
    assert isinstance(answer, Unread)
    (followed,) = await room.hears(sealed(edit("db-1 is at 90 %")))
    assert isinstance(followed, ChatCorrection)


async def test_what_a_bot_that_cannot_encrypt_said_can_be_captured_and_is_followed():
    """L1"""
    room = Room(encrypted=True)
    reaction = {"rel_type": "m.annotation", "event_id": "$said", "key": "📌"}
    marked = {**message(""), "type": "m.reaction", "content": {"m.relates_to": reaction}}
    (captured,) = await room.hears(marked)
    assert (captured.text, captured.author.id) == ("db-1 is full", ANN)
    (followed,) = await room.hears(edit("db-1 is at 90 %"))
    assert isinstance(followed, ChatCorrection)


async def test_a_sealed_message_is_captured_without_an_edit_that_came_in_clear():
    """F8 L1"""
    room = Room(encrypted=True)
    said = sealed(room.server.events["$said"])
    reaction = {"rel_type": "m.annotation", "event_id": "$said", "key": "📌"}
    marked = {**message(""), "type": "m.reaction", "content": {"m.relates_to": reaction}}
    for change, text in ((edit("fine"), "db-1 is full"), (sealed(edit("at 90 %")), "at 90 %")):
        unsigned = {"m.relations": {"m.replace": change}}
        room.server.events["$said"] = {**said, "unsigned": unsigned}
        (captured,) = await room.hears(marked)
        assert captured.text == text
