"""The events after an incident, folded into its postmortem and its action items."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.domain import events as ev
from bot.domain.action_values import Action
from bot.domain.incident import Incident, Phase
from bot.domain.postmortem_values import Meeting, Postmortem, Promised, ReviewStage, Waiver

OfReview = (
    ev.PostmortemOpened
    | ev.PostmortemHandedOver
    | ev.SectionWritten
    | ev.ReviewScheduled
    | ev.ReviewUnscheduled
    | ev.ReviewHeld
    | ev.ReviewReminded
    | ev.ReviewOpened
    | ev.DraftResumed
    | ev.FindingWaived
    | ev.PostmortemFinalised
)

OfActions = (
    ev.ActionAdded
    | ev.ActionChanged
    | ev.ActionDone
    | ev.ActionReopened
    | ev.ActionDropped
    | ev.ActionFiled
    | ev.ActionChased
)


def reviewed(incident: Incident, event: OfReview) -> Incident:
    """Return the incident after something happened to its postmortem."""
    if isinstance(event, ev.PostmortemOpened):
        return replace(incident, review=_opened(incident.review, event))
    review = incident.review
    if review is None:
        raise ValueError("a postmortem is opened first")
    match event:
        case ev.PostmortemHandedOver():
            review = replace(review, owner=event.owner)
        case ev.SectionWritten():
            review = _written(review, event)
        case ev.ReviewScheduled():
            meeting = Meeting(at=event.when, sequence=event.sequence)
            due: dict[Promised, datetime] = {**review.due}
            due.pop(Promised.SCHEDULED, None)
            review = replace(review, meeting=meeting, sequence=event.sequence, due=due)
        case ev.ReviewUnscheduled():
            review = replace(review, meeting=None, sequence=event.sequence)
        case ev.ReviewHeld():
            review = replace(review, held_at=event.at, due={})
        case ev.ReviewReminded():
            name = reminder(event.promised, missed=event.missed)
            review = replace(review, reminded=(*review.reminded, name))
        case ev.ReviewOpened():
            review = replace(review, stage=ReviewStage.IN_REVIEW)
        case ev.DraftResumed():
            review = replace(review, stage=ReviewStage.DRAFT, finalised_at=None)
            if incident.phase is Phase.CLOSED:
                incident = replace(incident, phase=Phase.RESOLVED)
        case ev.FindingWaived():
            waiver = Waiver(
                rule=event.rule, where=event.where, words=event.words, reason=event.reason
            )
            review = replace(review, waivers=(*review.waivers, waiver))
        case ev.PostmortemFinalised():
            review = replace(review, stage=ReviewStage.FINALISED, finalised_at=event.at, due={})
            incident = replace(incident, phase=Phase.CLOSED)
    return replace(incident, review=review)


def reminder(promised: Promised, *, missed: bool) -> str:
    """Return the name of a reminder, under which it is given once."""
    return f"{promised.value} missed" if missed else promised.value


def interrupted(incident: Incident) -> Incident:
    """Return a reopened incident: its postmortem goes on once it is resolved again (F6)."""
    review = incident.review
    if review is None:
        return incident
    resumed = replace(review, stage=ReviewStage.DRAFT, due={}, reminded=(), finalised_at=None)
    return replace(incident, review=resumed)


def _opened(review: Postmortem | None, event: ev.PostmortemOpened) -> Postmortem:
    if review is None:
        return Postmortem(form=event.form, owner=event.owner, opened_at=event.at, due=event.due)
    return replace(
        review,
        form=event.form,
        owner=event.owner,
        opened_at=event.at,
        due=event.due,
        held_at=None,
        stage=ReviewStage.DRAFT,
    )


def _written(review: Postmortem, event: ev.SectionWritten) -> Postmortem:
    authors = review.authors
    if event.by is not None and event.by not in authors and not event.redacted:
        authors = (*authors, event.by)
    return replace(
        review,
        sections={**review.sections, event.section: event.text},
        authors=authors,
        versions=review.versions + 1,
    )


def acted(incident: Incident, event: OfActions) -> Incident:
    """Return the incident after something happened to its action items."""
    if isinstance(event, ev.ActionAdded):
        action = Action(
            n=event.n,
            text=event.text,
            owner=event.owner,
            due=event.due,
            strength=event.strength,
            category=event.category,
        )
        return replace(incident, actions=(*incident.actions, action))
    was = incident.action(event.n)
    if was is None:
        raise ValueError(f"there is no action {event.n}")
    now = _changed(was, event)
    actions = tuple(now if each.n == event.n else each for each in incident.actions)
    return replace(incident, actions=actions)


def _changed(action: Action, event: OfActions) -> Action:
    match event:
        case ev.ActionChanged():
            return replace(
                action,
                text=event.text,
                owner=event.owner,
                due=event.due,
                strength=event.strength,
                category=event.category,
                chased=0 if event.was_due is not None else action.chased,
            )
        case ev.ActionDone():
            there = event.there or action.closed_there
            return replace(action, done=True, closed_there=there)
        case ev.ActionReopened():
            there = action.closed_there and not event.there
            return replace(action, done=False, dropped=None, closed_there=there)
        case ev.ActionDropped():
            return replace(action, dropped=event.reason)
        case ev.ActionFiled():
            return replace(action, ticket=event.ticket, closed_there=event.closed)
        case ev.ActionChased():
            return replace(action, chased=event.stage)
        case ev.ActionAdded():
            return action
