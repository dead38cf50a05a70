"""A room's events become the core's events; trouble in a room is reported."""

from __future__ import annotations

import asyncio
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from cachetools import LRUCache

from adapters.matrix import checks, inbound, render
from adapters.matrix.config import MatrixSettings
from adapters.matrix.crypto import Crypto, Sealed
from adapters.matrix.homeserver import Homeserver, HomeserverRefused
from adapters.matrix.inbound import ADAPTER, CAPTURE, Event
from adapters.matrix.power_levels import PowerLevels, power_levels
from adapters.matrix.rooms import Rooms
from adapters.matrix.sync import until_handled
from adapters.matrix.twins import Twins
from bot.contract import (
    ChatCapture,
    ChatCorrection,
    ChatEvent,
    ChatMoved,
    ChatTrouble,
    ChatUnreadable,
    Clock,
    ConversationRef,
    Receive,
    TemporaryFailure,
    UserRef,
)

KEY_SECONDS = 30.0
"""How long a key may take to arrive before its sender is told."""

REMEMBERED = 2000
"""How many events' threads, and how many missing keys, are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participants:
    """The bot, and the users it listens to."""

    me: str
    """The bot's user id."""
    my_name: str
    """The bot's display name."""
    people: Callable[[], Collection[str]]
    """Returns the user ids of the people of the config."""
    homeservers: tuple[str, ...]
    """The homeservers, by pattern, whose users are listened to, besides the people's."""


