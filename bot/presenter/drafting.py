"""Words for a postmortem's draft, which names roles instead of people (P3, P4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from bot.contract.messages import At, Mention, Precision, Span, Spans, span_of, spans_text
from bot.domain import events as ev
from bot.domain.draft_words import ROLES
from bot.domain.incident import ClockName
from bot.people import Directory
from bot.presenter.telling import EventWords
from bot.presenter.voice import PROMISES, outcome
from bot.refs import PersonId


class DraftWords:
    """The words that `bot.domain.drafting` asks for: its `DraftingWords`."""

    def __init__(self, directory: Directory, telling: EventWords) -> None:
        self._directory, self._telling = directory, telling

    @property
    def names(self) -> Directory:
        """The names of people."""
        return self._directory

    def length(self, length: timedelta) -> str:
        """Return a length of time."""
        return span_of(length)

    def promise(self, clock: ClockName) -> str:
        """Return what a clock's promise is called."""
        return PROMISES[clock].recorded

    def outcome(self, event: ev.PromiseSettled) -> str:
        """Return how a promise ended."""
        return outcome(event)

    def entry(self, event: ev.Event, role: Callable[[PersonId], str]) -> str:
        """Return the event's line on the timeline, with roles instead of names."""
        spans = _without_names(event) or self._telling.entry(event)
        said = [_spoken(span, role) for span in spans]
        if said and isinstance(said[0], str):
            said[0] = said[0][:1].upper() + said[0][1:]
        return spans_text(tuple(said))


def _without_names(event: ev.Event) -> Spans:
    """Return a line without people for an event whose usual line is about one; else nothing."""
    match event:
        case ev.CommanderChanged(acting=True):
            return (f"An acting commander was in charge ({event.how.value})",)
        case ev.CommanderChanged():
            return (f"A commander took command ({event.how.value})",)
        case ev.CommanderAsked():
            return ("A trained commander was asked to take command",)
        case ev.CommanderDeclined():
            return ("A trained commander declined command",)
        case ev.HandoffOffered():
            return ("The commander offered command to somebody else",)
        case ev.RoleAssigned():
            return (f"Named: {ROLES[event.role]}",)
        case ev.ResponderJoined():
            return ("A responder joined",)
        case ev.ResponderLeft():
            return ("A responder left the response",)
        case _:
            return ()


def _spoken(span: Span, role: Callable[[PersonId], str]) -> Span:
    if isinstance(span, Mention):
        return role(span.person)
    if isinstance(span, At):
        return At(span.when, None, Precision.SECOND)
    return span
