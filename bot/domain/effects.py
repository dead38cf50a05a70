"""`plan`: what the outbox must carry after a command. Says what and to whom, not in which words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.domain import events as ev
from bot.domain.decision import owing
from bot.domain.incident import (
    ClockName,
    Incident,
    Kind,
    Outcome,
    Phase,
    Role,
    RungKind,
    Severity,
)
from bot.refs import ConversationRef, Lane, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """What there is to send to. `rooms` are the incident's conversations that Sitrep opens."""

    rooms: tuple[ConversationRef, ...] = ()
    status_page: bool = False
    tracker: bool = False
    publishers: bool = False
    mail: bool = False
    stakeholders: bool = False
    pager: bool = False
    listeners: bool = False
    triage: ConversationRef | None = None
    boards: tuple[ConversationRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What one message tells: the event that it is about, and those that came with it."""

    head: ev.Event
    events: tuple[ev.Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRoom:
    """Open a room of the incident's, with people in it (F15); `fallback` serves where it fails."""

    to: ConversationRef
    people: tuple[PersonId, ...]
    fallback: ConversationRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitePeople:
    """Invite people to a room of the incident's."""

    to: ConversationRef
    people: tuple[PersonId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTopic:
    """Set a room's topic."""

    to: ConversationRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Tell a conversation. `clock` and `n`: pointless once that promise has ended."""

    to: ConversationRef
    scene: Scene
    urgent: bool = False
    clock: ClockName | None = None
    n: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SayTo:
    """Tell one person, directly; `avoid` names an adapter that cannot do it."""

    person: PersonId
    scene: Scene
    urgent: bool = False
    clock: ClockName | None = None
    n: int = 0
    avoid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowCard:
    """Bring the status card of a conversation up to date (L2)."""

    to: ConversationRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowBoard:
    """Bring the list of open incidents up to date where they are declared."""

    to: ConversationRef


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePeople:
    """Page people, or whoever is on call for a service, through the pagers."""

    people: tuple[PersonId, ...]
    service: str | None
    scene: Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTicket:
    """File a ticket, or bring it up to date: the incident's (S4), or an action's (A2).

    Stored as it is in a row of the outbox, and written at delivery.
    """

    action: int | None = None
    kind: Literal["ticket"] = "ticket"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPostmortem:
    """Bring the published postmortem up to date (P5).

    Stored as it is in a row of the outbox, and written at delivery.
    """

    kind: Literal["document"] = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendInvitations:
    """Invite to the review, move it, or call it off, by mail (P2)."""

    event: ev.ReviewScheduled | ev.ReviewUnscheduled


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishStatus:
    """Bring the status pages up to date (X2).

    Stored as it is in a row of the outbox, and put together at delivery.
    """

    kind: Literal["status"] = "status"


class News(StrEnum):
    """What stakeholders are told of (H1, P5, F6)."""

    DECLARED = "declared"
    BRIEF = "brief"
    SEVERITY = "severity"
    STABILISED = "stabilised"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CANCELLED = "cancelled"
    POSTMORTEM = "postmortem"


@dataclass(frozen=True, slots=True, kw_only=True)
class InformStakeholders:
    """Tell the stakeholders; `text` is what somebody wrote of it."""

    news: News
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TellListeners:
    """Tell the plugins that hear of every change."""


Effect = (
    OpenRoom
    | InvitePeople
    | ChangeTopic
    | Say
    | SayTo
    | ShowCard
    | ShowBoard
    | PagePeople
    | FileTicket
    | PublishPostmortem
    | SendInvitations
    | PublishStatus
    | InformStakeholders
    | TellListeners
)

_RANK: tuple[type[ev.Happening], ...] = (
    ev.Declared,
    ev.Resolved,
    ev.Cancelled,
    ev.Reopened,
    ev.Stabilised,
    ev.Assessed,
    ev.SeverityChanged,
    ev.UpdatePosted,
    ev.ExternalPublished,
    ev.ExternalDrafted,
    ev.DraftRejected,
    ev.BriefSent,
    ev.CommanderChanged,
    ev.CommanderDeclined,
    ev.HandoffOffered,
    ev.ResponseEscalated,
    ev.CommanderAsked,
    ev.CandidatesExhausted,
    ev.CadenceChanged,
    ev.RoleAssigned,
    ev.ResponderJoined,
    ev.ResponderLeft,
    ev.PagedOut,
    ev.NoteAdded,
    ev.MessageCaptured,
    ev.StepTried,
    ev.ImpactStated,
    ev.EntryAmended,
    ev.EntryRedacted,
    ev.Mirrored,
    ev.TicketFiled,
    ev.PostmortemFinalised,
    ev.DraftResumed,
    ev.ReviewOpened,
    ev.ReviewScheduled,
    ev.ReviewUnscheduled,
    ev.ReviewHeld,
    ev.PostmortemHandedOver,
    ev.FindingWaived,
    ev.SectionWritten,
    ev.PostmortemOpened,
    ev.ActionAdded,
    ev.ActionChanged,
    ev.ActionDone,
    ev.ActionReopened,
    ev.ActionDropped,
    ev.ActionFiled,
    ev.DeliveryFailed,
    ev.MirrorEnded,
    ev.DeliveryStalled,
    ev.DeliveryResumed,
    ev.TroubleFound,
)
"""What a message is about, where a command made several things happen."""

_NOT_ON_THE_CARD = (
    ev.NoteAdded,
    ev.MessageCaptured,
    ev.RungFired,
    ev.ConversationOpened,
    ev.DeliveryFailed,
    ev.DeliveryStalled,
    ev.DeliveryResumed,
    ev.TroubleFound,
    ev.ExternalDrafted,
    ev.DraftRejected,
    ev.PostmortemHandedOver,
    ev.SectionWritten,
    ev.ReviewHeld,
    ev.ReviewReminded,
    ev.FindingWaived,
    ev.ActionFiled,
    ev.ActionChased,
)

_ON_THE_BOARD = (
    ev.Declared,
    ev.SeverityChanged,
    ev.CommanderChanged,
    ev.Stabilised,
    ev.Resolved,
    ev.Reopened,
    ev.Cancelled,
    ev.EntryRedacted,
)

_OF_ITS_OWN = (
    ev.RungFired,
    ev.StabiliseNudged,
    ev.UntouchedRaised,
    ev.ReviewReminded,
    ev.ActionChased,
)


def scenes(events: tuple[ev.Event, ...]) -> Iterator[Scene]:
    """Return the messages that events make: one for what was said, one for each thing due (8)."""
    heads = [e for kind in _RANK for e in events if isinstance(e, kind) and not offered(e)]
    if heads:
        yield Scene(head=heads[0], events=events)
    else:
        missed: dict[ClockName, ev.Event] = {
            e.clock: e
            for e in events
            if isinstance(e, ev.PromiseSettled) and e.outcome is Outcome.MISSED
        }
        for head in missed.values():
            yield Scene(head=head, events=events)
    for event in events:
        own = isinstance(event, _OF_ITS_OWN) or offered(event)
        if own and not getattr(event, "silent", False):
            yield Scene(head=event, events=(event,))


def offered(event: ev.Event) -> bool:
    """Whether it is a draft in the words of the plan: no conversation is told of it."""
    return isinstance(event, ev.ExternalDrafted) and event.by is None


def plan(incident: Incident, events: tuple[ev.Event, ...], routes: Routes) -> tuple[Effect, ...]:
    """Return what must be carried; `incident` is as the events left it."""
    effects: list[Effect] = []
    opening = next((e for e in events if isinstance(e, ev.Declared)), None)
    if incident.running:
        effects += _opened(incident, events, routes, opening)
    for scene in scenes(events):
        effects += _said(incident, scene, routes)
    if opening is None and (newcomers := _invited(events)):
        effects += [InvitePeople(to=room, people=newcomers) for room in routes.rooms]
    if any(not isinstance(e, _NOT_ON_THE_CARD) for e in events):
        effects += _shown(incident, events, routes)
    if any(isinstance(e, _ON_THE_BOARD) for e in events):
        effects += [ShowBoard(to=conversation) for conversation in routes.boards]
    if not incident.drill:
        effects += _outside(incident, events, routes)
    if routes.listeners and events:
        effects.append(TellListeners())
    return tuple(effects)


def _opened(
    incident: Incident,
    events: tuple[ev.Event, ...],
    routes: Routes,
    opening: ev.Declared | None,
) -> Iterator[Effect]:
    """Open the rooms that the events ask for, with whoever takes part (F15)."""
    if opening is not None and incident.conversation in routes.rooms:
        yield OpenRoom(
            to=incident.conversation, people=_invited(events), fallback=opening.declared_in
        )
    for event in events:
        if isinstance(event, ev.Mirrored):
            people = dict.fromkeys((*incident.participants, *_invited(events)))
            yield OpenRoom(to=event.conversation, people=tuple(people), fallback=None)


def _said(incident: Incident, scene: Scene, routes: Routes) -> Iterator[Effect]:
    head = scene.head
    match head:
        case ev.RungFired(kind=RungKind.PROMPT):
            if head.owed_by is not None:
                yield SayTo(
                    person=head.owed_by, scene=scene, urgent=True, clock=head.clock, n=head.n
                )
            return
        case ev.RungFired():
            for conversation in incident.conversations:
                yield Say(to=conversation, scene=scene, urgent=True, clock=head.clock, n=head.n)
            if head.kind is not RungKind.OVERDUE:
                yield from _called(incident, head.people, scene, routes)
            return
        case ev.UntouchedRaised():
            yield Say(to=routes.triage or incident.conversation, scene=scene)
            return
        case ev.ActionChased() | ev.ReviewReminded():
            if isinstance(head, ev.ReviewReminded) and head.missed:
                for conversation in incident.conversations:
                    yield Say(to=conversation, scene=scene)
            for person in head.people:
                yield SayTo(person=person, scene=scene)
            return
        case ev.ActionFiled(first=False):
            return  # it follows what the room has heard already
        case ev.CommanderDeclined(handoff=True) if incident.commander is not None:
            yield SayTo(person=incident.commander, scene=scene)
        case _:
            pass
    if isinstance(head, ev.DeliveryFailed):
        yield from _undelivered(incident, head, scene)
        return
    if isinstance(head, ev.ExternalDrafted) and head.by is None:
        # Offered by the plan's words: those who speak outside and decide are told, not the room.
        speakers = (incident.roles.get(Role.COMMS), incident.commander)
        for speaker in dict.fromkeys(p for p in speakers if p is not None):
            yield SayTo(person=speaker, scene=scene)
        return
    if isinstance(head, ev.TroubleFound):
        yield from _troubled(incident, head, scene, routes)
        return
    if isinstance(head, ev.DeliveryStalled | ev.DeliveryResumed):
        heard = [c for c in incident.conversations if Lane.of(c) != head.target]
        for conversation in heard:
            yield Say(to=conversation, scene=scene)
        if not heard and isinstance(head, ev.DeliveryStalled):
            person = incident.commander or incident.declared_by
            yield SayTo(person=person, scene=scene, avoid=head.target.target)
        return
    if isinstance(head, ev.MirrorEnded):
        yield Say(to=head.conversation, scene=scene)
    for conversation in incident.conversations:
        yield Say(to=conversation, scene=scene)
    paged = {
        person
        for event in scene.events
        if isinstance(event, ev.ResponseEscalated)
        for person in event.people
    }
    for event in scene.events:
        match event:
            case ev.CommanderAsked(person=person) if person in paged:
                pass  # one call is enough, and it says how to take command
            case ev.CommanderAsked(person=person) | ev.HandoffOffered(person=person):
                yield SayTo(person=person, scene=Scene(head=event, events=scene.events))
            case ev.CommanderChanged():
                for person in event.also_asked:
                    yield SayTo(person=person, scene=Scene(head=event, events=scene.events))
            case ev.Cancelled():
                for person in incident.called:
                    if person != event.by:
                        yield SayTo(person=person, scene=scene)
            case ev.ExternalDrafted(by=str()) if incident.commander is not None:
                yield SayTo(person=incident.commander, scene=Scene(head=event, events=scene.events))
            case ev.DraftRejected(author=author) if author is not None:
                yield SayTo(person=author, scene=Scene(head=event, events=scene.events))
            case (
                ev.PostmortemHandedOver(owner=person)
                | ev.ActionAdded(owner=person)
                | ev.ActionChanged(owner=person)
            ) if person != event.by:
                yield SayTo(person=person, scene=Scene(head=event, events=scene.events))
            case ev.RoleAssigned(person=person) if person != event.by:
                yield SayTo(person=person, scene=Scene(head=event, events=scene.events))
            case ev.PagedOut():
                yield from _called(incident, event.people, scene, routes, event.service)
            case ev.ResponseEscalated():
                yield from _called(incident, event.people, scene, routes)
            case _:
                pass


def _undelivered(incident: Incident, head: ev.DeliveryFailed, scene: Scene) -> Iterator[Effect]:
    """Tell of a dead letter where it can be heard: not in the conversation that failed (D2).

    Once, until the conversation takes something again: each message would be another.
    """
    if head.again:
        return
    if head.audience:
        briefing = owing(incident, ClockName.STAKEHOLDER) or incident.declared_by
        yield SayTo(person=briefing, scene=scene)
        return
    heard = [c for c in incident.conversations if Lane.of(c) != head.target]
    for conversation in heard:
        yield Say(to=conversation, scene=scene)
    person = incident.commander or incident.declared_by
    addressee = head.target.conversation.direct_to
    if not heard and (addressee is None or addressee.id != person):
        yield SayTo(person=person, scene=scene)


def _troubled(
    incident: Incident, head: ev.TroubleFound, scene: Scene, routes: Routes
) -> Iterator[Effect]:
    """Tell of trouble wherever the bot can still speak, else the commander alone (D2)."""
    whole = head.conversation is None
    heard = [
        c
        for c in incident.conversations
        if (c.adapter != head.adapter if whole else c != head.conversation or head.reachable)
    ]
    for conversation in heard:
        yield Say(to=conversation, scene=scene)
    if heard:
        return
    person = incident.commander or incident.declared_by
    yield SayTo(person=person, scene=scene, urgent=True, avoid=head.adapter if whole else None)
    if routes.pager and whole and not incident.drill:
        yield PagePeople(people=(person,), service=None, scene=scene)


def _called(
    incident: Incident,
    people: tuple[PersonId, ...],
    scene: Scene,
    routes: Routes,
    service: str | None = None,
) -> Iterator[Effect]:
    for person in people:
        yield SayTo(person=person, scene=scene, urgent=True)
    if routes.pager and not incident.drill and (people or service):
        yield PagePeople(people=people, service=service, scene=scene)


def _shown(incident: Incident, events: tuple[ev.Event, ...], routes: Routes) -> Iterator[Effect]:
    """A card shows a process; a near miss and a ticket have none."""
    retitling = (ev.SeverityChanged, ev.Stabilised, ev.Resolved, ev.Reopened, ev.Cancelled)
    if incident.kind is Kind.NEAR_MISS:
        return
    began = any(isinstance(e, ev.Declared) for e in events)
    if incident.severity is Severity.SEV4 and began:
        return
    for conversation in incident.conversations:
        yield ShowCard(to=conversation)
    if any(isinstance(e, retitling) for e in events):
        for room in routes.rooms:
            yield ChangeTopic(to=room)


def _invited(events: tuple[ev.Event, ...]) -> tuple[PersonId, ...]:
    people: list[PersonId | None] = []
    for event in events:
        match event:
            case ev.Declared():
                people += [event.by, event.comms, event.liaison]
            case ev.CommanderAsked(person=person) | ev.HandoffOffered(person=person):
                people.append(person)
            case ev.CommanderChanged(now=person):
                people.append(person)
            case ev.RoleAssigned(person=person) | ev.ResponderJoined(person=person):
                people.append(person)
            case ev.PagedOut(people=paged) | ev.ResponseEscalated(people=paged):
                people += paged
            case ev.RungFired(people=called):
                people += called
            case _:
                pass
    return tuple(dict.fromkeys(p for p in people if p is not None))


def _outside(incident: Incident, events: tuple[ev.Event, ...], routes: Routes) -> Iterator[Effect]:
    for event in events:
        match event:
            case ev.Declared() | ev.SeverityChanged() if (
                routes.tracker
                and incident.severity is Severity.SEV4
                and incident.kind is Kind.INCIDENT
            ):
                yield FileTicket()
            case (
                ev.ActionAdded(n=n)
                | ev.ActionChanged(n=n)
                | ev.ActionDropped(n=n)
                | ev.ActionDone(n=n, there=False)
                | ev.ActionReopened(n=n, there=False)
            ) if routes.tracker:
                yield FileTicket(action=n)
            case ev.ReviewScheduled() | ev.ReviewUnscheduled() if routes.mail:
                yield SendInvitations(event=event)
            case ev.PostmortemFinalised():
                if routes.publishers:
                    yield PublishPostmortem()
            case _:
                pass
    if (
        routes.publishers
        and incident.phase is Phase.CLOSED
        and any(isinstance(e, ev.EntryRedacted | ev.EntryAmended) for e in events)
    ):
        yield PublishPostmortem()
    if routes.status_page and any(_changes_the_page(incident, event) for event in events):
        yield PublishStatus()
    if routes.stakeholders and (news := _news(incident, events)) is not None:
        yield news


def _changes_the_page(incident: Incident, event: ev.Event) -> bool:
    match event:
        case ev.ExternalPublished():
            return True
        case ev.EntryAmended(entry=n) | ev.EntryRedacted(entry=n):
            return any(each.entry == n for each in incident.publications)
        case _:
            return False


def _news(incident: Incident, events: tuple[ev.Event, ...]) -> InformStakeholders | None:
    """Return the one thing that stakeholders are told of a command (H1)."""
    found: dict[News, str | None] = {}
    for event in events:
        match event:
            case ev.Declared() if incident.running:
                found[News.DECLARED] = None
            case ev.SeverityChanged() if event.was is Severity.SEV4:
                found[News.DECLARED] = event.reason
            case ev.SeverityChanged():
                found[News.SEVERITY] = event.reason
            case ev.Stabilised():
                found[News.STABILISED] = event.text
            case ev.Resolved() if incident.severity is not Severity.SEV4:
                found[News.RESOLVED] = event.text
            case ev.Reopened() if incident.running:
                found[News.REOPENED] = event.reason
            case ev.Cancelled() if incident.severity is not Severity.SEV4:
                found[News.CANCELLED] = event.reason
            case ev.BriefSent():
                found[News.BRIEF] = event.text
            case ev.PostmortemFinalised():
                found[News.POSTMORTEM] = None
            case _:
                pass
    news = next((each for each in _TOLD_FIRST if each in found), None)
    return InformStakeholders(news=news, text=found[news]) if news is not None else None


_TOLD_FIRST = (
    News.DECLARED,
    News.RESOLVED,
    News.CANCELLED,
    News.REOPENED,
    News.STABILISED,
    News.SEVERITY,
    News.BRIEF,
    News.POSTMORTEM,
)
"""What is told where one command made several things happen."""
