"""Messages about private incidents, and what others see of one (F17)."""

from __future__ import annotations

from dataclasses import replace

from bot.contract.messages import Message, Spans
from bot.domain import events as ev
from bot.domain.incident import Incident
from bot.presenter.voice import Occasion, Voice, because, message
from bot.store.incidents import ActionLine, Summary

HIDDEN = "private"
"""The word that stands for every text of a private incident."""


def masked(incident: Incident) -> Incident:
    """Return an incident as people see it who do not take part: its number, and no word of it."""
    if not incident.private:
        return incident
    return replace(
        incident, title=HIDDEN, impact=None, commander=None, acting=False, service=None, roles={}
    )


def masked_summary(summary: Summary) -> Summary:
    """Return a line of the list of incidents as everybody may read it."""
    return replace(summary, title=HIDDEN, commander=None) if summary.private else summary


def masked_action(line: ActionLine) -> ActionLine:
    """Return an action item as everybody may read it: number, owner and date alone."""
    if not line.private:
        return line
    return replace(line, title=HIDDEN, action=replace(line.action, text=HIDDEN))


class PrivacyWords:
    """Messages about what is private."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def told(self, occasion: Occasion, head: ev.PrivacyChanged) -> Message:
        """Return the message for a conversation of the incident."""
        name = occasion.incident.id
        if head.private:
            return message(
                (f"{name} is private", *because(head.reason), "."),
                (
                    "Only those who take part read it from now on; to others it is a number. "
                    "Sitrep takes back what it said of it in other conversations. "
                    "What stays: mails, briefs that plugins brought, published postmortems, lists, "
                    "what the status page shows, and rooms it was mirrored to before. "
                    "What people wrote there themselves, they must remove.",
                ),
            )
        return message(
            (f"{name} is private no more", *because(head.reason), "."),
            ("Everybody may read it from now on, what was said before included.",),
        )

    def taken_back(self, incident: str) -> Message:
        """Return what a message says once it is taken back."""
        return message((f"{incident} is private.",))

    def entry(self, event: ev.PrivacyChanged) -> Spans:
        """Return the event's line on the timeline."""
        what = "made it private" if event.private else "opened it to everybody"
        reason = f": {event.reason}" if event.reason else ""
        return (self._voice.who(event.by), f" {what}{reason}")

    def refused(self, incident: str) -> Message:
        """Return the answer to somebody who may not read an incident here."""
        return message(
            (f"{incident} is private.",),
            (
                "Those who take part read and write it in its own conversation, and directly with "
                "Sitrep.",
            ),
        )

    def declared(self, incident: Incident) -> Message:
        """Return the answer where a private incident was declared, and others read it."""
        return message(
            (f"{incident.id} is declared as private, and goes on among those who take part.",),
            ("What was typed here stays here: remove the message if it should not be read.",),
        )
