"""The rules that the config sets: the policy, communication plans and the directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.config.sections import (
    AccessSection,
    ActionsSection,
    ClocksSection,
    CommandSection,
    FloodsSection,
    PersonSection,
    PlanSection,
    PostmortemSection,
    ServiceSection,
)
from bot.domain.incident import Rung, RungKind
from bot.domain.policy import Bound, Plan, Policy
from bot.people import Directory, Person
from bot.refs import PersonId


def directory_of(
    people: Mapping[str, PersonSection], access: AccessSection, adapters: Iterable[str] = ()
) -> Directory:
    """Return the people of the config, and who else counts as named."""
    return Directory(
        (
            Person(
                id=PersonId(key),
                name=section.name or key.capitalize(),
                commander=section.commander,
                users={"console": key, **section.users},
                mail=section.mail,
            )
            for key, section in people.items()
        ),
        unknown=access.unknown_people,
        trusted=access.trusted,
        adapters=adapters,
    )


def policy_of(
    clocks: ClocksSection,
    command: CommandSection,
    postmortem: PostmortemSection,
    actions: ActionsSection,
    floods: FloodsSection,
) -> Policy:
    """Return the rules in force."""
    ladder = clocks.ladder
    return Policy(
        internal=clocks.internal.by_severity(),
        stakeholder=clocks.stakeholder.by_severity(),
        rungs=(
            Rung(kind=RungKind.PROMPT, offset=-ladder.prompt_before),
            Rung(kind=RungKind.OVERDUE, offset=ladder.overdue_after),
            Rung(kind=RungKind.PAGE, offset=ladder.page_after),
            Rung(kind=RungKind.NEXT, offset=ladder.next_after),
        ),
        ask_next_after=command.ask_next_after,
        respond_within=command.respond_within.by_severity(),
        nudge_after=command.nudge_after,
        correct_within=command.assess_within,
        schedule_within=postmortem.schedule_within,
        hold_within=postmortem.hold_within,
        chase_after=(actions.owner_after, actions.service_after),
        calls=Bound(most=floods.declarations, within=floods.declarations_within),
    )


def plan_of(
    service: str | None, services: Mapping[str, ServiceSection], default: PlanSection
) -> Plan:
    """Return the communication plan of a service; the default plan if it has none (X1)."""
    section = services.get(service) if service else None
    own: PlanSection = section or default
    stakeholder = own.stakeholder or default.stakeholder
    mirror = own.mirror or default.mirror
    audiences = own.audiences or default.audiences
    pages = own.status_pages if own.status_pages is not None else default.status_pages
    shared, words = default.templates.by_severity(), own.templates.by_severity()
    return Plan(
        service=service,
        name=section.name if section else None,
        missing=section is None,
        private=section.private if section else False,
        owner=_person(section.owner) if section else None,
        comms=_person(own.comms or default.comms),
        liaison=_person(own.liaison or default.liaison),
        on_call=tuple(PersonId(p) for p in section.on_call) if section else (),
        external=own.external.by_severity() or default.external.by_severity(),
        stakeholder=stakeholder.by_severity() if stakeholder else {},
        status_page=own.status_page or default.status_page,
        mirror=mirror.by_severity() if mirror else {},
        components=section.components if section else (),
        pages=pages,
        audiences=audiences.by_severity() if audiences else {},
        templates={each: {**shared[each], **words[each]} for each in shared},
    )


def _person(name: str | None) -> PersonId | None:
    return PersonId(name) if name is not None else None
