"""Reads the events of a room. Pure: what must be fetched is fetched before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

from adapters.matrix.render import plain_key
from bot.contract import UserRef

ADAPTER = "matrix"

CAPTURE = "📌"
"""The reaction that puts a message on the timeline."""

STATE = frozenset({"m.room.power_levels", "m.room.pinned_events", "m.room.tombstone"})
"""The types of events that are a room's state, one of each: their key is empty."""

_COMMAND = re.compile(r"\s*!(?:incident|inc)(?=\s|$)", re.IGNORECASE)
_USER = re.compile(r"@[^\s:,;]+:[^\s,;]+")
_FALLBACK = re.compile(r"(?:^> .*\n)+\n?", re.MULTILINE)

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RoomMessage:
    """The text of a message."""

    text: str
    """The text without the mention of the bot that it begins with."""
    mentions: Mapping[str, UserRef]
    """The user behind each word of the text that stands for a person."""
    addressed: bool
    """True if it begins with a mention of the bot."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """A reaction."""

    target: str
    """The id of the event that it is about."""
    key: str
    """The emoji, without variation selectors."""


def written_at(event: Event) -> datetime:
    """Return when an event was written, by its homeserver's clock."""
    stamp = event.get("origin_server_ts")
    try:
        return datetime.fromtimestamp((stamp if isinstance(stamp, int) else 0) / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, UTC)


def kind(event: Event) -> str:
    """Return an event's type; empty for one that is not sent as its type is.

    Anybody in a room can send a message whose type is that of a state event, and the homeserver
    checks nothing. A real state event has a `state_key`, which takes a permission to send.
    """
    found = str(event.get("type"))
    right = event.get("state_key") == "" if found in STATE else "state_key" not in event
    return found if right else ""


def is_member(event: Event, user: str) -> bool:
    """Return whether an event says how a user stands to a room."""
    return event.get("type") == "m.room.member" and event.get("state_key") == user


def is_command(said: RoomMessage) -> bool:
    """Return whether a message is for the bot, by the mention or prefix that it begins with."""
    return said.addressed or _COMMAND.match(said.text) is not None


def content(event: Event) -> Mapping[str, Any]:
    """Return an event's content; empty if it is not an object."""
    found = event.get("content")
    return found if isinstance(found, Mapping) else {}


def relation(event: Event) -> tuple[str | None, str | None]:
    """Return the kind of an event's relation to another one, and the other's id."""
    found = content(event).get("m.relates_to")
    if not isinstance(found, Mapping):
        return None, None
    kind, target = found.get("rel_type"), found.get("event_id")
    if kind is None and "m.in_reply_to" in found:
        return "reply", None
    return (str(kind) if kind else None), (str(target) if target else None)


def text(found: Mapping[str, Any]) -> str:
    """Return the text of a message's content, without the quotation that replies carry."""
    body = found.get("body")
    if not isinstance(body, str):
        return ""
    related = found.get("m.relates_to")
    if body.startswith("> ") and isinstance(related, Mapping) and "m.in_reply_to" in related:
        body = _FALLBACK.sub("", body, count=1)
    return body


def said(event: Event, me: str, my_name: str) -> RoomMessage | None:
    """Return a message's text; `None` if it is not a text message, or edits another message."""
    found = content(event)
    if event.get("type") != "m.room.message" or found.get("msgtype") not in ["m.text", "m.emote"]:
        return None
    if relation(event)[0] == "m.replace":
        return None
    body = text(found)
    mentions: dict[str, UserRef] = {}
    for name, user in _pills(found.get("formatted_body")):
        if any(c.isspace() for c in name):
            # A name of several words cannot stand in a command; the user's id can.
            body = body.replace(name, user, 1)
        elif user != me:
            mentions[name.removeprefix("@")] = UserRef(ADAPTER, user)
    for user in _USER.findall(body):
        if user != me:
            mentions[user.removeprefix("@")] = UserRef(ADAPTER, user)
    rest = _without_address(body, me, my_name)
    return RoomMessage(body if rest is None else rest, mentions, rest is not None)


