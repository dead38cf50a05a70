"""How a message is put together: lines, and the events it needs to know."""

from __future__ import annotations

from typing import TypeVar

from bot.contract.messages import Block, Message, Spans, Text
from bot.domain import events as ev
from bot.domain.effects import Scene

E = TypeVar("E", bound=ev.Happening)


def first(scene: Scene, kind: type[E]) -> E | None:
    """Return the first event of a kind."""
    return next((e for e in scene.events if isinstance(e, kind)), None)


def last(scene: Scene, kind: type[E]) -> E | None:
    """Return the last event of a kind."""
    return next((e for e in reversed(scene.events) if isinstance(e, kind)), None)


def message(*lines: Spans | Block | None) -> Message:
    """Return a message of lines; the first is its summary, empty ones are left out."""
    kept = [line for line in lines if line]
    summary = kept[0] if isinstance(kept[0], tuple) else ("",)
    blocks = tuple(Text(line) if isinstance(line, tuple) else line for line in kept[1:])
    return Message(summary=summary, blocks=blocks)
