"""How each event is told: one row an event.

A command makes several things happen, and one message tells them all (rule 8 of the conversation):
its head is the event that stands first in the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.domain import events as ev
from bot.domain.incident import (
    ClockName,
    Outcome,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How an event is told."""

    heads: bool = False
    """Whether a message may be about it: of a command's events, the first in the table."""
    card: bool = True
    """Whether it changes a status card."""
    board: bool = False
    """Whether it changes the list of open incidents."""
    alone: bool = False
    """Whether it is a message of its own, whatever else happened."""


TELLING: Mapping[type[ev.Happening], Telling] = {
    ev.Declared: Telling(heads=True, board=True),
    ev.Resolved: Telling(heads=True, board=True),
    ev.Cancelled: Telling(heads=True, board=True),
    ev.Reopened: Telling(heads=True, board=True),
    ev.Stabilised: Telling(heads=True, board=True),
    ev.Assessed: Telling(heads=True),
    ev.SeverityChanged: Telling(heads=True, board=True),
    ev.PrivacyChanged: Telling(heads=True, board=True),
    ev.UpdatePosted: Telling(heads=True),
    ev.ExternalPublished: Telling(heads=True),
    ev.ExternalDrafted: Telling(heads=True, card=False),
    ev.DraftRejected: Telling(heads=True, card=False),
    ev.BriefSent: Telling(heads=True),
    ev.CommanderChanged: Telling(heads=True, board=True),
    ev.CommanderDeclined: Telling(heads=True),
    ev.HandoffOffered: Telling(heads=True),
    ev.ResponseEscalated: Telling(heads=True),
    ev.CommanderAsked: Telling(heads=True),
    ev.CandidatesExhausted: Telling(heads=True),
    ev.CadenceChanged: Telling(heads=True),
    ev.RoleAssigned: Telling(heads=True),
    ev.ResponderJoined: Telling(heads=True),
    ev.ResponderLeft: Telling(heads=True),
    ev.PagedOut: Telling(heads=True),
    ev.NoteAdded: Telling(heads=True, card=False),
    ev.MessageCaptured: Telling(heads=True, card=False),
    ev.StepTried: Telling(heads=True),
    ev.ImpactStated: Telling(heads=True),
    ev.EntryAmended: Telling(heads=True),
    ev.EntryRedacted: Telling(heads=True, board=True),
    ev.Mirrored: Telling(heads=True),
    ev.TicketFiled: Telling(heads=True),
    ev.PostmortemFinalised: Telling(heads=True),
    ev.DraftResumed: Telling(heads=True),
    ev.ReviewOpened: Telling(heads=True),
    ev.ReviewScheduled: Telling(heads=True),
    ev.ReviewUnscheduled: Telling(heads=True),
    ev.ReviewHeld: Telling(heads=True, card=False),
    ev.PostmortemHandedOver: Telling(heads=True, card=False),
    ev.FindingWaived: Telling(heads=True, card=False),
    ev.SectionWritten: Telling(heads=True, card=False),
    ev.PostmortemOpened: Telling(heads=True),
    ev.ActionAdded: Telling(heads=True),
    ev.ActionChanged: Telling(heads=True),
    ev.ActionDone: Telling(heads=True),
    ev.ActionReopened: Telling(heads=True),
    ev.ActionDropped: Telling(heads=True),
    ev.ActionFiled: Telling(heads=True, card=False),
    ev.DeliveryFailed: Telling(heads=True, card=False),
    ev.MirrorEnded: Telling(heads=True),
    ev.DeliveryStalled: Telling(heads=True, card=False),
    ev.DeliveryResumed: Telling(heads=True, card=False),
    ev.TroubleFound: Telling(heads=True, card=False),
    ev.ClockSet: Telling(alone=True),
    ev.PromiseMade: Telling(),
    ev.PromiseSettled: Telling(),
    ev.RungFired: Telling(card=False, alone=True),
    ev.StabiliseNudged: Telling(alone=True),
    ev.CauseReminded: Telling(),
    ev.UntouchedRaised: Telling(alone=True),
    ev.ConversationOpened: Telling(card=False),
    ev.ReviewReminded: Telling(card=False, alone=True),
    ev.ActionChased: Telling(card=False, alone=True),
}
"""A row for every event; the order says what a message is about."""

_RANK = {kind: rank for rank, kind in enumerate(TELLING)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The events of one message: the one that it is about, and those that came with it."""

    head: ev.Event
    events: tuple[ev.Event, ...]


def scenes(events: tuple[ev.Event, ...]) -> Iterator[Scene]:
    """Return the messages that events make: one for what was said, one for each thing due."""
    heads = [e for e in events if TELLING[type(e)].heads and not offered(e)]
    if heads:
        yield Scene(head=min(heads, key=lambda e: _RANK[type(e)]), events=events)
    else:
        missed: dict[ClockName, ev.Event] = {
            e.clock: e
            for e in events
            if isinstance(e, ev.PromiseSettled) and e.outcome is Outcome.MISSED
        }
        for head in missed.values():
            yield Scene(head=head, events=events)
    for event in events:
        alone = TELLING[type(event)].alone or offered(event)
        if alone and not getattr(event, "silent", False):
            yield Scene(head=event, events=(event,))


def offered(event: ev.Event) -> bool:
    """Return whether an event is a draft in the plan's words, which no conversation is told."""
    return isinstance(event, ev.ExternalDrafted) and event.by is None
