"""A few words for each kind of row, for the report that it could not be delivered."""

from __future__ import annotations

from bot.contract.messages import Message, spans_text
from bot.store.rows import Body, Letter, Post

_WORDS = {
    "open": "the incident's own room",
    "acknowledge": "the mark on a command",
    "offer": "the buttons of a message",
    "card": "the status card",
    "board": "the list of incidents",
    "invite": "an invitation",
    "topic": "the room's topic",
    "page": "a page",
    "status": "the status page's text",
    "redraw": "the status page's days",
    "ticket": "the ticket",
    "stakeholder": "a brief",
    "spread": "news for stakeholders",
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
