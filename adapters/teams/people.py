"""The bot's memory of Teams: people's ids, and the way to each conversation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from adapters.teams.config import TeamsSettings
from adapters.teams.inbound import ADAPTER, Account, Conversation
from bot.contract import Memory, PersonId


@dataclass(frozen=True, slots=True)
class Reference:
    """The way to a conversation, as last heard: Teams moves tenants."""

    service_url: str
    tenant: str
    kind: str = "channel"
    team: str = ""


class Known:
    """Known people and conversations, cached in memory and shared through the database."""

    def __init__(
        self,
        settings: TeamsSettings,
        configured: Callable[[], Mapping[PersonId, str]],
        memory: Callable[[], Memory],
    ) -> None:
        """Recall nothing yet: `memory` only works once Sitrep runs."""
        self._settings, self._memory, self._configured = settings, memory, configured
        self._users: dict[str, str] = {}
        self._objects: dict[str, str] = {}
        self._places: dict[str, Reference] = {}
        self._me: str | None = None

    # --- people -----------------------------------------------------------------------------------

    def object_id(self, person: PersonId) -> str | None:
        """Return somebody's directory id; `None` if it is not known."""
        known = self._configured().get(person)
        if known is None:
            adapter, _, known = person.partition(":")
            known = known if adapter == ADAPTER else ""
        return known if known and not known.startswith("29:") else None

    def mri(self, person: PersonId) -> str | None:
        """Return somebody's id towards the bot; `None` if this process has not met them."""
        known = self._configured().get(person) or person.partition(":")[2]
        return known if known.startswith("29:") else self._users.get(known)

    async def note(self, person: Account) -> None:
        """Remember the ids of somebody who spoke."""
        if person.object_id is None or self._users.get(person.object_id) == person.id:
            return
        if await self._memory().recall(f"user/{person.object_id}") != person.id:
            await self._memory().keep(f"user/{person.object_id}", person.id)
            await self._memory().keep(f"object/{person.id}", person.object_id)
        self._users[person.object_id] = person.id
        self._objects[person.id] = person.object_id

    async def look_up(self, object_id: str) -> str | None:
        """Return somebody's id towards the bot; `None` if no process has met them."""
        if object_id not in self._users:
            kept = await self._memory().recall(f"user/{object_id}")
            if kept is None:
                return None
            self._users[object_id], self._objects[kept] = kept, object_id
        return self._users[object_id]

    async def user_of(self, mri: str) -> str | None:
        """Return the directory id of a mentioned person; `None` if no process has met them."""
        if mri not in self._objects:
            kept = await self._memory().recall(f"object/{mri}")
            if kept is None:
                return None
            self._objects[mri], self._users[kept] = kept, mri
        return self._objects[mri]

    async def look_up_all(self, people: tuple[PersonId, ...]) -> None:
        """Load what is known about people, so that `mri` can return it."""
        for person in people:
            known = self.object_id(person)
            if known is not None and known not in self._users:
                await self.look_up(known)

    # --- conversations ----------------------------------------------------------------------------

    async def note_conversation(self, heard: Conversation) -> None:
        """Remember where a conversation is reached."""
        found = Reference(heard.service_url, heard.tenant, heard.kind, heard.team)
        if self._places.get(heard.base) == found:
            return
        text = json.dumps(asdict(found))
        if await self._memory().recall(f"place/{heard.base}") != text:
            await self._memory().keep(f"place/{heard.base}", text)
        self._places[heard.base] = found

    async def reference(self, base: str) -> Reference:
        """Return the way to a conversation: as last heard, or as the config says.

        A kept address is only used if the config allows the token to be sent there.
        """
        if base not in self._places:
            kept = await self._memory().recall(f"place/{base}")
            if kept is not None:
                fields: dict[str, Any] = json.loads(kept)
                self._places[base] = Reference(**fields)
        known = self._places.get(base)
        if known is not None and self._settings.may_have_token(known.service_url):
            return known
        return Reference(self._settings.service_url, self._settings.tenant)

    # --- oneself ----------------------------------------------------------------------------------

    async def opened(self, alias: str, conversation: str | None = None) -> str | None:
        """Return the conversation that was opened for an incident; keep it if it is given."""
        if conversation is not None:
            await self._memory().keep(f"alias/{alias}", conversation)
            return conversation
        return await self._memory().recall(f"alias/{alias}")
