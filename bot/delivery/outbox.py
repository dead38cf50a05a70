"""Delivery: every send comes from the stored queue, in order within its lane, until it is settled.

A lane is held under a lease by one worker at a time, anywhere. A row is sent under its key, and
marked in a transaction that checks the lease's fence and stores what came of it; a crash between
the two sends it again under the same key (D1, D2).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import structlog

from bot.config.model import DeliverySection
from bot.contract.chat import ChatAdapter, ConversationRequest, Opened
from bot.contract.context import Clock
from bot.contract.documents import Document
from bot.contract.errors import DatabaseAway, PermanentFailure, RateLimited, TemporaryFailure
from bot.contract.messages import Message, buttons_of, spans_text
from bot.contract.stakeholders import StakeholderUpdate
from bot.contract.status_pages import Redrawable, StatusNotice, StatusUpdate
from bot.contract.trackers import Filed, Ticket
from bot.delivery.plan import card_slot
from bot.delivery.subscriptions import Stakeholders
from bot.domain import commands as cmd
from bot.domain.effects import FileTicket, PublishPostmortem, PublishStatus
from bot.domain.incident import ClockName, Incident
from bot.domain.publication import ComponentState
from bot.grammar.text import clean
from bot.plugin_manager import PluginManager
from bot.presenter import Presenter
from bot.refs import PLUGIN, ConversationRef, ExternalRef, Lane, MessageRef
from bot.store.rows import (
    Acknowledge,
    Board,
    Brief,
    BriefDraft,
    Card,
    Events,
    FanOut,
    Invite,
    Lease,
    Letter,
    Offer,
    Open,
    Outgoing,
    Page,
    Post,
    Redraw,
    RoomTopic,
    Waiting,
)
from bot.store.work import Store, Work

T = TypeVar("T")

LEASE = timedelta(seconds=6)
"""How long a lane is held without a sign of life; another worker takes it over after that."""

POLL = timedelta(seconds=1)
"""How often the queue is asked without being woken: another process may have filled it."""

LONGEST_WAIT = timedelta(hours=1)
"""The most that a platform may ask to be left alone; the store takes more for a clock's jump."""

LANE_AGAIN = timedelta(minutes=1)
"""When a lane is taken up again over which the bot itself broke down."""

LANES_AT_ONCE = 128
"""How many lanes one process works on: one that hangs must not hold up the others (D4)."""

LANES_TAKEN_AT_ONCE = 64
"""How many lanes are taken in one go."""

OUTSIDE_AT_ONCE = 48
"""With how many lanes of plugins at work no more of them are taken: rooms come first (H2)."""

PATIENCE = timedelta(seconds=30)
"""How far away another try may be for the end of a run to wait for it."""

BOARD_LENGTH = 50
"""How many incidents the list of open ones looks at."""

BOARD_SETTLES = timedelta(seconds=1)
"""How long the list waits for more to change: people in the incident come first."""

DRAFT_SECONDS = 10.0
"""How long a summarizer may take, before the built-in draft stands in."""

_log = structlog.stdlib.get_logger("sitrep.outbox")

