"""The directory: the people of the config, on every platform they speak on (F8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bot.domain.named import Named
from bot.likeness import same_to_people
from bot.refs import PersonId, UserRef, is_machine, machine_name
from bot.skeleton import is_mixed, skeleton, words

ROLES = tuple(map(skeleton, ("commander", "sitrep", "admin", "bot")))
"""The roles that an unnamed person must not seem to have."""

IC = skeleton("IC")
"""A role as a word of its own: it is part of many names."""

SHORTEST = 3
"""How many letters a word of a name has at least, to be taken for the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person. `users` are the ids they have, by adapter."""

    id: PersonId
    name: str
    commander: bool = False
    users: Mapping[str, str] = field(default_factory=dict)
    mail: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody is called that, or more than one is; `candidates` are the near ones."""

    word: str
    candidates: tuple[str, ...] = ()


class Directory:
    """Finds people by platform user and by what somebody typed, and users by person."""

    def __init__(
        self,
        people: Iterable[Person],
        *,
        unknown: Literal["admit", "trust", "refuse"] = "admit",
        trusted: Iterable[str] = (),
        adapters: Iterable[str] = (),
    ) -> None:
        """Make a directory.

        Args:
            people: The people of the config.
            unknown: Whether others may take part, count as named, or are refused (F8).
            trusted: The patterns of others who count as named, such as `matrix:@*:example.org`.
            adapters: The adapters that are configured.
        """
        self._people = {person.id: person for person in people}
        self._by_user = {
            UserRef(adapter, user): person.id
            for person in self._people.values()
            for adapter, user in person.users.items()
        }
        self._unknown, self._trusted = unknown, tuple(trusted)
        on_some = {adapter for person in self._people.values() for adapter in person.users}
        # A pattern says who counts on its adapter, as a person's user does.
        on_some |= {pattern.partition(":")[0] for pattern in self._trusted}
        self.nobody_named_on = frozenset(adapters) - on_some
        """The adapters on which the config names nobody, neither a person nor a pattern."""
        self._taken = frozenset(filter(None, map(skeleton, self._called())))
        self._given: dict[PersonId, str] = {}
        self._shown: dict[PersonId, str] = {}
        self._homes: dict[PersonId, str] = {}
        self.named = self._counting()
        """The people who count as named (F8)."""

    def _called(self) -> Iterable[str]:
        """Yield what the people of the config are called: key, name, and the words of the name."""
        for person in self._people.values():
            yield from (person.id, person.name)
            yield from (word for word in words(person.name) if len(word) >= SHORTEST)

    def learn(self, person: PersonId, name: str) -> None:
        """Take what a platform calls somebody whom the config does not name."""
        name = " ".join(name.split())
        if person not in self._people and name and self._given.get(person) != name:
            self._given[person] = name
            self._shown[person] = self._told_apart(person, name)

    def _told_apart(self, person: PersonId, name: str) -> str:
        """Return a platform's name for somebody, with their id if it looks like another's (F8).

        A name that somebody chose must not pass for a person of the config, nor for a role: not by
        letters that look alike, nor by anything around it.
        """
        if not self._passes_for_another(name):
            return name
        user = person.partition(":")[2]
        return f"{name} ({user if user != name else person})"

    def _passes_for_another(self, name: str) -> bool:
        whole = skeleton(name)
        within = any(each in whole for each in (*self._taken, *ROLES))
        return within or IC in words(name) or is_mixed(name)

    @property
    def trained(self) -> tuple[PersonId, ...]:
        """The trained commanders, in the order of the config."""
        return tuple(person.id for person in self._people.values() if person.commander)

    @property
    def everybody(self) -> tuple[Person, ...]:
        """All people of the config, in its order."""
        return tuple(self._people.values())

    def person(self, user: UserRef) -> PersonId:
        """Return who a platform user is; an id made from the user where nobody named them."""
        return self._by_user.get(user) or PersonId(f"{user.adapter}:{user.id}")

    def configured(self, person: PersonId) -> bool:
        """Whether the config names this person."""
        return person in self._people

    def _counting(self) -> Named:
        return Named(
            people=frozenset(self._people),
            everybody=self._unknown == "trust",
            adapters=self.nobody_named_on if self._unknown != "refuse" else frozenset(),
            trusted=self._trusted,
            homes=dict(self._homes),
        )

    @property
    def everybody_counts_on(self) -> frozenset[str]:
        """The adapters where everybody counts as named for want of anybody who is (F8)."""
        return self.nobody_named_on if self._unknown == "admit" else frozenset()

    def admits(self, person: PersonId) -> bool:
        """Whether somebody may take part at all (F8). A plugin is admitted by its section."""
        return self._unknown != "refuse" or person in self.named or is_machine(person)

    def learn_home(self, person: PersonId, home: str) -> None:
        """Take where somebody comes from whom the config does not name, as their platform signs it.

        It may make them count as named: `[access] trusted = ["teams:<tenant>"]` (F8).
        """
        if person not in self._people and self._homes.get(person) != home:
            self._homes[person] = home
            self.named = self._counting()

    def name(self, person: PersonId) -> str:
        """Return what a person is called; a machine's name says that it is none."""
        if is_machine(person):
            return f"{machine_name(person)} (plugin)"
        known = self._people.get(person)
        if known is not None:
            return known.name
        return self._shown.get(person) or person.partition(":")[2] or person

    def mail(self, person: PersonId) -> str | None:
        """Return somebody's mail address, where the config has it."""
        known = self._people.get(person)
        return known.mail if known is not None else None

    def user(self, person: PersonId, adapter: str) -> UserRef | None:
        """Return the user that a person is on a platform; `None` if they are not on it."""
        if is_machine(person):
            return None
        known = self._people.get(person)
        if known is not None:
            user = known.users.get(adapter)
            return UserRef(adapter, user) if user is not None else None
        prefix, _, user = person.partition(":")
        return UserRef(adapter, user) if prefix == adapter and user else None

    def find(self, word: str, mentions: Mapping[str, UserRef]) -> PersonId | Unknown:
        """Return who is meant by a mention or a name: `@ben`, `ben`, `Ben`."""
        word = word.removeprefix("@").strip()
        if (user := mentions.get(word)) is not None:
            return self.person(user)
        folded = same_to_people(word)
        exact = [
            p.id
            for p in self._people.values()
            if folded == same_to_people(p.id)
            or folded == same_to_people(p.name)
            or folded in (same_to_people(user.removeprefix("@")) for user in p.users.values())
        ]
        if len(exact) == 1:
            return exact[0]
        near = [
            p.id
            for p in self._people.values()
            if folded
            and any(same_to_people(part).startswith(folded) for part in (p.id, *p.name.split()))
        ]
        if not exact and len(near) == 1 and len(folded) > 1:
            return near[0]
        return Unknown(word, tuple(exact or near or self._people))
