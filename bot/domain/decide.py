"""`decide`: a command, the incident as it stands and the setting become events, or a refusal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from bot.domain import cadence
from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.actions import act_on_item
from bot.domain.acts import Act
from bot.domain.briefs import send_brief
from bot.domain.cadence import change_cadence, update
from bot.domain.clock_jumps import LEEWAY, SAID_FROM, ahead
from bot.domain.command import act_on_command
from bot.domain.decision import Decision
from bot.domain.due import tick
from bot.domain.errors import Rejected
from bot.domain.incident import Incident
from bot.domain.permissions import permit
from bot.domain.phases import cancel, reopen, resolve, stabilise
from bot.domain.platforms import act_on_platforms
from bot.domain.postmortem import review_postmortem
from bot.domain.privacy import change_privacy
from bot.domain.public import approve, publish, reject
from bot.domain.setting import Setting
from bot.domain.severity import assess, change_severity, declare
from bot.domain.stages import under_way
from bot.domain.timeline import amend, capture, note, redact, try_step


def decide(
    incident: Incident | None, command: cmd.Command, now: datetime, setting: Setting
) -> Decision:
    """Return the events that a command makes happen, and the incident that they make.

    There are no events where the command has no effect any more.

    Raises:
        Rejected: It does not apply, with the text for the person who typed it.
    """
    decision = Decision(incident, setting, now)
    if isinstance(command, cmd.Declare):
        if incident is not None:
            raise Rejected(f"{incident.id} is declared already.", lines=(f"{incident.id} status",))
        declare(decision, command)
    elif incident is None:
        raise Rejected("No such incident.", lines=("list",))
    else:
        permitted = permit(decision, command)
        _follow_clock(decision, command)
        _decide(decision, command, permitted.act)
        if permitted.refusal is not None:
            raise permitted.refusal
    return decision


def _follow_clock(decision: Decision, command: cmd.Command) -> None:
    """Count from now what was stored by a clock that was ahead; say a long jump ahead (K6)."""
    early = ahead(decision.incident, decision.now)
    jumped = command.jumped if isinstance(command, cmd.Tick) else timedelta(0)
    if early > LEEWAY:
        decision.add(ev.ClockSet(at=decision.now, moved=-early))
        cadence.promise_anew(decision)
    elif jumped >= SAID_FROM and decision.incident.running:
        decision.add(ev.ClockSet(at=decision.now, moved=jumped))


def _decide(decision: Decision, command: cmd.Command, act: Act | None) -> None:
    if isinstance(command, cmd.OnCommand):
        act_on_command(decision, command)
    elif isinstance(command, cmd.OnPlatforms):
        act_on_platforms(decision, command)
    elif isinstance(command, cmd.OnPostmortem):
        review_postmortem(decision, command)
    elif isinstance(command, cmd.OnActions):
        act_on_item(decision, command)
    else:
        _respond(decision, command, act)


def _respond(decision: Decision, command: cmd.Response, act: Act | None) -> None:
    match command:
        case cmd.Tick():
            tick(decision)
        case cmd.Assess():
            assess(decision, command)
        case cmd.PostUpdate():
            update(decision, command)
        case cmd.PublishExternal():
            publish(decision, command, draft=act is Act.DRAFT)
        case cmd.Approve():
            approve(decision, command.entry)
        case cmd.RejectDraft():
            reject(decision, command)
        case cmd.SendBrief():
            send_brief(decision, command.text)
        case cmd.OpenAudience():
            if decision.incident.running:
                cadence.start_clocks(decision)
        case cmd.ChangeCadence():
            change_cadence(decision, command)
        case cmd.ChangeSeverity():
            change_severity(decision, command)
        case cmd.ChangePrivacy():
            change_privacy(decision, command)
        case cmd.AddNote():
            note(decision, command)
        case cmd.Capture():
            capture(decision, command)
        case cmd.TryStep():
            try_step(decision, command)
        case cmd.StateImpact():
            under_way(decision)
            decision.add(ev.ImpactStated(at=decision.now, by=decision.by, text=command.text))
        case cmd.Stabilise():
            stabilise(decision, command)
        case cmd.Resolve():
            resolve(decision, command)
        case cmd.Reopen():
            reopen(decision, command)
        case cmd.Cancel():
            cancel(decision, command)
        case cmd.Amend():
            amend(decision, command)
        case cmd.Redact():
            redact(decision, command)
        case cmd.Declare():
            raise Rejected(f"{decision.incident.id} is declared already.")
        case _:
            assert_never(command)
