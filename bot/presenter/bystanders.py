"""Answers to bystanders who ask a room for news, so that responders need not answer (H2)."""

from __future__ import annotations

from dataclasses import replace

from bot.contract.messages import Actions, Message
from bot.domain import events as ev
from bot.domain.incident import Incident
from bot.presenter.briefs import BriefWords
from bot.presenter.voice import Voice, message


class BystanderWords:
    """Messages of the shield that keeps questions away from responders."""

    def __init__(self, voice: Voice, briefs: BriefWords) -> None:
        self._voice, self._briefs = voice, briefs

    def shielded(self, incident: Incident, last: ev.BriefSent | None) -> Message:
        """Return the answer to a bystander who asks for news (H2)."""
        told = message(
            self._briefs.stands(incident, last),
            ("The responders have not been disturbed. ", self._voice.line("subscribe", incident)),
            Actions((self._voice.button("Send me each update", incident, "subscribe"),)),
        )
        return replace(told, aside=True)

    def shield_set(self, *, on: bool) -> Message:
        """Return the confirmation that the shield is on or off."""
        if on:
            return message(
                ("Questions for news here are answered by Sitrep, beside the responders.",),
                (self._voice.line("shield off"),),
            )
        return message(
            ("Questions for news here are left to people.",), (self._voice.line("shield on"),)
        )
