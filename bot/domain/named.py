"""Named people: those whom the config knows, and those whom it lets count as known (F8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from bot.domain.incident import Incident
from bot.refs import PersonId, is_machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The people who count as named: `person in named`. A machine never does (C1)."""

    people: frozenset[PersonId] = frozenset()
    """The people of the config."""
    everybody: bool = False
    """Everybody counts as named: `[access] unknown_people = "trust"`."""
    adapters: frozenset[str] = frozenset()
    """The adapters on which the config names nobody: everybody admitted there counts."""
    trusted: tuple[str, ...] = ()
    """The patterns of `[access] trusted`, such as `matrix:@*:example.org`."""
    homes: Mapping[PersonId, str] = field(default_factory=dict)
    """Where others come from, as their platform says and signs: a tenant."""

    def __contains__(self, person: object) -> bool:
        if not isinstance(person, str) or not person or is_machine(person):
            return False
        if self.everybody or person in self.people:
            return True
        adapter, _, _user = person.partition(":")
        if adapter in self.adapters:
            return True
        if any(fnmatchcase(person, pattern) for pattern in self.trusted):
            return True
        home = self.homes.get(PersonId(person))
        # Tenants and domains are the same in either case, and are copied in either.
        at = f"{adapter}:{home}".casefold() if home else ""
        return any(fnmatchcase(at, pattern.casefold()) for pattern in self.trusted if at)


def vouched(incident: Incident, named: Named) -> bool:
    """Return whether somebody whom the config names has acted in an incident (X3)."""
    return any(person in named for person in incident.participants)


EVERYBODY = Named(everybody=True)
