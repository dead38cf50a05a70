"""Activities of Teams: JSON in which anything may be missing, read once into frozen values."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from adapters.teams.html_text import plain_of
from bot.contract import ConversationRef, filled

ADAPTER = "teams"
Json = Mapping[str, Any]

_ROOT = ";messageid="
"""The separator of channel and thread in Teams' names; ours is a slash."""

LONGEST_NAME = 300
"""The longest id or address that is accepted; Teams' own are far shorter."""

LINE, ONCE = "line", "once"
"""The keys of a button's data: its command line, and which drawing of the message it is on."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody in Teams."""

    id: str
    """The id that Teams uses towards this bot alone: `29:…`."""
    object_id: str | None
    """The id in the directory, in lower case; `None` for accounts that are not in it."""
    name: str
    """The name to show."""

    @property
    def user(self) -> str:
        """Return the id that they have in the config."""
        return self.object_id or self.id


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation, with the way to it."""

    base: str
    """The id of the channel or chat."""
    root: str | None
    """The id of the message that began the thread; `None` outside threads."""
    kind: str
    """`personal`, `groupChat` or `channel`."""
    tenant: str
    """The tenant's id, in lower case."""
    service_url: str
    """The address that takes what is sent to it."""
    team: str
    """The team's directory id, in lower case; empty outside teams."""

    @property
    def ref(self) -> ConversationRef:
        """Return the core's name of it."""
        return ConversationRef(ADAPTER, f"{self.base}/{self.root}" if self.root else self.base)


@dataclass(frozen=True, slots=True)
class MessageText:
    """The text of a message."""

    text: str
    """The text without the mention of the bot."""
    addressed: bool
    """True if the bot was mentioned, or the chat is with the bot alone."""
    mentions: Mapping[str, str]
    """Teams' ids of the people mentioned, by the word that stands for each in the text."""


@dataclass(frozen=True, slots=True)
class Marked:
    """The message that a message action was used on."""

    id: str
    author: Account
    text: str
    written_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamsActivity:
    """Something that happened in a conversation; its subclasses are what the bot acts on."""

    id: str
    """Teams' id of it, unique within its conversation."""
    conversation: Conversation
    sender: Account | None
    sent_at: datetime | None
    """When Teams says it happened; `None` if it does not say."""
    invoke: str = ""
    """The name of an invoke, which waits for an answer; empty for everything else."""

    @property
    def name(self) -> str:
        """Return a name that is unique among all conversations."""
        return f"{self.conversation.base}/{self.id}"

    @property
    def home(self) -> str | None:
        """Return the tenant that it comes from, which the endpoint has checked against `tenants`.

        It is the conversation's: a guest in a team counts as of the team's tenant.
        """
        return self.conversation.tenant or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(TeamsActivity):
    """Somebody wrote a message."""

    sender: Account
    said: MessageText


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction(TeamsActivity):
    """Somebody edited or deleted a message of theirs, whose id this has."""

    sender: Account
    text: str | None
    """The new text; `None` if the message was deleted."""
    version: str
    """A text that tells this change of the message from others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press(TeamsActivity):
    """Somebody pressed a button or sent a form: an invoke, or in old clients a message."""

    sender: Account
    line: str
    """The command line; empty if the button carries none."""
    event: str
    """The name of the press: the same if it is delivered or made again (see `press_id`)."""
    refresh: bool = False
    """True if the client asked by itself, to show a card as its reader may see it."""
    on_card: bool = False
    """True if the button is on a status card, which may be shown anew to whoever pressed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkAction(TeamsActivity):
    """Somebody used the message action that puts a message on the timeline."""

    sender: Account
    marked: Marked | None
    """The message; `None` if Teams does not say which."""
    thread: ConversationRef
    """The conversation that the message belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppAdded(TeamsActivity):
    """Somebody added the app to a conversation."""

    sender: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRemoved(TeamsActivity):
    """The app was removed from a conversation, or a channel or team was deleted."""

    app: bool
    """True if the app was removed; the conversation still exists then."""
    channel: str | None
    """The channel, if one was deleted."""


def read(activity: Json) -> TeamsActivity | None:
    """Return what an activity says; `None` if it has no id, or does not say where it happened."""
    where, name = conversation(activity), text_at(activity, "id")
    if where is None or not name:
        return None
    kind = text_at(activity, "type")
    sender = account(dict_at(activity, "from"))
    found = TeamsActivity(
        id=name,
        conversation=where,
        sender=sender,
        sent_at=moment(text_at(activity, "timestamp")),
        invoke=text_at(activity, "name") if kind == "invoke" else "",
    )
    if kind in {"installationUpdate", "conversationUpdate"}:
        return _installation(activity, found, kind)
    if sender is None:
        return found
    match kind:
        case "message":
            return _message(activity, found, sender)
        case "messageUpdate" | "messageDelete":
            return _correction(activity, found, sender, gone=kind == "messageDelete")
        case "invoke":
            return _invoke(activity, found, sender)
    return found


def _message(activity: Json, found: TeamsActivity, sender: Account) -> Written | Press:
    common = _common(found, sender)
    line = pressed(activity.get("value"))
    if line:
        event = press_id(activity, activity.get("value"), line, sender.user)
        return Press(**common, line=line, event=event)
    return Written(**common, said=said(activity, personal=found.conversation.kind == "personal"))


def _correction(activity: Json, found: TeamsActivity, sender: Account, *, gone: bool) -> Correction:
    return Correction(
        **_common(found, sender),
        text=None if gone else said(activity, personal=False).text,
        version="gone" if gone else text_at(activity, "timestamp"),
    )


def _invoke(activity: Json, found: TeamsActivity, sender: Account) -> TeamsActivity:
    match found.invoke:
        case "adaptiveCard/action":
            action = dict_at(activity, "value", "action")
            line = pressed(action.get("data"))
            refresh = text_at(action, "verb") == "refresh"
            once = press_id(activity, action.get("data"), line, sender.user)
            return Press(
                **_common(found, sender),
                line=line,
                event=found.id if refresh else once,
                refresh=refresh,
                on_card=text_at(action, "data", "card") == "yes",
            )
        case "composeExtension/fetchTask" | "composeExtension/submitAction":
            message = marked(activity)
            where = found.conversation
            root = where.root or text_at(activity, "value", "messagePayload", "replyToId")
            if where.kind == "channel" and message is not None:
                where = replace(where, root=root or message.id)
            return MarkAction(**_common(found, sender), marked=message, thread=where.ref)
    return found


def _installation(activity: Json, found: TeamsActivity, kind: str) -> TeamsActivity:
    action = text_at(activity, "action")
    if kind == "installationUpdate" and action.startswith("add"):
        return AppAdded(**_common(found, found.sender)) if found.sender is not None else found
    removed, event = action.startswith("remove"), text_at(activity, "channelData", "eventType")
    if not removed and event not in {"channelDeleted", "teamDeleted"}:
        return found
    channel = text_at(activity, "channelData", "channel", "id") or found.conversation.base
    return AppRemoved(
        **_common(found, found.sender),
        app=removed,
        channel=channel if event == "channelDeleted" else None,
    )


def _common(found: TeamsActivity, sender: Account | None) -> dict[str, Any]:
    return {
        "id": found.id,
        "conversation": found.conversation,
        "sender": sender,
        "sent_at": found.sent_at,
        "invoke": found.invoke,
    }


def text_at(value: object, *path: str) -> str:
    """Return the text at a path of JSON; empty if there is no text."""
    found = dict_at(value, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else ""


def dict_at(value: object, *path: str) -> Json:
    """Return the object at a path of JSON; empty if there is no object."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def list_at(value: object, key: str) -> list[Any]:
    """Return the list under a key of JSON; empty if there is no list."""
    found = dict_at(value).get(key)
    return found if isinstance(found, list) else []


