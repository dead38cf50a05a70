"""One incident on several platforms: each has a conversation of it, and all count as one."""

from __future__ import annotations

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.incident import Incident
from bot.domain.stages import under_way
from bot.refs import Lane


def act_on_platforms(decision: Decision, command: cmd.OnPlatforms) -> None:
    """Mirror the incident, or record what happened on a platform."""
    incident, now = decision.incident, decision.now
    match command:
        case cmd.Mirror():
            mirror(decision, command.adapter)
        case cmd.EndMirror():
            end_mirror(decision, command.adapter)
        case cmd.NoteStalled():
            stalled(decision, command)
        case cmd.NoteResumed():
            resumed(decision, command.target)
        case cmd.NoteConversation():
            if incident.room is None:
                decision.add(ev.ConversationOpened(at=now, conversation=command.conversation))
        case cmd.NoteTicket():
            if incident.ticket is None:
                decision.add(ev.TicketFiled(at=now, ticket=command.ticket))
        case cmd.NoteUndelivered():
            undelivered(decision, command)
        case cmd.NoteTrouble():
            decision.add(
                ev.TroubleFound(
                    at=now,
                    adapter=command.adapter,
                    conversation=command.conversation,
                    text=command.text,
                    reachable=command.reachable,
                )
            )


def mirror(decision: Decision, adapter: str) -> None:
    """Tell the incident on another platform too."""
    under_way(decision)
    incident, places = decision.incident, decision.setting.places
    if any(each.adapter == adapter for each in incident.conversations):
        raise Rejected(f"{incident.id} runs on {adapter} already.", lines=("status",))
    if incident.private:
        places = decision.setting.private_places
    if adapter not in places:
        others = [name for name in places if name != incident.conversation.adapter]
        known = f" It can be mirrored to: {', '.join(others)}." if others else ""
        raise Rejected(
            f"Sitrep cannot open a conversation on “{adapter[:40]}”.{known}",
            lines=tuple(f"mirror {name}" for name in others[:2]),
        )
    decision.add(ev.Mirrored(at=decision.now, by=decision.by, conversation=places[adapter]))


def end_mirror(decision: Decision, adapter: str) -> None:
    """Tell it there no more; what was said there stays."""
    incident = decision.incident
    for each in incident.mirrors:
        if each.adapter == adapter:
            decision.add(ev.MirrorEnded(at=decision.now, by=decision.by, conversation=each))
            return
    if adapter == incident.conversation.adapter:
        raise Rejected(f"{incident.id} has its own conversation there; that one stays.")
    raise Rejected(f"{incident.id} is not mirrored to “{adapter[:40]}”.", lines=("status",))


def mirror_as_planned(decision: Decision) -> None:
    """Mirror to what the plan names for the severity, where that is not so already."""
    incident, setting = decision.incident, decision.setting
    if not incident.running or incident.private:
        return
    for adapter in setting.plan.mirror.get(incident.severity, ()):
        taken = {each.adapter for each in decision.incident.conversations}
        if adapter in setting.places and adapter not in taken:
            decision.add(ev.Mirrored(at=decision.now, conversation=setting.places[adapter]))


def stalled(decision: Decision, command: cmd.NoteStalled) -> None:
    """Take down, once an outage, that a conversation takes no messages (D2)."""
    incident = decision.incident
    heard_of = _tells(incident, command.target) or command.target.status_page is not None
    if heard_of and command.target not in incident.unheard:
        decision.add(
            ev.DeliveryStalled(
                at=decision.now,
                target=command.target,
                since=command.since,
                waiting=command.waiting,
                why=command.why,
            )
        )


def undelivered(decision: Decision, command: cmd.NoteUndelivered) -> None:
    """Take down what was not delivered; a mirror that cannot be opened ends (D2)."""
    target = command.target
    # Each text that a page refuses is told of, and of stakeholders only the first.
    again = decision.incident.unheard.get(target, False) and target.status_page is None
    if command.audience:
        again = decision.incident.missed_by_some
    decision.add(
        ev.DeliveryFailed(
            at=decision.now,
            target=target,
            what=command.what,
            why=command.why,
            again=again,
            audience=command.audience,
        )
    )
    for each in decision.incident.mirrors:
        if command.unopened and Lane.of(each) == target:
            decision.add(ev.MirrorEnded(at=decision.now, conversation=each))


def resumed(decision: Decision, target: Lane) -> None:
    """Take down that a conversation takes messages again."""
    if target in decision.incident.unheard:
        decision.add(ev.DeliveryResumed(at=decision.now, target=target))


def _tells(incident: Incident, target: Lane) -> bool:
    return any(Lane.of(each) == target for each in incident.conversations)
