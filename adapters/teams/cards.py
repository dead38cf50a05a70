"""Messages as Teams shows them: text, or Adaptive Cards 1.5 as plain JSON.

Text in a card is Markdown, except in a `TextRun`, which is literal: what people wrote goes into
those wherever it can, and is escaped elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, assert_never

from bot.contract import (
    Actions,
    At,
    Block,
    Bullets,
    Button,
    Code,
    ConversationRef,
    Fields,
    Form,
    Heading,
    Input,
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
    plain,
    span_text,
    spans_of,
    spans_text,
)

Card = dict[str, Any]

PREFIX = "!inc "
VERSION = "1.5"
CARD_TYPE = "application/vnd.microsoft.card.adaptive"

LONGEST = 24_000
"""The most UTF-16 units of a card; Teams takes 100 KB of a whole message, older hosts 28 KB."""

LONGEST_TEXT = 30_000
"""The most UTF-16 units of a text message."""

MOST_VIEWERS = 60
"""How many people can have their own view of a card."""

_CUTS = (4000, 1500, 500, 160)
"""The lengths to cut each text to, tried in turn until the whole fits."""

_NUMBERED = re.compile(r"^(\s*\d+)([.)])", re.MULTILINE)
_MARKUP = "\\`*_{}[]()#+-!>|~<&"


@dataclass(frozen=True, slots=True)
class Names:
    """Teams' ids of people and addresses of conversations, as look-ups."""

    mri: Callable[[PersonId], str | None]
    """The id that somebody has towards the bot, known once they spoke."""
    object_id: Callable[[PersonId], str | None]
    """The id in the directory, by which a card can mention somebody who never spoke."""
    address: Callable[[ConversationRef], str | None]
    """The link to a conversation."""


@dataclass(slots=True)
class Drawn:
    """A message as Teams takes it."""

    activity: Card
    """The activity to send."""
    whole: str | None = None
    """The whole text, if it does not fit into the activity."""
    _entities: list[Card] = field(default_factory=list)


def needs_card(message: Message) -> bool:
    """Return whether only a card can show a message."""
    return any(isinstance(block, Actions | Form | Fields) for block in message.blocks)


def _calls_a_stranger(message: Message, names: Names) -> bool:
    """Return whether a message notifies somebody whom only a card can mention."""
    called = [s.person for s in spans_of(message) if isinstance(s, Mention) and s.notify]
    return any(names.mri(p) is None and names.object_id(p) is not None for p in called)


def draw(message: Message, names: Names, *, once: str, more: str = "") -> Drawn:
    """Return a message as an activity.

    `once` tells this drawing of its buttons from another; `more` is where the whole can be read, or
    how, where the message has to be shortened.
    """
    message = _linked(message)
    if not needs_card(message) and not _calls_a_stranger(message, names):
        return _text_activity(message, names, more)
    card, shortened = card_of(message, names, once=once, more=more)
    activity = {
        "type": "message",
        "summary": _summary(message),
        "attachments": [{"contentType": CARD_TYPE, "content": card}],
    }
    return Drawn(activity, plain(message, PREFIX) if shortened else None)


def _linked(message: Message) -> Message:
    """Return a message with links for its files: a bot cannot send a file into a channel."""
    links = tuple(Text((Link(f.label or f.name, f.link),)) for f in message.files if f.link)
    return replace(message, blocks=(*message.blocks, *links), files=()) if links else message


def card_of(message: Message, names: Names, *, once: str, more: str = "") -> tuple[Card, bool]:
    """Return a message as a card, and whether it was shortened."""
    card = _Drawing(names, once).card(message)
    if units(card) <= LONGEST:
        return card, False
    for cut in _CUTS:
        card = _Drawing(names, once).card(_shortened(message, cut, more))
        if units(card) <= LONGEST:
            break
    return card, True


