"""`plan`: the effects that an incident's events have, for the outbox to carry out.

It says what is done and who is told, not in which words.
"""

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
from bot.domain.telling import TELLING, Scene, offered, scenes
from bot.refs import ConversationRef, Lane, PersonId, is_machine


def plan(
    incident: Incident, events: tuple[ev.Event, ...], routes: fx.Routes
) -> tuple[fx.Effect, ...]:
    """Return the effects of events; `incident` is as they left it."""
    effects: list[fx.Effect] = []
    opening = next((e for e in events if isinstance(e, ev.Declared)), None)
    if incident.running:
        effects += _rooms(incident, events, routes, opening)
    for event in events:
        if isinstance(event, ev.PrivacyChanged):
            effects += [fx.CloseRoom(to=room, private=event.private) for room in routes.rooms]
    for scene in scenes(events):
        effects += _messages(incident, scene, routes)
    if opening is None and (newcomers := _newcomers(events)):
        effects += [fx.InvitePeople(to=room, people=newcomers) for room in routes.rooms]
    if any(TELLING[type(e)].card for e in events):
        effects += _cards(incident, events, routes)
    if any(TELLING[type(e)].board for e in events):
        effects += [fx.ShowBoard(to=conversation) for conversation in routes.boards]
    if not incident.drill:
        effects += _outside(incident, events, routes)
    if routes.listeners and events:
        effects.append(fx.TellListeners())
    return tuple(effects)


def _rooms(
    incident: Incident,
    events: tuple[ev.Event, ...],
    routes: fx.Routes,
    opening: ev.Declared | None,
) -> Iterator[fx.Effect]:
    """Open the rooms that the events ask for, with those who take part (F15)."""
    if opening is not None and incident.conversation in routes.rooms:
        yield fx.OpenRoom(
            to=incident.conversation,
            people=_newcomers(events),
            fallback=None if incident.private else opening.declared_in,
        )
    for event in events:
        if isinstance(event, ev.Mirrored):
            led = (incident.commander,) if incident.commander is not None else ()
            people = dict.fromkeys((*incident.participants, *led, *_newcomers(events)))
            yield fx.OpenRoom(to=event.conversation, people=tuple(people), fallback=None)


def _messages(incident: Incident, scene: Scene, routes: fx.Routes) -> Iterator[fx.Effect]:
    """Return the messages of a scene: mostly to each conversation and to the people concerned."""
    head = scene.head
    match head:
        case ev.RungFired():
            yield from _rung(incident, head, scene, routes)
        case ev.UntouchedRaised():
            triage = None if incident.private else routes.triage
            yield fx.Say(to=triage or incident.conversation, scene=scene)
        case ev.ReviewReminded() | ev.ActionChased():
            yield from _reminder(incident, head, scene)
        case ev.ActionFiled(first=False):
            pass  # it follows what the room has heard already
        case ev.ExternalDrafted() if offered(head):
            yield from _offer(incident, scene)
        case ev.DeliveryFailed():
            yield from _undelivered(incident, head, scene)
        case ev.DeliveryStalled() | ev.DeliveryResumed():
            yield from _stalled(incident, head, scene)
        case ev.TroubleFound():
            yield from _trouble(incident, head, scene, routes)
        case _:
            if isinstance(head, ev.CommanderDeclined) and head.handoff and incident.commander:
                yield fx.SayTo(person=incident.commander, scene=scene)
            if isinstance(head, ev.MirrorEnded):
                yield fx.Say(to=head.conversation, scene=scene)
            yield from _everywhere(incident, scene)
            yield from _personally(incident, scene, routes)


def _everywhere(incident: Incident, scene: Scene) -> Iterator[fx.Effect]:
    for conversation in incident.conversations:
        yield fx.Say(to=conversation, scene=scene)


def _personally(incident: Incident, scene: Scene, routes: fx.Routes) -> Iterator[fx.Effect]:
    """Tell each person whom one of the events concerns, and page those who are called."""
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
            case ev.CommanderAsked(by=by, person=person) if is_machine(by):
                # No person is there who waits for the answer: it is a call, not a question.
                about = Scene(head=event, events=scene.events)
                yield from _called(incident, (person,), about, routes)
            case ev.Cancelled():
                for person in incident.called:
                    if person != event.by:
                        yield fx.SayTo(person=person, scene=scene)
            case ev.PagedOut():
                yield from _called(incident, event.people, scene, routes, event.service)
            case ev.ResponseEscalated():
                yield from _called(incident, event.people, scene, routes)
            case _:
                about = Scene(head=event, events=scene.events)
                for person in _concerned(incident, event):
                    yield fx.SayTo(person=person, scene=about)


def _concerned(incident: Incident, event: ev.Event) -> tuple[PersonId, ...]:
    """Return the people who are told of an event personally, beside the conversations."""
    match event:
        case ev.CommanderAsked(person=person) | ev.HandoffOffered(person=person):
            return (person,)
        case ev.CommanderChanged(also_asked=people):
            return people
        case ev.ExternalDrafted(by=str()) if incident.commander is not None:
            return (incident.commander,)
        case ev.DraftRejected(author=author) if author is not None:
            return (author,)
        case (
            ev.PostmortemHandedOver(owner=person)
            | ev.ActionAdded(owner=person)
            | ev.ActionChanged(owner=person)
            | ev.RoleAssigned(person=person)
        ) if person != event.by:
            return (person,)
        case _:
            return ()


