"""What the bot has to remember of Teams: who is who there, and where a conversation is reached."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from adapters.teams.config import TeamsSettings
from adapters.teams.inbound import ADAPTER, Account, Conversation
from bot.contract import Addressee, Memory, PersonId


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a conversation is reached; Teams moves tenants, so it is kept as last heard."""

    service_url: str
    tenant: str
    kind: str = "channel"
    team: str = ""


class Known:
    """People and conversations, in memory and in the database, for every process alike."""

    def __init__(
        self,
        settings: TeamsSettings,
        addressees: tuple[Addressee, ...],
        memory: Callable[[], Memory],
    ) -> None:
        """`memory` is there once Sitrep runs."""
        self._settings, self._memory = settings, memory
        self._configured = {a.person: a.user.id for a in addressees if a.user is not None}
        self._users: dict[str, str] = {}
        self._objects: dict[str, str] = {}
        self._places: dict[str, Reference] = {}
        self._me: str | None = None

    # --- people -----------------------------------------------------------------------------------

    def object_id(self, person: PersonId) -> str | None:
        """Return the id that somebody has in the directory, as far as the core knows it."""
        known = self._configured.get(person)
        if known is None:
            adapter, _, known = person.partition(":")
            known = known if adapter == ADAPTER else ""
        return known if known and not known.startswith("29:") else None

    def mri(self, person: PersonId) -> str | None:
        """Return the id that somebody has for the bot, once they were heard here."""
        known = self._configured.get(person) or person.partition(":")[2]
        return known if known.startswith("29:") else self._users.get(known)

    async def note(self, person: Account) -> None:
        """Remember somebody who was heard, or named by Teams."""
        if person.object_id is None or self._users.get(person.object_id) == person.id:
            return
        if await self._memory().recall(f"user/{person.object_id}") != person.id:
            await self._memory().keep(f"user/{person.object_id}", person.id)
            await self._memory().keep(f"object/{person.id}", person.object_id)
        self._users[person.object_id] = person.id
        self._objects[person.id] = person.object_id

    async def look_up(self, object_id: str) -> str | None:
        """Return the id that somebody has for the bot, from what any process has heard."""
        if object_id not in self._users:
            kept = await self._memory().recall(f"user/{object_id}")
            if kept is None:
                return None
            self._users[object_id], self._objects[kept] = kept, object_id
        return self._users[object_id]

    async def user_of(self, mri: str) -> str | None:
        """Return the directory's id of somebody who is mentioned; none where nobody heard them."""
        if mri not in self._objects:
            kept = await self._memory().recall(f"object/{mri}")
            if kept is None:
                return None
            self._objects[mri], self._users[kept] = kept, mri
        return self._objects[mri]

    async def look_up_all(self, people: tuple[PersonId, ...]) -> None:
        """Make sure that `mri` knows what can be known."""
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
        """Return where a conversation is reached: as last heard, else by the config.

        What was kept is believed no further than the config lets the token go.
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
        """Keep, or return, which conversation was opened for an incident."""
        if conversation is not None:
            await self._memory().keep(f"alias/{alias}", conversation)
            return conversation
        return await self._memory().recall(f"alias/{alias}")
