"""Severity: declaring, assessing from impact, raising and lowering (S1-S5, F5)."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain import cadence
from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.command import (
    begin_command,
)
from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.impact import QUESTIONS, assessed
from bot.domain.incident import Kind, Severity
from bot.domain.platforms import (
    mirror_as_planned,
)
from bot.domain.policy import Bound
from bot.domain.postmortem import owe_postmortem
from bot.domain.privacy import asks_privacy, private_place
from bot.domain.public import offer_draft, publish_phase
from bot.domain.publication import Moment
from bot.domain.setting import Setting
from bot.domain.stages import under_way_or_sev4
from bot.refs import ConversationRef


def is_process(kind: Kind, severity: Severity) -> bool:
    """Return whether an incident process runs: a room, clocks, roles (S4, F7)."""
    return severity <= Severity.SEV3 and kind is not Kind.NEAR_MISS


def declare(decision: Decision, command: cmd.Declare) -> None:
    """Open an incident, a drill or a near miss (S2, S4, F7)."""
    actor, setting = decision.person, decision.setting
    severity = command.severity or Severity.SEV1
    if command.kind is Kind.NEAR_MISS:
        severity = command.severity or Severity.SEV3
    process = is_process(command.kind, severity)
    private = asks_privacy(command, setting)
    room = _room(setting) if process else None
    if private:
        own = private_place(setting, opens=process)
        room = own if own != setting.here else None
    place = room or setting.here
    if setting.name is None or place is None:
        raise ValueError("a declaration needs a name and a place")
    decision.add(
        ev.Declared(
            at=decision.now,
            by=actor,
            id=setting.name,
            kind=command.kind,
            title=command.title,
            severity=severity,
            given=command.severity is not None or command.kind is Kind.NEAR_MISS,
            conversation=place,
            declared_in=setting.here if room is not None else None,
            service=command.service,
            impact=command.impact,
            comms=setting.plan.comms if process else None,
            liaison=setting.plan.liaison if process else None,
            private=private,
            triage_at=setting.triage_at if severity is Severity.SEV3 and process else None,
            beyond=_beyond(decision) if process else None,
        )
    )
    if command.kind is Kind.NEAR_MISS:
        owe_postmortem(decision)
    if not process:
        return
    if severity.commanded:
        begin_command(decision, named=command.commander, how=ev.How.DECLARED)
    cadence.start_clocks(decision)
    mirror_as_planned(decision)
    offer_draft(decision)


def _room(setting: Setting) -> ConversationRef | None:
    """Return the room to open for an incident (F15): on the platform where it is declared.

    A machine declares in no conversation: its incident's room is on the first platform with rooms.
    """
    if setting.here is None:
        return next(iter(setting.places.values()), None)
    return setting.places.get(setting.here.adapter)


def _beyond(decision: Decision) -> Bound | None:
    """Return the bound on calls, if the actor goes beyond it; nobody named does (F18)."""
    setting, bound = decision.setting, decision.setting.policy.calls
    if setting.burst is None or decision.by in setting.named:
        return None
    return bound if setting.burst.reaches(bound, decision.now) else None


def calls_people(events: Sequence[ev.Event]) -> bool:
    """Return whether events call people, and so count against the bound on that (F18)."""
    return any(
        is_process(event.kind, event.severity)
        if isinstance(event, ev.Declared)
        else isinstance(event, ev.CommanderChanged) and event.how is ev.How.RAISED
        for event in events
    )


def assess(decision: Decision, command: cmd.Assess) -> None:
    """Find the severity from impact, in up to three questions (S2)."""
    under_way_or_sev4(decision)
    severity = assessed(command.answers)
    if severity is None:
        so_far = " ".join(("assess", *(a.value for a in command.answers)))
        raise Rejected(
            QUESTIONS[len(command.answers)],
            lines=tuple(f"{so_far} {a.value}" for a in cmd.ImpactAnswer),
        )
    incident = decision.incident
    answers = command.answers[: min(severity, len(QUESTIONS))]
    in_time = decision.now - incident.declared_at <= decision.setting.policy.correct_within
    decision.add(ev.Assessed(at=decision.now, by=decision.by, answers=answers, severity=severity))
    if severity != incident.severity:
        _move_severity(decision, severity, reason="assessed from impact", corrected=in_time)


def change_severity(decision: Decision, command: cmd.ChangeSeverity) -> None:
    """Raise or lower the severity (S3)."""
    under_way_or_sev4(decision)
    incident, severity = decision.incident, command.severity
    if severity is incident.severity:
        raise Rejected(f"{incident.id} is {severity.label} already.", lines=("status",))
    if severity > incident.severity:
        line = f"sev {severity.value} because <reason>"
        if command.reason is None:
            raise Rejected("Lowering the severity needs a reason.", lines=(line,))
    _move_severity(decision, severity, reason=command.reason, corrected=False)


def _move_severity(
    decision: Decision, severity: Severity, *, reason: str | None, corrected: bool
) -> None:
    was, participants = decision.incident.severity, decision.incident.participants
    calls = severity.commanded and decision.incident.commander is None
    alone = not any(person in decision.setting.named for person in participants)
    cadence.miss_until(decision, decision.now)
    decision.add(
        ev.SeverityChanged(
            at=decision.now,
            by=decision.by,
            was=was,
            now=severity,
            reason=reason,
            corrected=corrected,
            beyond=_beyond(decision) if calls and alone else None,
        )
    )
    if calls:
        begin_command(decision, named=None, how=ev.How.RAISED)
    cadence.replan(decision)
    mirror_as_planned(decision)
    if severity is Severity.SEV4:
        publish_phase(decision, Moment.RESOLVED)
    elif was is Severity.SEV4:
        publish_phase(decision, Moment.REOPENED)
    if severity < was:
        offer_draft(decision)
