"""What stands on the boundary: the plugin contract's objects and values, and the store's port.

An effect may be asked for again with the same `key` when its answer was lost; a plugin makes that
harmless wherever its platform can. It raises `TemporaryFailure` (tried again, not before its
`retry_after`) or `PermanentFailure` (a dead letter at once); anything else counts as temporary.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol, TypeVar, runtime_checkable

import structlog
from aiohttp import ClientSession, web
from pydantic import BaseModel

from bot.chat import Addressee, ConversationRequest, Features, Inbound, Opened, Receipt
from bot.domain.actions import Action
from bot.domain.effects import News
from bot.domain.events import Entry
from bot.domain.incident import Clock as ClockName
from bot.domain.incident import Incident, Phase, Severity
from bot.domain.publication import ComponentState, PublicState
from bot.domain.subscribing import Subscription
from bot.messages import File, Message
from bot.refs import ConversationRef, ExternalRef, MessageRef, PersonId, UserRef

T = TypeVar("T")
S = TypeVar("S", bound=BaseModel)


class Clock(Protocol):
    """The time. `real` maps an instant of this clock to the wall clock's, for alarms."""

    def now(self) -> datetime:
        """Return the time, in UTC."""

    def real(self, when: datetime) -> datetime:
        """Return when an instant of this clock comes on the wall clock."""

    async def sleep(self, length: timedelta) -> None:
        """Wait for a length of this clock's time."""


# --- what a plugin provides -----------------------------------------------------------------------

Receive = Callable[[Inbound], Awaitable[Receipt]]
"""Hands an inbound event to the core. Returns once it is stored: acknowledge it to the platform
then."""


@runtime_checkable
class ChatAdapter(Protocol):
    """A chat platform."""

    features: Features

    async def run(self, receive: Receive) -> bool:
        """Listen until the platform has nothing more to say (a pipe's end); restarted if raised.

        Returns whether all that was heard could be read.
        """

    async def open_conversation(self, request: ConversationRequest, *, key: str) -> Opened:
        """Open a room, or find the direct conversation with a user."""

    async def post(
        self,
        to: ConversationRef,
        message: Message,
        *,
        key: str,
        answers: str | None = None,
        urgent: bool = False,
    ) -> MessageRef:
        """Say something. `answers` is the message that asked; its thread may take a long answer.

        `urgent`: at a platform's limit it goes ahead of what else waits there.
        """

    async def acknowledge(self, ref: MessageRef, *, worked: bool, key: str) -> None:
        """Mark a command as done or not; called where `features.reactions`."""

    async def offer(self, ref: MessageRef, buttons: int, *, key: str) -> None:
        """Offer the buttons of a message as reactions; called where `features.reactions`."""

    async def edit(self, ref: MessageRef, message: Message, *, key: str) -> None:
        """Replace a message; called where `features.edits`."""

    async def pin(self, ref: MessageRef, *, key: str) -> None:
        """Pin a message; called where `features.pins`."""

    async def invite(self, to: ConversationRef, users: Sequence[UserRef], *, key: str) -> None:
        """Bring people in; called where `features.rooms`."""

    async def set_topic(self, to: ConversationRef, topic: str, *, key: str) -> None:
        """Set the topic; called where `features.rooms`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusUpdate:
    """One text of an incident on a status page. `n` is its name for ever.

    `health` is how the incident's components fared from then on.
    """

    n: int
    at: datetime
    state: PublicState
    text: str
    health: ComponentState


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusNotice:
    """What a status page shows of an incident: the whole of it, not a step.

    `updates` are oldest first, and at least one; the state is the last one's. `health` is how its
    components fare by this incident alone, `components` how each of them is to be shown: other
    incidents may keep one down. `next_update` is when the next text is promised.
    """

    incident: str
    title: str
    state: PublicState
    health: ComponentState
    updates: tuple[StatusUpdate, ...]
    components: Mapping[str, ComponentState]
    began_at: datetime
    next_update: datetime | None = None


@runtime_checkable
class StatusPage(Protocol):
    """A public status page. Converges: repeats and late starts end in the same page.

    One notice at a time is published, of all incidents.
    """

    async def publish(
        self, notice: StatusNotice, ref: ExternalRef | None, *, key: str
    ) -> ExternalRef:
        """Bring the page up to date, creating its incident where `ref` is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a tracker holds: the whole of it, not a step.

    `marker` is unique for ever and goes into the ticket where it can be listed by. `again`: an
    earlier try may have created it, so look for its marker before creating one. `owner.user` is who
    they are on the tracker, where the config says so. `labels` are what it is filed under.
    `closed`: it was closed there when it was last seen; where `done` says so too, leave its state.
    """

    marker: str
    title: str
    text: str
    owner: Addressee | None = None
    due: date | None = None
    done: bool = False
    labels: tuple[str, ...] = ()
    again: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A ticket as it is kept; `note` is what people should know, as that nobody is assigned."""

    ref: ExternalRef
    note: str = ""


