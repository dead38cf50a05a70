"""Phases: stabilised, resolved, reopened, cancelled (T1, F6)."""

from __future__ import annotations

from bot.domain import cadence
from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.command import (
    ask_next,
    command_to,
)
from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.incident import (
    NEXT,
    Kind,
    Phase,
    Severity,
)
from bot.domain.postmortem import owe_postmortem
from bot.domain.public import publish_phase
from bot.domain.publication import Moment
from bot.domain.stages import under_way, under_way_or_sev4


def _enter(decision: Decision, phase: Phase) -> None:
    incident = decision.incident
    if phase not in NEXT[incident.phase]:
        raise Rejected(
            f"{incident.id} is {incident.phase.value}; it cannot become {phase.value}.",
            lines=("status",),
        )


def stabilise(decision: Decision, command: cmd.Stabilise) -> None:
    """Say that users are served again; the cause can be looked for now (T1)."""
    under_way(decision)
    if decision.incident.phase is Phase.STABILISED:
        raise Rejected(f"{decision.incident.id} is stabilised already.", lines=("resolve <text>",))
    _enter(decision, Phase.STABILISED)
    cadence.miss_until(decision, decision.now)
    decision.add(ev.Stabilised(at=decision.now, by=decision.by, text=command.text))
    publish_phase(decision, Moment.MONITORING)


def resolve(decision: Decision, command: cmd.Resolve) -> None:
    """End the incident: clocks end, responders are released, a postmortem is owed (K7, C6, P1)."""
    incident = decision.incident
    if incident.phase is Phase.RESOLVED:
        raise Rejected(f"{incident.id} is resolved already.", lines=("reopen because <reason>",))
    under_way_or_sev4(decision)
    _enter(decision, Phase.RESOLVED)
    cadence.miss_until(decision, decision.now)
    if incident.phase is Phase.INVESTIGATING and incident.severity <= Severity.SEV3:
        decision.add(ev.Stabilised(at=decision.now, by=decision.by, implied=True))
    publish_phase(decision, Moment.RESOLVED)
    cadence.end_clocks(decision)
    decision.add(ev.Resolved(at=decision.now, by=decision.by, text=command.text))
    owe_postmortem(decision)


def reopen(decision: Decision, command: cmd.Reopen) -> None:
    """Go back to investigating with the last commander acting (F6)."""
    incident = decision.incident
    if incident.phase.active:
        raise Rejected(f"{incident.id} is open already.", lines=("status",))
    if incident.kind is Kind.NEAR_MISS:
        raise Rejected(
            f"{incident.id} is a near miss: it never ran. If users are affected, declare it.",
            lines=("declare <title>",),
        )
    if command.reason is None:
        raise Rejected("Reopening needs a reason.", lines=("reopen because <reason>",))
    _enter(decision, Phase.INVESTIGATING)
    decision.add(ev.Reopened(at=decision.now, by=decision.by, reason=command.reason))
    if incident.severity.commanded:
        last = incident.commander or decision.person
        command_to(decision, last, how=ev.How.REOPENED, acting=True)
        ask_next(decision)
    if incident.severity <= Severity.SEV3:
        cadence.start_clocks(decision)
    publish_phase(decision, Moment.REOPENED)


def cancel(decision: Decision, command: cmd.Cancel) -> None:
    """End a false alarm; it owes no postmortem (F6)."""
    under_way_or_sev4(decision)
    if command.reason is None:
        raise Rejected("Cancelling needs a reason.", lines=("cancel because <reason>",))
    _enter(decision, Phase.CANCELLED)
    cadence.miss_until(decision, decision.now)
    publish_phase(decision, Moment.CANCELLED)
    cadence.end_clocks(decision)
    decision.add(ev.Cancelled(at=decision.now, by=decision.by, reason=command.reason))
