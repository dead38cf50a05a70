"""Lines become chat events: `bob@room: text`, or a JSON object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.contract import ChatEvent, ConversationRef, UserRef

ADAPTER = "console"

_LINE = re.compile(r"\s*([^@\s:]+)@(@?[^:\s]+):[ \t]?(.*)", re.DOTALL)
_MENTION = re.compile(r"@([^\s@:,;]+)")


class Unreadable(Exception):  # noqa: N818 - an answer to whoever piped it
    """A line cannot be read; the text shows what a line looks like."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One line: who said what in which room."""

    sender: str
    room: str
    text: str
    id: str | None = None
    """The event's id, if the sender gave one."""
    at: datetime | None = None
    """When it was said, if the sender gave that."""


def from_text(line: str) -> Heard:
    """Read `bob@room: text`.

    Raises:
        Unreadable: It has another shape.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        shown = line.strip()[:60]
        raise Unreadable(f"not read: “{shown}”. A line looks like  bob@ops: !inc status")
    return Heard(match[1], match[2], match[3])


def from_json(line: str) -> Heard:
    """Read a JSON object with `sender`, `conversation`, `text`, and perhaps `id` and `time`.

    Raises:
        Unreadable: It is not such an object, or lacks something.
    """
    example = '{"sender": "bob", "conversation": "ops", "text": "!inc status"}'
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise Unreadable(f"not JSON: {exc}. A line looks like {example}") from exc
    if not isinstance(given, dict):
        raise Unreadable(f"not a JSON object. A line looks like {example}")
    for key in ("sender", "conversation", "text"):
        if not isinstance(given.get(key), str) or (key != "text" and not given[key].strip()):
            raise Unreadable(f"{key!r} is missing or not a text. A line looks like {example}")
    return Heard(
        given["sender"].strip(),
        given["conversation"].strip(),
        given["text"],
        str(given["id"]) if "id" in given else None,
        _time(given.get("time")),
    )


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError as exc:
        raise Unreadable(
            f"'time' is not an ISO time: {value!r}; write 2026-11-24T14:05:00Z"
        ) from exc
    if at.tzinfo is None:
        raise Unreadable(f"'time' has no zone: {value!r}; write 2026-11-24T14:05:00Z")
    return at.astimezone(UTC)


def event(heard: Heard, *, number: str, now: datetime, known: Mapping[str, str]) -> ChatEvent:
    """Return a line as an event for the core.

    `known` maps the case-folded names that can be mentioned to users; other mentions stay text.
    """
    mentions = {
        word: UserRef(ADAPTER, known[word.casefold()])
        for word in _MENTION.findall(heard.text)
        if word.casefold() in known
    }
    written_at = now if heard.at is None else min(heard.at, now + timedelta(minutes=1))
    return ChatEvent(
        id=heard.id if heard.id is not None else number,
        conversation=ConversationRef(ADAPTER, heard.room),
        sender=UserRef(ADAPTER, heard.sender),
        sender_name=heard.sender,
        text=heard.text,
        written_at=written_at,
        addressed=heard.room.startswith("@"),
        direct=heard.room.startswith("@"),
        mentions=mentions,
    )


Reader = Callable[[str], Heard]
"""A function that reads one line."""
