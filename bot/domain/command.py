"""Command and roles: exactly one commander, chosen deliberately, who does not debug (C1-C6)."""

from __future__ import annotations

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.incident import Incident
from bot.domain.permissions import only_named
from bot.domain.stages import under_way
from bot.refs import PersonId, Who, is_machine


def act_on_command(decision: Decision, command: cmd.OnCommand) -> None:
    """Do what is done about who responds, and as what."""
    match command:
        case cmd.NameCommander():
            name_commander(decision, command.person)
        case cmd.AcceptCommand():
            accept(decision)
        case cmd.DeclineCommand():
            decline(decision)
        case cmd.TakeCommand():
            take(decision)
        case cmd.HandOff():
            hand_off(decision, command.person)
        case cmd.AssignRole():
            assign(decision, command)
        case cmd.Join():
            join(decision)
        case cmd.Leave():
            leave(decision)
        case cmd.PageOut():
            page(decision, command)


def begin_command(decision: Decision, *, named: PersonId | None, how: ev.How) -> None:
    """Make the actor acting commander, and ask for a deliberate one (C1, C2).

    A machine holds no command: where one declared, whoever is asked acts from the first second.
    """
    actor, people = decision.person, decision.setting.named
    if named not in people:
        named = None  # nobody is kept waiting for somebody who cannot command: the next is asked
    if is_machine(actor):
        _appoint(decision, named, how)
        return
    command_to(decision, actor, how=how, acting=named != actor)
    if named is not None and named != actor:
        decision.add(ev.CommanderAsked(at=decision.now, by=actor, person=named))
    elif named is None:
        ask_next(decision)


def _appoint(decision: Decision, named: PersonId | None, how: ev.How) -> None:
    """Make a person acting commander where a machine declared, and ask them to accept (C1).

    With nobody to appoint there is no commander, until somebody named takes command.
    """
    person = named or next_candidate(decision) or _nearest(decision)
    if person is None:
        decision.add(ev.CandidatesExhausted(at=decision.now, by=None))
        return
    command_to(decision, person, how=how, acting=True)
    decision.add(ev.CommanderAsked(at=decision.now, by=decision.by, person=person))


def _nearest(decision: Decision) -> PersonId | None:
    """Return the service's owner, or else the first on call for it, as far as they are named."""
    setting = decision.setting
    on_call = setting.on_call.get(decision.incident.service or "", setting.plan.on_call)
    return next((p for p in (setting.plan.owner, *on_call) if p in setting.named), None)


def _commanded(decision: Decision) -> Incident:
    under_way(decision)
    incident = decision.incident
    if incident.commander is None and not incident.unled:
        raise Rejected(
            f"{incident.id} is {incident.severity.label}: it has no commander.",
            lines=("sev 2", "join"),
        )
    return incident


def name_commander(decision: Decision, person: PersonId) -> None:
    """Ask somebody to command; where somebody has accepted it already, offer it to them."""
    incident = _commanded(decision)
    only_named(decision, person)
    if person == incident.commander:
        if decision.by == person and incident.acting:
            command_to(decision, person, how=ev.How.ACCEPTED, acting=False)
            return
        raise Rejected(Who(person), " commands already.", lines=("who",))
    if person == decision.by:
        take(decision)
    elif incident.accepted:
        hand_off(decision, person)
    elif any(ask.person == person and not ask.declined for ask in incident.asked):
        raise Rejected(
            Who(person), " has been asked already.", lines=("accept",), for_whom=Who(person)
        )
    else:
        decision.add(ev.CommanderAsked(at=decision.now, by=decision.by, person=person))


def accept(decision: Decision) -> None:
    """Take the command one was asked to take, or offered (C1, C4)."""
    incident, actor = _commanded(decision), decision.person
    if incident.offered_to == actor:
        command_to(decision, actor, how=ev.How.HANDED, acting=False)
    elif (incident.acting or incident.unled) and (
        actor == incident.commander or any(ask.person == actor for ask in incident.asked)
    ):
        command_to(decision, actor, how=ev.How.ACCEPTED, acting=False)
    elif incident.commander == actor:
        raise Rejected("You command already.", lines=("update <text>",))
    elif incident.unled or (incident.acting and actor in decision.setting.trained):
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


def decline(decision: Decision) -> None:
    """Leave it to the next in the rotation, or a handoff to whoever offered it (F4)."""
    incident, actor = _commanded(decision), decision.person
    if incident.offered_to == actor:
        decision.add(ev.CommanderDeclined(at=decision.now, by=actor, person=actor, handoff=True))
    elif any(ask.person == actor and not ask.declined for ask in incident.asked):
        decision.add(ev.CommanderDeclined(at=decision.now, by=actor, person=actor, handoff=False))
        if next_candidate(decision) or all(ask.declined for ask in decision.incident.asked):
            ask_next(decision)
    elif incident.commander == actor:
        raise Rejected("You command. Hand over instead.", lines=("handoff @name",))
    else:
        raise Rejected("You have not been asked to command.", lines=("who",))


