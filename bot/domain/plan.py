"""The plan: the effects that follow from an incident's events."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain import effects as fx
from bot.domain import events as ev
from bot.domain.cadence import owing
from bot.domain.incident import (
    ClockName,
    Incident,
    Kind,
    Phase,
    Role,
    RungKind,
    Severity,
)
from bot.domain.telling import TELLING, Scene, scenes
from bot.refs import Lane, PersonId


def plan(
    incident: Incident, events: tuple[ev.Event, ...], routes: fx.Routes
) -> tuple[fx.Effect, ...]:
    """Return what must be carried; `incident` is as the events left it."""
    effects: list[fx.Effect] = []
    opening = next((e for e in events if isinstance(e, ev.Declared)), None)
    if incident.running:
        effects += _opened(incident, events, routes, opening)
    for scene in scenes(events):
        effects += _said(incident, scene, routes)
    if opening is None and (newcomers := _invited(events)):
        effects += [fx.InvitePeople(to=room, people=newcomers) for room in routes.rooms]
    if any(TELLING[type(e)].card for e in events):
        effects += _shown(incident, events, routes)
    if any(TELLING[type(e)].board for e in events):
        effects += [fx.ShowBoard(to=conversation) for conversation in routes.boards]
    if not incident.drill:
        effects += _outside(incident, events, routes)
    if routes.listeners and events:
        effects.append(fx.TellListeners())
    return tuple(effects)


def _opened(
    incident: Incident,
    events: tuple[ev.Event, ...],
    routes: fx.Routes,
    opening: ev.Declared | None,
) -> Iterator[fx.Effect]:
    """Open the rooms that the events ask for, with whoever takes part (F15)."""
    if opening is not None and incident.conversation in routes.rooms:
        yield fx.OpenRoom(
            to=incident.conversation, people=_invited(events), fallback=opening.declared_in
        )
    for event in events:
        if isinstance(event, ev.Mirrored):
            people = dict.fromkeys((*incident.participants, *_invited(events)))
            yield fx.OpenRoom(to=event.conversation, people=tuple(people), fallback=None)


def _said(incident: Incident, scene: Scene, routes: fx.Routes) -> Iterator[fx.Effect]:
    head = scene.head
    match head:
        case ev.RungFired(kind=RungKind.PROMPT):
            if head.owed_by is not None:
                yield fx.SayTo(
                    person=head.owed_by, scene=scene, urgent=True, clock=head.clock, n=head.n
                )
            return
        case ev.RungFired():
            for conversation in incident.conversations:
                yield fx.Say(to=conversation, scene=scene, urgent=True, clock=head.clock, n=head.n)
            if head.kind is not RungKind.OVERDUE:
                yield from _called(incident, head.people, scene, routes)
            return
        case ev.UntouchedRaised():
            yield fx.Say(to=routes.triage or incident.conversation, scene=scene)
            return
        case ev.ActionChased() | ev.ReviewReminded():
            if isinstance(head, ev.ReviewReminded) and head.missed:
                for conversation in incident.conversations:
                    yield fx.Say(to=conversation, scene=scene)
            for person in head.people:
                yield fx.SayTo(person=person, scene=scene)
            return
        case ev.ActionFiled(first=False):
            return  # it follows what the room has heard already
        case ev.CommanderDeclined(handoff=True) if incident.commander is not None:
            yield fx.SayTo(person=incident.commander, scene=scene)
        case _:
            pass
    if isinstance(head, ev.DeliveryFailed):
        yield from _undelivered(incident, head, scene)
        return
    if isinstance(head, ev.ExternalDrafted) and head.by is None:
        # Offered by the plan's words: those who speak outside and decide are told, not the room.
        speakers = (incident.roles.get(Role.COMMS), incident.commander)
        for speaker in dict.fromkeys(p for p in speakers if p is not None):
            yield fx.SayTo(person=speaker, scene=scene)
        return
    if isinstance(head, ev.TroubleFound):
        yield from _troubled(incident, head, scene, routes)
        return
    if isinstance(head, ev.DeliveryStalled | ev.DeliveryResumed):
        heard = [c for c in incident.conversations if Lane.of(c) != head.target]
        for conversation in heard:
            yield fx.Say(to=conversation, scene=scene)
        if not heard and isinstance(head, ev.DeliveryStalled):
            person = incident.commander or incident.declared_by
            yield fx.SayTo(person=person, scene=scene, avoid=head.target.target)
        return
    if isinstance(head, ev.MirrorEnded):
        yield fx.Say(to=head.conversation, scene=scene)
    for conversation in incident.conversations:
        yield fx.Say(to=conversation, scene=scene)
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
                yield fx.SayTo(person=person, scene=Scene(head=event, events=scene.events))
            case ev.CommanderChanged():
                for person in event.also_asked:
                    yield fx.SayTo(person=person, scene=Scene(head=event, events=scene.events))
            case ev.Cancelled():
                for person in incident.called:
                    if person != event.by:
                        yield fx.SayTo(person=person, scene=scene)
            case ev.ExternalDrafted(by=str()) if incident.commander is not None:
                yield fx.SayTo(
                    person=incident.commander, scene=Scene(head=event, events=scene.events)
                )
            case ev.DraftRejected(author=author) if author is not None:
                yield fx.SayTo(person=author, scene=Scene(head=event, events=scene.events))
            case (
                ev.PostmortemHandedOver(owner=person)
                | ev.ActionAdded(owner=person)
                | ev.ActionChanged(owner=person)
            ) if person != event.by:
                yield fx.SayTo(person=person, scene=Scene(head=event, events=scene.events))
            case ev.RoleAssigned(person=person) if person != event.by:
                yield fx.SayTo(person=person, scene=Scene(head=event, events=scene.events))
            case ev.PagedOut():
                yield from _called(incident, event.people, scene, routes, event.service)
            case ev.ResponseEscalated():
                yield from _called(incident, event.people, scene, routes)
            case _:
                pass


def _undelivered(incident: Incident, head: ev.DeliveryFailed, scene: Scene) -> Iterator[fx.Effect]:
    """Tell of a dead letter where it can be heard: not in the conversation that failed (D2).

    Once, until the conversation takes something again: each message would be another.
    """
    if head.again:
        return
    if head.audience:
        briefing = owing(incident, ClockName.STAKEHOLDER) or incident.declared_by
        yield fx.SayTo(person=briefing, scene=scene)
        return
    heard = [c for c in incident.conversations if Lane.of(c) != head.target]
    for conversation in heard:
        yield fx.Say(to=conversation, scene=scene)
    person = incident.commander or incident.declared_by
    addressee = head.target.conversation.direct_to
    if not heard and (addressee is None or addressee.id != person):
        yield fx.SayTo(person=person, scene=scene)


def _troubled(
    incident: Incident, head: ev.TroubleFound, scene: Scene, routes: fx.Routes
) -> Iterator[fx.Effect]:
    """Tell of trouble wherever the bot can still speak, else the commander alone (D2)."""
    whole = head.conversation is None
    heard = [
        c
        for c in incident.conversations
        if (c.adapter != head.adapter if whole else c != head.conversation or head.reachable)
    ]
    for conversation in heard:
        yield fx.Say(to=conversation, scene=scene)
    if heard:
        return
    person = incident.commander or incident.declared_by
    yield fx.SayTo(person=person, scene=scene, urgent=True, avoid=head.adapter if whole else None)
    if routes.pager and whole and not incident.drill:
        yield fx.PagePeople(people=(person,), service=None, scene=scene)


def _called(
    incident: Incident,
    people: tuple[PersonId, ...],
    scene: Scene,
    routes: fx.Routes,
    service: str | None = None,
) -> Iterator[fx.Effect]:
    for person in people:
        yield fx.SayTo(person=person, scene=scene, urgent=True)
    if routes.pager and not incident.drill and (people or service):
        yield fx.PagePeople(people=people, service=service, scene=scene)


def _shown(
    incident: Incident, events: tuple[ev.Event, ...], routes: fx.Routes
) -> Iterator[fx.Effect]:
    """A card shows a process; a near miss and a ticket have none."""
    retitling = (ev.SeverityChanged, ev.Stabilised, ev.Resolved, ev.Reopened, ev.Cancelled)
    if incident.kind is Kind.NEAR_MISS:
        return
    began = any(isinstance(e, ev.Declared) for e in events)
    if incident.severity is Severity.SEV4 and began:
        return
    for conversation in incident.conversations:
        yield fx.ShowCard(to=conversation)
    if any(isinstance(e, retitling) for e in events):
        for room in routes.rooms:
            yield fx.ChangeTopic(to=room)


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


def _outside(
    incident: Incident, events: tuple[ev.Event, ...], routes: fx.Routes
) -> Iterator[fx.Effect]:
    for event in events:
        match event:
            case ev.Declared() | ev.SeverityChanged() if (
                routes.tracker
                and incident.severity is Severity.SEV4
                and incident.kind is Kind.INCIDENT
            ):
                yield fx.FileTicket()
            case (
                ev.ActionAdded(n=n)
                | ev.ActionChanged(n=n)
                | ev.ActionDropped(n=n)
                | ev.ActionDone(n=n, there=False)
                | ev.ActionReopened(n=n, there=False)
            ) if routes.tracker:
                yield fx.FileTicket(action=n)
            case ev.ReviewScheduled() | ev.ReviewUnscheduled() if routes.mail:
                yield fx.SendInvitations(event=event)
            case ev.PostmortemFinalised():
                if routes.publishers:
                    yield fx.PublishPostmortem()
            case _:
                pass
    if (
        routes.publishers
        and incident.phase is Phase.CLOSED
        and any(isinstance(e, ev.EntryRedacted | ev.EntryAmended) for e in events)
    ):
        yield fx.PublishPostmortem()
    if routes.status_page and any(_changes_the_page(incident, event) for event in events):
        yield fx.PublishStatus()
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


def _news(incident: Incident, events: tuple[ev.Event, ...]) -> fx.InformStakeholders | None:
    """Return the one thing that stakeholders are told of a command (H1)."""
    found: dict[fx.News, str | None] = {}
    for event in events:
        match event:
            case ev.Declared() if incident.running:
                found[fx.News.DECLARED] = None
            case ev.SeverityChanged() if event.was is Severity.SEV4:
                found[fx.News.DECLARED] = event.reason
            case ev.SeverityChanged():
                found[fx.News.SEVERITY] = event.reason
            case ev.Stabilised():
                found[fx.News.STABILISED] = event.text
            case ev.Resolved() if incident.severity is not Severity.SEV4:
                found[fx.News.RESOLVED] = event.text
            case ev.Reopened() if incident.running:
                found[fx.News.REOPENED] = event.reason
            case ev.Cancelled() if incident.severity is not Severity.SEV4:
                found[fx.News.CANCELLED] = event.reason
            case ev.BriefSent():
                found[fx.News.BRIEF] = event.text
            case ev.PostmortemFinalised():
                found[fx.News.POSTMORTEM] = None
            case _:
                pass
    news = next((each for each in _TOLD_FIRST if each in found), None)
    return fx.InformStakeholders(news=news, text=found[news]) if news is not None else None


_TOLD_FIRST = (
    fx.News.DECLARED,
    fx.News.RESOLVED,
    fx.News.CANCELLED,
    fx.News.REOPENED,
    fx.News.STABILISED,
    fx.News.SEVERITY,
    fx.News.BRIEF,
    fx.News.POSTMORTEM,
)
"""The order in which one piece of news is chosen if a command made several things happen."""
