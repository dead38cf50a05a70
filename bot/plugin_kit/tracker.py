"""A template for trackers that are reached over an HTTP API."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from bot.contract.context import Finding, PluginContext
from bot.contract.errors import PermanentFailure, TemporaryFailure
from bot.contract.trackers import Filed, Ticket
from bot.plugin_kit.http_api import Api, ApiRefused
from bot.plugin_kit.ticket_text import unassigned
from bot.refs import ExternalRef

LABEL = "sitrep"
"""The label of every ticket, for trackers that can list by one."""

LOOK_BACK = timedelta(days=7)
"""How old a ticket of an earlier try may be: longer than anything is tried."""

PAGES = 10
PAGE_SIZE = 100
"""A list is read up to `PAGES` pages of `PAGE_SIZE` entries."""

NO_WEBHOOK = Finding(
    "no webhook_secret: closed issues are seen within five minutes, not at once", fault=False
)
"""The finding of `inspect` if a tracker could send webhooks but is not set up to."""

JsonObject = dict[str, Any]


class TicketClient(ABC):
    """The part of a `TicketTracker` that is the same for every tracker with an HTTP API.

    A tracker implements `fields`, `find`, `create`, `change`, `close` and `inspect`, besides
    `closed`; `sync` and `check` call them.
    """

    cannot_be_assigned: str
    """Why the owner could not be assigned, as the end of a sentence that begins with their name."""

    hints: ClassVar[Mapping[int, str]] = {}
    """The hints that `check` adds to a refusal, by HTTP status."""

    def __init__(self, context: PluginContext, api: Api) -> None:
        """Keep both; no request is made before `sync`, `closed` or `check`."""
        self._context, self._api = context, api

    async def sync(self, ticket: Ticket, ref: ExternalRef | None, *, key: str) -> Filed:
        """Bring a ticket up to date; look for its marker before creating it again."""
        del key  # none of the trackers takes an idempotency key: the marker stands in for it
        fields = await self.fields(ticket)
        if ref is None and ticket.again:
            ref = await self._found(ticket.marker)
        if ref is not None:
            return Filed(ref=ref, note=await self.change(ref, ticket, fields))
        filed = await self.create(ticket, fields)
        if not ticket.done:
            return filed
        notes = (filed.note, await self.close(filed.ref))
        return replace(filed, note=" ".join(note for note in notes if note))

    async def check(self) -> Sequence[Finding]:
        """Return what `inspect` finds, or the failure that ended it."""
        try:
            return await self.inspect()
        except ApiRefused as refusal:
            return [Finding(f"{refusal}{self.hints.get(refusal.status, '')}")]
        except (TemporaryFailure, PermanentFailure) as failure:
            return [Finding(str(failure))]

    @abstractmethod
    async def fields(self, ticket: Ticket) -> JsonObject:
        """Return the fields, in the tracker's words, that a new and a changed ticket both get.

        Called first, so it may ask the tracker for ids.
        """

    @abstractmethod
    async def find(self, marker: str) -> Sequence[ExternalRef]:
        """Return the tickets that carry a marker, the oldest first.

        Raises:
            TemporaryFailure: It is too early to tell.
        """

    @abstractmethod
    async def create(self, ticket: Ticket, fields: JsonObject) -> Filed:
        """Create an open ticket."""

    @abstractmethod
    async def change(self, ref: ExternalRef, ticket: Ticket, fields: JsonObject) -> str:
        """Bring an existing ticket up to date, its state too where `done` and `closed` differ.

        Return the note for `Filed`.
        """

    @abstractmethod
    async def close(self, ref: ExternalRef) -> str:
        """Close a ticket that was just created; return a note if that is not possible."""

    @abstractmethod
    async def inspect(self) -> Sequence[Finding]:
        """Check credentials, rights and owners by reading only; failures may be raised."""

    async def _found(self, marker: str) -> ExternalRef | None:
        found = await self.find(marker)
        if len(found) > 1:
            self._context.log.warning("two tickets under one marker", marker=marker)
        return found[0] if found else None

    async def listed(
        self,
        path: str,
        params: Mapping[str, str],
        enough: Callable[[Sequence[JsonObject]], bool] | None = None,
    ) -> Sequence[JsonObject]:
        """Read a list page by page, until it ends or `enough` is true of what was read so far."""
        found: list[JsonObject] = []
        for number in range(1, PAGES + 1):
            paging = {"per_page": str(PAGE_SIZE), "page": str(number)}
            page = await self._api.ask("GET", path, params={**params, **paging})
            found += page
            if len(page) < PAGE_SIZE or (enough is not None and enough(found)):
                break
        return found

    async def readable(
        self, paths: Iterable[str], params: Mapping[str, str] | None = None
    ) -> list[Any]:
        """Read each path by itself; leave out those that the tracker refuses."""
        found = []
        for path in paths:
            try:
                found.append(await self._api.ask("GET", path, params=params))
            except ApiRefused:
                continue  # deleted, moved elsewhere, or not ours to see
        return found

    def owners(self) -> Sequence[tuple[str, str]]:
        """Return the name and the tracker's user id of everybody who may own a ticket."""
        return [(who.name, who.user.id) for who in self._context.addressees if who.user is not None]

    def unassigned(self, ticket: Ticket, *, assigned: bool) -> str:
        """Return the note that nobody is assigned, and why; empty if somebody is."""
        why = self.cannot_be_assigned
        return unassigned(ticket, self._context.name, assigned=assigned, why=why)


def filed_without(problem: str) -> Finding:
    """Return the finding that an owner cannot be assigned."""
    return Finding(f"{problem}: their actions are filed without", fault=False)