@runtime_checkable
class TicketTracker(Protocol):
    """An issue tracker."""

    async def sync(self, ticket: Ticket, ref: ExternalRef | None, *, key: str) -> Filed:
        """Bring the ticket up to date, creating it where `ref` is none."""

    async def closed(self, refs: Sequence[ExternalRef]) -> Mapping[str, bool]:
        """Return whether each ticket is closed, by the id of its ref; leave out what is gone.

        Asked for every few minutes, and at once after `PluginContext.changed`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Somebody to wake: people, or whoever is on call for a service."""

    incident: str
    severity: Severity
    people: tuple[Addressee, ...]
    service: str | None
    text: str


@runtime_checkable
class Pager(Protocol):
    """A paging service."""

    async def page(self, request: PageRequest, *, key: str) -> None:
        """Wake them."""

    async def on_call(self, schedule: str) -> Sequence[str]:
        """Return who is on call for a service: ids or names of the config."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StakeholderUpdate:
    """What people outside the response are told: `text` says it whole.

    `highest` is the worst severity that the incident had: who was told of it hears how it ends.
    """

    incident: str
    title: str
    severity: Severity
    phase: Phase
    text: str
    at: datetime
    news: News = News.BRIEF
    highest: Severity | None = None
    service: str | None = None
    impact: str | None = None
    since: datetime | None = None
    next_update: datetime | None = None


@runtime_checkable
class StakeholderChannel(Protocol):
    """Where summaries go: mail, a room, direct messages."""

    async def send(self, update: StakeholderUpdate, *, key: str) -> None:
        """Deliver the summary to everybody the channel is for."""


@runtime_checkable
class Summarizer(Protocol):
    """Drafts a brief from the record; a person publishes it."""

    async def summarize(
        self, incident: Incident, timeline: Sequence[Entry], audience: ClockName
    ) -> str:
        """Return a draft in plain text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A finished document. `at` is the day of the incident, `service` what it was about."""

    incident: str
    title: str
    markdown: str
    at: datetime
    severity: Severity
    service: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail to one person. `about` makes one thread of all that is about it.

    `unsubscribe` is where its reader ends such mail, with one POST (RFC 8058).
    """

    to: str
    subject: str
    text: str
    about: str
    files: tuple[File, ...] = ()
    html: str | None = None
    unsubscribe: str | None = None


@runtime_checkable
class Mailer(Protocol):
    """A way to send mail."""

    async def mail(self, mail: Mail, *, key: str) -> None:
        """Send it; `key` is its message id, so that a repeat is known for one."""


@runtime_checkable
class PostmortemPublisher(Protocol):
    """Where finished postmortems go."""

    async def publish(
        self, document: Document, ref: ExternalRef | None, *, key: str
    ) -> ExternalRef:
        """Bring the published document up to date."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, with how to mend it; not a `fault`: worth knowing, and no more."""

    text: str
    fault: bool = True


@runtime_checkable
class Checkable(Protocol):
    """What a provided object may have besides, for `sitrep check`."""

    async def check(self) -> Sequence[Finding]:
        """Return what is wrong with its service or settings. Changes nothing."""


@runtime_checkable
class Dated(Protocol):
    """What a status page may have besides, where it shows days and is not drawn when asked for."""

    async def redraw(self) -> None:
        """Draw what is published as of now; called at each start, and each hour."""


@runtime_checkable
class Keeper(Protocol):
    """What a provided object may have besides, for `sitrep backup`."""

    async def backup(self, folder: Path) -> Sequence[str]:
        """Write what it keeps in the home folder to the same place in `folder`; return the names.

        No bot need be running, and one may be.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHint:
    """A verb of the grammar, for completion and menus."""

    name: str
    form: str
    says: str


class Memory(Protocol):
    """A few lasting words of a plugin's own, in the database; the same for every process."""

    async def recall(self, name: str) -> str | None:
        """Return what was kept under a name."""

    async def keep(self, name: str, value: str, *, lasting: bool = True) -> None:
        """Keep something under a name until it is kept anew.

        What is not `lasting` is forgotten like delivered messages, and redacted like them (L3).
        """

    async def under(self, prefix: str) -> Mapping[str, str]:
        """Return all that is kept under names that begin so, without the prefix."""


