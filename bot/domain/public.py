"""Texts for the public, with the commander's word (X1, X2)."""

from __future__ import annotations

from bot.domain import cadence
from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.acts import Act
from bot.domain.decision import Decision
from bot.domain.errors import Rejected, Unseen
from bot.domain.incident import ClockName, Incident, Phase, Role, Severity
from bot.domain.permissions import may
from bot.domain.policy import Plan
from bot.domain.publication import (
    NO_SERVICE,
    STATE,
    ComponentState,
    Moment,
    PublicDraft,
    PublicState,
    filled,
)
from bot.domain.stages import under_way

_HEALTH = {
    Severity.SEV1: ComponentState.MAJOR,
    Severity.SEV2: ComponentState.PARTIAL,
    Severity.SEV3: ComponentState.DEGRADED,
    Severity.SEV4: ComponentState.DEGRADED,
}

_FITTING = {
    Phase.INVESTIGATING: {PublicState.INVESTIGATING, PublicState.IDENTIFIED},
    Phase.STABILISED: {PublicState.MONITORING},
}
"""The public states that fit each phase."""

_WAY = {PublicState.MONITORING: "stabilised <text>", PublicState.RESOLVED: "resolve <text>"}
"""The line that brings an incident to a state."""


def health(severity: Severity, state: PublicState) -> ComponentState:
    """Return how components fare; while a fix is watched they are not yet as they should be."""
    if state is PublicState.RESOLVED:
        return ComponentState.OPERATIONAL
    if state is PublicState.MONITORING:
        return ComponentState.DEGRADED
    return _HEALTH[severity]


def plan_text(incident: Incident, plan: Plan, moment: Moment) -> str:
    """Return what a plan says at a moment of an incident."""
    service = plan.name or plan.service or NO_SERVICE
    fields = {
        "service": service,
        "components": ", ".join(plan.components) or service,
        "since": f"{incident.declared_at:%H:%M} UTC",
        "impact": incident.impact or "",
    }
    return filled(plan.words(moment, incident.severity), fields)


def moment_of(incident: Incident) -> Moment:
    """Return which words fit now: a fix is being made once a stabilising step was tried."""
    if incident.phase is not Phase.INVESTIGATING:
        return Moment.MONITORING
    last = incident.publications[-1] if incident.publications else None
    known = last is not None and last.state is PublicState.IDENTIFIED
    return Moment.IDENTIFIED if incident.steps or known else Moment.INVESTIGATING


def compose_draft(
    incident: Incident,
    plan: Plan,
    text: str | None,
    *,
    title: str | None = None,
    state: PublicState | None = None,
) -> ev.ExternalDrafted:
    """Return a text as it would be published; what is not given is the plan's, or stays.

    No text: the plan's words for this moment.
    """
    moment = Moment(state.value) if state is not None else moment_of(incident)
    last = incident.publications[-1] if incident.publications else None
    return ev.ExternalDrafted(
        at=incident.declared_at,
        text=text if text is not None else plan_text(incident, plan, moment),
        title=title or (last.title if last else plan_text(incident, plan, Moment.TITLE)),
        state=STATE[moment],
        components=plan.components,
    )


def publish(decision: Decision, command: cmd.PublishExternal, *, draft: bool) -> None:
    """Publish an external text, or keep it as a draft for those who may publish (C5, X2, X3)."""
    under_way(decision)
    if ClockName.EXTERNAL not in decision.setting.audiences:
        raise Rejected(
            "No status page is configured, so there is nowhere to publish. "
            "Whoever runs Sitrep can add [plugins.page].",
            lines=("update <text>",),
        )
    incident = decision.incident
    state = command.state
    if state is not None and state not in _FITTING[incident.phase]:
        line = _WAY.get(state) if incident.phase is Phase.INVESTIGATING else None
        raise Rejected(
            f"{incident.id} is {incident.phase.value}: the page cannot say {state.value}.",
            lines=(line or f"external {command.text}",),
        )
    text = compose_draft(
        incident, decision.setting.plan, command.text, title=command.title, state=command.state
    )
    if draft or incident.private:  # a private incident's text is seen before it is public (F17)
        _draft(decision, text, mine=True)
    else:
        _publish(decision, text)


def offer_draft(decision: Decision) -> None:
    """Offer a SEV1's or SEV2's first public text at once, in the plan's words (X1, X2)."""
    incident = decision.incident
    told = incident.publications or incident.draft is not None
    if (
        ClockName.EXTERNAL in decision.setting.audiences
        and incident.severity.commanded
        and not incident.private
        and not told
    ):
        _draft(decision, compose_draft(incident, decision.setting.plan, None), mine=False)


def publish_phase(decision: Decision, moment: Moment) -> None:
    """Bring the pages that tell of the incident to its phase, in the words agreed before (X2).

    They go out with the word of whoever may publish; from anybody else they are a draft.
    """
    incident = decision.incident
    over = STATE[moment] is PublicState.RESOLVED
    concerned = bool(incident.publications) and (incident.public or not over)
    if not concerned or ClockName.EXTERNAL not in decision.setting.audiences:
        return
    last = incident.publications[-1]
    text = ev.ExternalDrafted(
        at=decision.now,
        text=plan_text(incident, decision.setting.plan, moment),
        title=last.title,
        state=STATE[moment],
        components=tuple(dict.fromkeys((*last.components, *decision.setting.plan.components))),
    )
    if may(decision, Act.APPROVE) and not incident.private:
        _publish(decision, text, ended=over)
    else:
        _draft(decision, text, mine=False)


def _draft(decision: Decision, text: ev.ExternalDrafted, *, mine: bool) -> None:
    decision.add(
        ev.ExternalDrafted(
            at=decision.now,
            by=decision.by if mine else None,
            text=text.text,
            title=text.title,
            state=text.state,
            components=text.components,
        )
    )


def _publish(
    decision: Decision, text: ev.ExternalDrafted | PublicDraft, *, ended: bool = False
) -> None:
    state = text.state
    if not ended and decision.incident.phase is Phase.STABILISED:
        state = PublicState.MONITORING
    decision.add(
        ev.ExternalPublished(
            at=decision.now,
            by=decision.by,
            text=text.text,
            title=text.title or plan_text(decision.incident, decision.setting.plan, Moment.TITLE),
            state=state,
            components=text.components,
            health=health(decision.incident.severity, state),
        )
    )
    if not ended:
        cadence.keep(decision, ClockName.EXTERNAL, at=decision.now)


def approve(decision: Decision, entry: int | None) -> None:
    """Publish what waits: the publication keeps the clock, not the draft (X2).

    Another draft than the one meant, or seen, is shown and not published (X3).
    """
    draft = _waiting(decision)
    seen = entry if entry is not None else decision.setting.shown
    if seen not in {None, draft.entry}:
        raise Unseen(draft.entry)
    _publish(decision, draft, ended=draft.state is PublicState.RESOLVED)


def reject(decision: Decision, command: cmd.RejectDraft) -> None:
    """Send what waits back to who drafted it; to comms, what the plan offered."""
    under_way(decision)
    draft = _waiting(decision)
    author = draft.by or decision.incident.roles.get(Role.COMMS)
    decision.add(
        ev.DraftRejected(at=decision.now, by=decision.by, author=author, reason=command.reason)
    )


def _waiting(decision: Decision) -> PublicDraft:
    """Return the draft that waits; after the end, only the word that it is over can wait."""
    draft = decision.incident.draft
    if draft is None or draft.state is not PublicState.RESOLVED:
        under_way(decision)
    if draft is None:
        raise Rejected("No external text waits for approval.", lines=("external <text>",))
    return draft
