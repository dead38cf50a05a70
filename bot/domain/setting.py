"""The setting of a decision: everything beside the command that `decide` may look at (F12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.blameless import ReviewFinding
from bot.domain.events import Event
from bot.domain.floods import Burst
from bot.domain.incident import ClockName, Severity
from bot.domain.named import EVERYBODY, Named
from bot.domain.policy import Plan, Policy
from bot.domain.postmortem_values import Section
from bot.refs import ConversationRef, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Everything around a command that `decide` may look at (F12)."""

    policy: Policy = field(default_factory=Policy)
    plan: Plan = field(default_factory=Plan)
    """The communication plan of the incident's service."""
    actor: PersonId | None = None
    """The person or the machine that acts; `None` for a tick or a result."""
    named: Named = EVERYBODY
    """The people who count as named (F8)."""
    candidates: tuple[PersonId, ...] = ()
    """The trained commanders, least recently served first, without people on call (C2)."""
    burst: Burst | None = None
    """The recent declarations of the actor, if they are unnamed (F18)."""
    trained: frozenset[PersonId] = frozenset()
    """All trained commanders."""
    last_resort: tuple[PersonId, ...] = ()
    """The people of `[paging] last`."""
    audiences: frozenset[ClockName] = frozenset({ClockName.INTERNAL})
    """The clocks that somebody listens to."""
    on_call: Mapping[str, tuple[PersonId, ...]] = field(default_factory=dict)
    """The people who answer a page to each service."""
    pager: bool = False
    """Whether a paging plugin answers pages, too."""
    shown: int | None = None
    """The public draft that the actor's conversation showed last, by its entry, 0 if none did;
    `None`: the one that waits (X3)."""
    entry: Event | None = None
    """The timeline entry that the command names."""
    triage_at: datetime | None = None
    """The end of the business day (F16)."""
    written_at: datetime | None = None
    """When the actor's message was written, by its platform's clock (F2)."""
    via: str | None = None
    """The platform on which the actor wrote; `None` if it is a machine."""
    name: str | None = None
    """The id that a declaration gets (F9)."""
    here: ConversationRef | None = None
    """The conversation in which the actor wrote; for a machine, the one that is told of what it
    declares. `None` if there is none."""
    places: Mapping[str, ConversationRef] = field(default_factory=dict)
    """The rooms that could be opened for the incident, by platform (F15)."""
    private_places: Mapping[str, ConversationRef] = field(default_factory=dict)
    """The conversations that a private incident could have, by platform (F17)."""
    direct: bool = False
    """Whether the actor wrote to the bot alone."""
    has_subscribers: bool = False
    """Whether somebody may be subscribed to the incident."""
    has_brief_subscribers: bool = True
    """Whether somebody gets each of its briefs, whatever its severity."""
    document: Mapping[Section, str] = field(default_factory=dict)
    """The postmortem's sections as they stand, drafted or written."""
    findings: tuple[ReviewFinding, ...] = ()
    """The findings of the postmortem's review."""
    redacted: tuple[str, ...] = ()
    """The texts that a redaction removes."""
    twins: tuple[int, ...] = ()
    """The other entries of a public text: a draft, and what was published of it."""

    def period(self, clock: ClockName, severity: Severity) -> timedelta | None:
        """Return the period that a clock starts with; `None` if it does not run."""
        if clock not in self.audiences:
            return None
        match clock:
            case ClockName.INTERNAL:
                return self.policy.internal.get(severity)
            case ClockName.EXTERNAL:
                return self.plan.external.get(severity)
            case ClockName.STAKEHOLDER if (
                not self.has_brief_subscribers and not self.plan.audiences.get(severity)
            ):
                return None
            case ClockName.STAKEHOLDER:
                return self.plan.stakeholder.get(severity, self.policy.stakeholder.get(severity))
