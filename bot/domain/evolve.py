"""`evolve`: what an event makes of an incident. Total over the events, and nothing else happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.domain import events as ev
from bot.domain.clock_jumps import set_back
from bot.domain.commands import NoteKind
from bot.domain.incident import (
    Ask,
    ClockName,
    ClockState,
    Incident,
    Kind,
    Outcome,
    Phase,
    Promise,
    Remark,
    Role,
    RungKind,
)
from bot.domain.learned import OfActions, OfReview, acted, interrupted, reviewed
from bot.domain.policy import QUIET
from bot.domain.publication import Publication, PublicDraft
from bot.refs import PersonId

DECISIONS_KEPT = 3
"""The number of decisions in a new commander's brief; the timeline has them all."""


def evolve(incident: Incident | None, event: ev.Event) -> Incident:
    """Return the incident after an event.

    Raises:
        ValueError: The first event is not a declaration, or a later one is.
    """
    if isinstance(event, ev.Declared):
        if incident is not None:
            raise ValueError("an incident is declared once")
        return _declared(event)
    if incident is None:
        raise ValueError("an incident begins with its declaration")
    incident = replace(incident, entries=incident.entries + 1)
    if event.by is not None and event.by not in incident.participants:
        incident = replace(incident, participants=(*incident.participants, event.by))
    return _apply(incident, event)


def fold(events: tuple[ev.Event, ...]) -> Incident:
    """Return the incident that a whole timeline makes.

    Raises:
        ValueError: The timeline is empty, or does not begin with the declaration.
    """
    incident: Incident | None = None
    for event in events:
        incident = evolve(incident, event)
    if incident is None:
        raise ValueError("an incident begins with its declaration")
    return incident


def _declared(event: ev.Declared) -> Incident:
    if event.by is None:
        raise ValueError("somebody declares an incident")
    near_miss = event.kind is Kind.NEAR_MISS
    roles = {Role.COMMS: event.comms, Role.LIAISON: event.liaison}
    return Incident(
        id=event.id,
        kind=event.kind,
        title=event.title,
        severity=event.severity,
        highest=event.severity,
        phase=Phase.RESOLVED if near_miss else Phase.INVESTIGATING,
        declared_at=event.at,
        declared_by=event.by,
        conversation=event.conversation,
        service=event.service,
        unassessed=not event.given,
        impact=event.impact,
        impact_entry=1 if event.impact else 0,
        commanded_since=event.at if event.severity.commanded and not near_miss else None,
        roles={role: person for role, person in roles.items() if person is not None},
        participants=(event.by,),
        flooded_by=event.by if event.beyond is not None else None,
        triage_at=event.triage_at,
        private=event.private,
        resolved_at=event.at if near_miss else None,
        entries=1,
    )