Settle = Callable[[Work, str, cmd.Command], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A row with what is needed to deliver it, read at one moment."""

    row: Waiting
    incident: Incident | None
    real: ConversationRef | None
    ref: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What a delivery left behind, to be stored with its mark."""

    refs: tuple[tuple[str, str], ...] = ()
    opened: tuple[ConversationRef, ConversationRef] | None = None
    command: cmd.Command | None = None
    send: tuple[Outgoing, ...] = ()
    spread: StakeholderUpdate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _After:
    """What comes after a row: the next one, or none where the lane is `given_back` or let go."""

    job: _Job | None = None
    given_back: bool = False


_STOP = _After()


class Outbox:
    """The delivery workers of one process."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        settings: DeliverySection,
        store: Store,
        clock: Clock,
        plugins: PluginManager,
        presenter: Presenter,
        stakeholders: Stakeholders,
        settle: Settle,
    ) -> None:
        """`settle` lets a result back into the workflow, inside the transaction it is given.

        `without` are the adapters that another process speaks for.
        """
        self._settings, self._store, self._clock = settings, store, clock
        self._plugins, self._presenter, self._settle = plugins, presenter, settle
        self._stakeholders = stakeholders
        self._owner = uuid4().hex
        self._wake = asyncio.Event()
        self._held: dict[Lane, Lease] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._claiming = False
        self.without: set[str] = set()
        self.delivered = 0
        self.dead = 0
        self.retried = 0

    def wake(self) -> None:
        """Look at the queue now."""
        self._wake.set()

    # --- the loop ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver until cancelled; what is being sent then is sent again, under its key."""
        renewing = asyncio.create_task(self._renew())
        try:
            while True:
                self._wake.clear()
                if renewing.done():
                    renewing.result()  # it never ends by itself: what broke it ends the process
                await self._claimed()
                await self._nap()
        finally:
            renewing.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(renewing, *self._tasks, return_exceptions=True)

    async def _claimed(self) -> None:
        """Take the lanes that there are, as far as there is room, and start on them."""
        room = min(LANES_AT_ONCE - len(self._held), LANES_TAKEN_AT_ONCE)
        if room <= 0:
            return
        # A thousand mails wait for each other, and for nobody's room.
        outside = sum(lane.is_plugin for lane in self._held)
        without = {*self.without, *((PLUGIN,) if outside >= OUTSIDE_AT_ONCE else ())}
        now = self._clock.now()
        self._claiming = True
        try:
            leases = await self._store.claim(
                self._owner, now=now, until=now + LEASE, limit=room, without=sorted(without)
            )
            self._held.update((lease.lane, lease) for lease in leases)
        except DatabaseAway as exc:
            _log.warning("database away", error=str(exc))
            return
        finally:
            self._claiming = False
        if len(leases) == room:
            self._wake.set()  # there may be more
        for lease in leases:
            task = asyncio.create_task(self._work_off(lease), name=f"lane {lease.lane}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _nap(self) -> None:
        """Wait to be woken, or until it is worth looking again."""
        waited = asyncio.create_task(self._wake.wait())
        slept = asyncio.create_task(self._clock.sleep(POLL))
        try:
            await asyncio.wait((waited, slept), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waited.cancel()
            slept.cancel()

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(LEASE / 3)
            if self._held:
                until = self._clock.now() + LEASE
                try:
                    await self._store.renew(self._owner, list(self._held.values()), until=until)
                except DatabaseAway as exc:
                    _log.warning("database away", error=str(exc))

    async def drain(self, patience: timedelta = PATIENCE) -> int:
        """Deliver what can be delivered; return how many rows still wait then.

        `patience` is how far away another try may be to be waited for.
        """
        while True:
            self.wake()
            now = self._clock.now()
            taken = not await self._store.claimable(now, sorted(self.without))
            idle = taken and not self._held and not self._claiming
            waiting = (await self._store.backlog())["waiting"]
            if not waiting or (idle and not await self._retry_within(now, patience)):
                return waiting
            await asyncio.sleep(0.01)  # noqa: TID251 - real time: the workers need it

    async def _retry_within(self, now: datetime, patience: timedelta) -> bool:
        retry = await self._store.next_retry(now)
        return retry is not None and retry - now < patience

    # --- one lane ---------------------------------------------------------------------------------

    async def _work_off(self, lease: Lease) -> None:
        """Deliver a lane's rows one after the other until it is empty, put off, or lost."""
        cut_short = given_back = False
        full = len(self._held) >= LANES_AT_ONCE
        try:
            job = await self._next(lease)
            while job is not None:
                after = await self._attempt(lease, job)
                job, given_back = after.job, after.given_back
        except asyncio.CancelledError:
            cut_short = True
            raise
        except DatabaseAway as exc:
            _log.warning("database away", lane=lease.lane, error=str(exc))
        except Exception as exc:  # noqa: BLE001 - one lane's fault must not be the others'
            _log.exception("lane broke down", lane=lease.lane, error=repr(exc))
            again = self._clock.now() + LANE_AGAIN
            await self._store.transact(lambda work: work.hold_off(lease, not_before=again))
        finally:
            try:
                # What was being sent where a repeat shows: not given back, it will be in doubt.
                doubtful = cut_short and not self._repeats(lease.lane.target)
                if not given_back and not doubtful:
                    await self._store.release(self._owner, lease)
            except DatabaseAway as exc:
                _log.warning("database away", lane=lease.lane, error=str(exc))
            if self._held.get(lease.lane) is lease:
                del self._held[lease.lane]
            if full or not given_back:
                self._wake.set()  # there is room, or something may have come meanwhile

    def _repeats(self, target: str) -> bool:
        """Whether doing a thing again under its key is harmless there; trackers take no key."""
        if target in self._plugins.trackers:
            return False
        adapter = self._plugins.adapters.get(target)
        return adapter is None or adapter.features.repeats

    async def _next(self, lease: Lease) -> _Job | None:
        row = await self._store.read(lambda work: work.waiting(lease))
        return _job(row) if row is not None else None

    async def _attempt(self, lease: Lease, job: _Job) -> _After:
        """Deliver one row; what is to be done after it."""
        row = job.row
        if self._pointless(job):

            async def drop(work: Work) -> _After:
                dropped = await work.dropped(lease, row, now=self._clock.now())
                return await _gone_on(work, lease) if dropped else _STOP

            return await self._store.transact(drop)
        try:
            async with asyncio.timeout(self._settings.timeout.total_seconds()):
                done = await self._deliver(job)
        except PermanentFailure as exc:
            return await self._give_up(lease, job, str(exc) or "it was refused")
        except RateLimited as exc:
            wait = exc.retry_after or self._settings.retry_first
            again = self._clock.now() + wait
            await self._store.transact(lambda work: work.hold_off(lease, not_before=again))
            return _STOP
        except TemporaryFailure as exc:
            await self._put_off(lease, job, str(exc), exc.retry_after, unsure=exc.unsure)
            return _STOP
        except TimeoutError:
            seconds = self._settings.timeout.total_seconds()
            await self._put_off(lease, job, f"no answer within {seconds:g} s", None, unsure=True)
            return _STOP
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            await self._put_off(lease, job, "the plugin cancelled itself", None, unsure=True)
            return _STOP
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - where a plugin's fault is named
            _log.warning("failed", target=row.what.target, error=repr(exc), exc_info=True)
            await self._put_off(lease, job, repr(exc), None, unsure=True)
            return _STOP
        after = await self._mark(lease, job, done)
        if row.attempts:
            # What was away is back: what else waits for it need not wait for its next try.
            await self._store.hasten(row.what.target, self._clock.now())
            self._wake.set()
        return after

    def _pointless(self, job: _Job) -> bool:
        """Whether a prompt's promise has ended meanwhile."""
        guard = job.row.what.guard
        if guard is None or job.incident is None:
            return False
        state = job.incident.clocks.get(guard.clock)
        return state is None or state.promise is None or state.promise.n != guard.n

    async def _mark(self, lease: Lease, job: _Job, done: _Done) -> _After:
        """Mark a row sent with what came of it, and go on to the next in the same transaction."""
        row = job.row

        async def mark(work: Work) -> _After | None:
            unheard = job.incident is not None and row.what.lane in job.incident.unheard
            if row.what.incident is not None and (done.command is not None or unheard):
                await work.incident(row.what.incident)  # held first, as every command holds it
            if not await work.sent(lease, row, now=self._clock.now()):
                return None
            for name, value in done.refs:
                await work.store_ref(name, value)
            if done.opened is not None:
                await work.opened(*done.opened)
            if done.command is not None and row.what.incident is not None:
                await self._settle(work, row.what.incident, done.command)
            if job.incident is not None and row.what.lane in job.incident.unheard:
                await self._settle(work, job.incident.id, cmd.NoteResumed(target=row.what.lane))
            await work.send(done.send, now=self._clock.now())
            if done.spread is not None:
                rows = await self._stakeholders.spread(work, done.spread)
                await work.send(rows, now=self._clock.now())
            return await _gone_on(work, lease)

        after = await self._store.transact(mark)
        if after is None:
            _log.warning("lease lost", lane=lease.lane, key=row.key)
            return _STOP
        self.delivered += 1
        if done.send or done.spread is not None:
            self._wake.set()  # what it brought about may be in other lanes
        return after

    async def _put_off(
        self,
        lease: Lease,
        job: _Job,
        why: str,
        retry_after: timedelta | None,
        *,
        unsure: bool = False,
    ) -> None:
        """Try again later, with back-off and jitter, or give up after long enough (D2).

        What has waited for long is told of in the incident's other conversations.
        """
        row, now = job.row, self._clock.now()
        # The news of an incident must not wait behind a drawing that the next hour repeats.
        once = isinstance(row.what.body, Redraw)
        if once or now - row.created_at >= self._settings.give_up_after:
            await self._give_up(lease, job, why)
            return
        longest = self._settings.retry_longest
        wait = min(longest, self._settings.retry_first * 2 ** min(row.attempts, 20))
        wait *= random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
        if retry_after is not None:
            wait = max(wait, min(retry_after, LONGEST_WAIT))
        _log.warning(
            "put off",
            target=row.what.target,
            lane=lease.lane,
            why=why,
            seconds=wait.total_seconds(),
        )
        self.retried += 1
        stalled = now - row.created_at >= self._settings.late_after

        async def put_off(work: Work) -> None:
            incident = row.what.incident
            if incident is not None and stalled:
                await work.incident(incident)  # held first, as every command holds it
            held = await work.retry(lease, row, why, not_before=now + wait, unsure=unsure)
            if held and stalled and incident is not None:
                waiting = await work.waiting_in(lease.lane)
                command = cmd.NoteStalled(
                    target=lease.lane, since=row.created_at, waiting=waiting, why=why
                )
                await self._settle(work, incident, command)

        await self._store.transact(put_off)

    async def _give_up(self, lease: Lease, job: _Job, why: str) -> _After:
        """Make a row a dead letter, and let the room hear of it (D2)."""
        row = job.row
        what = row.what
        room = what.body if isinstance(what.body, Open) else None

        async def bury(work: Work) -> _After | None:
            now = self._clock.now()
            if what.incident is not None:
                await work.incident(what.incident)  # held first, as every command holds it
            if not await work.dead(lease, row, why, now=now):
                return None
            if room is not None and room.fallback is not None:
                await work.opened(what.lane.conversation, room.fallback, own=False)
                if what.incident is not None:
                    await work.join(what.incident, room.fallback)
            # A card that cannot be shown is shown with the next change; its room's other messages
            # tell of a room that is gone.
            silent = what.notice or isinstance(what.body, Card | Board | Offer)
            if what.incident is not None and not silent:
                command = cmd.NoteUndelivered(
                    target=what.lane,
                    what=_said(row),
                    why=why,
                    unopened=room is not None and room.fallback is None,
                    audience=what.audience,
                )
                await self._settle(work, what.incident, command)
            return await _gone_on(work, lease)

        _log.error("dead letter", target=what.target, lane=lease.lane, key=row.key, why=why)
        after = await self._store.transact(bury)
        self.dead += after is not None
        return after or _STOP

    # --- one row ----------------------------------------------------------------------------------

    async def _deliver(self, job: _Job) -> _Done:
        row, body = job.row, job.row.what.body
        target = row.what.target
        match body:
            case (
                Open()
                | Post()
                | Acknowledge()
                | Offer()
                | Card()
                | Board()
                | Invite()
                | RoomTopic()
            ):
                adapter = self._provided(self._plugins.adapters, target)
                return await self._chat(adapter, job)
            case Page():
                pager = self._provided(self._plugins.pagers, target)
                await pager.page(body.request, key=row.key)
                return _Done()
            case PublishStatus():
                page = self._provided(self._plugins.status_pages, target)
                notice = await self._notice(_needed(job.incident))
                if notice is None:
                    return _Done()
                ref = await page.publish(notice, _external(job.ref), key=_versioned(row))
                return _kept(row, ref)
            case Redraw():
                page = self._provided(self._plugins.status_pages, target)
                if isinstance(page, Redrawable):
                    await page.redraw()
                return _Done()
            case FileTicket():
                tracker = self._provided(self._plugins.trackers, target)
                ticket = self._ticket(job, body.action)
                key = _versioned(row)
                filed = _a(Filed, await tracker.sync(ticket, _external(job.ref), key=key))
                done = _kept(row, filed.ref)
                if body.action is None:
                    return _Done(refs=done.refs, command=cmd.NoteTicket(ticket=filed.ref))
                noted = cmd.NoteActionTicket(
                    n=body.action, ticket=filed.ref, closed=ticket.done, note=filed.note
                )
                return _Done(refs=done.refs, command=noted)
            case Brief():
                channel = self._provided(self._plugins.channels, target)
                await channel.send(body.update, key=row.key)
                return _Done()
            case FanOut():
                return _Done(spread=body.update)
            case PublishPostmortem():
                publisher = self._provided(self._plugins.publishers, target)
                document = await self._document(_needed(job.incident))
                ref = await publisher.publish(document, _external(job.ref), key=_versioned(row))
                return _kept(row, ref)
            case Letter():
                mailer = self._provided(self._plugins.mailers, target)
                await mailer.mail(body.mail, key=row.key)
                return _Done()
            case BriefDraft():
                return await self._draft(job, body)
            case Events():
                return await self._tell(job, body)

    def _provided(self, found: Any, target: str) -> Any:  # noqa: ANN401 - a port, checked at start
        if target not in found:
            raise PermanentFailure(f"{target} is not configured any more")
        return found[target]

    def _ticket(self, job: _Job, action: int | None) -> Ticket:
        """Return a ticket as it is to be now, the incident's own or an action's."""
        row = job.row
        ticket = self._presenter.ticket(_needed(job.incident), action, row.what.target)
        return replace(ticket, again=row.doubt or row.attempts > 0)

    async def _notice(self, incident: Incident) -> StatusNotice | None:
        """Return what a status page is to show now, of all that it shows (X2)."""
        if not incident.publications:
            return None
        others = await self._store.read(lambda work: work.public())
        shown = [incident, *(i for i in others if i.id != incident.id)]
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
                        i.publications[-1].health
                        for i in shown
                        if name in i.publications[-1].components
                    ),
                    default=ComponentState.OPERATIONAL,
                )
                for each in incident.publications
                for name in each.components
            },
            began_at=incident.declared_at,
            next_update=state.promise.due_at if state is not None and state.promise else None,
        )

    async def _document(self, incident: Incident) -> Document:
        entries = await self._store.read(lambda work: work.timeline(incident.id))
        return Document(
            incident=incident.id,
            title=incident.title,
            markdown=self._presenter.document(incident, entries),
            at=incident.declared_at,
            severity=incident.highest,
            service=incident.service,
        )

    async def _tell(self, job: _Job, body: Events) -> _Done:
        incident = _needed(job.incident)
        entries = await self._store.read(lambda work: work.timeline(incident.id, body.first))
        for entry in entries:
            if entry.n <= body.last:
                await self._plugins.tell(job.row.what.target, entry, incident)
        return _Done()

    async def _draft(self, job: _Job, body: BriefDraft) -> _Done:
        """Ask the summarizer; where it fails, the built-in draft stands in at once."""
        incident = _needed(job.incident)
        entries = await self._store.read(lambda work: work.timeline(incident.id))
        text = ""
        try:
            summarizer = self._provided(self._plugins.summarizers, job.row.what.target)
            async with asyncio.timeout(DRAFT_SECONDS):
                text = clean(
                    str(await summarizer.summarize(incident, entries, ClockName.STAKEHOLDER))
                )
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - a plugin's fault is named
            _log.warning("summarizer failed", plugin=job.row.what.target, error=repr(exc))
        message = self._presenter.brief_offer(incident, text or self._presenter.draft(incident))
        shown = Outgoing(target=body.to.adapter, lane=Lane.of(body.to), body=Post(message=message))
        return _Done(send=(shown,))

    async def _chat(self, adapter: ChatAdapter, job: _Job) -> _Done:
        row, body = job.row, job.row.what.body
        lane = row.what.lane.conversation
        if isinstance(body, Open):
            if job.real is not None:
                return _Done()
            return await self._open(adapter, job, lane, body)
        opened, real = await self._place(adapter, lane, job.real)
        match body:
            case Post():
                late_by = self._clock.now() - row.created_at
                late = late_by >= self._settings.late_after
                message = self._presenter.late(body.message, late_by) if late else body.message
                said = _a(
                    MessageRef,
                    await adapter.post(
                        real,
                        self._doubtful(adapter, row, message),
                        key=row.key,
                        answers=body.answers,
                        urgent=row.what.urgent,
                    ),
                )
                if adapter.features.reactions and (buttons := buttons_of(message)):
                    # After what waits already: what is said matters more than how to press it.
                    offer = Offer(message=said.id, buttons=len(buttons))
                    return _Done(opened=opened, send=(replace(row.what, body=offer, guard=None),))
            case Offer():
                await adapter.offer(MessageRef(real, body.message), body.buttons, key=row.key)
            case Acknowledge():
                if adapter.features.reactions:
                    mark = MessageRef(real, body.message)
                    await adapter.acknowledge(mark, worked=body.worked, key=row.key)
            case Card():
                card = self._presenter.card(_needed(job.incident), forms=adapter.features.forms)
                return await self._shown(adapter, job, real, card)
            case Board():
                await self._clock.sleep(BOARD_SETTLES)
                board = self._presenter.board(await self._store.read(_open_incidents))
                return await self._shown(adapter, job, real, board)
            case Invite():
                await adapter.invite(real, body.users, key=row.key)
            case RoomTopic():
                await adapter.set_topic(real, body.text, key=row.key)
        return _Done(opened=opened)

    def _doubtful(self, adapter: ChatAdapter, row: Waiting, message: Message) -> Message:
        """Return a message with a mark, where it may be there already and would show twice."""
        shows = row.doubt and not adapter.features.repeats
        return self._presenter.repeated(message) if shows else message

    async def _open(
        self, adapter: ChatAdapter, job: _Job, lane: ConversationRef, body: Open
    ) -> _Done:
        """Open an incident's conversation, with its status card where it begins with one."""
        row, incident = job.row, _needed(job.incident)
        card = self._presenter.card(incident, forms=adapter.features.forms)
        request = replace(body.request, opening=self._doubtful(adapter, row, card))
        opened = _a(Opened, await adapter.open_conversation(request, key=row.key))
        refs: tuple[tuple[str, str], ...] = ()
        if opened.card is not None:
            shown = _digest(request.opening or card)
            refs = ((card_slot(incident.id, lane), _card_stored(opened.card, shown)),)
        command = cmd.NoteConversation(conversation=opened.conversation)
        return _Done(refs=refs, opened=(lane, opened.conversation), command=command)

    async def _place(
        self, adapter: ChatAdapter, lane: ConversationRef, real: ConversationRef | None
    ) -> tuple[tuple[ConversationRef, ConversationRef] | None, ConversationRef]:
        """Return where a lane leads; a person's direct conversation is opened on first use."""
        if real is not None:
            return None, real
        user = lane.direct_to
        if user is None:
            raise PermanentFailure("its conversation was never opened")
        request = ConversationRequest(name=user.id, alias=lane.id, topic="Sitrep", direct_to=user)
        opened = _a(Opened, await adapter.open_conversation(request, key=lane.id))
        return (lane, opened.conversation), opened.conversation

    async def _shown(
        self, adapter: ChatAdapter, job: _Job, real: ConversationRef, message: Message
    ) -> _Done:
        """Post a card once, pin it, and edit it ever after, where it has changed (L2)."""
        row = job.row
        edits = adapter.features.edits
        digest = _digest(message)
        ref, shown = _card_ref(job.ref)
        if ref is not None and ref.conversation != real:
            ref = None  # the room moved: its card is shown in the new one
        if ref is not None and shown == digest:
            return _Done()
        if ref is not None and edits:
            try:
                await adapter.edit(ref, message, key=_versioned(row))
            except PermanentFailure:
                _log.info("card gone, posting it again", lane=row.what.lane)
            else:
                return _Done(refs=((_ref_name(row), _card_stored(ref, digest)),))
        key = row.key if ref is None else _versioned(row)
        marked = self._doubtful(adapter, row, message) if ref is None else message
        posted = _a(MessageRef, await adapter.post(real, marked, key=key))
        if edits and ref is None and (row.attempts or row.version) and adapter.features.repeats:
            # An earlier try may have posted it with what was true then.
            await adapter.edit(posted, message, key=_versioned(row))
        if adapter.features.pins:
            await adapter.pin(posted, key=f"{key}-pin")
        return _Done(refs=((_ref_name(row), _card_stored(posted, digest)),))


