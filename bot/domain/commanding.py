"""Command and roles: exactly one commander, chosen deliberately, who does not debug (C1-C6)."""

from __future__ import annotations

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.errors import Rejected
from bot.domain.guards import acting_person, only_commander, under_way
from bot.domain.incident import Incident
from bot.domain.story import Story
from bot.refs import PersonId, Who


def begin_command(story: Story, *, named: PersonId | None, how: ev.How) -> None:
    """Make the actor acting commander, and ask for a deliberate one (C1, C2)."""
    actor = acting_person(story)
    story.command_to(actor, how=how, acting=named != actor)
    if named is not None and named != actor:
        story.add(ev.CommanderAsked(at=story.now, by=actor, person=named))
    elif named is None:
        story.ask_next()


def _commanded(story: Story) -> Incident:
    under_way(story)
    incident = story.incident
    if incident.commander is None:
        raise Rejected(
            f"{incident.id} is {incident.severity.label}: it has no commander.",
            lines=("sev 2", "join"),
        )
    return incident


def name_commander(story: Story, person: PersonId) -> None:
    """Ask somebody to command; where somebody has accepted it already, offer it to them."""
    incident = _commanded(story)
    if person == incident.commander:
        if story.by == person and incident.acting:
            story.command_to(person, how=ev.How.ACCEPTED, acting=False)
            return
        raise Rejected(Who(person), " commands already.", lines=("who",))
    if person == story.by:
        take(story)
    elif incident.accepted:
        hand_off(story, person)
    elif any(ask.person == person and not ask.declined for ask in incident.asked):
        raise Rejected(
            Who(person), " has been asked already.", lines=("accept",), for_whom=Who(person)
        )
    else:
        story.add(ev.CommanderAsked(at=story.now, by=story.by, person=person))


def accept(story: Story) -> None:
    """Take the command one was asked to take, or offered (C1, C4)."""
    incident, actor = _commanded(story), acting_person(story)
    if incident.offered_to == actor:
        story.command_to(actor, how=ev.How.HANDED, acting=False)
    elif incident.acting and (
        actor == incident.commander or any(ask.person == actor for ask in incident.asked)
    ):
        story.command_to(actor, how=ev.How.ACCEPTED, acting=False)
    elif incident.commander == actor:
        raise Rejected("You command already.", lines=("update <text>",))
    elif incident.acting and actor in story.setting.trained:
        raise Rejected("You were not asked, and may take it all the same.", lines=("take ic",))
    else:
        _refuse_command(incident, actor)


def _refuse_command(incident: Incident, actor: PersonId) -> None:
    if incident.commander is None:
        raise Rejected("There is no commander.")
    raise Rejected(
        Who(incident.commander),
        " is acting commander." if incident.acting else " commands.",
        " Command changes hands when they offer it.",
        lines=(f"handoff @{actor}",),
        for_whom=Who(incident.commander),
    )


def decline(story: Story) -> None:
    """Leave it to the next in the rotation, or a handoff to whoever offered it (F4)."""
    incident, actor = _commanded(story), acting_person(story)
    if incident.offered_to == actor:
        story.add(ev.CommanderDeclined(at=story.now, by=actor, person=actor, handoff=True))
    elif any(ask.person == actor and not ask.declined for ask in incident.asked):
        story.add(ev.CommanderDeclined(at=story.now, by=actor, person=actor, handoff=False))
        if story.next_candidate() or all(ask.declined for ask in story.incident.asked):
            story.ask_next()
    elif incident.commander == actor:
        raise Rejected("You command. Hand over instead.", lines=("handoff @name",))
    else:
        raise Rejected("You have not been asked to command.", lines=("who",))


def take(story: Story) -> None:
    """Take command unasked: while it is only acting, or the commander is silent (F4, C5)."""
    incident, actor = _commanded(story), acting_person(story)
    if incident.commander == actor:
        if incident.acting:
            story.command_to(actor, how=ev.How.ACCEPTED, acting=False)
            return
        raise Rejected("You command already.", lines=("update <text>",))
    asked = any(ask.person == actor for ask in incident.asked)
    open_to_all = incident.acting or incident.escalated
    if open_to_all and (actor in story.setting.trained or (asked and incident.acting)):
        story.command_to(actor, how=ev.How.TAKEN, acting=False)
    elif open_to_all:
        raise Rejected(
            "Taking command unasked is for trained commanders.",
            lines=(f"ic @{actor}",),
            for_whom=Who(incident.commander) if incident.commander else None,
        )
    else:
        _refuse_command(incident, actor)


def hand_off(story: Story, person: PersonId) -> None:
    """Offer command; it stays until the other accepts (C4)."""
    incident = _commanded(story)
    only_commander(story, what="hands over", line=f"handoff @{person}")
    if person == incident.commander:
        raise Rejected("You command already; name somebody else.", lines=("handoff @name",))
    if person == incident.offered_to:
        raise Rejected(
            Who(person), " has been offered it already.", lines=("accept",), for_whom=Who(person)
        )
    story.add(ev.HandoffOffered(at=story.now, by=story.by, person=person))


def assign(story: Story, command: cmd.AssignRole) -> None:
    """Give a role to somebody."""
    under_way(story)
    was = story.incident.roles.get(command.role)
    if was == command.person:
        raise Rejected(Who(was), f" is {command.role.value} already.", lines=("who",))
    story.add(
        ev.RoleAssigned(
            at=story.now, by=story.by, role=command.role, person=command.person, was=was
        )
    )


def join(story: Story) -> None:
    """Make the actor a responder; a commander is none (C3)."""
    under_way(story)
    actor, incident = acting_person(story), story.incident
    if actor in incident.responders:
        raise Rejected("You are a responder already.", lines=("who",))
    if actor == incident.commander:
        who = "acting commander" if incident.acting else "commander"
        raise Rejected(
            f"You are {who}. The commander coordinates; hands-on work pulls the eyes off the",
            " whole. Hand over first.",
            lines=("handoff @name",),
        )
    story.add(ev.ResponderJoined(at=story.now, by=actor, person=actor))


def leave(story: Story) -> None:
    """End being a responder."""
    under_way(story)
    actor = acting_person(story)
    if actor not in story.incident.responders:
        raise Rejected("You are not a responder here.", lines=("who",))
    story.add(ev.ResponderLeft(at=story.now, by=actor, person=actor))


def page(story: Story, command: cmd.PageOut) -> None:
    """Call a person, or whoever is on call for a service."""
    under_way(story)
    people: tuple[PersonId, ...] = ()
    if command.person is not None:
        people = (command.person,)
    elif command.service is not None:
        people = story.setting.on_call.get(command.service, ())
        if not people and not story.setting.pager:
            raise Rejected(
                f"Nobody is on call for {command.service}, as far as the config knows.",
                lines=("page @name <reason>",),
            )
    story.add(
        ev.PagedOut(
            at=story.now,
            by=story.by,
            people=people,
            service=command.service,
            reason=command.reason,
        )
    )