def units(card: Any) -> int:  # noqa: ANN401 - JSON
    """Return the size of JSON in UTF-16 units, as Teams counts."""
    text = json.dumps(card, ensure_ascii=False)
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _summary(message: Message) -> str:
    return spans_text(message.summary)[:200]


def _shortened(message: Message, cut: int, more: str) -> Message:
    """Return a message with its texts and lists cut, and a mark that says so."""
    mark = Text((f"… shortened. {more}".strip(),))
    blocks = [_cut_block(block, cut) for block in message.blocks]
    tail = [b for b in blocks if isinstance(b, Actions | Form)]
    kept = [b for b in blocks if not isinstance(b, Actions | Form)][: max(4, cut // 50)]
    return replace(message, summary=_cut_spans(message.summary, cut), blocks=(*kept, mark, *tail))


def _cut_block(block: Block, cut: int) -> Block:
    match block:
        case Text():
            return Text(_cut_spans(block.spans, cut))
        case Bullets():
            # The newest are the last.
            items = block.items[-max(5, cut // 40) :]
            return Bullets(tuple(_cut_spans(item, cut // 4) for item in items))
        case Fields():
            rows = block.rows[: max(8, cut // 40)]
            return Fields(tuple(replace(r, value=_cut_spans(r.value, cut)) for r in rows))
        case _:
            return block


def _cut_spans(spans: Spans, cut: int) -> Spans:
    kept: list[Span] = []
    for span in spans:
        text = span_text(span)
        if isinstance(span, str | Strong | Code) and len(text) > cut:
            short = f"{text[:cut].rstrip()}…"
            kept.append(short if isinstance(span, str) else replace(span, text=short))
        else:
            kept.append(span)
    return tuple(kept)


# --- text -----------------------------------------------------------------------------------------


def _text_activity(message: Message, names: Names, more: str) -> Drawn:
    html, entities = _html(message, names)
    whole = None
    for cut in _CUTS:
        if units(html) <= LONGEST_TEXT:
            break
        whole = plain(message, PREFIX)
        html, entities = _html(_shortened(message, cut, more), names)
    activity: Card = {"type": "message", "textFormat": "xml", "text": html}
    if entities:
        activity["entities"] = entities
    return Drawn(activity, whole)


def _html(message: Message, names: Names) -> tuple[str, list[Card]]:
    entities: list[Card] = []

    def spans(them: Spans) -> str:
        return "".join(_html_span(span, names, entities) for span in them)

    first = spans(message.summary)
    parts = [f"<b>{first}</b>" if message.blocks else first]
    for block in message.blocks:
        match block:
            case Heading():
                parts.append(f"<b>{_literal(block.text)}</b>")
            case Text():
                parts.append(spans(block.spans))
            case Bullets():
                items = "".join(f"<li>{spans(item)}</li>" for item in block.items)
                parts.append(f"<ul>{items}</ul>")
            case Fields() | Form() | Actions():
                pass  # such a message is a card
            case _:
                assert_never(block)
    return "<br>".join(parts).replace("<br><ul>", "<ul>").replace("</ul><br>", "</ul>"), entities


def _html_span(span: Span, names: Names, entities: list[Card]) -> str:
    match span:
        case str():
            return _literal(span)
        case Strong():
            return f"<b>{_literal(span.text)}</b>"
        case Code():
            return f"<code>{_literal(span.text)}</code>"
        case Link() if span.url.startswith(("https://", "http://")):
            return f'<a href="{escape(span.url)}">{_literal(span.text)}</a>'
        case Link() | At():
            return _literal(span_text(span))
        case Mention():
            known = names.mri(span.person) if span.notify else None
            if known is None:
                return _literal(span.name)
            entity = _mention(span.name, known)
            if entity not in entities:
                entities.append(entity)
            return str(entity["text"])
        case Place():
            address = names.address(span.conversation)
            if address is None:
                return _literal(span.name)
            return f'<a href="{escape(address)}">{_literal(span.name)}</a>'
        case _:
            assert_never(span)


def _literal(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br>")


def _mention(name: str, mri: str) -> Card:
    """Return a mention; the text must be the same here and in the message."""
    shown = escape(name, quote=False)
    return {
        "type": "mention",
        "text": f"<at>{shown}</at>",
        "mentioned": {"id": mri, "name": name},
    }


# --- cards ----------------------------------------------------------------------------------------


class _Drawing:
    """A card that is being drawn."""

    def __init__(self, names: Names, once: str) -> None:
        self._names, self._once = names, once
        self._entities: list[Card] = []
        self._people: list[str] = []
        self._on_status_card = False

    def card(self, message: Message) -> Card:
        self._on_status_card = message.card_of is not None
        body = [self._paragraph(message.summary, weight="Bolder", size="Medium")]
        folded: list[Card] = []
        for block in message.blocks:
            if isinstance(block, Form) and block.folded:
                folded.append(self._folded(block))
            else:
                body += self._block(block)
        card: Card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": VERSION,
            "fallbackText": _summary(message),
            "body": body,
        }
        if folded:
            card["actions"] = folded
        if message.card_of is not None and self._people:
            card["refresh"] = self._refresh(message.card_of)
        msteams: Card = {"width": "Full"}
        if self._entities:
            msteams["entities"] = self._entities
        card["msteams"] = msteams
        return card

    def _block(self, block: Block) -> Iterator[Card]:
        match block:
            case Heading():
                run = {"type": "TextRun", "text": block.text, "weight": "Bolder"}
                yield {"type": "RichTextBlock", "spacing": "Medium", "inlines": [run]}
            case Text():
                yield self._paragraph(block.spans)
            case Fields():
                facts = [
                    {"title": _escaped(row.label), "value": self._markdown(row.value) or " "}
                    for row in block.rows
                ]
                yield {"type": "FactSet", "facts": facts}
            case Bullets():
                for item in block.items:
                    yield self._paragraph(("• ", *item))
            case Actions():
                buttons = [self._execute(button, inputs=False) for button in block.buttons]
                if buttons:
                    yield {"type": "ActionSet", "actions": buttons}
            case Form():
                yield from self._form(block)
            case _:
                assert_never(block)

    def _paragraph(self, spans: Spans, **style: str) -> Card:
        """Return a paragraph: literal runs, or Markdown if somebody is mentioned."""
        called = any(isinstance(s, Mention) and self._mri(s) for s in spans)
        spacing = {} if style else {"spacing": "Small"}
        if called:
            text = self._markdown(spans)
            return {"type": "TextBlock", "wrap": True, "text": text, **spacing, **style}
        runs = [{"type": "TextRun", **self._run(span), **style} for span in spans if span != ""]
        runs = runs or [{"type": "TextRun", "text": " "}]
        return {"type": "RichTextBlock", "inlines": runs, **spacing}

    def _run(self, span: Span) -> Card:
        self._note(span)
        match span:
            case str():
                return {"text": span}
            case Strong():
                return {"text": span.text, "weight": "Bolder"}
            case Code():
                return {"text": span.text, "fontType": "Monospace"}
            case Link() if span.url.startswith(("https://", "http://")):
                return {"text": span.text, "selectAction": _open(span.url)}
            case Link() | Mention():
                return {"text": span_text(span)}
            case At():
                return {"text": at_text(span)}
            case Place():
                address = self._names.address(span.conversation)
                return {"text": span.name, **({"selectAction": _open(address)} if address else {})}
            case _:
                assert_never(span)

    def _markdown(self, spans: Spans) -> str:
        return "".join(self._marked(span) for span in spans)

    def _marked(self, span: Span) -> str:
        self._note(span)
        match span:
            case str():
                return _escaped(span)
            case Strong() if span.text.strip():
                return f"**{_escaped(span.text)}**"
            case Link() if span.url.startswith(("https://", "http://")):
                return f"[{_escaped(span.text)}]({_safe_url(span.url)})"
            case Strong() | Code() | Link() | At():
                return _escaped(span_text(span))
            case Mention():
                mri = self._mri(span)
                if mri is None:
                    return _escaped(span.name)
                entity = _mention(span.name, mri)
                if entity not in self._entities:
                    self._entities.append(entity)
                return str(entity["text"])
            case Place():
                address = self._names.address(span.conversation)
                shown = _escaped(span.name)
                return f"[{shown}]({_safe_url(address)})" if address else shown
            case _:
                assert_never(span)

    def _mri(self, mention: Mention) -> str | None:
        if not mention.notify:
            return None
        return self._names.mri(mention.person) or self._names.object_id(mention.person)

    def _note(self, span: Span) -> None:
        """Note that somebody is on the card: they get their own view of it."""
        if isinstance(span, Mention):
            known = self._names.mri(span.person)
            if known is not None and known not in self._people:
                self._people.append(known)

    def _refresh(self, incident: str) -> Card:
        return {
            "action": {
                "type": "Action.Execute",
                "title": "Refresh",
                "verb": "refresh",
                "data": {"line": f"{incident} status"},
            },
            "userIds": self._people[:MOST_VIEWERS],
        }

    def _execute(self, button: Button, *, inputs: bool) -> Card:
        """Return a button: a Universal Action, with a fallback for older clients."""
        data = {"line": button.command, "once": self._once}
        if self._on_status_card:
            data["card"] = "yes"
        shared = {
            "title": button.label,
            "data": data,
            "associatedInputs": "auto" if inputs else "none",
        }
        fallback = {"type": "Action.Submit", **shared}
        return {"type": "Action.Execute", "verb": "line", **shared, "fallback": fallback}

    def _form(self, form: Form) -> Iterator[Card]:
        if form.says:
            run = {"type": "TextRun", "text": form.says, "isSubtle": True}
            yield {"type": "RichTextBlock", "inlines": [run], "spacing": "Small"}
        if not form.folded:
            typed = {"type": "TextRun", "text": f"{PREFIX}{form.typed}", "fontType": "Monospace"}
            lead = {"type": "TextRun", "text": "Or type: ", "isSubtle": True}
            yield {"type": "RichTextBlock", "inlines": [lead, typed], "spacing": "Small"}
        for blank in form.inputs:
            yield _input(blank)
        buttons = [self._execute(button, inputs=True) for button in form.buttons]
        yield {"type": "ActionSet", "actions": buttons}

    def _folded(self, form: Form) -> Card:
        inner = {"type": "AdaptiveCard", "version": VERSION, "body": list(self._form(form))}
        return {"type": "Action.ShowCard", "title": form.label, "card": inner}


def _input(blank: Input) -> Card:
    shared: Card = {"id": blank.name, "label": blank.label}
    if blank.value:
        shared["value"] = blank.value
    if not blank.optional:
        shared |= {"isRequired": True, "errorMessage": "This is needed."}
    if blank.choices:
        choices = [{"title": choice.label, "value": choice.value} for choice in blank.choices]
        few = len(choices) <= 3
        style = "expanded" if few else "compact"
        return {"type": "Input.ChoiceSet", "choices": choices, "style": style, **shared}
    if blank.long:
        return {"type": "Input.Text", "isMultiline": True, "maxLength": 4000, **shared}
    return {"type": "Input.Text", "maxLength": 1000, **shared}


def _open(url: str) -> Card:
    return {"type": "Action.OpenUrl", "url": url}


def _escaped(text: str) -> str:
    """Return text escaped for the Markdown of cards."""
    shown = "".join(f"\\{c}" if c in _MARKUP else c for c in text)
    return _NUMBERED.sub(r"\1\\\2", shown).replace("\n", "  \n")


def _safe_url(url: str) -> str:
    return url.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