def _apply(incident: Incident, event: ev.Event) -> Incident:
    if isinstance(event, OfReview):
        return reviewed(incident, event)
    if isinstance(event, OfActions):
        return acted(incident, event)
    match event:
        case ev.SeverityChanged():
            return _severity_changed(incident, event)
        case ev.PrivacyChanged():
            return replace(incident, private=event.private)
        case ev.Assessed():
            return replace(incident, unassessed=False)
        case ev.CommanderChanged():
            return _commander_changed(incident, event)
        case ev.CommanderAsked():
            ask = Ask(person=event.person, at=event.at)
            incident = _called(_unasked(incident, event), (event.person,))
            return replace(incident, asked=(*incident.asked, ask), nobody_left=False)
        case ev.CommanderDeclined(handoff=True):
            return replace(incident, offered_to=None)
        case ev.CommanderDeclined():
            asked = tuple(
                replace(a, declined=True) if a.person == event.person else a for a in incident.asked
            )
            return replace(incident, asked=asked)
        case ev.CandidatesExhausted():
            return replace(_unasked(incident, event), nobody_left=True)
        case ev.HandoffOffered():
            return replace(_called(incident, (event.person,)), offered_to=event.person)
        case ev.RoleAssigned():
            return replace(incident, roles={**incident.roles, event.role: event.person})
        case ev.ResponderJoined():
            return replace(incident, responders=(*incident.responders, event.person))
        case ev.ResponderLeft():
            left = tuple(p for p in incident.responders if p != event.person)
            return replace(incident, responders=left)
        case ev.ResponseEscalated():
            incident = _called(_unasked(incident, event), event.people)
            return replace(incident, response_stage=event.stage)
        case ev.PagedOut():
            return _called(incident, event.people)
        case ev.BriefSent():
            return replace(incident, briefed=True)
        case ev.NoteAdded(kind=NoteKind.DECIDED):
            decided = (*incident.decisions, _said(incident, event.at, event.by, event.text))
            return replace(incident, decisions=decided[-DECISIONS_KEPT:])
        case ev.StepTried():
            return replace(incident, steps=incident.steps + 1)
        case ev.ImpactStated():
            return replace(incident, impact=event.text, impact_entry=incident.entries)
        case ev.UpdatePosted():
            return replace(incident, last_update=_said(incident, event.at, event.by, event.text))
        case ev.PromiseMade() | ev.PromiseSettled() | ev.RungFired() | ev.CadenceChanged():
            return _clock_moved(incident, event)
        case ev.ClockSet():
            return set_back(incident, event.at) if event.moved < timedelta(0) else incident
        case ev.ExternalPublished():
            return _published(incident, event)
        case ev.StabiliseNudged():
            return replace(_unasked(incident, event), nudged=True)
        case ev.CauseReminded():
            return replace(_unasked(incident, event), cause_reminded=True)
        case ev.UntouchedRaised():
            return replace(incident, triage_raised=True)
        case ev.Stabilised():
            return replace(incident, phase=Phase.STABILISED, stabilised_at=event.at)
        case ev.Resolved():
            return replace(_at_rest(incident), phase=Phase.RESOLVED, resolved_at=event.at)
        case ev.Cancelled():
            return replace(_at_rest(incident), phase=Phase.CANCELLED, resolved_at=event.at)
        case ev.Reopened():
            return replace(
                interrupted(incident),
                phase=Phase.INVESTIGATING,
                stabilised_at=None,
                resolved_at=None,
                nudged=False,
                steps=0,
                commanded_since=event.at if incident.severity.commanded else None,
            )
        case ev.EntryAmended():
            return _text_changed(incident, event.entry, event.text)
        case ev.EntryRedacted():
            return _text_changed(incident, event.entry, ev.REDACTED)
        case ev.ConversationOpened():
            return replace(incident, room=event.conversation)
        case ev.TicketFiled():
            return replace(incident, ticket=event.ticket)
        case ev.DeliveryFailed(audience=True):
            return replace(incident, missed_by_some=True)
        case ev.DeliveryFailed() | ev.DeliveryStalled():
            gave_up = isinstance(event, ev.DeliveryFailed)
            unheard = {**incident.unheard, event.target: gave_up}
            return _unasked(replace(incident, unheard=unheard), event)
        case ev.DeliveryResumed():
            unheard = {t: gave for t, gave in incident.unheard.items() if t != event.target}
            return _unasked(replace(incident, unheard=unheard), event)
        case ev.TroubleFound():
            return _unasked(incident, event)
        case ev.Mirrored():
            return replace(incident, mirrors=(*incident.mirrors, event.conversation))
        case ev.MirrorEnded():
            kept = tuple(m for m in incident.mirrors if m != event.conversation)
            return replace(incident, mirrors=kept)
        case ev.ExternalDrafted():
            draft = PublicDraft(
                at=event.at,
                by=event.by,
                text=event.text,
                entry=incident.entries,
                title=event.title,
                state=event.state,
                components=event.components,
            )
            return replace(incident, draft=draft)
        case ev.DraftRejected():
            return replace(incident, draft=None)
        case ev.NoteAdded() | ev.MessageCaptured():
            return incident
        case ev.Declared():
            raise ValueError("an incident is declared once")
        case _:
            assert_never(event)


def _severity_changed(incident: Incident, event: ev.SeverityChanged) -> Incident:
    highest = event.now if event.corrected else min(incident.highest, event.now)
    since = incident.commanded_since if event.was.commanded else event.at
    return replace(
        incident,
        severity=event.now,
        highest=highest,
        flooded_by=event.by if event.beyond is not None else incident.flooded_by,
        unassessed=False,
        commanded_since=since if event.now.commanded else None,
        response_stage=0 if event.now < event.was else incident.response_stage,
    )


