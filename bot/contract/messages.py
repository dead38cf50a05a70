"""Messages before any platform: a tree of literal text, style, times and people.

A `str` is literal: nothing in it is ever read as markup. A button carries the command line that a
person could type. Limits of a platform are its adapter's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, assert_never

from bot.refs import ConversationRef, PersonId


class Precision(StrEnum):
    """The precision with which an instant is shown."""

    MINUTE = "minute"
    SECOND = "second"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Strong:
    """Emphasised text."""

    text: str
    type: Literal["strong"] = "strong"


@dataclass(frozen=True, slots=True)
class Code:
    """Text to type or copy as it stands."""

    text: str
    type: Literal["code"] = "code"


@dataclass(frozen=True, slots=True)
class Link:
    """A web address under a text."""

    text: str
    url: str
    type: Literal["link"] = "link"


@dataclass(frozen=True, slots=True)
class Mention:
    """A person."""

    person: PersonId
    name: str
    """The name to show where the platform cannot mention them."""
    notify: bool = False
    """True if the platform notifies them."""
    type: Literal["mention"] = "mention"


@dataclass(frozen=True, slots=True)
class At:
    """An instant."""

    when: datetime
    seen_from: datetime | None = None
    """If given, the distance from this instant is shown as well: `in 12 min`."""
    precision: Precision = Precision.MINUTE
    type: Literal["at"] = "at"


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation; shown as a link if the platform has links to conversations."""

    conversation: ConversationRef
    name: str
    type: Literal["place"] = "place"


Span = str | Strong | Code | Link | Mention | At | Place
Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A title line."""

    text: str
    type: Literal["heading"] = "heading"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    spans: Spans
    type: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Row:
    """A label with its value."""

    label: str
    value: Spans


@dataclass(frozen=True, slots=True)
class Fields:
    """Labels with values."""

    rows: tuple[Row, ...]
    type: Literal["fields"] = "fields"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[Spans, ...]
    type: Literal["bullets"] = "bullets"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values that a blank may have."""

    value: str
    """The text that goes into the command."""
    label: str
    """The text that is shown."""


@dataclass(frozen=True, slots=True)
class Input:
    """One blank of a form."""

    name: str
    """The name that stands for it in a button's command."""
    label: str
    choices: tuple[Choice, ...] = ()
    """The values to choose from; empty for free text."""
    value: str = ""
    """The value it has at first."""
    optional: bool = False
    """True if it may be left empty."""
    long: bool = False
    """True if it takes several lines."""


@dataclass(frozen=True, slots=True)
class Button:
    """A button; pressing it is typing its command."""

    label: str
    command: str
    """The command line, without the prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Blanks to fill in, and buttons that send them.

    In a button's command `{name}` stands for a blank, and a part in `[…]` is left out if all its
    blanks are empty (see `filled`).
    """

    inputs: tuple[Input, ...]
    buttons: tuple[Button, ...]
    typed: str
    """The command line that a person would type in place of the form."""
    label: str = ""
    """The form's name."""
    says: str = ""
    """A note about who may send it."""
    folded: bool = False
    """True if it is hidden behind its label until somebody wants it."""
    type: Literal["form"] = "form"


@dataclass(frozen=True, slots=True)
class Actions:
    """Buttons."""

    buttons: tuple[Button, ...]
    type: Literal["actions"] = "actions"


Block = Heading | Text | Fields | Bullets | Form | Actions


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that comes with a message."""

    name: str
    media: str
    """The media type: `text/markdown`."""
    text: str
    """The content."""
    link: str | None = None
    """A link that serves the same purpose on platforms that take no files."""
    label: str = ""
    """The text of that link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message."""

    summary: Spans
    """The first line, which a lock screen shows."""
    blocks: tuple[Block, ...] = field(default=())
    """The rest of the message."""
    card_of: str | None = None
    """The incident whose status card it is, if it has buttons."""
    files: tuple[File, ...] = ()
    aside: bool = False
    """True if it is an answer that belongs into the asking message's thread, however short."""
    shows: str | None = None
    """The public draft that it shows: its incident's id and its entry, as `INC-1 12` (X3)."""