class PluginContext(Protocol):
    """What a plugin is handed: its own things, not the application."""

    @property
    def name(self) -> str:
        """The name of its entry point, of its config section, and of its refs."""

    @property
    def log(self) -> structlog.stdlib.BoundLogger:
        """A log that says whose lines they are."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def http(self) -> ClientSession:
        """A shared client, there once the application runs; the core closes it."""

    @property
    def memory(self) -> Memory:
        """What it keeps, there once the application runs."""

    @property
    def routes(self) -> web.RouteTableDef:
        """Its own routes, under `/plugins/<name>`; served where `[http]` is on."""

    @property
    def home(self) -> str:
        """The folder for data and state."""

    async def changed(self, ticket: str) -> None:
        """Tell that a ticket, by the id of its ref, may have changed: the core asks how it is."""

    @property
    def commands(self) -> Sequence[CommandHint]:
        """The verbs that people can type."""

    @property
    def addressees(self) -> Sequence[Addressee]:
        """The people of the config, with the user they are on this platform."""

    def settings(self, model: type[S]) -> S:
        """Read the own section into a model; its faults are named and stop the start."""


# --- what is stored -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Open the conversation that the lane is named for; where that cannot be, use `fallback`."""

    request: ConversationRequest
    fallback: ConversationRef | None = None
    kind: Literal["open"] = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Say it in the lane's conversation. `answers`: the message that asked for it."""

    message: Message
    answers: str | None = None
    kind: Literal["post"] = "post"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Mark a command in the lane's conversation as done or not."""

    message: str
    worked: bool
    kind: Literal["acknowledge"] = "acknowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Offer the buttons of a message in the lane's conversation, once the message is there."""

    message: str
    buttons: int
    kind: Literal["offer"] = "offer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Bring the status card up to date; drawn at delivery."""

    kind: Literal["card"] = "card"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Bring the list of open incidents up to date; drawn at delivery."""

    kind: Literal["board"] = "board"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """Bring people in."""

    users: tuple[UserRef, ...]
    kind: Literal["invite"] = "invite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Set the topic."""

    text: str
    kind: Literal["topic"] = "topic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Call people through a paging plugin."""

    request: PageRequest
    kind: Literal["page"] = "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Bring a status page up to date; put together at delivery."""

    kind: Literal["status"] = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTicket:
    """Bring a ticket up to date, the incident's or an action's; written at delivery."""

    action: int | None = None
    kind: Literal["ticket"] = "ticket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """Send a summary."""

    update: StakeholderUpdate
    kind: Literal["stakeholder"] = "stakeholder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Tell everybody who is subscribed then: each gets a row of their own."""

    update: StakeholderUpdate
    kind: Literal["spread"] = "spread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redraw:
    """Draw a status page as of now; what fails is not tried again before the next hour's."""

    kind: Literal["redraw"] = "redraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Publish the postmortem; written at delivery."""

    kind: Literal["document"] = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Send a mail."""

    mail: Mail
    kind: Literal["mail"] = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Have a brief drafted, and show it to whoever asked."""

    to: ConversationRef
    kind: Literal["draft"] = "draft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Tell a plugin of the timeline entries `first` to `last`."""

    first: int
    last: int
    kind: Literal["events"] = "events"


