"""For tests, ours and plugin authors': a clock by hand, plugins that record, a stage to act on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import structlog

from bot.app import App, composed
from bot.config.load import parse
from bot.config.model import Config
from bot.contract.chat import Addressee, ChatEvent, ConversationRequest, Features, Opened, Receive
from bot.contract.context import PluginContext
from bot.contract.documents import Document
from bot.contract.hooks import hookimpl
from bot.contract.messages import Message, plain
from bot.contract.paging import PageRequest
from bot.contract.stakeholders import Mail, StakeholderUpdate
from bot.contract.status_pages import StatusNotice
from bot.contract.trackers import Filed, Ticket
from bot.domain.events import Entry
from bot.domain.incident import ClockName, Incident
from bot.people import Directory
from bot.plugin_manager import Context
from bot.refs import ConversationRef, ExternalRef, MessageRef, UserRef

START = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
"""The time at which a manual clock begins: a Tuesday."""


class ManualClock:
    """A clock that goes when it is told to."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._changed = asyncio.Condition()
        self._steady = timedelta(0)

    def steady(self) -> timedelta:
        """Return the time that has passed, whatever the clock was set to."""
        return self._steady

    def now(self) -> datetime:
        """Return the time."""
        return self._now

    def real(self, when: datetime) -> datetime:
        """Return a time that does not come: who turns the clock runs what is due."""
        return max(when, datetime.now(UTC) + timedelta(days=1))

    async def set(self, when: datetime) -> None:
        """Go to an instant, forward or back."""
        async with self._changed:
            self._steady += max(when - self._now, timedelta(0))
            self._now = when
            self._changed.notify_all()

    async def jump(self, length: timedelta) -> None:
        """Be set by somebody, forward or back, while no time passes."""
        async with self._changed:
            self._now += length
            self._changed.notify_all()

    async def advance(self, length: timedelta) -> None:
        """Go on."""
        await self.set(self._now + length)

    async def sleep(self, length: timedelta) -> None:
        """Wait until the clock has gone on that far."""
        until = self._now + length
        async with self._changed:
            await self._changed.wait_for(lambda: self._now >= until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One effect that an adapter was asked for."""

    kind: str
    conversation: str
    text: str
    key: str
    ref: str = ""
    message: Message | None = None
    answers: str | None = None


class RecordingAdapter:
    """A chat platform that keeps what it is told, and knows keys again as a good platform does.

    `fault` may raise for a call, before its effect; `lost` after it, as when an answer is lost.
    """

    def __init__(self, name: str = "chat", features: Features | None = None) -> None:
        self.name = name
        self.features = features or Features(edits=True, pins=True, direct=True)
        self.done: list[Posted] = []
        self.repeats = 0
        self.fault: Callable[[Posted], None] = lambda _posted: None
        self.lost: Callable[[Posted], None] = lambda _posted: None
        self._refs: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self.inbox: asyncio.Queue[ChatEvent | None] = asyncio.Queue()

    async def run(self, receive: Receive) -> bool:
        """Hand on what is put into `inbox`, until none is."""
        while (event := await self.inbox.get()) is not None:
            await receive(event)
        return True

    async def open_conversation(self, request: ConversationRequest, *, key: str) -> Opened:
        """Open a conversation once for each alias."""
        name = f"@{request.direct_to.id}" if request.direct_to else f"!{request.alias}"
        self._do(Posted(kind="open", conversation=name, text=request.name, key=key))
        return Opened(conversation=ConversationRef(self.name, name))

    async def post(
        self,
        to: ConversationRef,
        message: Message,
        *,
        key: str,
        answers: str | None = None,
        urgent: bool = False,
    ) -> MessageRef:
        """Keep a message; a key that was there already gives its reference again."""
        del urgent
        posted = Posted(
            kind="post",
            conversation=to.id,
            text=plain(message),
            key=key,
            message=message,
            answers=answers,
        )
        return MessageRef(to, self._do(posted))

    async def offer(self, ref: MessageRef, buttons: int, *, key: str) -> None:
        """Keep an offer of buttons."""
        text = str(buttons)
        posted = Posted(
            kind="offer", conversation=ref.conversation.id, text=text, key=key, ref=ref.id
        )
        self._do(posted)

    async def acknowledge(self, ref: MessageRef, *, worked: bool, key: str) -> None:
        """Keep a mark."""
        mark = "✅" if worked else "❓"
        posted = Posted(
            kind="mark", conversation=ref.conversation.id, text=mark, key=key, ref=ref.id
        )
        self._do(posted)

    async def edit(self, ref: MessageRef, message: Message, *, key: str) -> None:
        """Keep an edit."""
        self._do(
            Posted(
                kind="edit",
                conversation=ref.conversation.id,
                text=plain(message),
                key=key,
                ref=ref.id,
                message=message,
            )
        )

    async def pin(self, ref: MessageRef, *, key: str) -> None:
        """Keep a pin."""
        self._do(Posted(kind="pin", conversation=ref.conversation.id, text=ref.id, key=key))

    async def invite(self, to: ConversationRef, users: Sequence[UserRef], *, key: str) -> None:
        """Keep invitations."""
        names = ",".join(user.id for user in users)
        self._do(Posted(kind="invite", conversation=to.id, text=names, key=key))

    async def set_private(self, to: ConversationRef, *, private: bool, key: str) -> None:
        """Let only the invited into a conversation, or everybody again."""
        self._do(
            Posted(kind="private" if private else "public", conversation=to.id, text="", key=key)
        )

    async def set_topic(self, to: ConversationRef, topic: str, *, key: str) -> None:
        """Keep a topic."""
        self._do(Posted(kind="topic", conversation=to.id, text=topic, key=key))

    def _do(self, posted: Posted) -> str:
        self.fault(posted)
        known = self._refs.get(posted.key)
        if known is None:
            known = self._refs[posted.key] = f"m{next(self._numbers)}"
            self.done.append(posted)
        else:
            self.repeats += 1
        self.lost(posted)
        return known

    def ref_of(self, posted: Posted) -> str:
        """Return the id of a message that was posted."""
        return self._refs[posted.key]

    def said(self, conversation: str, kind: str = "post") -> list[str]:
        """Return what was said in a conversation, oldest first."""
        return [p.text for p in self.done if p.conversation == conversation and p.kind == kind]

    def plugin(self) -> object:
        """Return a plugin that provides this adapter."""

        @hookimpl
        def register_chat_adapter() -> RecordingAdapter:
            return self

        return SimpleNamespace(register_chat_adapter=register_chat_adapter)


@dataclass(slots=True)
class RecordingProvider:
    """Everything else a plugin can provide, in one object that keeps what it is asked for."""

    name: str = "outside"
    calls: list[tuple[str, Any]] = field(default_factory=list)
    fault: Callable[[str], None] = lambda _call: None
    on_call_now: tuple[str, ...] = ()
    closed_now: set[str] = field(default_factory=set)

    async def publish(
        self, notice: StatusNotice | Document, ref: ExternalRef | None, *, key: str
    ) -> ExternalRef:
        """Publish a notice or a document."""
        self._note("publish", (notice, ref, key))
        return ref or ExternalRef(self.name, f"p{len(self.calls)}", "https://status.example.com/1")

    async def sync(self, ticket: Ticket, ref: ExternalRef | None, *, key: str) -> Filed:
        """Sync a ticket."""
        self._note("sync", (ticket, ref, key))
        name = f"T-{ticket.marker.rpartition('/A')[2]}" if "/A" in ticket.marker else "T-1"
        return Filed(ref=ref or ExternalRef(self.name, name, f"https://tracker.example.com/{name}"))

    async def closed(self, refs: Sequence[ExternalRef]) -> Mapping[str, bool]:
        """Return which tickets are in `closed_now`."""
        self._note("closed", tuple(refs))
        return {ref.id: ref.id in self.closed_now for ref in refs}

    async def mail(self, mail: Mail, *, key: str) -> None:
        """Send a mail."""
        self._note("mail", (mail, key))

    async def page(self, request: PageRequest, *, key: str) -> None:
        """Page somebody."""
        self._note("page", (request, key))

    async def on_call(self, schedule: str) -> Sequence[str]:
        """Return who is on call."""
        self._note("on_call", schedule)
        return self.on_call_now

    async def send(self, update: StakeholderUpdate, *, key: str) -> None:
        """Send a brief."""
        self._note("send", (update, key))

    async def summarize(
        self, incident: Incident, timeline: Sequence[Entry], audience: ClockName
    ) -> str:
        """Return a draft."""
        self._note("summarize", (incident.id, len(timeline), audience))
        return f"{incident.title}: we are on it."

    def _note(self, call: str, what: object) -> None:
        self.fault(call)
        self.calls.append((call, what))

    def plugin(self, *hooks: str) -> object:
        """Return a plugin that provides this object by the hooks named."""

        def provide() -> RecordingProvider:
            return self

        def heard(entry: Entry, incident: Incident) -> None:
            self._note("changed", (entry, incident))

        implemented: dict[str, object] = {
            hook: hookimpl(_copy(provide)) for hook in hooks if hook != CHANGED
        }
        if CHANGED in hooks:
            implemented[CHANGED] = hookimpl(heard)
        return SimpleNamespace(**implemented)


CHANGED = "incident_changed"


def _copy(function: Callable[[], RecordingProvider]) -> Callable[[], RecordingProvider]:
    def provide() -> RecordingProvider:
        return function()

    return provide


def plugin_context(
    name: str, config: Mapping[str, Any] | None = None, home: str = "."
) -> PluginContext:
    """Return a context to call a plugin's hooks with."""
    return Context(
        name=name,
        section=f"plugins.{name}",
        config=config or {},
        log=structlog.stdlib.get_logger(name),
        clock=ManualClock(),
        home=home,
        commands=(),
        addressees=(
            Addressee(
                person=Directory(()).person(UserRef(name, "ann")),
                name="Ann",
                user=UserRef(name, "ann"),
            ),
        ),
    )


TEAM = """
[people.ann]
[people.ben]
commander = true
[people.cara]
commander = true
[people.priya]
[people.dev]
[services.checkout]
comms = "priya"
on_call = ["dev"]
status_page = "https://status.example.com"
[paging]
last = ["cara"]
[adapters.chat]
"""
"""A config with an invented team, on a recording adapter called `chat`."""


class Stage:
    """A whole Sitrep to act on: somebody says something, time passes, the rooms are read."""

    def __init__(self, app: App, clock: ManualClock, chat: RecordingAdapter) -> None:
        """Use `stage`."""
        self.app, self.clock, self.chat = app, clock, chat
        self._numbers = itertools.count(1)

    async def say(  # noqa: PLR0913 - a message has these
        self,
        who: str,
        text: str,
        *,
        room: str = "ops",
        event: str | None = None,
        at: datetime | None = None,
        deliver: bool = True,
    ) -> bool:
        """Say something in a room, and let everything be delivered; whether it was done."""
        name = event or f"e{next(self._numbers)}"
        receipt = await self.app.receive(
            ChatEvent(
                id=name,
                conversation=ConversationRef(self.chat.name, room),
                sender=UserRef(self.chat.name, who),
                sender_name=who,
                text=text,
                written_at=at or self.clock.now(),
                addressed=room.startswith("@"),
                direct=room.startswith("@"),
                message=name,
            )
        )
        if deliver:
            await self.settle()
        return receipt.done

    async def settle(self) -> None:
        """Deliver what can be delivered without waiting for another try."""
        await self.app.outbox.drain(timedelta(0))

    async def pass_time(self, length: timedelta) -> None:
        """Let time pass, stopping at everything that falls due on the way."""
        until = self.clock.now() + length
        while (due := await self.app.store.next_due()) is not None and due <= until:
            if due > self.clock.now():
                await self.clock.set(due)
            await self.app.jobs.due_times.run_due()
            await self.settle()
        await self.clock.set(until)
        await self.app.jobs.due_times.run_due()
        await self.settle()

    async def minutes(self, count: float) -> None:
        """Let minutes pass."""
        await self.pass_time(timedelta(minutes=count))

    async def incident(self, name: str = "INC-1") -> Incident:
        """Return an incident as stored."""
        found = await self.app.store.read(lambda work: work.incident(name))
        if found is None:
            raise LookupError(name)
        return found

    async def timeline(self, name: str = "INC-1") -> list[Entry]:
        """Return a timeline as stored."""
        return list(await self.app.store.read(lambda work: work.timeline(name)))

    def heard(self, room: str = "ops") -> list[str]:
        """Return what was posted in a room."""
        return self.chat.said(room)


@asynccontextmanager
async def stage(  # noqa: PLR0913 - what there is to choose
    home: Path,
    *,
    config: str | Config = TEAM,
    more: str = "",
    chat: RecordingAdapter | None = None,
    given: Mapping[str, object] | None = None,
    clock: ManualClock | None = None,
) -> AsyncIterator[Stage]:
    """Run a whole Sitrep over a database in `home`, with a clock by hand and a recording adapter.

    `more` is added to the config's text; `given` are further plugins by their section's name.
    """
    chat = chat or RecordingAdapter()
    clock = clock or ManualClock()
    settings = parse(config + more, {}) if isinstance(config, str) else config
    people = {
        key: person.model_copy(update={"users": {chat.name: key, **person.users}})
        for key, person in settings.people.items()
    }
    settings = settings.model_copy(update={"people": people})
    plugins = {chat.name: chat.plugin(), **(given or {})}
    async with (
        composed(settings, home, clock, given=plugins, tell=lambda _line: None) as app,
        app.working(),
    ):
        yield Stage(app, clock, chat)
