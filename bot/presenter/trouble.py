"""Messages about the bot's own trouble: with delivery, platforms and commands (D2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.contract.messages import Code, Message, Spans, span_of, spans_text
from bot.domain import events as ev
from bot.domain.incident import Incident
from bot.presenter.voice import Occasion, Voice, message, para, shorten
from bot.refs import Lane
from bot.store.rows import Body, Letter, Post

OfTrouble = (
    ev.DeliveryFailed | ev.DeliveryStalled | ev.DeliveryResumed | ev.TroubleFound | ev.ClockSet
)


class TroubleWords:
    """Messages about trouble, and marks on messages that come late or twice."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def told(self, occasion: Occasion, head: OfTrouble) -> Message:
        """Return the message for a conversation."""
        incident = occasion.incident
        match head:
            case ev.DeliveryFailed():
                return self._undelivered(incident, head)
            case ev.DeliveryStalled():
                return self._stalled(incident, head)
            case ev.DeliveryResumed():
                page = head.target.status_page
                there = self._voice.platform_of(head.target)
                if page:
                    there = f"The status page {page}"
                what = "updates" if page else "messages"
                return message((f"{there} takes {what} again; what waited is on its way.",))
            case ev.TroubleFound():
                return message((f"{self._voice.label(incident)}: {head.text}",))
            case ev.ClockSet():
                due = self._voice.next_update(incident, occasion.now)
                return message((f"{_clock_set(head)}.",), due or None)

    def entry(self, event: OfTrouble) -> Spans:
        """Return the event's line on the timeline."""
        match event:
            case ev.DeliveryFailed():
                return (f"Not delivered to {event.target}: {event.what} ({event.why})",)
            case ev.DeliveryStalled():
                there = self._voice.platform_of(event.target)
                since = self._voice.second(event.since)
                return (f"{there} has not taken messages since ", since, f"; {event.waiting} wait")
            case ev.DeliveryResumed():
                return (f"{self._voice.platform_of(event.target)} takes messages again",)
            case ev.TroubleFound():
                return (event.text,)
            case ev.ClockSet():
                return (_clock_set(event),)

    def _stalled(self, incident: Incident, head: ev.DeliveryStalled) -> Message:
        if (page := head.target.status_page) is not None:
            return self._page_away(page, head)
        there = self._voice.platform_of(head.target)
        others = [
            c.adapter for c in incident.conversations if self._voice.platform(c.adapter) != there
        ]
        whole: Spans = (f"{self._voice.platform(others[0])} is complete. ",) if others else ()
        wait = f"{head.waiting} {'waits' if head.waiting == 1 else 'wait'}"
        return message(
            (
                f"{there} has not taken messages since ",
                self._voice.at(head.since),
                f"; {wait}. ",
                *whole,
                "Retrying.",
            )
        )

    def _page_away(self, page: str, head: ev.DeliveryStalled) -> Message:
        """Return the message that a status page cannot be reached, and what to do meanwhile."""
        many = head.waiting != 1
        return message(
            (
                f"The status page {page} cannot be reached since ",
                self._voice.at(head.since),
                f"; {head.waiting} update{'s' if many else ''} for it wait{'' if many else 's'}.",
            ),
            (f"Why: {shorten(head.why, 300)}",) if head.why else None,
            (
                "Retrying; it goes out by itself when the page answers. Until then customers "
                "read nothing new there: tell support directly.",
            ),
        )

    def _undelivered(self, incident: Incident, head: ev.DeliveryFailed) -> Message:
        if (page := head.target.status_page) is not None:
            return self._page_refused(page, head.why, incident)
        if head.audience:
            return message(
                (f"{incident.id}: a stakeholder was not told: {head.what}.",),
                (f"Why: {shorten(head.why, 300)}",),
                ("More of that are on the timeline, and not told one by one.",),
            )
        return message(
            (f"Not delivered to {_place(head.target)}: {head.what}.",),
            (f"Why: {shorten(head.why, 300)}",),
            ("It will not be tried again; see to it another way.",),
        )

    def _page_refused(self, page: str, why: str, incident: Incident) -> Message:
        """Return the message that a status page refused a text, and what to do."""
        last = incident.publications[-1] if incident.publications else None
        fix: Spans = (
            "Put right what it names, then publish again: ",
            self._voice.line("external <text>"),
        )
        if last is not None:
            fix = (
                *fix,
                "  ·  change the last text: ",
                self._voice.line(f"amend {last.entry} <text>"),
            )
        return message(
            (f"The status page {page} did not take it: {shorten(why, 300)}",),
            fix,
            ("Whoever runs Sitrep sees more with: sitrep check",),
        )

    # --- beside any incident ----------------------------------------------------------------------

    def everybody_counts(self, adapter: str) -> Message:
        """Return the remark that everybody on a platform counts as named, and how to change it."""
        there = self._voice.platform(adapter)
        return Message(
            summary=(
                f"The config names nobody on {there}: everybody admitted there counts as named, "
                "and may command, publish and page.",
            ),
            blocks=(
                para(
                    "To change it, the operator names people, ",
                    Code(f'[people.<name>] users = {{ {adapter} = "…" }}'),
                    ", or sets ",
                    Code("[access] trusted"),
                    ". This is said once.",
                ),
            ),
        )

    def platform_lost(self, adapter: str, why: str) -> Message:
        """Return the alarm that the bot has lost a whole platform."""
        return Message(
            summary=(f"Sitrep has lost {adapter}: {why}",),
            blocks=(para("Nothing is heard and nothing is said there until then."),),
        )

    def late(self, message: Message, late_by: timedelta) -> Message:
        """Return a message with a note that it comes late."""
        mark = para(f"This message is {span_of(late_by)} late. Nothing was lost.")
        return replace(message, blocks=(*message.blocks, mark))

    def repeated(self, message: Message) -> Message:
        """Return a message with a note that it may have arrived before."""
        mark = para("Sent again: whether the first try arrived is not known.")
        return replace(message, blocks=(*message.blocks, mark))

    def broken(self) -> Message:
        """Return the answer to a command that failed by an error in Sitrep itself."""
        return Message(
            summary=("That could not be done: something is wrong with Sitrep itself.",),
            blocks=(para("Nothing was changed. Try again; if it stays, its log says why."),),
        )

    def was_away(self, since: datetime, now: datetime) -> Message:
        """Return what a conversation hears when the database is back."""
        return Message(
            summary=(
                f"Sitrep's database could not be used for {span_of(now - since)}, until now.",
            ),
            blocks=(
                para("What was typed here meanwhile is done as it comes in; look what is missing."),
            ),
        )

    def unreadable(self, *, in_clear: bool) -> Message:
        """Return the answer to a message that is not read: not decrypted yet, or not encrypted."""
        if in_clear:
            return Message(
                summary=("This message came unencrypted in an encrypted room: nothing was done.",),
                blocks=(
                    para(
                        "Who wrote an unencrypted message cannot be told for sure. Send it again, "
                        "encrypted: from a client that encrypts."
                    ),
                ),
            )
        return Message(
            summary=("This message cannot be read here: its key has not arrived.",),
            blocks=(
                para(
                    "If it was a command, it was not done. It is when the key arrives; "
                    "typing it again is quicker."
                ),
            ),
        )