Body = (
    Open
    | Post
    | Acknowledge
    | Offer
    | Card
    | Board
    | Invite
    | Topic
    | Page
    | Status
    | Redraw
    | FileTicket
    | Brief
    | Spread
    | Publish
    | Letter
    | Draft
    | Events
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A running promise; what was queued for it is dropped once it has ended."""

    clock: ClockName
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One thing to deliver. Order is kept within a lane, the urgent ahead of the rest.

    `target` is an adapter's or plugin's name. `slot` names what converges: a row waiting in the
    same slot is brought up to date in place of a second one. `notice`: it tells of a dead letter,
    so nobody is told when it becomes one itself. `audience`: it is for a stakeholder.
    """

    target: str
    lane: str
    body: Body
    incident: str | None = None
    urgent: bool = False
    slot: str | None = None
    guard: Guard | None = None
    notice: bool = False
    audience: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An outbox row to deliver. `version` grows when a converging row is asked for again.

    `incident` is as it stands, where the row is of one.

    `doubt`: an earlier try may have done it. `real` is what its lane's conversation is called on
    the platform, where that is another name than its own; `ref` the platform reference stored for
    its slot.
    """

    id: int
    key: str
    version: int
    attempts: int
    created_at: datetime
    what: Outgoing
    doubt: bool = False
    incident: Incident | None = None
    real: ConversationRef | None = None
    ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lane held by a worker. `fence` grows with each holder: an old one marks nothing."""

    lane: str
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A line of the list of incidents."""

    id: str
    title: str
    severity: Severity
    phase: Phase
    declared_at: datetime
    commander: PersonId | None
    postmortem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLine:
    """A line of the list of action items; `finished_at` is when it was done."""

    incident: str
    title: str
    action: Action
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What is known of an inbound event at once.

    `conversation` is the name the core knows it by: an opened room keeps its first. `served` is
    when each commander last served (C2). `followed`: somebody is subscribed to something.
    """

    conversation: ConversationRef
    served: Mapping[PersonId, datetime]
    number: int | None = None
    followed: bool = False


class Work(Protocol):
    """One transaction. Whatever it writes is there after it, or nothing is (D1)."""

    async def arrive(
        self,
        source: str,
        event: str,
        conversation: ConversationRef,
        *,
        at: datetime,
        series: str | None = None,
    ) -> Arrival | None:
        """Note an inbound event; none where it has been seen before (D3).

        `series`: it will need the next number of it.
        """

    async def outcome(self, source: str, event: str, outcome: str, sender: str) -> None:
        """Record what became of an inbound event, for the audit record."""

    async def incident(self, incident: str) -> Incident | None:
        """Return an incident, held until the transaction ends."""

    async def due(self, now: datetime) -> Incident | None:
        """Return an incident with something due, held; none that another process holds."""

    async def postpone(self, incident: str, until: datetime | None) -> None:
        """Let nothing fall due for an incident before then; none: not at all."""

    async def held(self, incident: Incident) -> Incident | None:
        """Hold an incident that was read in this transaction, as `incident` holds one."""

    async def incidents_in(self, conversation: ConversationRef) -> Sequence[Incident]:
        """Return the incidents of a conversation, unheld: first the one that came to it last.

        That order is the record's own, whatever a clock that was set back says of declarations.
        """

    async def save(
        self,
        incident: Incident,
        entries: Sequence[Entry],
        *,
        due_at: datetime | None,
    ) -> None:
        """Write an incident that is new or held, its new entries, and when something falls due."""

    async def entry(self, incident: str, n: int) -> Entry | None:
        """Return a timeline entry."""

    async def timeline(self, incident: str, first: int = 1) -> Sequence[Entry]:
        """Return the timeline from an entry on."""

    async def list(self, which: Literal["open", "owing", "all"], limit: int) -> Sequence[Summary]:
        """Return incidents, newest first."""

    async def actions(
        self,
        which: Literal["open", "overdue", "all"],
        *,
        today: date,
        incident: str | None = None,
        owner: PersonId | None = None,
        limit: int = 500,
    ) -> Sequence[ActionLine]:
        """Return action items, the earliest date first; of drills only where asked by incident."""

    async def ticketed(self, plugin: str, ticket: str | None = None) -> Sequence[ActionLine]:
        """Return the open actions whose ticket a tracker holds; with `ticket`, that one's."""

    async def shares(self, today: date) -> tuple[int, int]:
        """Return how many actions were due by now or are done, and how many of them in time."""

    async def public(self) -> Sequence[Incident]:
        """Return the open incidents that a status page tells of, without holding them."""

    async def changed_since(self, when: datetime) -> Sequence[Incident]:
        """Return the incidents with an entry recorded since, oldest first, without holding them."""

    async def followed(self, incident: str, service: str | None) -> tuple[bool, bool]:
        """Return whether somebody is subscribed to an incident, and whether to each brief of it."""

    async def subscriptions(
        self, *, incident: str | None = None, by: PersonId | None = None
    ) -> Sequence[Subscription]:
        """Return subscriptions: those that may hear of an incident, somebody's own, or all."""

    async def subscription(self, key: int | str) -> Subscription | None:
        """Return a subscription by its number or its token."""

    async def subscribe(self, subscription: Subscription) -> Subscription:
        """Store a subscription and give it its number; one that is there already is returned."""

    async def unsubscribe(self, n: int) -> None:
        """End a subscription: a plan's stays, and is silent."""

    async def served(self) -> Mapping[PersonId, datetime]:
        """Return when each commander last served (C2)."""

    async def note_served(self, person: PersonId, at: datetime) -> None:
        """Record that somebody took command."""

    async def send(self, what: Sequence[Outgoing], *, now: datetime) -> None:
        """Queue things to deliver, in order."""

    async def scrub(self, incident: str, text: str, replacement: str) -> None:
        """Replace a redacted text in what still waits to be sent (L3)."""

    async def real(self, logical: ConversationRef) -> ConversationRef | None:
        """Return a conversation's platform name, where it has another one than its own."""

    async def is_own(self, real: ConversationRef) -> bool:
        """Return whether Sitrep opened a conversation, and nothing else is in it."""

    async def opened(
        self, logical: ConversationRef, real: ConversationRef, *, own: bool = True
    ) -> None:
        """Store what a conversation is called on its platform; `own`: nothing else is in it."""

    async def moved(self, was: ConversationRef, now: ConversationRef) -> None:
        """Store that a conversation goes on in another one of its platform."""

    async def join(self, incident: str, conversation: ConversationRef) -> None:
        """Make a conversation one of an incident's."""

    async def ref(self, name: str) -> str | None:
        """Return a stored platform reference."""

    async def refs_under(self, prefix: str) -> Mapping[str, str]:
        """Return the stored references whose names begin so, without the prefix."""

    async def store_ref(self, name: str, value: str, *, kept_at: datetime | None = None) -> None:
        """Store a platform reference; with `kept_at`, until what was delivered then is pruned."""

    async def waiting(self, lease: Lease) -> Waiting | None:
        """Return the first row of a held lane; none when the lane is empty."""

    async def go_on(self, lease: Lease) -> Waiting | None:
        """Return the first row of a held lane, and give back a lane that is empty."""

    async def sent(self, lease: Lease, row: Waiting, *, now: datetime) -> bool:
        """Mark a row sent; false when the lease was lost. A row asked for again stays."""

    async def dropped(self, lease: Lease, row: Waiting, *, now: datetime) -> bool:
        """Mark a row as dropped: its promise ended before it could be sent."""

    async def dead(self, lease: Lease, row: Waiting, why: str, *, now: datetime) -> bool:
        """Mark a row as a dead letter; false when the lease was lost."""

    async def retry(
        self,
        lease: Lease,
        row: Waiting,
        why: str,
        *,
        not_before: datetime,
        unsure: bool = False,
    ) -> bool:
        """Put a row, and its lane, off; false when the lease was lost. `unsure`: it may be sent."""

    async def waiting_in(self, lane: str) -> int:
        """Return how many rows of a lane wait."""

    async def hold_off(self, lease: Lease, *, not_before: datetime) -> None:
        """Put a lane off."""


class Store(Protocol):
    """The database."""

    async def transact(self, body: Callable[[Work], Awaitable[T]]) -> T:
        """Run `body` in one transaction, which ends whole or not at all, even when cancelled.

        `body` awaits nothing but the work's own methods, starts no tasks, and may be run again from
        its beginning, after all it did was undone.
        """

    async def read(self, body: Callable[[Work], Awaitable[T]]) -> T:
        """Run a reading `body`, which never waits for a writer where the database can do that."""

    async def claim(
        self,
        owner: str,
        *,
        now: datetime,
        until: datetime,
        limit: int,
        without: Sequence[str] = (),
    ) -> list[Lease]:
        """Take lanes that have something to send and nobody who sends it; none of `without`."""

    async def renew(self, owner: str, leases: Sequence[Lease], *, until: datetime) -> None:
        """Hold lanes for longer."""

    async def release(self, owner: str, lease: Lease) -> None:
        """Give a lane back."""

    async def claimable(self, now: datetime, without: Sequence[str] = ()) -> bool:
        """Return whether there is a lane to take, of other adapters than `without`."""

    async def hold(self, name: str, owner: str, *, now: datetime, until: datetime) -> bool:
        """Take, or keep, what one process has at a time; whether it is this owner's now."""

    async def let_go(self, name: str, owner: str) -> None:
        """Give back what `hold` took."""

    async def next_due(self) -> datetime | None:
        """Return when something falls due next."""

    async def hasten(self, target: str, now: datetime) -> None:
        """Let every lane of a target be taken up at once that was put off: it is back."""

    async def next_retry(self, now: datetime) -> datetime | None:
        """Return when a lane that was put off may be tried again."""

    async def backlog(self) -> Mapping[str, int]:
        """Return how many rows wait and how many are dead letters."""

    async def prune(self, before: datetime) -> int:
        """Delete delivered rows, inbox marks and what was kept for a while; return how many."""

    async def ping(self) -> None:
        """Ask for a sign of life; raises `DatabaseAway` where there is none."""

    async def ahead(self, now: datetime) -> timedelta:
        """Return how far `now` is ahead of the database's clock; an embedded one has no other."""
