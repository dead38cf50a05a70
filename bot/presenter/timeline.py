"""The timeline in the chat and as a file (L1, L3)."""

from __future__ import annotations

from collections.abc import Sequence

from bot.contract.messages import (
    Block,
    Bullets,
    Fields,
    Heading,
    Message,
    Strong,
    spans_text,
)
from bot.domain.events import Entry
from bot.domain.incident import Incident
from bot.domain.timeline import corrected
from bot.presenter.cards import CardWords
from bot.presenter.telling import EventWords
from bot.presenter.voice import Voice, para

TIMELINE_SHOWN = 40
"""The number of last entries that the chat shows; `sitrep export` has them all."""


class TimelineWords:
    """Whole timelines."""

    def __init__(self, voice: Voice, cards: CardWords, telling: EventWords) -> None:
        self._voice, self._cards, self._telling = voice, cards, telling

    def answer(self, incident: Incident, entries: Sequence[Entry]) -> Message:
        """Return the answer to `timeline`: the last entries, numbered."""
        shown = corrected(entries)[-TIMELINE_SHOWN:]
        items = [
            (
                Strong(f"{e.n}"),
                " ",
                self._voice.second(e.event.at),
                " ",
                *self._telling.entry(e.event),
            )
            for e in shown
        ]
        blocks: list[Block] = [Bullets(tuple(items))]
        if len(shown) < len(entries):
            blocks.append(
                para(f"{len(entries) - len(shown)} earlier entries: sitrep export {incident.id}")
            )
        summary = f"{incident.id}: {len(entries)} entries, times in UTC"
        return Message(summary=(summary,), blocks=tuple(blocks))

    def export(self, incident: Incident, entries: Sequence[Entry]) -> str:
        """Return the whole timeline as Markdown that shows people's texts literally."""
        heading = Heading(f"{incident.id}: {incident.title}")
        lines = [f"# {_literal(heading.text)}", ""]
        card = self._cards.card(incident)
        for block in card.blocks:
            if isinstance(block, Fields):
                lines += [f"- **{r.label}:** {_literal(spans_text(r.value))}" for r in block.rows]
        record = self._voice.kept(incident)
        if record:
            lines.append(f"- **Updates:** {record}")
        lines += ["", "## Timeline", "", "(All times UTC)", ""]
        for each in corrected(entries):
            text = _literal(spans_text(self._telling.entry(each.event)))
            recorded = (
                f" (recorded {each.recorded_at:%Y-%m-%d %H:%M:%S})"
                if abs((each.recorded_at - each.event.at).total_seconds()) >= 1
                else ""
            )
            lines.append(f"- {each.event.at:%Y-%m-%d %H:%M:%S} — {text}{recorded}")
        return "\n".join(lines) + "\n"


def _literal(text: str) -> str:
    """Return a text in one line, with Markdown's characters escaped."""
    escaped = "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-!|~&" else c for c in text)
    return escaped.replace("\n", " ")
