"""Permissions: one table of who may do what, and when (F8, C5, X3).

A person has a set of parts in an incident, and may do what any of them allows; a machine has one.
`decide` asks this table before it decides anything, so no rule elsewhere checks who acts.
`permissions.md` in the reference is drawn from it, and each of its cells is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain import commands as cmd
from bot.domain.acts import Act, act_of, authors, line_of
from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.incident import Role
from bot.domain.named import Named
from bot.domain.stages import EVER, OPEN, UNDER_WAY, Standing, stage_of
from bot.refs import PersonId, Who, is_machine


class Part(StrEnum):
    """The parts that somebody can have in an incident, each with its name in the reference."""

    UNNAMED = "unnamed"
    NAMED = "named"
    TAKING_PART = "taking part"
    DECLARER = "declarer, alone and in time"
    AUTHOR = "author"
    SCRIBE = "scribe"
    COMMS = "comms"
    LIAISON = "liaison"
    ACTING_UNNAMED = "acting commander, unnamed"
    ACTING = "acting commander"
    COMMANDER = "commander"
    SERVICE_OWNER = "service owner"
    TRAINED = "trained commander"
    ASKED = "asked to command"
    ON_CALL = "on call"
    OWNER = "owner of the postmortem or action"
    MACHINE = "plugin"


@dataclass(frozen=True, slots=True)
class Grant:
    """The permission for one act."""

    may: str
    """The act in a refusal: “Only the commander may …”."""
    stages: frozenset[Standing]
    """The phases in which the act has any meaning."""
    parts: frozenset[Part]
    """The parts that allow it."""
    uncommanded: frozenset[Part] = frozenset()
    """The parts that allow it as well where there is no commander, as in a SEV3."""
    silent: frozenset[Part] = frozenset()
    """The parts that allow it as well once the commander was silent through a whole ladder."""
    unled: frozenset[Part] = frozenset()
    """The parts that allow it as well where only somebody unnamed is acting commander, no trained
    commander is left to ask, or nobody commands what a machine declared."""
    ownerless: frozenset[Part] = frozenset()
    """The parts that allow it as well where no owner is named."""


def _parts(*parts: Part) -> frozenset[Part]:
    return frozenset(parts)


_ANYBODY = _parts(Part.UNNAMED, Part.NAMED)
_AND_MACHINES = _ANYBODY | {Part.MACHINE}
_NAMED = _parts(Part.NAMED)
_RECORDING = _parts(Part.NAMED, Part.TAKING_PART, Part.ACTING_UNNAMED)
_COMMAND = _parts(Part.ACTING, Part.COMMANDER)
_APPROVERS = _parts(Part.TRAINED, Part.SERVICE_OWNER, Part.COMMS)
_ANSWERING = _COMMAND | {Part.OWNER, Part.SERVICE_OWNER}

UNFINISHED = EVER - {Standing.CLOSED}

TABLE: Mapping[Act, Grant] = {
    Act.DECLARE: Grant("declare", EVER, _AND_MACHINES),
    Act.RAISE: Grant("raise the severity", OPEN, _ANYBODY),
    Act.LOWER: Grant("lower the severity", UNDER_WAY, _COMMAND, uncommanded=_NAMED),
    Act.ASSESS_DOWN: Grant(
        "lower the severity", UNDER_WAY, _COMMAND | {Part.DECLARER}, uncommanded=_NAMED
    ),
    Act.UPDATE: Grant("post an update", UNDER_WAY, _RECORDING),
    Act.SHORTEN: Grant("change a cadence", UNDER_WAY, _NAMED),
    Act.LENGTHEN: Grant("lengthen a cadence", UNDER_WAY, _COMMAND, uncommanded=_NAMED),
    Act.PUBLISH: Grant(
        "publish", UNDER_WAY, _COMMAND, uncommanded=_APPROVERS, silent=_parts(Part.COMMS)
    ),
    Act.DRAFT: Grant("draft a public text", UNDER_WAY, _parts(Part.COMMS), uncommanded=_NAMED),
    Act.APPROVE: Grant(
        "approve a public text",
        UNDER_WAY,
        _COMMAND,
        uncommanded=_APPROVERS,
        silent=_parts(Part.COMMS),
    ),
    Act.APPROVE_END: Grant(
        "approve a public text",
        EVER - OPEN,
        _COMMAND,
        uncommanded=_APPROVERS,
        silent=_parts(Part.COMMS),
    ),
    Act.BRIEF: Grant(
        "brief stakeholders",
        UNDER_WAY,
        _COMMAND | {Part.COMMS, Part.LIAISON},
        uncommanded=_NAMED,
    ),
    Act.ASK_COMMANDER: Grant("ask somebody to command", UNDER_WAY, _NAMED),
    Act.HAND_OFF: Grant("hand over command", UNDER_WAY, _COMMAND),
    Act.ANSWER: Grant("command", UNDER_WAY, _NAMED),
    Act.TAKE: Grant("take command", UNDER_WAY, _COMMAND | {Part.TRAINED, Part.ASKED}, unled=_NAMED),
    Act.TAKE_ROLE: Grant("take a role that is free", UNDER_WAY, _NAMED),
    Act.GIVE_ROLE: Grant("give a role", UNDER_WAY, _COMMAND, uncommanded=_NAMED),
    Act.JOIN: Grant("join", UNDER_WAY, _ANYBODY),
    Act.PAGE: Grant("page people", UNDER_WAY, _NAMED),
    Act.NOTE: Grant("note something", EVER, _AND_MACHINES),
    Act.RECORD: Grant("record what they see and do", EVER, _RECORDING),
    Act.RECORD_OTHERS: Grant("record what was decided or others did", EVER, _NAMED),
    Act.TRY_STEP: Grant("record a stabilising step", UNDER_WAY, _RECORDING),
    Act.IMPACT: Grant("state the impact", UNDER_WAY, _RECORDING),
    Act.STABILISE: Grant("call it stabilised", frozenset({Standing.INVESTIGATING}), _RECORDING),
    Act.RESOLVE: Grant("resolve the incident", OPEN, _COMMAND, uncommanded=_NAMED),
    Act.REOPEN: Grant(
        "reopen the incident",
        EVER - OPEN,
        _COMMAND | {Part.TRAINED, Part.SERVICE_OWNER, Part.ON_CALL},
        uncommanded=_NAMED,
    ),
    Act.CANCEL: Grant("cancel the incident", OPEN, _COMMAND | {Part.DECLARER}, uncommanded=_NAMED),
    Act.AMEND: Grant("change an entry", EVER, _COMMAND | {Part.AUTHOR, Part.SCRIBE}),
    Act.AMEND_PUBLIC: Grant("change a public text", EVER, _COMMAND, uncommanded=_APPROVERS),
    Act.REDACT: Grant("remove an entry's text", EVER, _COMMAND | {Part.SCRIBE, Part.SERVICE_OWNER}),
    Act.REDACT_OWN: Grant("remove the text of their own entry", EVER, _NAMED),
    Act.MIRROR: Grant("change where the incident is told", UNDER_WAY, _NAMED),
    Act.HIDE: Grant("make the incident private", EVER, _NAMED),
    Act.REVEAL: Grant(
        "open the incident to everybody",
        EVER,
        _COMMAND | {Part.SERVICE_OWNER},
        uncommanded=_NAMED,
    ),
    Act.FOLLOW: Grant("subscribe themselves", EVER, _ANYBODY),
    Act.FOLLOW_FOR_OTHERS: Grant("subscribe a room, or somebody else", EVER, _NAMED),
    Act.SHIELD: Grant("turn the shield on or off", EVER, _NAMED),
    Act.WRITE_POSTMORTEM: Grant("work on a postmortem", UNFINISHED, _NAMED),
    Act.FINALISE: Grant(
        "finalise it", frozenset({Standing.RESOLVED}), _ANSWERING, ownerless=_NAMED
    ),
    Act.WAIVE: Grant("waive a warning", UNFINISHED, _ANSWERING, ownerless=_NAMED),
    Act.HAND_OVER_POSTMORTEM: Grant(
        "hand over the postmortem", UNFINISHED, _ANSWERING, ownerless=_NAMED
    ),
    Act.TAKE_BACK: Grant(
        "make a final postmortem a draft again",
        frozenset({Standing.CLOSED}),
        _ANSWERING,
        ownerless=_NAMED,
    ),
    Act.ADD_ACTION: Grant("add an action", EVER - {Standing.CANCELLED}, _NAMED),
    Act.CHANGE_ACTION: Grant("change an action", EVER, _ANSWERING, ownerless=_NAMED),
}
"""The table. A test fails if an act is missing."""


@dataclass(frozen=True, slots=True)
class Permit:
    """The answer of the table to a command."""

    act: Act | None = None
    """The act that the person may do; `None`: nobody has to be asked."""
    refusal: Rejected | None = None
    """The refusal, should the rule of the command find nothing that speaks against it."""


def permit(decision: Decision, command: cmd.Command) -> Permit:
    """Refuse what the person who acts may not do; return the act that they may.

    The bot's own records and due actions need no permission. Neither does a correction that follows
    a message on its platform: a secret that a moderator removes must leave the record, too.
    Where the phase speaks against a command anyway, its rule says so better than this table.

    Raises:
        Rejected: They may not; it says who may.
    """
    if decision.by is None or getattr(command, "by_platform", False):
        return Permit()
    act = act_of(decision, command)
    if act is None:
        return Permit(refusal=Rejected("Nothing was changed.", lines=("status",)))
    if may(decision, act, command):
        return Permit(act)
    if act is Act.PUBLISH and may(decision, Act.DRAFT, command):
        return Permit(Act.DRAFT)
    refusal = _refusal(decision, act, command)
    if stage_of(decision.incident) in TABLE[act].stages:
        raise refusal
    return Permit(act, refusal)


def may_outside(actor: PersonId, named: Named, act: Act) -> bool:
    """Return whether somebody may do something that is of no one incident."""
    return _standing(actor, named) in TABLE[act].parts


def _standing(actor: PersonId, named: Named) -> Part:
    """Return the part that somebody has whatever the incident."""
    if is_machine(actor):
        return Part.MACHINE
    return Part.NAMED if actor in named else Part.UNNAMED


def refused_outside(actor: PersonId, act: Act) -> Rejected:
    """Return the refusal of something that is of no one incident."""
    text = f"Only people of the config may {TABLE[act].may}."
    if is_machine(actor):
        return Rejected(text, MACHINES_MAY)
    return Rejected(text, lines=("help",), unnamed=actor)


def may(decision: Decision, act: Act, command: cmd.Command | None = None) -> bool:
    """Return whether the person who acts may do something in the incident."""
    return not allowed(decision, act, command).isdisjoint(parts_of(decision, command))


def allowed(decision: Decision, act: Act, command: cmd.Command | None = None) -> frozenset[Part]:
    """Return the parts that allow an act, as the incident stands."""
    row, incident, named = TABLE[act], decision.incident, decision.setting.named
    parts = row.parts
    if incident.commander is None and not incident.unled:
        parts |= row.uncommanded
    elif incident.escalated:
        parts |= row.silent
    alone = incident.commander not in named or incident.nobody_left
    if incident.unled or (incident.acting and alone):
        parts |= row.unled
    if not any(owner in named for owner in _owners(decision, command)):
        parts |= row.ownerless
    return parts


def parts_of(decision: Decision, command: cmd.Command | None = None) -> frozenset[Part]:
    """Return the parts of the person who acts; `command` says whose entry or action it is about."""
    actor = decision.by
    if actor is None:
        return frozenset()
    return frozenset(_held(decision, actor, command))


def _held(decision: Decision, actor: PersonId, command: cmd.Command | None) -> Iterator[Part]:
    incident, setting = decision.incident, decision.setting
    standing = _standing(actor, setting.named)
    yield standing
    if standing is Part.MACHINE:
        return  # whatever it declared or wrote: it has no other part
    if actor in incident.responders:
        yield Part.TAKING_PART
    if setting.entry is not None and actor in authors(setting.entry):
        yield Part.AUTHOR
    if _alone(decision, actor):
        yield Part.DECLARER
    if standing is Part.UNNAMED:
        if actor == incident.commander:
            yield Part.ACTING_UNNAMED
        return
    for role, part in _ROLES.items():
        if actor == incident.roles.get(role):
            yield part
    if actor == incident.commander:
        yield Part.ACTING if incident.acting else Part.COMMANDER
    if actor == setting.plan.owner:
        yield Part.SERVICE_OWNER
    if actor in setting.trained:
        yield Part.TRAINED
    if any(ask.person == actor for ask in incident.asked):
        yield Part.ASKED
    if actor in setting.on_call.get(incident.service or "", setting.plan.on_call):
        yield Part.ON_CALL
    if actor in _owners(decision, command):
        yield Part.OWNER


_ROLES = {Role.SCRIBE: Part.SCRIBE, Role.COMMS: Part.COMMS, Role.LIAISON: Part.LIAISON}


def _alone(decision: Decision, actor: PersonId) -> bool:
    """Return whether somebody declared just now, and nobody else has acted in it (F8)."""
    incident = decision.incident
    in_time = decision.now - incident.declared_at <= decision.setting.policy.correct_within
    others = {*incident.participants, *incident.responders, incident.commander} - {actor, None}
    return actor == incident.declared_by and in_time and all(is_machine(other) for other in others)


def _owners(decision: Decision, command: cmd.Command | None) -> set[PersonId]:
    """Return who answers for the postmortem, or for the action that a command is about."""
    incident = decision.incident
    owners = {incident.review.owner if incident.review is not None else incident.declared_by}
    n = getattr(command, "n", None) if isinstance(command, cmd.OnActions) else None
    action = incident.action(n) if n is not None else None
    return owners | ({action.owner} if action is not None else set())


def only_named(decision: Decision, person: PersonId) -> None:
    """Refuse to give command or a role to somebody whom the config does not name (F8)."""
    if is_machine(person):
        raise Rejected(Who(person), " is no person, and can hold no role.", lines=("who",))
    if person not in decision.setting.named:
        raise Rejected(
            Who(person),
            " is not among the people of the config, and can hold no role.",
            lines=("who",),
            unnamed=person,
        )


_HOLDERS: Mapping[Part, str] = {
    Part.NAMED: "people of the config",
    Part.AUTHOR: "its author",
    Part.OWNER: "its owner",
    Part.SCRIBE: "the scribe",
    Part.LIAISON: "the liaison",
    Part.COMMS: "comms",
    Part.COMMANDER: "the commander",
    Part.SERVICE_OWNER: "the service's owner",
    Part.ON_CALL: "whoever is on call",
    Part.TRAINED: "a trained commander",
}
"""The names of the parts in a refusal, in the order in which they are told."""


MACHINES_MAY = " A plugin declares, notes and reads."
"""The end of a machine's refusal."""