def _place(lane: Lane) -> str:
    """Return a lane by the name of its room, person or plugin."""
    if lane.is_plugin:
        return lane.target
    room = lane.conversation
    name = room.direct_to.id if room.direct_to is not None else room.pending or room.id
    return f"{name} on {room.adapter.capitalize()}"


_WORDS = {
    "open": "the incident's own room",
    "acknowledge": "the mark on a command",
    "offer": "the buttons of a message",
    "card": "the status card",
    "board": "the list of incidents",
    "invite": "an invitation",
    "closing": "the change of who may enter the room",
    "takeback": "the removal of a message that others read",
    "topic": "the room's topic",
    "page": "a page",
    "status": "the status page's text",
    "redraw": "the status page's days",
    "ticket": "the ticket",
    "stakeholder": "a brief",
    "spread": "news for stakeholders",
    "news": "gathered news",
    "calls": "one call for many declarations",
    "document": "the postmortem",
    "events": "the record of what happened",
    "draft": "the draft of a brief",
}


def described(body: Body) -> str:
    """Return what a row was to deliver, in a few words."""
    match body:
        case Letter():
            return f"a mail to {body.mail.to}"
        case Post():
            message: Message = body.message
            return f"“{spans_text(message.summary)[:120]}”"
        case _:
            return _WORDS[body.kind]


def _clock_set(event: ev.ClockSet) -> str:
    machine = "The clock of Sitrep's machine"
    if event.moved < timedelta(0):
        return f"{machine} was set back by {span_of(-event.moved)}; due times count from now"
    missed = "what fell due meanwhile counts as missed"
    return f"{machine} jumped ahead by {span_of(event.moved)}; {missed}"
