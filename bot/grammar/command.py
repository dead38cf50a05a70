"""Lines about command, roles and responders (C1-C6)."""

from __future__ import annotations

from bot.domain import commands as cmd
from bot.domain.incident import Role
from bot.grammar.verb import (
    Topic,
    Verb,
    Words,
    Wrong,
    alone,
    split_word,
)
from bot.people import Unknown


def _take(words: Words) -> cmd.TakeCommand:
    if words.tail.casefold() not in {"ic", "command", "commander"}:
        raise Wrong("Take what?", ("take ic",))
    return cmd.TakeCommand()


def _role(words: Words) -> cmd.AssignRole:
    role, person = split_word(words.tail)
    if role.casefold() in {"ic", "commander"}:
        raise Wrong("The commander has a verb of their own.", (f"ic {person or '@x'}",))
    if role.casefold() not in set(Role):
        raise Wrong("Which role? scribe, comms or liaison.")
    return cmd.AssignRole(role=Role(role.casefold()), person=words.person(person))


def _page(words: Words) -> cmd.PageOut:
    whom, reason = split_word(words.tail)
    if not whom:
        raise Wrong("Page whom?")
    found = words.directory.find(whom, words.mentions)
    if not isinstance(found, Unknown):
        return cmd.PageOut(person=found, reason=reason or None)
    if whom.startswith("@"):
        words.person(whom)
    return cmd.PageOut(service=whom, reason=reason or None)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="ic",
        aliases=("commander", "lead"),
        form="ic @x",
        example="ic @ben",
        says="Asks somebody to be incident commander.",
        topic=Topic.COMMAND,
        read=lambda words: cmd.NameCommander(person=words.only_person()),
    ),
    Verb(
        name="accept",
        form="accept",
        example="accept",
        says="Takes the command that was offered.",
        topic=Topic.COMMAND,
        read=alone(cmd.AcceptCommand()),
    ),
    Verb(
        name="decline",
        form="decline",
        example="decline",
        says="Leaves it to the next in the rotation.",
        topic=Topic.COMMAND,
        read=alone(cmd.DeclineCommand()),
    ),
    Verb(
        name="take",
        form="take ic",
        example="take ic",
        says="Takes command unasked, while it is only acting or the commander is silent.",
        topic=Topic.COMMAND,
        read=_take,
    ),
    Verb(
        name="handoff",
        form="handoff @x",
        example="handoff @cara",
        says="Offers command to somebody; it stays yours until they accept.",
        topic=Topic.COMMAND,
        read=lambda words: cmd.HandOff(person=words.only_person()),
    ),
    Verb(
        name="role",
        aliases=("assign",),
        form="role <scribe|comms|liaison> @x",
        example="role scribe @ann",
        says="Gives a role to somebody.",
        topic=Topic.COMMAND,
        read=_role,
    ),
    Verb(
        name="page",
        aliases=("escalate",),
        form="page <@x|service> [reason]",
        example="page checkout the rollback needs a second pair of eyes",
        says="Calls a person, or whoever is on call for a service.",
        topic=Topic.COMMAND,
        read=_page,
    ),
    Verb(
        name="join",
        form="join",
        example="join",
        says="Makes you a responder.",
        topic=Topic.WORK,
        read=alone(cmd.Join()),
    ),
    Verb(
        name="leave",
        form="leave",
        example="leave",
        says="You are no responder any more.",
        topic=Topic.WORK,
        read=alone(cmd.Leave()),
    ),
)
