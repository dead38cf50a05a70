"""Private incidents: read by those who take part, a number to everybody else (F17)."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain import cadence
from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.incident import Incident
from bot.domain.setting import Setting
from bot.refs import ConversationRef, PersonId


def takes_part(incident: Incident, person: PersonId, also: Iterable[PersonId | None] = ()) -> bool:
    """Return whether somebody takes part in an incident; `also` are its owner and the auditors.

    People who are asked to command, or paged, take part from then on.
    """
    review = incident.review
    people = {
        incident.declared_by,
        incident.commander,
        incident.offered_to,
        review.owner if review is not None else None,
        *(ask.person for ask in incident.asked),
        *incident.called,
        *incident.participants,
        *incident.responders,
        *incident.roles.values(),
        *(action.owner for action in incident.actions),
        *also,
    }
    return person in people


def asks_privacy(command: cmd.Declare, setting: Setting) -> bool:
    """Return whether a declaration is of a private incident: it says so, or its service does."""
    return command.private or setting.plan.private


def became_private(events: Iterable[ev.Event]) -> bool:
    """Return whether an incident became private, which others may have heard of before."""
    return any(isinstance(event, ev.PrivacyChanged) and event.private for event in events)


def private_place(setting: Setting, *, opens: bool) -> ConversationRef:
    """Return where a private incident is told: a closed room, or the direct conversation it is in.

    `opens`: it is a process, which gets a room of its own where there can be one.

    Raises:
        Rejected: Nowhere that others do not read.
    """
    places = setting.private_places
    via = setting.here.adapter if setting.here is not None else next(iter(places), "")
    if opens and via in places:
        return places[via]
    if setting.direct and setting.here is not None:
        return setting.here
    raise Rejected(
        f"Sitrep cannot keep a place private on {via}: others would read the incident there. "
        "Nothing was declared. Declare it in a direct conversation with Sitrep, or not as private.",
    )


def change_privacy(decision: Decision, command: cmd.ChangePrivacy) -> None:
    """Make an incident private, or open it again; both say why."""
    incident, setting = decision.incident, decision.setting
    word = "on" if command.private else "off"
    line = f"private {word} because <reason>"
    if incident.private is command.private:
        how = "private already" if command.private else "not private"
        raise Rejected(f"{incident.id} is {how}.", lines=("status",))
    if command.reason is None:
        raise Rejected("Making an incident private, or opening it, needs a reason.", lines=(line,))
    others_read = any(
        each.pending is None or each.adapter not in setting.private_places
        for each in incident.conversations
    )
    if command.private and others_read:
        raise Rejected(
            f"{incident.id} runs where others read it, and cannot be closed to them. "
            "Cancel it, and declare it as private.",
            lines=("declare <title> private",),
        )
    decision.add(
        ev.PrivacyChanged(
            at=decision.now, by=decision.by, private=command.private, reason=command.reason
        )
    )
    if incident.running:
        cadence.replan(decision)