def _rung(
    incident: Incident, head: ev.RungFired, scene: Scene, routes: fx.Routes
) -> Iterator[fx.Effect]:
    """Prompt whoever owes the update; later rungs are for everybody, the last ones also page (K3).

    Each is pointless once the promise has ended.
    """
    clock, n = head.clock, head.n
    if head.kind is RungKind.PROMPT:
        if head.owed_by is not None:
            yield fx.SayTo(person=head.owed_by, scene=scene, urgent=True, clock=clock, n=n)
        return
    for conversation in incident.conversations:
        yield fx.Say(to=conversation, scene=scene, urgent=True, clock=clock, n=n)
    if head.kind is not RungKind.OVERDUE:
        yield from _called(incident, head.people, scene, routes)


def _reminder(
    incident: Incident, head: ev.ReviewReminded | ev.ActionChased, scene: Scene
) -> Iterator[fx.Effect]:
    if isinstance(head, ev.ReviewReminded) and head.missed:
        yield from _everywhere(incident, scene)
    for person in head.people:
        yield fx.SayTo(person=person, scene=scene)


def _offer(incident: Incident, scene: Scene) -> Iterator[fx.Effect]:
    """Tell of a draft in the plan's words those who speak outside and decide, not the room."""
    speakers = (incident.roles.get(Role.COMMS), incident.commander)
    for speaker in dict.fromkeys(p for p in speakers if p is not None):
        yield fx.SayTo(person=speaker, scene=scene)


def _undelivered(incident: Incident, head: ev.DeliveryFailed, scene: Scene) -> Iterator[fx.Effect]:
    """Tell of a dead letter where it can be heard: not in the conversation that failed (D2).

    Once, until the conversation takes something again: each message would be another dead letter.
    """
    if head.again:
        return
    if head.audience:
        briefing = owing(incident, ClockName.STAKEHOLDER) or incident.contact
        yield fx.SayTo(person=briefing, scene=scene)
        return
    heard = _all_but(incident, head.target)
    for conversation in heard:
        yield fx.Say(to=conversation, scene=scene)
    person = incident.contact
    addressee = head.target.conversation.direct_to
    if not heard and (addressee is None or addressee.id != person):
        yield fx.SayTo(person=person, scene=scene)


def _stalled(
    incident: Incident, head: ev.DeliveryStalled | ev.DeliveryResumed, scene: Scene
) -> Iterator[fx.Effect]:
    """Tell the other conversations that one takes no messages; with no other, a person (D2)."""
    heard = _all_but(incident, head.target)
    for conversation in heard:
        yield fx.Say(to=conversation, scene=scene)
    if not heard and isinstance(head, ev.DeliveryStalled):
        person = incident.contact
        yield fx.SayTo(person=person, scene=scene, avoid=head.target.target)


def _all_but(incident: Incident, target: Lane) -> list[ConversationRef]:
    return [c for c in incident.conversations if Lane.of(c) != target]


def _trouble(
    incident: Incident, head: ev.TroubleFound, scene: Scene, routes: fx.Routes
) -> Iterator[fx.Effect]:
    """Tell of trouble wherever the bot can still speak, otherwise the commander alone (D2)."""
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
    person = incident.contact
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


def _cards(
    incident: Incident, events: tuple[ev.Event, ...], routes: fx.Routes
) -> Iterator[fx.Effect]:
    """Bring cards and topics up to date; a near miss and a new ticket have no card."""
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


def _newcomers(events: tuple[ev.Event, ...]) -> tuple[PersonId, ...]:
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
            case ev.PrivacyChanged() if routes.tracker:
                ticketed = incident.severity is Severity.SEV4 and incident.kind is Kind.INCIDENT
                if incident.ticket is not None or ticketed:  # it may be being filed
                    yield fx.FileTicket()
                yield from (fx.FileTicket(action=action.n) for action in incident.actions)
            case ev.ReviewScheduled() | ev.ReviewUnscheduled() if (
                routes.mail and not incident.private
            ):
                yield fx.SendInvitations(event=event)
            case ev.PostmortemFinalised():
                if routes.publishers and not incident.private:
                    yield fx.PublishPostmortem()
            case _:
                pass
    if (
        routes.publishers
        and not incident.private
        and incident.phase is Phase.CLOSED
        and any(isinstance(e, ev.EntryRedacted | ev.EntryAmended) for e in events)
    ):
        yield fx.PublishPostmortem()
    if routes.status_page and any(_changes_the_page(incident, event) for event in events):
        yield fx.PublishStatus()
    told = routes.stakeholders and not incident.private
    if told and (news := _news(incident, events)) is not None:
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
"""The order in which news counts, where one command made several things happen."""
