"""The hooks that a plugin may implement; `Hooks` is the plugin contract.

A plugin is a module named by an entry point of the group `sitrep`. It is loaded if the config has a
section of its name, `[adapters.<name>]` or `[plugins.<name>]`.
"""

from __future__ import annotations

from collections.abc import Awaitable

import pluggy
import typer

from bot.contract.chat import ChatAdapter
from bot.contract.context import PluginContext
from bot.contract.documents import PostmortemPublisher
from bot.contract.paging import Pager
from bot.contract.stakeholders import Mailer, StakeholderChannel, Summarizer
from bot.contract.status_pages import StatusPage
from bot.contract.trackers import TicketTracker
from bot.domain.events import Entry
from bot.domain.incident import Incident

NAME = "sitrep"
"""The project's name in pluggy, and the entry-point group."""

hookspec = pluggy.HookspecMarker(NAME)
hookimpl = pluggy.HookimplMarker(NAME)


class Hooks:
    """Every hook of a plugin; implement the ones you need.

    `configure` and the `register_*` hooks are called once, before anything runs. They read their
    section with `context.settings`, and do no network I/O: a faulty config stops the start, a
    service that is away does not. A `register_*` hook returns the object that does the work later,
    or `None` to provide nothing. A hook that raises, or takes longer than ten seconds, stops the
    start and is named.
    """

    @hookspec
    def configure(self, context: PluginContext) -> None:
        """Read the plugin's section, if no `register_*` hook does; called before all of them."""

    @hookspec
    def register_chat_adapter(self, context: PluginContext) -> ChatAdapter | None:
        """Provide a chat platform; only a plugin in an `[adapters.<name>]` section must do so."""

    @hookspec
    def register_status_page(self, context: PluginContext) -> StatusPage | None:
        """Provide a status page; what is published goes to every registered one (X2)."""

    @hookspec
    def register_ticket_tracker(self, context: PluginContext) -> TicketTracker | None:
        """Provide an issue tracker; each SEV4 and each action item gets a ticket there (S4, A2)."""

    @hookspec
    def register_pager(self, context: PluginContext) -> Pager | None:
        """Provide a paging service; it is called besides the mention in the chat (K3, F16)."""

    @hookspec
    def register_stakeholder_channel(self, context: PluginContext) -> StakeholderChannel | None:
        """Provide a way to people outside the response; every brief goes there (H1)."""

    @hookspec
    def register_summarizer(self, context: PluginContext) -> Summarizer | None:
        """Provide drafts for briefs; the first registered summarizer replaces the built-in one."""

    @hookspec
    def register_postmortem_publisher(self, context: PluginContext) -> PostmortemPublisher | None:
        """Provide a place for finished postmortems (P5)."""

    @hookspec
    def register_mailer(self, context: PluginContext) -> Mailer | None:
        """Provide a way to send mail: invitations to reviews, and updates to subscribers (P2)."""

    @hookspec
    def command_line(self) -> typer.Typer | None:
        """Provide commands `sitrep <name> …`, for what is done once; `ctx.obj` is the context.

        Called before any config is read, and only when such a command is typed.
        """

    @hookspec
    def incident_changed(
        self, context: PluginContext, entry: Entry, incident: Incident
    ) -> Awaitable[None] | None:
        """React to a timeline entry: called for each, after its commit, in order, at least once.

        `incident` is the incident as it stands now, which may be later than the entry. Raise
        to be called again with the same entry. May be a coroutine.
        """
