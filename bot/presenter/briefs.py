"""Briefs to stakeholders: the bot drafts them, a person sends them (H1)."""

from __future__ import annotations

from bot.contract.messages import Actions, Message, Spans, spans_text
from bot.domain import events as ev
from bot.domain.incident import ClockName, Incident
from bot.presenter.public import BUTTON_LENGTH
from bot.presenter.voice import Occasion, Voice, message, shorten


class BriefWords:
    """Messages about briefs, and the latest news in a line."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def told(self, occasion: Occasion, head: ev.BriefSent) -> Message:
        """Return the message for a conversation."""
        verb = "Sending to the stakeholders"
        return self._voice.sending(occasion, head, verb, ClockName.STAKEHOLDER)

    def entry(self, event: ev.BriefSent) -> Spans:
        """Return the event's line on the timeline."""
        return (self._voice.who(event.by), f" briefed the stakeholders: {event.text}")

    def draft(self, incident: Incident) -> str:
        """Return the built-in draft of a brief: state, impact, last update, next update."""
        lines = [
            f"{self._voice.practice(incident)}{self._voice.title(incident)} "
            f"({incident.severity.label}, {incident.phase.value}), "
            f"since {incident.declared_at:%H:%M} UTC.",
            f"Impact: {incident.impact or 'being assessed'}.",
        ]
        said, decided = incident.last_update, incident.decisions[-1:]
        if said is not None:
            lines.append(f"Latest, {said.at:%H:%M} UTC: {said.text}")
        if decided and (said is None or decided[0].at > said.at):
            lines.append(f"Decided, {decided[0].at:%H:%M} UTC: {decided[0].text}")
        brief = self._voice.next_update(incident, None, ClockName.STAKEHOLDER)
        due = brief or self._voice.next_update(incident)
        if due:
            lines.append(spans_text(due))
        return " ".join(lines)

    def offer(self, incident: Incident, text: str) -> Message:
        """Return the draft of a brief for a person to send (H1)."""
        return message(
            (f"Draft of a brief for {incident.id}; nothing was sent.",),
            (text,),
            (self._voice.line("brief <text>", incident),),
            Actions((self._voice.button("Send it", incident, f"brief {text}"),))
            if len(text) <= BUTTON_LENGTH
            else None,
        )

    def stands(self, incident: Incident, last: ev.BriefSent | None) -> Spans:
        """Return the last update or brief, and when the next one is due."""
        said = incident.last_update
        internal = self._voice.next_update(incident)
        briefs = self._voice.next_update(incident, None, ClockName.STAKEHOLDER)
        due: Spans = (" ", *internal) if internal else ((" ", *briefs) if briefs else ())
        if last is not None and (said is None or last.at >= said.at):
            after: Spans = (" ", *briefs) if briefs else due
            return ("Last brief ", self._voice.at(last.at), f": {shorten(last.text, 500)}.", *after)
        if said is not None:
            return ("Last update ", self._voice.at(said.at), f": {shorten(said.text, 500)}.", *due)
        return (
            f"{self._voice.label(incident)}, declared ",
            self._voice.at(incident.declared_at),
            ": no update has been posted yet.",
            *due,
        )
