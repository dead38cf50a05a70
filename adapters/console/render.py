"""Messages for a terminal (in colour), or for a pipe (plain lines or JSON)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from io import StringIO
from typing import Any, assert_never

from pydantic import TypeAdapter
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text as RichText

from bot.contract import (
    Actions,
    At,
    Block,
    Bullets,
    Code,
    Fields,
    Form,
    Heading,
    Link,
    Mention,
    Message,
    Place,
    Span,
    Spans,
    Strong,
    Text,
    at_text,
    block_text,
    plain,
    span_text,
)

PREFIX = "!inc "
_MESSAGES: TypeAdapter[Message] = TypeAdapter(Message)

Show = Callable[[str, datetime, Message, str, bool], str]
"""Draws a message: its room, when, what, its key, and whether it replaces an earlier one."""


def as_text(room: str, at: datetime, message: Message, key: str, edit: bool) -> str:  # noqa: ARG001, FBT001
    """Return a message as plain lines, each with its room before it."""
    mark = "~" if edit else " "
    lines = plain(message, PREFIX).split("\n")
    head = f"[{room}]{mark}"
    return "\n".join(f"{head}{line}".rstrip() for line in lines)


def as_json(room: str, at: datetime, message: Message, key: str, edit: bool) -> str:  # noqa: FBT001
    """Return a message as one JSON object."""
    dumped: dict[str, Any] = _MESSAGES.dump_python(message, mode="json")
    return json.dumps(
        {
            "conversation": room,
            "sender": "sitrep",
            "text": plain(message, PREFIX),
            "blocks": dumped["blocks"],
            "summary": dumped["summary"],
            "key": key,
            "time": at.isoformat(),
            "edit": edit,
        },
        ensure_ascii=False,
    )


def painter(width: Callable[[], int]) -> Show:
    """Return a function that draws messages in colour, as wide as the terminal then is."""

    def show(room: str, at: datetime, message: Message, key: str, edit: bool) -> str:  # noqa: ARG001, FBT001
        out = StringIO()
        console = Console(
            file=out, force_terminal=True, width=min(width(), 110), highlight=False, emoji=False
        )
        stamp = RichText.assemble(
            (f"{at:%H:%M} ", "dim"), (f"{room} ", "dim cyan"), ("Sitrep", "bold cyan")
        )
        if _is_card(message):
            title = _spans(message.summary)
            title.stylize("bold")
            fields = Group(*(_block(block) for block in _shown(message)))
            console.print(Panel(fields, title=title, title_align="left", border_style="dim"))
            return out.getvalue().rstrip("\n")
        summary = _spans(message.summary)
        summary.stylize("bold")
        console.print(stamp)
        console.print(_indented(Group(summary, *(_block(b) for b in _shown(message)))))
        return out.getvalue().rstrip("\n")

    return show


def _shown(message: Message) -> list[Block]:
    """Return the blocks without folded forms, which only platforms with forms can show."""
    return [b for b in message.blocks if not (isinstance(b, Form) and b.folded)]


def _is_card(message: Message) -> bool:
    return bool(message.blocks) and isinstance(message.blocks[0], Fields)


def _indented(what: RenderableType) -> Table:
    grid = Table.grid(padding=(0, 0, 0, 2))
    grid.add_column(width=1)
    grid.add_column()
    grid.add_row("", what)
    return grid


def _block(block: Block) -> RenderableType:
    match block:
        case Heading():
            return RichText(block.text, style="bold underline")
        case Text():
            return _spans(block.spans)
        case Fields():
            table = Table.grid(padding=(0, 2, 0, 0))
            table.add_column(style="dim")
            table.add_column()
            for row in block.rows:
                table.add_row(row.label, _spans(row.value))
            return table
        case Bullets():
            return Group(*(RichText.assemble("• ", _spans(item)) for item in block.items))
        case Form():
            return RichText(block_text(block, PREFIX), style="green")
        case Actions():
            parts = [
                RichText.assemble(
                    ("[ ", "dim"),
                    (b.label, "bold"),
                    (" ] ", "dim"),
                    (f"{PREFIX}{b.command}", "green"),
                )
                for b in block.buttons
            ]
            return Group(*parts)
        case _:
            assert_never(block)


def _spans(spans: Spans) -> RichText:
    return RichText.assemble(*(_span(span) for span in spans))


def _span(span: Span) -> RichText:
    match span:
        case str():
            return RichText(span)
        case Strong():
            return RichText(span.text, style="bold")
        case Code():
            return RichText(span.text, style="green")
        case Link():
            return RichText(span_text(span), style="underline")
        case Mention():
            return RichText(span.name, style="bold yellow" if span.notify else "yellow")
        case At():
            return RichText(at_text(span), style="magenta")
        case Place():
            return RichText(span.name, style="bold cyan")
        case _:
            assert_never(span)
