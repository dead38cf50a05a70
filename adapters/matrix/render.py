"""Messages as Matrix events: a complete plain body, HTML from the same tree, mentions, buttons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, assert_never
from urllib.parse import quote

from bot.contract import (
    Actions,
    At,
    Bullets,
    Code,
    ConversationRef,
    Fields,
    Form,
    Heading,
    Link,
    Mention,
    Message,
    PersonId,
    Place,
    Span,
    Spans,
    Strong,
    Text,
    at_text,
    block_text,
    buttons_of,
    plain,
    span_text,
    spans_of,
    spans_text,
)

PREFIX = "!inc "

BUTTONS = "org.sitrep.buttons"
"""The key in an event's content that maps reactions to command lines."""

DIGITS = tuple(f"{n}\ufe0f\u20e3" for n in range(1, 10))
"""The reactions offered as buttons, in order."""

LONGEST = 30_000
"""The most bytes of text in one event: a homeserver refuses more than 65,536 in all."""

LONG_LINES = 12
"""An answer with more lines goes into a thread: a room is read on a phone."""

_LINKS = ("https://", "http://", "ftp://", "mailto:", "magnet:")
"""The schemes that the specification allows in links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A message as event content; `rest` is the whole text if it is too long for one event."""

    content: dict[str, Any]
    lines: int
    rest: str | None = None


class Renderer:
    """Turns messages into event content."""

    def __init__(
        self,
        user_of: Callable[[PersonId], str | None],
        address_of: Callable[[ConversationRef], str | None],
    ) -> None:
        """`user_of` gives a person's Matrix id; `address_of` a room's id or alias for a link."""
        self._user_of, self._address_of = user_of, address_of

    def draw(self, message: Message, *, call: str | None = None) -> Rendered:
        """Return a message as event content; `call` is a user to notify besides the mentioned."""
        pairs = zip(DIGITS, buttons_of(message), strict=False)
        buttons = {plain_key(key): button.command for key, button in pairs}
        body = _plain(message)
        html = self._html(message)
        mentioned = self._mentioned(message)
        if call is not None and call not in mentioned:
            mentioned.append(call)
        rest = None
        if len(body.encode()) + len(html.encode()) > LONGEST:
            rest = plain(message, PREFIX)
            # By seven: the text itself, and HTML in which each character may become `&quot;`.
            body = f"{_cut(body, LONGEST // 7)}\n… shortened; the whole text is attached."
            html = f"<p>{escape(body).replace(chr(10), '<br>')}</p>"
        content: dict[str, Any] = {
            # Clients do not notify for a notice, and the people mentioned must be notified.
            "msgtype": "m.text" if mentioned else "m.notice",
            "body": body,
            "format": "org.matrix.custom.html",
            "formatted_body": html,
            "m.mentions": {"user_ids": mentioned} if mentioned else {},
        }
        if buttons:
            content[BUTTONS] = buttons
        return Rendered(content=content, lines=body.count("\n") + 1, rest=rest)

    def _mentioned(self, message: Message) -> list[str]:
        called = [s.person for s in spans_of(message) if isinstance(s, Mention) and s.notify]
        users = [self._user_of(person) for person in called]
        return list(dict.fromkeys(user for user in users if user is not None))

    # --- HTML -------------------------------------------------------------------------------------

    def _html(self, message: Message) -> str:
        """Return lines without space between them: a room is read on a phone."""
        summary = self._spans(message.summary)
        lines = [f"<strong>{summary}</strong>" if message.blocks else summary]
        html = ""
        for block in message.blocks:
            match block:
                case Text():
                    lines.append(self._spans(block.spans))
                case Fields():
                    lines += [
                        f"<b>{_literal(row.label)}:</b> {self._spans(row.value)}"
                        for row in block.rows
                    ]
                case Form(folded=True):
                    pass  # only for platforms with forms: the message also says what to type
                case Form():
                    text, _, command = block_text(block, PREFIX).partition(PREFIX)
                    lines.append(f"{_literal(text)}{_code(PREFIX + command)}")
                case Actions():
                    lines += [
                        f"{key}{_literal(button.label)} — {_code(PREFIX + button.command)}"
                        for key, button in _keyed(block)
                    ]
                case Heading():
                    html += f"{_paragraph(lines)}<h4>{_literal(block.text)}</h4>"
                    lines = []
                case Bullets():
                    items = "".join(f"<li>{self._spans(item)}</li>" for item in block.items)
                    html += f"{_paragraph(lines)}<ul>{items}</ul>"
                    lines = []
                case _:
                    assert_never(block)
        return html + _paragraph(lines)

    def _spans(self, spans: Spans) -> str:
        return "".join(self._span(span) for span in spans)

    def _span(self, span: Span) -> str:
        match span:
            case str():
                return _literal(span)
            case Strong():
                return f"<strong>{_literal(span.text)}</strong>"
            case Code():
                return _code(span.text)
            case Link():
                if not span.url.startswith(_LINKS):
                    return _literal(span_text(span))
                return f'<a href="{escape(span.url)}">{_literal(span.text)}</a>'
            case Mention():
                return self._pill(self._user_of(span.person), span.name)
            case At():
                return escape(at_text(span))
            case Place():
                return self._pill(self._address_of(span.conversation), span.name)
            case _:
                assert_never(span)

    def _pill(self, address: str | None, name: str) -> str:
        if address is None:
            return escape(name)
        return f'<a href="https://matrix.to/#/{quote(address)}">{escape(name)}</a>'


def _literal(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _paragraph(lines: list[str]) -> str:
    return f"<p>{'<br>'.join(lines)}</p>" if lines else ""


def _keyed(block: Actions) -> list[tuple[str, Any]]:
    """Return buttons with the reaction that presses each; beyond the ninth, they are typed."""
    keys = [f"{key} " for key in DIGITS[: len(block.buttons)]]
    keys += [""] * (len(block.buttons) - len(keys))
    return list(zip(keys, block.buttons, strict=True))


def plain_key(key: str) -> str:
    """Return a reaction without the selectors that clients add or leave out."""
    return key.replace("\ufe0f", "")


def _plain(message: Message) -> str:
    lines = [spans_text(message.summary)]
    for block in message.blocks:
        if isinstance(block, Actions):
            lines += [f"{key}{b.label}: {PREFIX}{b.command}" for key, b in _keyed(block)]
        elif not (isinstance(block, Form) and block.folded):
            lines.append(block_text(block, PREFIX))
    return "\n".join(lines)


def _cut(text: str, length: int) -> str:
    return text.encode()[:length].decode("utf-8", "ignore").rstrip()


def edited(content: dict[str, Any], of: str) -> dict[str, Any]:
    """Return content as the new text of an earlier event; an edit notifies nobody."""
    quiet = {**content, "m.mentions": {}}
    return {
        **quiet,
        "body": f"* {content['body']}",
        "formatted_body": f"* {content['formatted_body']}",
        "m.new_content": quiet,
        "m.relates_to": {"rel_type": "m.replace", "event_id": of},
    }


def in_thread(content: dict[str, Any], root: str) -> dict[str, Any]:
    """Return content as part of a thread."""
    relation = {
        "rel_type": "m.thread",
        "event_id": root,
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": root},
    }
    return {**content, "m.relates_to": relation}