def _commander_changed(incident: Incident, event: ev.CommanderChanged) -> Incident:
    # Somebody whom a machine made acting commander has not done anything yet.
    passive = event.acting and event.now != event.by
    return replace(
        incident,
        commander=event.now,
        acting=event.acting,
        acting_since=event.at if event.acting else None,
        asked=(),
        nobody_left=False,
        response_stage=0,
        offered_to=None,
        escalated=False,
        participants=(
            incident.participants
            if passive or event.now in incident.participants
            else (*incident.participants, event.now)
        ),
    )


def _unasked(incident: Incident, event: ev.Event) -> Incident:
    """Nobody asked for this message: the next such one keeps its distance (F14)."""
    return incident if event.by is not None else replace(incident, quiet_until=event.at + QUIET)


def _called(incident: Incident, people: tuple[PersonId, ...]) -> Incident:
    return replace(incident, called=tuple(dict.fromkeys((*incident.called, *people))))


def _at_rest(incident: Incident) -> Incident:
    """Nobody is asked for anything any more; who commanded and who responded stays on record."""
    return replace(incident, asked=(), offered_to=None, escalated=False, responders=())


def _said(incident: Incident, at: datetime, by: PersonId | None, text: str) -> Remark:
    return Remark(at=at, by=by or incident.declared_by, text=text, entry=incident.entries)


def _published(incident: Incident, event: ev.ExternalPublished) -> Incident:
    incident = replace(incident, published=event.text, draft=None)
    if event.state is None:
        return incident
    publication = Publication(
        entry=incident.entries,
        at=event.at,
        state=event.state,
        text=event.text,
        title=event.title,
        components=event.components,
        health=event.health,
    )
    return replace(incident, publications=(*incident.publications, publication))


def _text_changed(incident: Incident, entry: int, text: str) -> Incident:
    said = incident.last_update
    if said is not None and said.entry == entry:
        incident = replace(incident, last_update=replace(said, text=text))
    decisions = tuple(replace(d, text=text) if d.entry == entry else d for d in incident.decisions)
    if decisions != incident.decisions:
        incident = replace(incident, decisions=decisions)
    if incident.draft is not None and incident.draft.entry == entry:
        incident = replace(incident, draft=replace(incident.draft, text=text))
    if any(each.entry == entry for each in incident.publications):
        changed = tuple(
            replace(each, text=text) if each.entry == entry else each
            for each in incident.publications
        )
        last = incident.publications[-1].entry == entry
        published = text if last else incident.published
        incident = replace(incident, publications=changed, published=published)
    if incident.impact_entry == entry and entry > 1:
        incident = replace(incident, impact=text)
    if entry == 1:
        incident = replace(incident, title=text)
    return incident


def _clock_moved(
    incident: Incident,
    event: ev.PromiseMade | ev.PromiseSettled | ev.RungFired | ev.CadenceChanged,
) -> Incident:
    state = incident.clocks.get(event.clock)
    match event:
        case ev.PromiseMade():
            state = state or ClockState(period=event.period)
            promise = Promise(
                n=event.n,
                made_at=event.at,
                due_at=event.due_at,
                period=event.period,
                rungs=event.rungs,
            )
            state = replace(state, promise=promise, made=event.n, period=event.period)
        case ev.PromiseSettled():
            state = _settled(state or ClockState(period=event.late_by), event)
            if event.outcome in {Outcome.KEPT, Outcome.LATE} and event.clock is ClockName.INTERNAL:
                incident = replace(incident, escalated=False)
        case ev.RungFired():
            if state is not None and state.promise is not None and state.promise.n == event.n:
                fired = (*state.promise.fired, event.kind)
                state = replace(state, promise=replace(state.promise, fired=fired))
            if event.kind is RungKind.NEXT and event.clock is ClockName.INTERNAL:
                incident = replace(incident, escalated=incident.commander is not None)
        case ev.CadenceChanged():
            state = replace(state, period=event.now) if state else ClockState(period=event.now)
    if state is None:
        return incident
    return replace(incident, clocks={**incident.clocks, event.clock: state})


def _settled(state: ClockState, event: ev.PromiseSettled) -> ClockState:
    state = replace(state, promise=None)
    match event.outcome:
        case Outcome.KEPT:
            return replace(state, kept=state.kept + 1)
        case Outcome.LATE:
            return replace(state, late=(*state.late, event.late_by))
        case Outcome.MISSED:
            missed, made = state.missed + event.count, state.made + event.count - 1
            return replace(state, missed=missed, made=made)
        case Outcome.WITHDRAWN:
            return replace(state, withdrawn=state.withdrawn + 1)
