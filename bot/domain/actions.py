"""Action items: what makes one acceptable, who changes it, who is told when it is late (A1-A3)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.action_values import CATEGORY, MOST, Action, Strength
from bot.domain.blameless import care_only, vague
from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.incident import Incident, Phase
from bot.domain.policy import Policy
from bot.refs import PersonId

_GROUP = re.compile(
    r"(?:^|[-_ .])(?:team|teams|group|squad|crew|guild|tribe|department|dept|staff|everyone|"
    r"everybody|all|here|channel|room|on-?call|sre|ops|devops|dev-?team|devs|developers|"
    r"engineers|engineering|platform|backend|frontend|infra|support|security|qa|leads?)"
    r"(?:$|[-_ .])",
    re.IGNORECASE,
)
_STRENGTHS = "eliminate, detect, recover, train or care"


def act_on_item(decision: Decision, command: cmd.OnActions) -> None:
    """Do what is done to action items."""
    match command:
        case cmd.AddAction():
            add_action(decision, command)
        case cmd.ChangeAction():
            change_action(decision, command)
        case cmd.FinishAction():
            action = _action(decision, command.n)
            if not action.open:
                raise Rejected(f"{action.label} is not open.", lines=("actions",))
            decision.add(ev.ActionDone(at=decision.now, by=decision.by, n=action.n))
        case cmd.ReopenAction():
            action = _action(decision, command.n)
            if action.open:
                raise Rejected(f"{action.label} is open already.", lines=("actions",))
            decision.add(ev.ActionReopened(at=decision.now, by=decision.by, n=action.n))
        case cmd.DropAction():
            line = f"action drop {command.n} because <reason>"
            action = _action(decision, command.n)
            if not action.open:
                raise Rejected(f"{action.label} is not open.", lines=("actions",))
            if command.reason is None:
                raise Rejected("Dropping an action needs a reason.", lines=(line,))
            decision.add(
                ev.ActionDropped(at=decision.now, by=decision.by, n=action.n, reason=command.reason)
            )
        case cmd.NoteActionTicket():
            _filed(decision, command)
        case cmd.NoteTicketState():
            _seen(decision, command)


def add_action(decision: Decision, command: cmd.AddAction) -> None:
    """Add an action item, or say everything that it still lacks (A1)."""
    incident = decision.incident
    if incident.phase is Phase.CANCELLED:
        raise Rejected(f"{incident.id} was a false alarm; nothing follows from it.")
    points = _text_faults(command.text, command.strength)
    points += _owner_faults(decision, command.owner, command.owner_typed)
    points += _due_faults(decision, command.due, command.due_typed)
    if command.strength is None:
        typed = (
            f"“{command.strength_typed}” is not one of these: " if command.strength_typed else ""
        )
        points.append(f"as: how durable is it? {typed}{_STRENGTHS}")
    stronger = any(a.open and a.strength < Strength.CARE for a in incident.actions)
    if command.strength is Strength.CARE and not points and not stronger:
        points.append(
            "asking for care is the weakest control there is; first add what changes the system"
        )
    if sum(a.dropped is None for a in incident.actions) >= MOST:
        points.append(f"{MOST} actions are the most that get done; drop or merge one")
    if points or command.owner is None or command.due is None or command.strength is None:
        raise Rejected(
            _counted(len(points)),
            points=tuple(points),
            lines=(_example(decision, command),),
        )
    decision.add(
        ev.ActionAdded(
            at=decision.now,
            by=decision.by,
            n=max((a.n for a in incident.actions), default=0) + 1,
            text=command.text,
            owner=command.owner,
            due=command.due,
            strength=command.strength,
            category=command.category or CATEGORY[command.strength],
        )
    )


def _counted(points: int) -> str:
    words = {1: "one thing", 2: "two things", 3: "three things", 4: "four things"}
    number = words.get(points, f"{points} things")
    return f"Not filed yet, {number}:"


def _example(decision: Decision, command: cmd.AddAction) -> str:
    text = command.text if len(command.text) <= 60 and not vague(command.text) else "<text>"
    owner = f"@{command.owner}" if command.owner else "@name"
    fits = command.due is not None and command.due > decision.now.date()
    due = command.due if fits else decision.now.date() + timedelta(days=14)
    strength = command.strength.word if command.strength else "detect"
    return f"action {text} owner:{owner} due:{due} as:{strength}"


def _text_faults(text: str, strength: Strength | None) -> list[str]:
    if not text:
        return ["what is to be done? One sentence that can be ticked off"]
    if care_only(text):
        return [f"“{text[:80]}” asks people to be careful; what would the system do instead?"]
    if strength is not Strength.CARE and (why := vague(text)):
        return [f"“{text[:80]}” — {why}"]
    return []


def _owner_faults(decision: Decision, owner: PersonId | None, typed: str) -> list[str]:
    if owner is not None:
        return []
    if not typed:
        return ["who does it? One person: owner:@name"]
    name = typed.removeprefix("@")
    if typed.startswith(("#", "!")) or name in decision.setting.on_call or _GROUP.search(name):
        return [f"{name[:40]} is a team. An action has one person: owner:@name"]
    return [f"nobody here is called {name[:40]}. An action has one person: owner:@name"]


def _due_faults(decision: Decision, due: date | None, typed: str) -> list[str]:
    first = decision.now.date() + timedelta(days=1)
    if due is None:
        given = f"“{typed[:20]}” is not a date: " if typed else ""
        return [f"due: {given}{first} or later"]
    return [] if due >= first else [f"due: {due} is in the past; {first} or later"]


def change_action(decision: Decision, command: cmd.ChangeAction) -> None:
    """Change an action item; a later date says why (A1)."""
    line = f"action move {command.n} due:<date> because <reason>"
    action = _action(decision, command.n)
    if not action.open:
        raise Rejected(f"{action.label} is not open.", lines=(f"action reopen {action.n}",))
    points: list[str] = []
    if command.text is not None:
        points += _text_faults(command.text, command.strength or action.strength)
    if command.owner_typed or command.owner is not None:
        points += _owner_faults(decision, command.owner, command.owner_typed)
    if command.due_typed or command.due is not None:
        points += _due_faults(decision, command.due, command.due_typed)
    if command.strength_typed and command.strength is None:
        points.append(f"as: {_STRENGTHS}")
    if points:
        raise Rejected("Not changed:", points=tuple(points), lines=(line,))
    due = command.due or action.due
    if due > action.due and command.reason is None:
        raise Rejected("A later date needs a reason.", lines=(line,))
    strength = command.strength or action.strength
    category = command.category or (
        CATEGORY[strength] if command.strength is not None else action.category
    )
    changed = ev.ActionChanged(
        at=decision.now,
        by=decision.by,
        n=action.n,
        text=command.text or action.text,
        owner=command.owner or action.owner,
        due=due,
        strength=strength,
        category=category,
        was_due=action.due if due != action.due else None,
        reason=command.reason,
    )
    same = (action.text, action.owner, action.due, action.strength, action.category)
    if same == (changed.text, changed.owner, changed.due, changed.strength, changed.category):
        raise Rejected(f"{action.label} says that already.", lines=("actions",))
    decision.add(changed)


def _action(decision: Decision, n: int) -> Action:
    """Return an action by its number."""
    incident = decision.incident
    action = incident.action(n)
    if action is None:
        count = f"there are {len(incident.actions)}" if incident.actions else "there is none"
        raise Rejected(f"{incident.id} has no action {n}: {count}.", lines=("actions",))
    return action


def _filed(decision: Decision, command: cmd.NoteActionTicket) -> None:
    action = decision.incident.action(command.n)
    if action is None:
        return
    if action.ticket == command.ticket and action.closed_there == command.closed:
        return
    decision.add(
        ev.ActionFiled(
            at=decision.now,
            n=action.n,
            ticket=command.ticket,
            closed=command.closed,
            first=action.ticket is None,
            note=command.note,
        )
    )


def _seen(decision: Decision, command: cmd.NoteTicketState) -> None:
    """Follow the ticket: closing it closes the action, never the incident (A2)."""
    action = decision.incident.action(command.n)
    if action is None or action.ticket is None or action.closed_there == command.closed:
        return
    if command.closed and action.open:
        decision.add(ev.ActionDone(at=decision.now, n=action.n, there=True))
    elif not command.closed and action.done:
        decision.add(ev.ActionReopened(at=decision.now, n=action.n, there=True))
    else:
        decision.add(
            ev.ActionFiled(at=decision.now, n=action.n, ticket=action.ticket, closed=command.closed)
        )


# --- time -----------------------------------------------------------------------------------------


def chases(incident: Incident, policy: Policy) -> list[tuple[datetime, Action]]:
    """Return when the next person is told of each open action, once its date has gone by (A3)."""
    if incident.drill:
        return []
    return [
        (_ended(action.due) + policy.chase_after[action.chased], action)
        for action in incident.actions
        if action.open and action.chased < len(policy.chase_after)
    ]


def _ended(due: date) -> datetime:
    return datetime.combine(due + timedelta(days=1), time(), UTC)


def chase(decision: Decision, action: Action) -> None:
    """Tell its owner that an action is overdue; then the service's owner (A3)."""
    review, plan = decision.incident.review, decision.setting.plan
    above = plan.owner or (review.owner if review else None) or decision.incident.declared_by
    person = action.owner if action.chased == 0 else above
    decision.add(
        ev.ActionChased(at=decision.now, n=action.n, stage=action.chased + 1, people=(person,))
    )