def _is_name(text: str) -> bool:
    """Return whether a text can be an id that every database stores."""
    return 0 < len(text) <= LONGEST_NAME and text.isprintable()


def account(found: Json) -> Account | None:
    """Return an account; `None` if it has no id that can be one."""
    name = text_at(found, "id")
    object_id = text_at(found, "aadObjectId") or text_at(found, "objectId")
    if not _is_name(name) or not _is_name(object_id or "none"):
        return None
    shown = text_at(found, "name") or object_id or name
    return Account(name, object_id.casefold() or None, shown)


def conversation(activity: Json) -> Conversation | None:
    """Return where something happened; `None` if the activity does not say."""
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
    return Conversation(
        base=base,
        root=root or None,
        kind=text_at(activity, "conversation", "conversationType") or "personal",
        tenant=text_at(activity, "channelData", "tenant", "id").casefold(),
        service_url=url,
        team=team.casefold(),
    )


def split(conversation: str) -> tuple[str, str | None]:
    """Split our name of a conversation into the channel or chat, and the thread in it."""
    base, _, root = conversation.partition("/")
    return base, root or None


def named(base: str, root: str | None) -> str:
    """Return Teams' name of a conversation."""
    return f"{base}{_ROOT}{root}" if root else base


def moment(value: str) -> datetime | None:
    """Return an instant that Teams wrote; `None` if it cannot be read."""
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def said(activity: Json, *, personal: bool) -> MessageText:
    """Return the text of a message; in a `personal` chat the bot is always addressed."""
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
    return MessageText(html.unescape(text).replace("\xa0", " ").strip(), addressed, mentions)


def pressed(data: object) -> str:
    """Return the command line of a button or form; empty if it has none."""
    values = {k: v for k, v in dict_at(data).items() if isinstance(v, str)}
    return filled(values.get(LINE, ""), values)


def press_id(activity: Json, data: object, line: str, user: str) -> str:
    """Return the name of a press: the same when the same person presses the same again (D3).

    Teams repeats a delivery under another id, and people tap twice. When a message is drawn anew
    its buttons get new names.
    """
    on = text_at(activity, "replyToId"), text_at(data, ONCE), user, line
    return "press/" + hashlib.sha256("\0".join(on).encode()).hexdigest()[:40]


def marked(activity: Json) -> Marked | None:
    """Return the message that a message action was used on; `None` if Teams does not say."""
    payload = dict_at(activity, "value", "messagePayload")
    user = dict_at(payload, "from", "user")
    name = text_at(user, "id")
    if not text_at(payload, "id") or not name:
        return None
    content = text_at(payload, "body", "content")
    is_html = text_at(payload, "body", "contentType") == "html"
    author = Account(name, name.casefold(), text_at(user, "displayName") or name)
    return Marked(
        id=text_at(payload, "id"),
        author=author,
        text=plain_of(content) if is_html else content.strip(),
        written_at=moment(text_at(payload, "createdDateTime")),
    )


_TAG = re.compile(r"<[^>]*>")
