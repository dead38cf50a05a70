"""Messages about what was gathered: one call for many declarations (F18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.contract.messages import (
    Actions,
    Block,
    Bullets,
    Button,
    Mention,
    Message,
    Spans,
    Text,
    span_of,
    spans_text,
)
from bot.domain.effects import News
from bot.domain.floods import Burst
from bot.domain.policy import Bound
from bot.domain.subscription import Piece, Subscription
from bot.presenter.voice import Voice, message, shorten
from bot.refs import PersonId

NAMED_AT_MOST = 6
"""How many incidents are named one by one."""


_COUNTED: Mapping[News, tuple[str, str]] = {
    News.DECLARED: ("incident declared", "incidents declared"),
    News.BRIEF: ("with a brief", "with briefs"),
    News.SEVERITY: ("with another severity", "with another severity"),
    News.STABILISED: ("stabilised", "stabilised"),
    News.RESOLVED: ("resolved", "resolved"),
    News.REOPENED: ("open again", "open again"),
    News.CANCELLED: ("a false alarm", "false alarms"),
    News.POSTMORTEM: ("postmortem published", "postmortems published"),
}
"""The words after a count: of one, and of many."""


class FloodWords:
    """Messages about what was gathered."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def calls(self, by: PersonId, burst: Burst, bound: Bound) -> Message:
        """Return the one direct message about a burst of declarations."""
        last = burst.incidents[-1]
        return message(
            ("📟 ", *self._burst(by, burst)),
            (f"{bounded(bound)} This is one call for all of them.",),
            (
                self._voice.line("list"),
                "  ·  ",
                self._voice.line("status", last),
                "  ·  ",
                self._voice.line("take ic", last),
            ),
        )

    def news(self, pieces: Sequence[Piece], bound: Bound, each: Subscription) -> Message:
        """Return the one message about many pieces of news: how many, and of which incidents."""
        counted: dict[News, set[str]] = {}
        for piece in pieces:
            counted.setdefault(piece.news, set()).add(piece.incident)
        parts = [
            f"{len(found)} {_COUNTED[news][len(found) != 1]}" for news, found in counted.items()
        ]
        incidents = tuple(sorted({piece.incident for piece in pieces}, key=_numbered))
        return message(
            (f"{', '.join(parts)}: {named(incidents, len(incidents))}.",),
            (
                f"More than {bound.most} messages in {span_of(bound.within)} come as one. "
                "What is open: ",
                self._voice.line("list"),
            ),
            Actions((Button("Unsubscribe", f"unsubscribe {each.n}"),)),
        )

    def page_text(self, by: PersonId, burst: Burst) -> str:
        """Return the one line that a pager shows for a burst of declarations."""
        return shorten(f"{burst.severity.label}: {spans_text(self._burst(by, burst))}", 300)

    def _burst(self, by: PersonId, burst: Burst) -> Spans:
        many = f"{burst.count} incident{'s' if burst.count != 1 else ''} declared by "
        within = span_of(burst.last - burst.began)
        return (many, self._voice.who(by), f" in {within}: {named(burst.incidents, burst.count)}.")


def bounded(bound: Bound) -> str:
    """Return the bound on what people are called for one by one."""
    return (
        f"People are called one by one for {bound.most} in {span_of(bound.within)} by somebody "
        "whom the config does not name."
    )


def named(incidents: tuple[str, ...], count: int) -> str:
    """Return incidents by their names, or the first and the last of many."""
    if count <= min(NAMED_AT_MOST, len(incidents)):
        return ", ".join(incidents)
    return f"{incidents[0]} … {incidents[-1]}"


def _numbered(incident: str) -> tuple[str, int]:
    series, _, number = incident.partition("-")
    return series, int(number)


def quiet(told: Message) -> Message:
    """Return a message that mentions the same people, and notifies none of them."""
    blocks = tuple(_quiet_block(block) for block in told.blocks)
    return replace(told, summary=_quiet(told.summary), blocks=blocks)


def _quiet_block(block: Block) -> Block:
    match block:
        case Text():
            return replace(block, spans=_quiet(block.spans))
        case Bullets():
            return replace(block, items=tuple(_quiet(item) for item in block.items))
        case _:
            return block


def _quiet(spans: Spans) -> Spans:
    return tuple(replace(s, notify=False) if isinstance(s, Mention) else s for s in spans)