def buttons_of(message: Message) -> tuple[Button, ...]:
    """Return the buttons of a message, in order."""
    rows = (block.buttons for block in message.blocks if isinstance(block, Actions))
    return tuple(button for row in rows for button in row)


def spans_of(message: Message) -> list[Span]:
    """Return every span of a message, in order."""
    spans = [*message.summary]
    for block in message.blocks:
        match block:
            case Text():
                spans += block.spans
            case Fields():
                spans += [span for row in block.rows for span in row.value]
            case Bullets():
                spans += [span for item in block.items for span in item]
            case Heading() | Form() | Actions():
                pass
            case _:
                assert_never(block)
    return spans


def filled(command: str, values: Mapping[str, str]) -> str:
    """Return a form's command line with its blanks filled in; values are taken as they are."""
    line = ""
    for part in _SEGMENTS.findall(command):
        text = part
        if part[:1] == "[" and part[-1:] == "]":
            given = any(values.get(name, "").strip() for name in _BLANK.findall(part))
            text = part[1:-1] if given else ""
        line += _BLANK.sub(lambda blank: values.get(blank[1], "").strip(), text)
    return line.strip()


_SEGMENTS = re.compile(r"\[[^\[\]]*\]|[^\[]+|\[")
_BLANK = re.compile(r"\{(\w+)\}")


def relative(when: datetime, seen_from: datetime) -> str:
    """Return how far away an instant is: `in 12 min`, `2 min ago`, `now`."""
    away = when - seen_from
    if abs(away) < timedelta(seconds=1):
        return "now"
    return f"in {span_of(away)}" if away > timedelta(0) else f"{span_of(-away)} ago"


def span_of(length: timedelta) -> str:
    """Return a length of time for reading: `40 s`, `12 min`, `1 h 30 min`, `3 days`.

    A negative length, which a clock that was set back leads to, is `0 s`.
    """
    seconds = max(0, round(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    mins = round(seconds / 60)
    if mins < 60:
        return f"{mins} min"
    hours, rest = divmod(mins, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(hours / 24)} days"


def at_text(at: At) -> str:
    """Return an instant in words, in UTC; with its day if that is not today."""
    match at.precision:
        case Precision.MINUTE:
            text = f"{at.when:%H:%M} UTC"
        case Precision.SECOND:
            text = f"{at.when:%H:%M:%S} UTC"
        case Precision.DAY:
            return f"{at.when:%a} {at.when.day} {at.when:%b %H:%M} UTC"
    if at.seen_from is None:
        return text
    if abs(at.when - at.seen_from) >= timedelta(hours=20):
        text = f"{at.when:%a} {at.when.day} {at.when:%b} {text}"
    return f"{text} ({relative(at.when, at.seen_from)})"


def span_text(span: Span) -> str:
    """Return a span as plain text."""
    match span:
        case str():
            return span
        case Strong() | Code():
            return span.text
        case Link():
            return f"{span.text} ({span.url})"
        case Mention() | Place():
            return span.name
        case At():
            return at_text(span)
        case _:
            assert_never(span)


def spans_text(spans: Spans) -> str:
    """Return spans as plain text."""
    return "".join(span_text(span) for span in spans)


def block_text(block: Block, prefix: str = "!inc ") -> str:
    """Return a block as plain text; typed commands begin with `prefix`."""
    match block:
        case Heading():
            return block.text
        case Text():
            return spans_text(block.spans)
        case Fields():
            return "\n".join(f"{row.label}: {spans_text(row.value)}" for row in block.rows)
        case Bullets():
            return "\n".join(f"- {spans_text(item)}" for item in block.items)
        case Form():
            # A folded form is a convenience only: the message also says what to type.
            return "" if block.folded else f"{block.label}: {prefix}{block.typed}"
        case Actions():
            return "\n".join(f"[{b.label}] {prefix}{b.command}" for b in block.buttons)
        case _:
            assert_never(block)


def plain(message: Message, prefix: str = "!inc ") -> str:
    """Return a whole message as plain text, for platforms that can show nothing else."""
    shown = (b for b in message.blocks if not (isinstance(b, Form) and b.folded))
    blocks = (block_text(block, prefix) for block in shown)
    return "\n".join((spans_text(message.summary), *blocks))