def _refusal(decision: Decision, act: Act, command: cmd.Command) -> Rejected:
    """Return a refusal that says who may, with the line for them to type (D5)."""
    row, parts = TABLE[act], allowed(decision, act, command)
    actor = decision.person
    if is_machine(actor):
        return Rejected(f"Only {_may(parts)} may {row.may}.", MACHINES_MAY, lines=("note <text>",))
    unnamed = actor if actor not in decision.setting.named else None
    if Part.TAKING_PART in parts:
        who = "people of the config, and whoever has joined,"
        return Rejected(f"Only {who} may {row.may}.", lines=("join",), unnamed=unnamed)
    text = f"Only {_may(parts)} may {row.may}."
    parts = _parts(Part.NAMED) if Part.NAMED in parts else parts
    holder = next((p for part, p in _people(decision, command) if part in parts), None)
    led = decision.incident.commander is not None or decision.incident.unled
    led_by_nobody = holder is None and led  # somebody unnamed is acting, or nobody is
    if led_by_nobody or (act is Act.TAKE and unnamed is not None):
        trained = next(iter(decision.setting.candidates), None) if unnamed is not None else None
        whom = Who(trained) if trained is not None else None
        return Rejected(text, lines=("take ic",), for_whom=whom, unnamed=unnamed)
    line = f"ic @{actor}" if act is Act.TAKE else line_of(command)
    if holder is not None and line is not None:
        return Rejected(text, lines=(line,), for_whom=Who(holder), unnamed=unnamed)
    return Rejected(text, lines=("who",), unnamed=unnamed)


def _may(parts: frozenset[Part]) -> str:
    """Return the holders of parts, as a refusal names them."""
    parts = _parts(Part.NAMED) if Part.NAMED in parts else parts
    return _enumerated([said for part, said in _HOLDERS.items() if part in parts])


def _people(decision: Decision, command: cmd.Command) -> Iterator[tuple[Part, PersonId]]:
    """Return those who could do it, with the part that lets them; the nearest first."""
    incident, setting = decision.incident, decision.setting
    found: list[tuple[Part, PersonId | None]] = [
        *((Part.OWNER, owner) for owner in sorted(_owners(decision, command))),
        (Part.COMMANDER, incident.commander),
        *((part, incident.roles.get(role)) for role, part in _ROLES.items()),
        (Part.SERVICE_OWNER, setting.plan.owner),
        *((Part.TRAINED, person) for person in setting.candidates),
    ]
    for part, person in found:
        if person is not None and person in setting.named:
            yield part, person
            yield Part.NAMED, person


def _enumerated(words: list[str]) -> str:
    """Return words as a list: a, b or c."""
    return " or ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)
