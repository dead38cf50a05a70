"""Messages as HTML mail: the same words, without buttons and forms."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from bot.contract.messages import Block, Bullets, Fields, Heading, Message, Text, spans_text

if TYPE_CHECKING:
    from jinja2 import Template

_LETTER = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"></head>
<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 40em; overflow-wrap: anywhere">
<p style="font-weight: bold">{{ summary }}</p>
{%- for kind, what in blocks %}
{%- if kind == "heading" %}
<h2 style="font-size: 1.1em">{{ what }}</h2>
{%- elif kind == "text" %}
<p>{{ what }}</p>
{%- elif kind == "bullets" %}
<ul>{% for item in what %}<li>{{ item }}</li>{% endfor %}</ul>
{%- else %}
<table>{% for label, value in what %}<tr><th style="text-align: left; padding-right: 1em">\
{{ label }}</th><td>{{ value }}</td></tr>{% endfor %}</table>
{%- endif %}
{%- endfor %}
<hr><p style="font-size: .9em">You are subscribed to {{ why }}. \
<a href="{{ link }}">Unsubscribe</a></p>
</body></html>
"""


@cache
def _template() -> Template:
    from jinja2 import Environment  # noqa: PLC0415 - 80 ms, only where mail is written

    return Environment(autoescape=True).from_string(_LETTER)


def as_html(message: Message, *, why: str, link: str) -> str:
    """Return a message as HTML with the reader's subscription and a link that ends it."""
    blocks = [made for block in message.blocks if (made := _block(block)) is not None]
    summary = spans_text(message.summary)
    return _template().render(summary=summary, blocks=blocks, why=why, link=link)


def _block(block: Block) -> tuple[str, object] | None:
    match block:
        case Heading():
            return "heading", block.text
        case Text():
            return "text", spans_text(block.spans)
        case Bullets():
            return "bullets", [spans_text(item) for item in block.items]
        case Fields():
            return "fields", [(row.label, spans_text(row.value)) for row in block.rows]
        case _:
            return None