def _job(row: Waiting) -> _Job:
    conversation, real = row.what.lane.conversation, row.real
    if real is None and conversation.pending is None and conversation.direct_to is None:
        real = conversation
    return _Job(row=row, incident=row.incident, real=real, ref=row.ref)


async def _gone_on(work: Work, lease: Lease) -> _After:
    row = await work.go_on(lease)
    return _After(job=_job(row)) if row is not None else _After(given_back=True)


async def _open_incidents(work: Work) -> list[Incident]:
    """Return the incidents that run, newest first."""
    found = [await work.incident(each.id) for each in await work.list("open", BOARD_LENGTH)]
    return [each for each in found if each is not None and each.running]


def _digest(message: Message) -> str:
    return hashlib.sha256(repr(message).encode()).hexdigest()[:16]


def _card_stored(ref: MessageRef, digest: str) -> str:
    return json.dumps([ref.conversation.adapter, ref.conversation.id, ref.id, digest])


def _card_ref(stored: str | None) -> tuple[MessageRef | None, str]:
    """Return where the card is, and a digest of what it shows."""
    if stored is None:
        return None, ""
    adapter, conversation, message, digest = json.loads(stored)
    return MessageRef(ConversationRef(adapter, conversation), message), digest


def _ref_name(row: Waiting) -> str:
    return row.what.slot or row.key


