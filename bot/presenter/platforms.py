"""Messages about an incident's mirrors on other platforms."""

from __future__ import annotations

from datetime import datetime

from bot.contract.messages import Message, Place, Spans
from bot.domain import events as ev
from bot.domain.incident import Incident
from bot.presenter.command import CommandWords
from bot.presenter.voice import Occasion, Voice, message
from bot.refs import ConversationRef

OfPlatforms = ev.Mirrored | ev.MirrorEnded


class PlatformWords:
    """Messages about mirrors of an incident's conversation."""

    def __init__(self, voice: Voice, command: CommandWords) -> None:
        self._voice, self._command = voice, command

    def told(self, occasion: Occasion, head: OfPlatforms) -> Message:
        """Return the message for a conversation."""
        match head:
            case ev.Mirrored():
                return self._mirrored(occasion.incident, head, occasion.now, occasion.to)
            case ev.MirrorEnded():
                return self._mirror_ended(occasion.incident, head, occasion.to)

    def entry(self, event: OfPlatforms | ev.ConversationOpened) -> Spans:
        """Return the event's line on the timeline."""
        match event:
            case ev.ConversationOpened():
                return (f"The room {event.conversation.id} was opened",)
            case ev.Mirrored():
                return (f"Mirrored to {self._voice.platform(event.conversation.adapter)}",)
            case ev.MirrorEnded():
                there = self._voice.platform(event.conversation.adapter)
                return (f"No longer mirrored to {there}",)

    def _mirrored(
        self, incident: Incident, head: ev.Mirrored, now: datetime, to: ConversationRef | None
    ) -> Message:
        there = self._voice.platform(head.conversation.adapter)
        if to != head.conversation:
            return message(
                (f"{incident.id} is told on {there} too: ", Place(head.conversation, incident.id)),
                (self._voice.line(f"unmirror {head.conversation.adapter}"), " ends that."),
            )
        here, label = (
            self._voice.platform(incident.conversation.adapter),
            self._voice.label(incident),
        )
        return message(
            (f"{label} — {self._voice.title(incident)} — runs on {here}, and here.",),
            ("Commands work on both; each promise counts once.",),
            *self._command.briefing(incident, now),
        )

    def _mirror_ended(
        self, incident: Incident, head: ev.MirrorEnded, to: ConversationRef | None
    ) -> Message:
        here = self._voice.platform(incident.conversation.adapter)
        if to == head.conversation:
            return message((f"{incident.id} is told here no more; it goes on on {here}.",))
        there = self._voice.platform(head.conversation.adapter)
        return message((f"{incident.id} is not told on {there} any more.",))