class RoomEvents:
    """Handles the events of the sync."""

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        settings: MatrixSettings,
        who: Participants,
        server: Homeserver,
        rooms: Rooms,
        crypto: Crypto,
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
        receive: Receive,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """`spawn` runs something beside the rooms' queues."""
        self._settings, self._server, self._rooms = settings, server, rooms
        self._crypto, self._clock, self._log = crypto, clock, log
        self._receive, self._spawn = receive, spawn
        self.me, self.my_name = who.me, who.my_name
        self._people, self._homeservers = who.people, who.homeservers
        self.threads: LRUCache[str, str | None] = LRUCache(REMEMBERED)
        self._twins = Twins(server, clock)
        self._untold: list[asyncio.Event] = []
        self._unreadable: LRUCache[str, bool] = LRUCache(REMEMBERED)

    async def _handled(self, what: Callable[[Event], Awaitable[None]], event: Event) -> None:
        await until_handled(what, event, self._clock, self._log)

    async def account(self, kind: str, content: Event) -> None:
        """Take over from the account which rooms are direct."""
        if kind == "m.direct":
            self._rooms.take_direct(content)

    async def invited(self, room: str, state: Sequence[Event]) -> None:
        """Accept an invitation by somebody who may invite; decline any other."""
        mine = next(
            (
                e
                for e in state
                if inbound.is_member(e, self.me)
                and e.get("content", {}).get("membership") == "invite"
            ),
            None,
        )
        if mine is None:
            return
        inviter = str(mine.get("sender"))
        allowed = inviter in self._people() or inbound.matches(inviter, self._settings.inviters)
        if not allowed:
            self._log.warning("invitation declined", room=room, inviter=inviter)
            await retried(self._clock, self._log, lambda: self._server.leave(room))
            return
        await retried(self._clock, self._log, lambda: self._server.join(room))
        await retried(self._clock, self._log, lambda: self._succeeds(room))
        if mine.get("content", {}).get("is_direct"):
            await retried(self._clock, self._log, lambda: self._rooms.note_direct(inviter, room))

    async def _succeeds(self, room: str) -> None:
        """Continue in a room's successor that the bot had to be invited to."""
        was = await self._rooms.predecessor(room)
        if was is not None:
            await self._moved(was, room)

    async def _moved(self, was: str, now: str) -> None:
        self._rooms.moved(was, now)
        await self._receive(
            ChatMoved(
                id=f"{was}/{now}",
                conversation=ConversationRef(ADAPTER, was),
                to=ConversationRef(ADAPTER, now),
                moved_at=self._clock.now(),
            )
        )

    async def left(self, room: str, events: Sequence[Event]) -> None:
        """Report that the bot was removed from a room."""
        for event in events:
            mine = inbound.is_member(event, self.me)
            if not mine or event.get("sender") == self.me:
                continue
            how = "banned from" if _membership(event) == "ban" else "removed from"
            name = await self._name_of(room)
            text = (
                f"Sitrep was {how} the room {name} by {event.get('sender')}. What is to be said "
                f"there waits. Invite {self.me} again."
            )
            await self._report(room, event, text, reachable=False)

    async def _name_of(self, room: str) -> str:
        try:
            found = await self._server.state(room, "m.room.name")
        except (HomeserverRefused, TemporaryFailure):
            return room
        return str((found or {}).get("name") or room)

    def _is_heard(self, sender: str) -> bool:
        server = inbound.server_of(sender)
        people = (inbound.server_of(user) for user in self._people())
        return inbound.matches(server, (*self._homeservers, *people))

    async def event(self, room: str, event: Event) -> None:
        """Handle an event of a room's timeline."""
        sender = str(event.get("sender"))
        kind = inbound.kind(event)
        if sender == self.me:
            if self._twins.shown_by(event):
                await self._twin(room, event)
            return
        if kind == "m.room.power_levels":
            await self._power_changed(room, event)
        if not self._is_heard(sender):
            self._log.info("from elsewhere", room=room, sender=sender)
            return
        match kind:
            case "m.room.encrypted":
                await self._sealed(room, event)
            case "m.room.message":
                await self._message(room, event)
            case "m.reaction":
                await self._reaction(room, event)
            case "m.room.redaction":
                await self._redaction(room, event)
            case "m.room.pinned_events":
                for target in inbound.newly_pinned(event):
                    await self._capture(room, event, target, f"{event.get('event_id')}/{target}")
            case "m.room.tombstone":
                await self._upgraded(room, event)
            case _:
                pass

    def _conversation(self, room: str, root: str | None = None) -> ConversationRef:
        """Return the conversation of a room, or of a thread if each incident has a thread."""
        threaded = self._settings.layout == "threads" and root is not None
        return ConversationRef(ADAPTER, f"{room}/{root}" if threaded else room)

    async def _message(self, room: str, event: Event) -> None:
        identity, sender = str(event.get("event_id")), str(event.get("sender"))
        corrected = inbound.correction(event)
        if corrected is not None:
            target, text = corrected
            await self._corrected(room, event, target, text)
            return
        how, target_of = inbound.relation(event)
        root = target_of if how == "m.thread" else None
        self.threads[identity] = root or (identity if how is None else None)
        said = inbound.said(event, self.me, self.my_name)
        if said is None:
            return
        direct = room in self._rooms.direct_users
        if not isinstance(event, Sealed) and await self._crypto.is_encrypted(room):
            if direct or inbound.is_command(said):
                await self._tell_in_clear(room, event, root)
            return
        await self._receive(
            ChatEvent(
                id=identity,
                conversation=self._conversation(room, root),
                sender=UserRef(ADAPTER, sender),
                sender_name=inbound.local(sender),
                text=said.text,
                written_at=inbound.written_at(event),
                addressed=said.addressed or direct,
                direct=direct,
                mentions=said.mentions,
                message=identity,
            )
        )

    async def _corrected(self, room: str, event: Event, target: str, text: str) -> None:
        """Follow an edit by the message's author; homeservers let others through as well."""
        found = await self._server.event(room, target)
        if found is None or found.get("sender") != event.get("sender"):
            return
        if found.get("type") == "m.room.encrypted" and not isinstance(event, Sealed):
            await self._tell_in_clear(room, event)
            return
        await self._correct(room, event, target, text)

    async def _redaction(self, room: str, event: Event) -> None:
        """Follow a redaction that the homeserver has carried out."""
        target = inbound.redacted(event)
        found = await self._server.event(room, target) if target is not None else None
        if target is not None and found is not None and inbound.is_redacted(found):
            await self._correct(room, event, target, None)

    async def _correct(self, room: str, event: Event, target: str, text: str | None) -> None:
        await self._receive(
            ChatCorrection(
                id=str(event.get("event_id")),
                conversation=self._conversation(room),
                sender=UserRef(ADAPTER, str(event.get("sender"))),
                message=target,
                text=text,
                written_at=inbound.written_at(event),
            )
        )

    async def _reaction(self, room: str, event: Event) -> None:
        """Take a reaction as the press of an offered button, or as the mark of a message."""
        reaction = inbound.pressed(event)
        if reaction is None:
            return
        if reaction.key == CAPTURE:
            await self._capture(room, event, reaction.target, str(event.get("event_id")))
            return
        if reaction.key not in {render.plain_key(digit) for digit in render.DIGITS}:
            return
        found = await self._fetched(room, reaction.target)
        if found is None or found.get("sender") != self.me:
            return
        offered = inbound.content(found).get(render.BUTTONS)
        command = offered.get(reaction.key) if isinstance(offered, Mapping) else None
        if not isinstance(command, str):
            return
        sender = str(event.get("sender"))
        root = inbound.relation(found)[1] if _threaded(found) else None
        await self._receive(
            ChatEvent(
                id=str(event.get("event_id")),
                conversation=self._conversation(room, root),
                sender=UserRef(ADAPTER, sender),
                sender_name=inbound.local(sender),
                text=command,
                written_at=inbound.written_at(event),
                addressed=True,
            )
        )

    async def _capture(self, room: str, event: Event, target: str, identity: str) -> None:
        """Capture a marked message, as it was last edited."""
        raw = await self._server.event(room, target)
        if raw is None or raw.get("sender") == self.me:
            return  # what the bot says is on the timeline already
        found = self._crypto.decrypted(room, raw)
        if found is None:
            await self._tell_unreadable(room, raw)
            return
        if found.get("type") != "m.room.message":
            return
        author, sender = str(found.get("sender")), str(event.get("sender"))
        text = inbound.text(inbound.content(found))
        edit = inbound.last_edit(raw)
        if edit is not None and (edit.get("sender"), edit.get("type")) == (author, raw.get("type")):
            clear = self._crypto.decrypted(room, edit)
            text = (inbound.correction(clear) or ("", text))[1] if clear is not None else text
        root = inbound.relation(found)[1] if _threaded(found) else None
        await self._receive(
            ChatCapture(
                id=identity,
                conversation=self._conversation(room, root),
                sender=UserRef(ADAPTER, sender),
                sender_name=inbound.local(sender),
                author=UserRef(ADAPTER, author),
                author_name=inbound.local(author),
                text=text,
                written_at=inbound.written_at(found),
                marked_at=inbound.written_at(event),
                message=target,
            )
        )

    async def _fetched(self, room: str, target: str) -> Event | None:
        """Return an event, decrypted; `None` if it does not exist or its key is missing."""
        found = await self._server.event(room, target)
        return self._crypto.decrypted(room, found) if found is not None else None

    # --- what cannot be read ----------------------------------------------------------------------

    async def _sealed(self, room: str, event: Event) -> None:
        """Read an encrypted event now, or beside the room's queue when its key arrives."""
        clear = self._crypto.decrypted(room, event)
        if clear is not None:
            await self.event(room, clear)
            return
        self._log.warning("cannot read", room=room, event_id=event.get("event_id"))
        self._untold.append(asyncio.Event())
        self._spawn(self._await_key(room, event, self._untold[-1]))

    async def settled(self) -> None:
        """Wait until each message so far is read, or its sender was told that it cannot be."""
        for each in tuple(self._untold):
            await each.wait()
            self._untold.remove(each)

    async def _await_key(self, room: str, event: Event, settled: asyncio.Event) -> None:
        # Keys cannot be requested: clients share them with their own devices only.
        told = False
        for _attempt in range(REMEMBERED):
            try:
                async with asyncio.timeout(None if told else KEY_SECONDS):
                    await self._crypto.keys_came.wait()
                    self._crypto.keys_came.clear()
            except TimeoutError:
                told = True
                await self._handled(partial(self._tell_unreadable, room), event)
                settled.set()
                continue
            clear = self._crypto.decrypted(room, event)
            if clear is not None:
                await self._handled(partial(self.event, room), clear)
                settled.set()
                return

    async def _tell_unreadable(self, room: str, event: Event) -> None:
        """Report an unreadable message, once for each missing key."""
        session = str(inbound.content(event).get("session_id"))
        if session in self._unreadable:
            return
        self._unreadable[session] = True
        identity = str(event.get("event_id"))
        await self._receive(
            ChatUnreadable(
                id=f"unread/{identity}",
                conversation=self._conversation(room),
                sender=UserRef(ADAPTER, str(event.get("sender"))),
                message=identity,
                written_at=inbound.written_at(event),
            )
        )

    async def _tell_in_clear(self, room: str, event: Event, root: str | None = None) -> None:
        """Report a command, or an edit, that came unencrypted in an encrypted room.

        An unencrypted message proves nothing about its sender: the homeserver can forge it.
        """
        identity = str(event.get("event_id"))
        self._log.warning("in clear", room=room, event_id=identity, sender=event.get("sender"))
        await self._receive(
            ChatUnreadable(
                id=f"clear/{identity}",
                conversation=self._conversation(room, root),
                sender=UserRef(ADAPTER, str(event.get("sender"))),
                message=identity,
                written_at=inbound.written_at(event),
                in_clear=True,
            )
        )

    # --- what changes in a room -------------------------------------------------------------------

    async def _power_changed(self, room: str, event: Event) -> None:
        """Report that the bot has lost a permission that it needs in a room."""
        now = await self._rooms.power_levels(room)
        before = _before(event, now)
        lost = [n for n in checks.NEEDED if n.may(before, self.me) and not n.may(now, self.me)]
        if not lost:
            return
        what = ", ".join(each.what for each in lost)
        text = (
            f"Sitrep may not {what} in this room any more; {event.get('sender')} changed its "
            f"power level. Give {self.me} at least {max(n.level(now) for n in lost):.0f}."
        )
        reachable = now.may(self.me, "m.room.message", state=False)
        await self._report(room, event, text, reachable=reachable)

    async def _twin(self, room: str, event: Event) -> None:
        """Report that another process speaks as the bot, once a day."""
        self._log.error("another Sitrep speaks for us", room=room, event_id=event.get("event_id"))
        now, triage = self._clock.now(), self._settings.triage or self._rooms.alias("triage")
        await self._receive(
            ChatTrouble(
                id=f"twin/{now:%Y-%m-%d}",
                conversation=ConversationRef(ADAPTER, triage),
                text=f"Another Sitrep speaks as {self.me}: end one of them, or give it an account "
                "of its own. Until then both answer, and one may break the other's encryption.",
                noticed_at=now,
                reachable=True,
            )
        )

    async def _upgraded(self, room: str, event: Event) -> None:
        """Follow an upgraded room to its successor."""
        to = inbound.content(event).get("replacement_room")
        if not isinstance(to, str):
            return
        try:
            joined = await self._server.join(to)
        except HomeserverRefused as exc:
            self._log.warning("cannot follow", room=room, to=to, why=str(exc))
            text = f"This room goes on in {to}, which Sitrep cannot join. Invite {self.me}."
            await self._report(room, event, text, reachable=True)
            return
        await self._moved(room, joined)

    async def _report(self, room: str, event: Event, text: str, *, reachable: bool) -> None:
        await self._receive(
            ChatTrouble(
                id=str(event.get("event_id")),
                conversation=ConversationRef(ADAPTER, room),
                text=text,
                noticed_at=self._clock.now(),
                reachable=reachable,
            )
        )


async def retried(
    clock: Clock, log: structlog.stdlib.BoundLogger, what: Callable[[], Awaitable[object]]
) -> None:
    """Call the homeserver until it answers; log a refusal."""
    wait = timedelta(seconds=1)
    while True:
        try:
            await what()
        except HomeserverRefused as exc:
            log.warning("refused", why=str(exc))
            return
        except TemporaryFailure as exc:
            await clock.sleep(max(wait, exc.retry_after or wait))
            wait = min(wait * 2, timedelta(minutes=1))
        else:
            return


def _threaded(event: Event) -> bool:
    return inbound.relation(event)[0] == "m.thread"


def _membership(event: Event) -> str:
    return str(inbound.content(event).get("membership"))


def _before(event: Event, now: PowerLevels) -> PowerLevels:
    """Return a room's power levels as they were before an event changed them."""
    unsigned = event.get("unsigned")
    levels = unsigned.get("prev_content") if isinstance(unsigned, Mapping) else None
    if not isinstance(levels, Mapping):
        return now
    create = {"room_version": now.version, "creator": now.creator}
    if now.additional:
        create["additional_creators"] = list(now.additional)  # type: ignore[assignment]
    return power_levels(create, now.creator, levels)
