"""The setting of a decision: everything beside the command that `decide` may look at (F12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.blameless import ReviewFinding
from bot.domain.events import Event
from bot.domain.incident import ClockName, Severity
from bot.domain.policy import Plan, Policy
from bot.domain.postmortem_values import Section
from bot.refs import ConversationRef, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Everything around a command that `decide` may look at (F12).

    `candidates` are the trained commanders, least recently served first, without whoever is on call
    for the service. `trained` are all of them. `audiences` are the clocks that somebody listens to.
    `on_call` is who answers a page to a service; `pager`: whether a paging plugin does too. `entry`
    is the timeline entry that the command speaks of. `triage_at` is the end of the business day.
    `written_at` is when the actor's message was written, by its platform's clock, and `via` that
    platform. `places` are the conversations that could be opened for the incident, by platform.
    `followed`: somebody may be subscribed to it; `briefed`: to its briefs, whatever its severity.
    `document` are the postmortem's sections as they stand, drafted or written, and `findings` what
    its review has found in them. `redacted` are the texts that a redaction removes,
    and `twins` the other entries of a public text: a draft, and what was published of it.
    """

    policy: Policy = field(default_factory=Policy)
    plan: Plan = field(default_factory=Plan)
    actor: PersonId | None = None
    candidates: tuple[PersonId, ...] = ()
    trained: frozenset[PersonId] = frozenset()
    last_resort: tuple[PersonId, ...] = ()
    audiences: frozenset[ClockName] = frozenset({ClockName.INTERNAL})
    on_call: Mapping[str, tuple[PersonId, ...]] = field(default_factory=dict)
    pager: bool = False
    entry: Event | None = None
    triage_at: datetime | None = None
    written_at: datetime | None = None
    via: str | None = None
    places: Mapping[str, ConversationRef] = field(default_factory=dict)
    followed: bool = False
    briefed: bool = True
    document: Mapping[Section, str] = field(default_factory=dict)
    findings: tuple[ReviewFinding, ...] = ()
    redacted: tuple[str, ...] = ()
    twins: tuple[int, ...] = ()

    def period(self, clock: ClockName, severity: Severity) -> timedelta | None:
        """Return the period that a clock starts with at a severity; none where it does not run."""
        if clock not in self.audiences:
            return None
        match clock:
            case ClockName.INTERNAL:
                return self.policy.internal.get(severity)
            case ClockName.EXTERNAL:
                return self.plan.external.get(severity)
            case ClockName.STAKEHOLDER if not self.briefed and not self.plan.audiences.get(
                severity
            ):
                return None
            case ClockName.STAKEHOLDER:
                return self.plan.stakeholder.get(severity, self.policy.stakeholder.get(severity))
