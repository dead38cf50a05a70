"""People whom the config does not name: the names and homes that their platforms give them.

It is kept in memory and stored. Memory learns before a transaction, which decides by it; that
something is stored counts only once the transaction that wrote it has committed. So one that is run
again, or undone, leaves nothing that is known and not stored.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.grammar.text import clean
from bot.people import Directory
from bot.refs import PersonId
from bot.store.work import Store, Work

NAMES, HOMES = "name/", "home/"
"""The prefixes of stored display names, and of the homes that platforms sign."""

LONGEST = 400
"""The longest name that is kept: no platform's is longer, and each is stored."""


class Acquaintances:
    """The people whom the config does not name, as their platforms present them (F8)."""

    def __init__(self, directory: Directory) -> None:
        """Know nobody yet."""
        self._directory = directory
        self._stored: dict[str, str] = {}

    def under(self, directory: Directory) -> Acquaintances:
        """Return the same people beside another config's; what is stored is known to both."""
        known = Acquaintances(directory)
        known._stored = self._stored
        for reference, value in self._stored.items():
            prefix, _, person = reference.partition("/")
            is_name = f"{prefix}/" == NAMES
            known.meet(PersonId(person), value if is_name else "", None if is_name else value)
        return known

    async def load(self, store: Store) -> None:
        """Learn what is stored, at the start."""
        names = await store.read(lambda work: work.refs_under(NAMES))
        homes = await store.read(lambda work: work.refs_under(HOMES))
        for person, name in names.items():
            self.meet(PersonId(person), name, None)
        for person, home in homes.items():
            self.meet(PersonId(person), "", home)
        self._stored |= {f"{NAMES}{person}": name for person, name in names.items()}
        self._stored |= {f"{HOMES}{person}": home for person, home in homes.items()}

    def meet(self, person: PersonId, name: str, home: str | None) -> Mapping[str, str]:
        """Learn what a platform says of somebody; return it as references that can be stored."""
        if not person or self._directory.configured(person):
            return {}
        found = {}
        if name := clean(name)[:LONGEST]:
            self._directory.learn(person, name)
            found[f"{NAMES}{person}"] = name
        if home is not None and home.isprintable() and 0 < len(home) <= LONGEST:
            self._directory.learn_home(person, home)
            found[f"{HOMES}{person}"] = home
        return found

    async def store(self, work: Work, said: Mapping[str, str]) -> Mapping[str, str]:
        """Store what is not stored yet; return it, to be handed to `stored` after the commit."""
        fresh = {name: value for name, value in said.items() if self._stored.get(name) != value}
        for name, value in fresh.items():
            await work.store_ref(name, value)
        return fresh

    def stored(self, fresh: Mapping[str, str]) -> None:
        """Note what a transaction has stored that committed."""
        self._stored |= fresh