def _versioned(row: Waiting) -> str:
    """Return the key of one state of what converges: a newer state is not a repeat."""
    return f"{row.key}.{row.version}"


def _kept(row: Waiting, ref: ExternalRef) -> _Done:
    _a(ExternalRef, ref)
    return _Done(refs=((_ref_name(row), json.dumps([ref.plugin, ref.id, ref.url])),))


def _external(stored: str | None) -> ExternalRef | None:
    return ExternalRef(*json.loads(stored)) if stored is not None else None


def _needed(incident: Incident | None) -> Incident:
    if incident is None:
        raise PermanentFailure("its incident is gone")
    return incident


def _a(kind: type[T], value: object) -> T:
    """Return what a plugin answered, if it is what its port says.

    It has done something, so asking again could do it twice: a dead letter, named.
    """
    if not isinstance(value, kind):
        raise PermanentFailure(f"the plugin answered {value!r}, which is no {kind.__name__}")
    return value


def _said(row: Waiting) -> str:
    """Return what a dead letter was, in a few words."""
    body = row.what.body
    if isinstance(body, Letter):
        return f"a mail to {body.mail.to}"
    if isinstance(body, Post):
        message: Message = body.message
        return f"“{spans_text(message.summary)[:120]}”"
    return {
        "open": "the incident's own room",
        "acknowledge": "the mark on a command",
        "offer": "the buttons of a message",
        "card": "the status card",
        "board": "the list of incidents",
        "invite": "an invitation",
        "topic": "the room's topic",
        "page": "a page",
        "status": "the status page's text",
        "redraw": "the status page's days",
        "ticket": "the ticket",
        "mail": "a mail",
        "stakeholder": "a brief",
        "spread": "news for stakeholders",
        "document": "the postmortem",
        "events": "the record of what happened",
        "draft": "the draft of a brief",
    }[body.kind]
