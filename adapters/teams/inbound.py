"""What Teams sends, as plain JSON, read into what the core knows. Anything may be missing in it."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from bot.contract import ConversationRef, filled

ADAPTER = "teams"
Json = Mapping[str, Any]

_ROOT = ";messageid="
"""What stands between a channel and a thread in Teams' names; in ours it is a slash."""

LONGEST_NAME = 300
"""The longest id or address that is taken for one; none of Teams' is nearly as long."""

LINE, ONCE = "line", "once"
"""The keys of a button's data: its command line, and which drawing of the message it is on."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who sent something: the name that is Teams' for the bot alone, and the directory's."""

    id: str
    object_id: str | None
    name: str

    @property
    def user(self) -> str:
        """Return the id that they have in the config."""
        return self.object_id or self.id


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation of Teams'. `kind` is `personal`, `groupChat` or `channel`."""

    base: str
    root: str | None
    kind: str
    tenant: str
    service_url: str
    team: str

    @property
    def ref(self) -> ConversationRef:
        """Return the core's name of it."""
        return ConversationRef(ADAPTER, f"{self.base}/{self.root}" if self.root else self.base)


@dataclass(frozen=True, slots=True)
class Said:
    """A message's text without the bot's mention; `mentions` maps its words to Teams' ids."""

    text: str
    addressed: bool
    mentions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Marked:
    """A message that a message action was used on."""

    id: str
    author: Person
    text: str
    written_at: datetime | None


def text_at(value: object, *path: str) -> str:
    """Return a text somewhere in JSON; empty where there is none."""
    found = dict_at(value, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else ""


def dict_at(value: object, *path: str) -> Json:
    """Return an object somewhere in JSON; empty where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def list_at(value: object, key: str) -> list[Any]:
    """Return a list in JSON; empty where there is none."""
    found = dict_at(value).get(key)
    return found if isinstance(found, list) else []


def _is_name(text: str) -> bool:
    """Whether a text can be the name of something, and be stored on every database."""
    return 0 < len(text) <= LONGEST_NAME and text.isprintable()


def person(account: Json) -> Person | None:
    """Return an account; none where it has no id."""
    name = text_at(account, "id")
    found = text_at(account, "aadObjectId") or text_at(account, "objectId")
    if not _is_name(name) or not _is_name(found or "none"):
        return None
    return Person(name, found.casefold() or None, text_at(account, "name") or found or name)


def place(activity: Json) -> Place | None:
    """Return where something happened; none where it does not say."""
    base, _, root = text_at(activity, "conversation", "id").partition(_ROOT)
    url = text_at(activity, "serviceUrl")
    if (
        not _is_name(base)
        or not _is_name(root or "none")
        or not _is_name(url)
        or "/" in base + root
    ):
        return None
    team = text_at(activity, "channelData", "team", "aadGroupId")
    return Place(
        base=base,
        root=root or None,
        kind=text_at(activity, "conversation", "conversationType") or "personal",
        tenant=text_at(activity, "channelData", "tenant", "id").casefold(),
        service_url=url,
        team=team.casefold(),
    )


def name_of(place: Place, activity: Json) -> str:
    """Return the name of a message, which Teams makes unique within a conversation alone."""
    return f"{place.base}/{text_at(activity, 'id')}"


def split(conversation: str) -> tuple[str, str | None]:
    """Return a conversation's name in two: the channel or chat, and the thread in it."""
    base, _, root = conversation.partition("/")
    return base, root or None


def named(base: str, root: str | None) -> str:
    """Return Teams' name of a conversation."""
    return f"{base}{_ROOT}{root}" if root else base


def moment(value: str) -> datetime | None:
    """Return an instant of Teams'."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)


def said(activity: Json, *, personal: bool) -> Said:
    """Return what a message says; in a personal chat the bot is always meant."""
    text = text_at(activity, "text")
    me = text_at(activity, "recipient", "id")
    addressed, mentions = personal, {}
    for entity in list_at(activity, "entities"):
        if text_at(entity, "type") != "mention":
            continue
        shown, who = text_at(entity, "text"), text_at(entity, "mentioned", "id")
        if not shown or not who:
            continue
        if who == me:
            addressed = True
            text = text.replace(shown, " ")
            continue
        name = text_at(entity, "mentioned", "name") or _TAG.sub("", shown)
        word = ".".join(html.unescape(name).split())
        mentions[word] = who
        text = text.replace(shown, f"@{word}")
    return Said(html.unescape(text).replace("\xa0", " ").strip(), addressed, mentions)


def pressed(data: object) -> str:
    """Return the command line of a button or form; empty where there is none."""
    values = {k: v for k, v in dict_at(data).items() if isinstance(v, str)}
    return filled(values.get(LINE, ""), values)


def press_id(activity: Json, data: object, line: str, user: str) -> str:
    """Return the name of a press: the same when a person presses the same again (D3).

    Teams delivers one again under another id, and people tap twice. A message that is drawn anew
    has other buttons.
    """
    on = text_at(activity, "replyToId"), text_at(data, ONCE), user, line
    return "press/" + hashlib.sha256("\0".join(on).encode()).hexdigest()[:40]


def marked(activity: Json) -> Marked | None:
    """Return the message that a message action was used on."""
    payload = dict_at(activity, "value", "messagePayload")
    user = dict_at(payload, "from", "user")
    name = text_at(user, "id")
    if not text_at(payload, "id") or not name:
        return None
    content = text_at(payload, "body", "content")
    is_html = text_at(payload, "body", "contentType") == "html"
    author = Person(name, name.casefold(), text_at(user, "displayName") or name)
    return Marked(
        id=text_at(payload, "id"),
        author=author,
        text=plain_of(content) if is_html else content.strip(),
        written_at=moment(text_at(payload, "createdDateTime")),
    )


def plain_of(source: str) -> str:
    """Return the text of Teams' HTML."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"br", "p", "div", "li", "tr"}:
            self.parts.append("\n")
        elif tag in {"img", "emoji"}:
            self.parts.append(dict(attrs).get("alt") or "")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


_TAG = re.compile(r"<[^>]*>")
