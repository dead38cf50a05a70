"""Delivers rows to plugins: pages, notices, tickets, briefs, documents, mail and listeners."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import structlog

from bot.contract.documents import Document
from bot.contract.status_pages import Redrawable, StatusNotice, StatusUpdate
from bot.contract.trackers import Filed
from bot.delivery.delivered import Delivered, configured, expected, needed
from bot.delivery.gathered import Gathering
from bot.delivery.in_force import Now
from bot.domain import commands as cmd
from bot.domain import drafting
from bot.domain.effects import FileTicket, PublishPostmortem, PublishStatus
from bot.domain.incident import ClockName, Incident
from bot.domain.publication import ComponentState
from bot.grammar.text import clean
from bot.plugin_manager import PluginManager
from bot.presenter import Presenter
from bot.refs import ExternalRef, Lane
from bot.store.rows import (
    Brief,
    BriefDraft,
    Events,
    FanOut,
    GatheredCalls,
    GatheredNews,
    Letter,
    Outgoing,
    Page,
    PluginBody,
    Post,
    Redraw,
    Waiting,
)
from bot.store.work import Store

DRAFT_SECONDS = 10.0
"""How long a summarizer may take before the built-in draft is used."""

_log = structlog.stdlib.get_logger("sitrep.outbox")


class PluginDelivery:
    """Delivers rows to plugins."""

    def __init__(
        self, store: Store, plugins: PluginManager, in_force: Now, gathering: Gathering
    ) -> None:
        self._store, self._plugins, self._in_force = store, plugins, in_force
        self._gathering = gathering

    @property
    def _presenter(self) -> Presenter:
        return self._in_force().presenter

    async def deliver(self, row: Waiting, body: PluginBody) -> Delivered:
        """Deliver a row to the plugin that is its target."""
        plugins, target = self._plugins, row.what.target
        match body:
            case Page():
                await configured(plugins.pagers, target).page(body.request, key=row.key)
            case Brief():
                await configured(plugins.channels, target).send(body.update, key=row.key)
            case Letter():
                await configured(plugins.mailers, target).mail(body.mail, key=row.key)
            case Events():
                await self._tell(row, body)
            case Redraw():
                page = configured(plugins.status_pages, target)
                if isinstance(page, Redrawable):
                    await page.redraw()
            case GatheredCalls():
                return await self._gathering.calls(row, body)
            case GatheredNews():
                return await self._gathering.news(body)
            case FanOut():
                return Delivered(news=body.update)
            case PublishStatus():
                return await self._publish_status(row)
            case FileTicket():
                return await self._file(row, body)
            case PublishPostmortem():
                publisher = configured(plugins.publishers, target)
                document = await self.document(needed(row.incident))
                ref = await publisher.publish(document, _external(row.ref), key=row.state_key)
                return _kept(row, ref)
            case BriefDraft():
                return await self._draft(row, body)
        return Delivered()

    async def _publish_status(self, row: Waiting) -> Delivered:
        """Publish what a status page is to show of an incident now (X2)."""
        page, incident = configured(self._plugins.status_pages, row.what.target), row.incident
        if not needed(incident).publications:
            return Delivered()
        public = await self._store.read(lambda work: work.public())
        notice = _notice(needed(incident), public)
        return _kept(row, await page.publish(notice, _external(row.ref), key=row.state_key))

    async def _file(self, row: Waiting, body: FileTicket) -> Delivered:
        """File a ticket, or bring it up to date: the incident's own, or an action's."""
        tracker = configured(self._plugins.trackers, row.what.target)
        wanted = self._presenter.actions.ticket(needed(row.incident), body.action, row.what.target)
        ticket = replace(wanted, again=row.doubt or row.attempts > 0)
        answer = await tracker.sync(ticket, _external(row.ref), key=row.state_key)
        filed = expected(Filed, answer)
        done = _kept(row, filed.ref)
        if body.action is None:
            return replace(done, command=cmd.NoteTicket(ticket=filed.ref))
        command = cmd.NoteActionTicket(
            n=body.action, ticket=filed.ref, closed=ticket.done, note=filed.note
        )
        return replace(done, command=command)

    async def document(self, incident: Incident) -> Document:
        """Return the postmortem as publishers take it."""
        entries = await self._store.read(lambda work: work.timeline(incident.id))
        return Document(
            incident=incident.id,
            title=incident.title,
            markdown=drafting.document(incident, entries, self._presenter.drafting),
            at=incident.declared_at,
            severity=incident.highest,
            service=incident.service,
        )

    async def _tell(self, row: Waiting, body: Events) -> None:
        """Tell a listener of each entry, in order."""
        incident = needed(row.incident)
        entries = await self._store.read(lambda work: work.timeline(incident.id, body.first))
        for entry in entries:
            if entry.n <= body.last:
                await self._plugins.tell(row.what.target, entry, incident)

    async def _draft(self, row: Waiting, draft: BriefDraft) -> Delivered:
        """Have the summarizer draft a brief; if it fails, offer the built-in draft at once."""
        incident, to = needed(row.incident), draft.to
        entries = await self._store.read(lambda work: work.timeline(incident.id))
        text = ""
        try:
            summarizer = configured(self._plugins.summarizers, row.what.target)
            async with asyncio.timeout(DRAFT_SECONDS):
                text = clean(
                    str(await summarizer.summarize(incident, entries, ClockName.STAKEHOLDER))
                )
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - a plugin's fault is named
            _log.warning("summarizer failed", plugin=row.what.target, error=repr(exc))
        message = self._presenter.briefs.offer(
            incident, text or self._presenter.briefs.draft(incident)
        )
        body = Post(message=message, about=draft.about)
        shown = Outgoing(target=to.adapter, lane=Lane.of(to), body=body)
        return Delivered(send=(shown,))


def _notice(incident: Incident, public: Sequence[Incident]) -> StatusNotice:
    """Return an incident's notice: its updates, and the worst state of each component.

    `public` are all incidents that the page shows, since several may share a component.
    """
    shown = [incident, *(other for other in public if other.id != incident.id)]
    state = incident.clocks.get(ClockName.EXTERNAL)
    last = incident.publications[-1]
    return StatusNotice(
        incident=incident.id,
        title=last.title,
        state=last.state,
        health=last.health,
        updates=tuple(
            StatusUpdate(
                n=each.entry, at=each.at, state=each.state, text=each.text, health=each.health
            )
            for each in incident.publications
        ),
        components={
            name: max(
                (
                    other.publications[-1].health
                    for other in shown
                    if name in other.publications[-1].components
                ),
                default=ComponentState.OPERATIONAL,
            )
            for each in incident.publications
            for name in each.components
        },
        began_at=incident.declared_at,
        next_update=state.promise.due_at if state is not None and state.promise else None,
    )


def _kept(row: Waiting, ref: ExternalRef) -> Delivered:
    """Return a result that keeps the reference to what was published."""
    ref = expected(ExternalRef, ref)
    return Delivered(refs=((row.ref_name, json.dumps([ref.plugin, ref.id, ref.url])),))


def _external(stored: str | None) -> ExternalRef | None:
    return ExternalRef(*json.loads(stored)) if stored is not None else None