def _without_address(body: str, me: str, my_name: str) -> str | None:
    """Return the text after the mention of the bot that it begins with; `None` without one."""
    stripped = body.lstrip()
    for name in (me, f"@{my_name}", my_name, me.partition(":")[0]):
        if name and stripped.casefold().startswith(name.casefold()):
            rest = stripped[len(name) :]
            if not rest or rest[0] in " ,:\n\t":
                return rest.lstrip(" ,:\n\t")
    return None


def correction(event: Event) -> tuple[str, str] | None:
    """Return the message that an event edits, and its new text; `None` for other events."""
    kind, target = relation(event)
    fresh = content(event).get("m.new_content")
    if kind != "m.replace" or target is None or not isinstance(fresh, Mapping):
        return None
    return target, text(fresh)


def last_edit(event: Event) -> Event | None:
    """Return the last edit of an event, as the homeserver bundles it with the event."""
    unsigned = event.get("unsigned")
    relations = unsigned.get("m.relations") if isinstance(unsigned, Mapping) else None
    edit = relations.get("m.replace") if isinstance(relations, Mapping) else None
    return edit if isinstance(edit, Mapping) else None


def redacted(event: Event) -> str | None:
    """Return the event that is redacted; before room version 11 it stands outside the content."""
    target = content(event).get("redacts", event.get("redacts"))
    return str(target) if event.get("type") == "m.room.redaction" and target else None


def is_redacted(event: Event) -> bool:
    """Return whether an event was redacted."""
    unsigned = event.get("unsigned")
    return isinstance(unsigned, Mapping) and "redacted_because" in unsigned


def pressed(event: Event) -> Pressed | None:
    """Return an event as a reaction; `None` for other events."""
    found = content(event).get("m.relates_to")
    if event.get("type") != "m.reaction" or not isinstance(found, Mapping):
        return None
    key, target = found.get("key"), found.get("event_id")
    if not isinstance(key, str) or not isinstance(target, str):
        return None
    return Pressed(target, plain_key(key))


def newly_pinned(event: Event) -> tuple[str, ...]:
    """Return the messages that an event adds to the pinned ones."""
    if event.get("type") != "m.room.pinned_events":
        return ()
    unsigned = event.get("unsigned")
    before = unsigned.get("prev_content") if isinstance(unsigned, Mapping) else None
    was = set(_pins(before)) if isinstance(before, Mapping) else set()
    return tuple(each for each in _pins(content(event)) if each not in was)


def _pins(found: Mapping[str, Any]) -> list[str]:
    pinned = found.get("pinned")
    return [p for p in pinned if isinstance(p, str)] if isinstance(pinned, list) else []


def matches(user: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a user or a server is among patterns like `@*:example.org`."""
    return any(fnmatchcase(user, pattern) for pattern in patterns)


def local(user: str) -> str:
    """Return the name of a user on their homeserver."""
    return user[1:].partition(":")[0]


def server_of(user: str) -> str:
    """Return the homeserver of a user."""
    return user.partition(":")[2]


class _Links(HTMLParser):
    """Collects the users that a formatted body links to, with the link texts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._user: str | None = None
        self._name = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href") or ""
        if tag == "a" and "matrix.to/#/" in href:
            target = unquote(href.partition("matrix.to/#/")[2].partition("?")[0])
            self._user, self._name = (target if target.startswith("@") else None), ""

    def handle_data(self, data: str) -> None:
        self._name += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._user is not None:
            if self._name.strip():
                self.found.append((self._name.strip(), self._user))
            self._user = None


def _pills(formatted: object) -> list[tuple[str, str]]:
    if not isinstance(formatted, str) or "matrix.to" not in formatted:
        return []
    links = _Links()
    links.feed(formatted)
    return links.found
