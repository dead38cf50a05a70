"""Identities: the bottom layer. An id is opaque everywhere else; what Sitrep names is read here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NewType, Self

PersonId = NewType("PersonId", str)
"""A person, whatever platform they speak on.

The key of their section in the config, or `adapter:user-id` for somebody the config does not name.
A machine has an id of this type, too: `plugin:<name>` (see `machine`).
"""


@dataclass(frozen=True, slots=True, order=True)
class UserRef:
    """A user of one platform."""

    adapter: str
    id: str


@dataclass(frozen=True, slots=True, order=True)
class ConversationRef:
    """A room, channel, thread or chat of one platform.

    The id is the platform's own, or a name that Sitrep gave to a conversation it has yet to open:
    `new:` with an incident's id, or `direct:` with a user's.
    """

    adapter: str
    id: str

    @classmethod
    def to_open(cls, adapter: str, incident: str) -> Self:
        """Return the name of the conversation that Sitrep opens for an incident."""
        return cls(adapter, f"{_TO_OPEN}{incident}")

    @classmethod
    def direct(cls, user: UserRef) -> Self:
        """Return the name of the conversation with one user alone."""
        return cls(user.adapter, f"{_DIRECT}{user.id}")

    @property
    def pending(self) -> str | None:
        """The incident whose conversation this names until it is open; `None` if another's."""
        return self.id.removeprefix(_TO_OPEN) if self.id.startswith(_TO_OPEN) else None

    @property
    def direct_to(self) -> UserRef | None:
        """The user whose direct conversation this names; `None` if it names another."""
        if not self.id.startswith(_DIRECT):
            return None
        return UserRef(self.adapter, self.id.removeprefix(_DIRECT))


_TO_OPEN, _DIRECT = "new:", "direct:"


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A message that can be edited, pinned or answered later."""

    conversation: ConversationRef
    id: str


@dataclass(frozen=True, slots=True)
class ExternalRef:
    """A thing on another system: a ticket, a page, a published document."""

    plugin: str
    id: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Who:
    """A person inside a text; shown in each platform's own way."""

    person: PersonId


PLUGIN = "plugin"
"""The first part of every plugin's lane, where a conversation's lane has its adapter."""

_PAGES = "pages"


def machine(plugin: str, called: str | None = None) -> PersonId:
    """Return the id under which a plugin acts; `called`: it speaks for something of that name.

    No person has such an id, for no adapter may be called `plugin`.
    """
    return PersonId(f"{PLUGIN}:{plugin}" + (f"/{called}" if called else ""))


def is_machine(person: object) -> bool:
    """Return whether an id is a machine's, and no person's."""
    return isinstance(person, str) and person.startswith(f"{PLUGIN}:")


def machine_name(person: PersonId) -> str:
    """Return the name that a machine goes by."""
    plugin, _, called = person.removeprefix(f"{PLUGIN}:").partition("/")
    return called or plugin


class Lane(str):
    """One queue of the outbox, whose rows are delivered in order. It is its own stored text.

    A conversation has a lane (`adapter/id`), a plugin has one for each incident or address
    (`plugin/name/INC-1`), and a status page has one for all incidents, for they share components
    (`plugin/name/pages`). Nothing else reads or writes this text.
    """

    __slots__ = ()

    @classmethod
    def of(cls, conversation: ConversationRef) -> Self:
        """Return a conversation's lane."""
        return cls(f"{conversation.adapter}/{conversation.id}")

    @classmethod
    def of_plugin(cls, plugin: str, about: str) -> Self:
        """Return a plugin's lane for an incident, or for an address."""
        return cls(f"{PLUGIN}/{plugin}/{about}")

    @classmethod
    def of_status_page(cls, plugin: str) -> Self:
        """Return a status page's lane."""
        return cls.of_plugin(plugin, _PAGES)

    @staticmethod
    def prefix(first: str) -> str:
        """Return how the lanes of an adapter begin, or with `PLUGIN`, those of all plugins."""
        return f"{first}/"

    @property
    def is_plugin(self) -> bool:
        """Whether a plugin delivers it, rather than a chat adapter."""
        return self.startswith(self.prefix(PLUGIN))

    @property
    def target(self) -> str:
        """The name of the adapter or plugin that delivers it."""
        first, _, rest = self.partition("/")
        return rest.partition("/")[0] if first == PLUGIN else first

    @property
    def conversation(self) -> ConversationRef:
        """The conversation whose lane this is. Ask for it only if the lane is not a plugin's."""
        adapter, _, conversation = self.partition("/")
        return ConversationRef(adapter, conversation)

    @property
    def status_page(self) -> str | None:
        """The plugin whose status page this is; `None` if it is another lane."""
        plugin = self.target
        return plugin if self == Lane.of_status_page(plugin) else None

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: Callable[[type[str]], object]
    ) -> dict[str, object]:
        """Have pydantic read and write a lane as a string (this module imports no pydantic)."""
        del source
        called = {"type": "no-info", "function": cls}
        return {"type": "function-after", "function": called, "schema": handler(str)}