def take(decision: Decision) -> None:
    """Take command unasked: while it is only acting, or the commander is silent (F4, C5)."""
    incident, actor = _commanded(decision), decision.person
    if incident.commander == actor:
        if incident.acting:
            command_to(decision, actor, how=ev.How.ACCEPTED, acting=False)
            return
        raise Rejected("You command already.", lines=("update <text>",))
    open_to_all = incident.acting or incident.escalated or incident.unled
    if open_to_all:
        command_to(decision, actor, how=ev.How.TAKEN, acting=False)
    else:
        _refuse_command(incident, actor)


def hand_off(decision: Decision, person: PersonId) -> None:
    """Offer command; it stays until the other accepts (C4)."""
    incident = _commanded(decision)
    only_named(decision, person)
    if person == incident.commander:
        raise Rejected("You command already; name somebody else.", lines=("handoff @name",))
    if person == incident.offered_to:
        raise Rejected(
            Who(person), " has been offered it already.", lines=("accept",), for_whom=Who(person)
        )
    decision.add(ev.HandoffOffered(at=decision.now, by=decision.by, person=person))


def assign(decision: Decision, command: cmd.AssignRole) -> None:
    """Give a role to somebody."""
    under_way(decision)
    only_named(decision, command.person)
    was = decision.incident.roles.get(command.role)
    if was == command.person:
        raise Rejected(Who(was), f" is {command.role.value} already.", lines=("who",))
    decision.add(
        ev.RoleAssigned(
            at=decision.now, by=decision.by, role=command.role, person=command.person, was=was
        )
    )


def join(decision: Decision) -> None:
    """Make the actor a responder; a commander cannot be one (C3)."""
    under_way(decision)
    actor, incident = decision.person, decision.incident
    if actor in incident.responders:
        raise Rejected("You are a responder already.", lines=("who",))
    if actor == incident.commander:
        who = "acting commander" if incident.acting else "commander"
        raise Rejected(
            f"You are {who}. The commander coordinates; hands-on work pulls the eyes off the",
            " whole. Hand over first.",
            lines=("handoff @name",),
        )
    decision.add(ev.ResponderJoined(at=decision.now, by=actor, person=actor))


def leave(decision: Decision) -> None:
    """End being a responder."""
    under_way(decision)
    actor = decision.person
    if actor not in decision.incident.responders:
        raise Rejected("You are not a responder here.", lines=("who",))
    decision.add(ev.ResponderLeft(at=decision.now, by=actor, person=actor))


def page(decision: Decision, command: cmd.PageOut) -> None:
    """Call a person, or whoever is on call for a service."""
    under_way(decision)
    people: tuple[PersonId, ...] = ()
    if command.person is not None:
        people = (command.person,)
    elif command.service is not None:
        people = decision.setting.on_call.get(command.service, ())
        if not people and not decision.setting.pager:
            raise Rejected(
                f"Nobody is on call for {command.service}, as far as the config knows.",
                lines=("page @name <reason>",),
            )
    decision.add(
        ev.PagedOut(
            at=decision.now,
            by=decision.by,
            people=people,
            service=command.service,
            reason=command.reason,
        )
    )


def command_to(decision: Decision, person: PersonId, *, how: ev.How, acting: bool) -> None:
    """Give command to somebody; whoever commands holds no hands-on role (C1, C3)."""
    if person in decision.incident.responders:
        decision.add(ev.ResponderLeft(at=decision.now, by=decision.by, person=person))
    decision.add(
        ev.CommanderChanged(
            at=decision.now,
            by=decision.by,
            was=decision.incident.commander,
            now=person,
            acting=acting,
            how=how,
            also_asked=tuple(
                ask.person
                for ask in decision.incident.asked
                if not ask.declined and ask.person != person
            ),
        )
    )


def next_candidate(decision: Decision) -> PersonId | None:
    """Return the next trained commander to ask (C2): nobody twice, nobody hands-on."""
    incident = decision.incident
    taken = {incident.commander, incident.declared_by, *incident.responders}
    taken |= {ask.person for ask in incident.asked}
    return next((p for p in decision.setting.candidates if p not in taken), None)


def ask_next(decision: Decision) -> None:
    """Ask the next in the rotation, or say that nobody is left (F4)."""
    person = next_candidate(decision)
    if person is not None:
        decision.add(ev.CommanderAsked(at=decision.now, by=decision.by, person=person))
    elif not decision.incident.nobody_left:
        decision.add(ev.CandidatesExhausted(at=decision.now, by=None))
