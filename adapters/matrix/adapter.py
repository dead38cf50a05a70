"""Matrix: rooms, threads, reactions, encrypted or not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.matrix import checks, cross_signing, render
from adapters.matrix import crypto as cr
from adapters.matrix.config import MatrixSettings
from adapters.matrix.crypto import Crypto
from adapters.matrix.homeserver import V3, Homeserver, HomeserverRefused
from adapters.matrix.inbound import ADAPTER
from adapters.matrix.room_events import Participants, RoomEvents, retried
from adapters.matrix.rooms import IN, Rooms
from adapters.matrix.session import Keep, Session
from adapters.matrix.sync import RELOGIN, Sync
from bot.contract import (
    ConversationRef,
    ConversationRequest,
    Features,
    File,
    Finding,
    Message,
    MessageRef,
    Opened,
    PermanentFailure,
    PersonId,
    PluginContext,
    Receive,
    SessionEnded,
    SetupFailed,
    TemporaryFailure,
    UserRef,
)
from bot.plugin_kit.files import replace_own
from bot.plugin_kit.users import Users

CALM_SECONDS = 0.5
"""How long opening a room waits for the reactions that mark commands."""

DONE, NOT_DONE = "✅", "❓"

_ATTACHED = "attached/"
"""The prefix under which the ids of a message's file messages are kept."""


class PutOut(TemporaryFailure):
    """The bot may not speak in a room now: it was removed or muted."""


class MatrixAdapter:
    """A bot account on a homeserver."""

    def __init__(self, context: PluginContext, settings: MatrixSettings) -> None:
        """Make no request yet."""
        self._context, self._settings, self._log = context, settings, context.log
        self._clock = context.clock
        self._keep = Keep(context.home)
        self._server = Homeserver(settings.homeserver, lambda: context.http)
        self._rooms = Rooms(settings, self._server, self._log)
        self.features = Features(
            rooms=True,
            private_rooms=True,
            direct=True,
            edits=True,
            pins=True,
            threads=True,
            buttons=True,
            reactions=True,
            max_bytes=render.LONGEST,
            single=True,
            triage=ConversationRef(ADAPTER, settings.triage or self._rooms.alias("triage")),
        )
        self._users = Users(context)
        self._render = render.Renderer(self._user_of, self._address_of)
        self._me, self._my_name = settings.user, settings.user[1:].partition(":")[0]
        self._ready: Crypto | None = None
        self._sync: Sync | None = None
        self._over: tuple[Session, str] | None = None
        self._room_events: RoomEvents | None = None
        self._pinning = asyncio.Lock()
        self._marking = 0
        self._marked = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def _user_of(self, person: PersonId) -> str | None:
        known = self._users.now().get(person)
        if known is not None:
            return known
        adapter, _, user = person.partition(":")
        return user if adapter == ADAPTER and user else None

    def _address_of(self, conversation: ConversationRef) -> str | None:
        if conversation.adapter != ADAPTER:
            return None
        if conversation.pending is not None:
            if self._settings.layout == "threads":
                return None
            return self._rooms.alias(conversation.pending.casefold())
        return _split(conversation.id)[0] if conversation.id.startswith(("!", "#")) else None

    # --- in ---------------------------------------------------------------------------------------

    async def run(self, receive: Receive) -> bool:
        """Listen until the session ends.

        Raises:
            SessionEnded: There is no login, or the homeserver has ended it.
        """
        if (why := self.lacking()) is not None:
            raise SessionEnded(why)
        session = self._keep.session()
        self._keep.make()
        try:
            self._keep.hold()
        except SetupFailed as exc:
            raise TemporaryFailure(str(exc)) from exc  # `sitrep matrix login` may be at work
        try:
            return await self._run(session, receive)
        except SessionEnded as exc:
            self._over = session, str(exc)
            raise
        finally:
            self._keep.let_go()

    def lacking(self) -> str | None:
        """Return what keeps the login in the home folder from being used."""
        try:
            session = self._keep.session()
        except SetupFailed as exc:
            return str(exc)
        if session.user_id != self._me:
            return f"the login is {session.user_id}'s, not {self._me}'s; {RELOGIN}"
        return self._over[1] if self._over is not None and self._over[0] == session else None

    async def _run(self, session: Session, receive: Receive) -> bool:
        self._server.token, self._server.ended = session.access_token, None
        pickle_key = self._settings.pickle_key.get_secret_value()
        client = cr.client(self._settings.homeserver, session, self._keep, pickle_key)
        try:
            await self._known(session)
            signed_only = self._settings.devices == "signed"
            crypto = Crypto(client, self._server, self._log, signed_only=signed_only)
            await self._signed(session, client, crypto)
            who = Participants(
                me=self._me,
                my_name=self._my_name,
                people=lambda: self._users.now().values(),
                homeservers=self._settings.homeservers or (self._settings.server,),
            )
            self._room_events = RoomEvents(
                self._settings,
                who,
                self._server,
                self._rooms,
                crypto,
                self._clock,
                self._log,
                receive,
                self._spawn,
            )
            self._sync = Sync(
                client, crypto, self._server, self._keep, self._clock, self._log, self._room_events
            )
            self._ready = crypto
            self._spawn(self._gather())
            await self._sync.run()
        finally:
            self._ready = self._sync = self._room_events = None
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await cr.closed(client)
        return True

    async def _known(self, session: Session) -> None:
        """Check that the token belongs to the login."""
        try:
            who = await self._server.call("GET", f"{V3}/account/whoami")
        except TemporaryFailure as exc:
            if self._server.ended is not None:
                raise SessionEnded(f"{self._server.ended}; {RELOGIN}") from exc
            raise
        if who.get("user_id") != session.user_id or who.get("device_id") != session.device_id:
            raise SessionEnded(f"the token is another login's; {RELOGIN}")
        with suppress(HomeserverRefused):  # an account need not have a name
            found = await self._server.call("GET", f"{V3}/profile/{self._me}/displayname")
            self._my_name = str(found.get("displayname") or self._my_name)
        self._rooms.take_direct(await self._server.account_data(self._me, "m.direct"))

    async def _signed(self, session: Session, client: Any, crypto: Crypto) -> None:  # noqa: ANN401
        """Make sure that the device's keys are uploaded, and signed by the account."""
        await crypto.keep_up()
        try:
            await cross_signing.ensure(self._server, session, cr.machine(client), self._keep.seeds)
        except (cross_signing.NotOurs, HomeserverRefused) as exc:
            self._log.error("the device is not signed", why=str(exc))

    def _spawn(self, what: Any) -> None:  # noqa: ANN401 - a coroutine
        task = asyncio.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _gather(self) -> None:
        """Make the space and the triage room, and invite the people of the config."""
        wait = timedelta(seconds=1)
        people = [user for user in self._users.now().values() if user != self._me]
        while True:
            try:
                places = [await self._rooms.space(), await self._rooms.triage()]
                await self._list_forgotten(places[0])
                for room in places[:1] if self._settings.triage else places:
                    if room is not None:
                        await self._bring_once(room, people)
            except TemporaryFailure as exc:
                self._log.warning("rooms put off", why=str(exc))
                await self._clock.sleep(max(wait, exc.retry_after or wait))
                wait = min(wait * 2, timedelta(minutes=10))
            except PermanentFailure as exc:
                self._log.error("no triage room", why=str(exc))
                return
            else:
                return

    async def _list_forgotten(self, space: str | None) -> None:
        """Add to the space the rooms that a crash kept out of it."""
        if space is None or self._sync is None:
            return
        await self._sync.ready.wait()
        for room in self._sync.unlisted(space):
            await self._rooms.enlist(room)

    async def _bring_once(self, room: str, people: Sequence[str]) -> None:
        """Invite people who were never in a room; those who left are not invited again."""
        state = await self._server.whole_state(room)
        known = {e.get("state_key") for e in state if e.get("type") == "m.room.member"}
        await self._rooms.bring_in(room, [user for user in people if user not in known])

    # --- out --------------------------------------------------------------------------------------

    async def open_conversation(self, request: ConversationRequest, *, key: str) -> Opened:
        """Open a room, or a thread, or find the direct room with a user."""
        self._awake()
        if request.direct_to is not None:
            room = await self._rooms.direct(request.direct_to.id)
            self._awake().changed(room)
            return Opened(conversation=ConversationRef(ADAPTER, room))
        await self._calm()
        if self._settings.layout == "rooms" or request.private:
            room = await self._rooms.incident(request, key)
            self._awake().note(room, encrypted=self._settings.encrypted)
            if request.private:
                return Opened(conversation=ConversationRef(ADAPTER, room))
            self._spawn(retried(self._clock, self._log, lambda: self._rooms.enlist(room)))
            return Opened(conversation=ConversationRef(ADAPTER, room))
        room = await self._rooms.triage()
        await self._rooms.bring_in(room, [user.id for user in request.invite])
        self._awake().changed(room)
        root = await self._say(room, self._title(request.topic), key)
        return Opened(conversation=ConversationRef(ADAPTER, f"{room}/{root}"))

    async def post(
        self,
        to: ConversationRef,
        message: Message,
        *,
        key: str,
        answers: str | None = None,
        urgent: bool = False,
    ) -> MessageRef:
        """Post a message."""
        del urgent  # homeservers know no priority; the core sends it first
        crypto = self._awake()
        room, root = _split(await self._rooms.room_of(to.id))
        friend = self._rooms.direct_users.get(room)
        unasked = friend if answers is None else None
        drawn = self._render.draw(message, call=unasked)
        content = drawn.content
        if friend is not None:
            content["msgtype"] = "m.text"  # in a direct room everything should notify
            await self._reached(room, friend)
        aside = message.aside and friend is None  # a room with one person needs no threads
        beside = aside or drawn.lines > render.LONG_LINES
        if root is None and answers is not None and beside:
            root = self._room_events.threads.get(answers) if self._room_events is not None else None
        if root is not None:
            content = render.in_thread(content, root)
        try:
            event = await self._say(room, content, key)
        except PutOut:
            if friend is None or (fresh := await self._rooms.direct(friend)) == room:
                raise
            room = fresh  # they removed the bot from the old one; a page must reach them
            event = await self._say(room, content, key)
        files = [(f"{key}-file{n}", file) for n, file in enumerate(message.files)]
        if drawn.rest is not None:
            whole = File(name="whole-text.txt", media="text/plain", text=drawn.rest)
            files.insert(0, (f"{key}-file", whole))
        if files:
            sent = [await self._attach(crypto, room, root, file, name) for name, file in files]
            beside_it = f"{_ATTACHED}{event}"
            await self._context.memory.keep(beside_it, " ".join(sent), lasting=False)
        return MessageRef(ConversationRef(ADAPTER, to.id), event)

    async def offer(self, ref: MessageRef, buttons: int, *, key: str) -> None:
        """Offer the buttons of a message as reactions."""
        self._awake()
        room, _root = _split(await self._rooms.room_of(ref.conversation.id))
        for n, digit in enumerate(render.DIGITS[:buttons], 1):
            await self._react(room, ref.id, digit, f"{key}-{n}")

    async def acknowledge(self, ref: MessageRef, *, worked: bool, key: str) -> None:
        """Mark a command with a reaction."""
        self._awake()
        room, _root = _split(await self._rooms.room_of(ref.conversation.id))
        self._marking += 1
        try:
            await self._react(room, ref.id, DONE if worked else NOT_DONE, key)
        finally:
            self._marking -= 1
            if not self._marking:
                self._marked.set()

    async def _calm(self) -> None:
        """Wait for reactions that are being sent: making a room keeps a homeserver busy longest."""
        if self._marking:
            self._marked.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._marked.wait(), CALM_SECONDS)

    async def edit(self, ref: MessageRef, message: Message, *, key: str) -> None:
        """Replace a message."""
        self._awake()
        room, _root = _split(await self._rooms.room_of(ref.conversation.id))
        await self._say(room, render.edited(self._render.draw(message).content, ref.id), key)

    async def pin(self, ref: MessageRef, *, key: str) -> None:
        """Pin a message, besides those that are pinned."""
        del key
        self._awake()
        room, _root = _split(await self._rooms.room_of(ref.conversation.id))
        async with self._pinning:
            state = await self._server.state(room, "m.room.pinned_events") or {}
            found = state.get("pinned")
            pinned = list(found) if isinstance(found, list) else []
            if ref.id in pinned:
                return
            try:
                fresh = {"pinned": [*pinned, ref.id]}
                await self._server.put_state(room, "m.room.pinned_events", fresh)
            except HomeserverRefused as exc:
                # The card is there and up to date, just not on top.
                self._log.warning("not pinned", room=room, why=str(exc))

    async def invite(self, to: ConversationRef, users: Sequence[UserRef], *, key: str) -> None:
        """Invite people."""
        del key
        self._awake()
        room, _root = _split(await self._rooms.room_of(to.id))
        try:
            await self._rooms.bring_in(room, [user.id for user in users if user.id != self._me])
        finally:
            self._awake().changed(room)

    async def set_private(self, to: ConversationRef, *, private: bool, key: str) -> None:
        """Let only the invited into a room, or everybody of the space again."""
        del key  # it is state: setting it again changes nothing
        self._awake()
        room, _root = _split(await self._rooms.room_of(to.id))
        try:
            await self._rooms.close(room, private=private)
        except HomeserverRefused as exc:
            raise PermanentFailure(f"the room cannot be closed: {exc}") from exc

    async def take_back(self, ref: MessageRef, *, reason: str, key: str) -> None:
        """Redact a message and its files: an edited one still shows what it said before."""
        self._awake()
        room, _root = _split(await self._rooms.room_of(ref.conversation.id))
        attached = await self._context.memory.recall(f"{_ATTACHED}{ref.id}") or ""
        try:
            for n, event in enumerate((ref.id, *attached.split())):
                await self._server.redact(room, event, reason, key=f"{key}-{n}")
        except HomeserverRefused as exc:
            raise PermanentFailure(f"the message stays: {exc}") from exc

    async def set_topic(self, to: ConversationRef, topic: str, *, key: str) -> None:
        """Set a room's topic; a thread's first message says it instead."""
        self._awake()
        room, root = _split(await self._rooms.room_of(to.id))
        if root is not None:
            await self._say(room, render.edited(self._title(topic), root), key)
            return
        try:
            await self._server.put_state(room, "m.room.topic", {"topic": topic})
        except HomeserverRefused as exc:
            self._log.warning("topic not set", room=room, why=str(exc))

    def _awake(self) -> Crypto:
        """Return the encryption, which exists once the adapter listens."""
        if self._ready is None or self._sync is None or not self._sync.ready.is_set():
            raise TemporaryFailure("not connected to the homeserver", timedelta(milliseconds=500))
        return self._ready

    def _title(self, topic: str) -> dict[str, Any]:
        return self._render.draw(Message(summary=(topic,))).content

    async def _say(self, room: str, content: Mapping[str, Any], key: str) -> str:
        kind, sealed = "m.room.message", dict(content)
        crypto = self._awake()
        if room in crypto.left:
            raise PutOut("Sitrep was put out of the room")
        if await crypto.is_encrypted(room):
            kind, sealed = await crypto.encrypt(room, kind, content)
        return await self._sent(room, kind, sealed, key)

    async def _sent(self, room: str, kind: str, content: Mapping[str, Any], key: str) -> str:
        try:
            return await self._server.send(room, kind, content, key=key)
        except HomeserverRefused as exc:
            if exc.status == 403:
                # Removed or muted: somebody who is told can bring the bot back, and then it works.
                raise PutOut(f"Sitrep may not speak in the room: {exc}") from exc
            raise

    async def _react(self, room: str, event: str, mark: str, key: str) -> None:
        relation = {"rel_type": "m.annotation", "event_id": event, "key": mark}
        try:
            await self._sent(room, "m.reaction", {"m.relates_to": relation}, key)
        except HomeserverRefused as exc:
            if exc.code != "M_DUPLICATE_ANNOTATION":
                self._log.warning("no reaction", room=room, why=str(exc))

    async def _attach(
        self, crypto: Crypto, room: str, root: str | None, file: File, key: str
    ) -> str:
        """Attach a file; return the id of its message."""
        name, data, kind = file.name, file.text.encode(), file.media.partition(";")[0]
        content: dict[str, Any] = {
            "msgtype": "m.file",
            "body": name,
            "info": {"mimetype": kind, "size": len(data)},
            "m.mentions": {},
        }
        if await crypto.is_encrypted(room):
            secret, keys = cr.sealed_file(data)
            url = await self._server.upload(secret, name, "application/octet-stream")
            content["file"] = {**keys, "url": url}
        else:
            content["url"] = await self._server.upload(data, name, kind)
        if root is not None:
            content = render.in_thread(content, root)
        return await self._say(room, content, key)

    async def _reached(self, room: str, user: str) -> None:
        """Invite somebody back who left their direct room: they must still be reached."""
        known = self._sync.members(room) if self._sync is not None else None
        if known is None or user in known:
            return
        try:
            if await self._server.membership(room, user) not in IN:
                await self._server.invite(room, user)
                self._awake().changed(room)
        except HomeserverRefused as exc:
            self._log.warning("not reached", user=user, why=str(exc))

    # --- besides ----------------------------------------------------------------------------------

    async def check(self) -> Sequence[Finding]:
        """Return what keeps the bot from working, and how to mend it."""
        return await checks.check(self._settings, self._keep, self._server, self._rooms)

    async def backup(self, folder: Path) -> Sequence[str]:
        """Write the message keys, encrypted with `pickle_key`, and the account's signing keys."""
        return await backed_up(self._settings, self._keep, folder)


async def backed_up(settings: MatrixSettings, keep: Keep, folder: Path) -> list[str]:
    """Write the keys of a login to the same place in another home folder."""
    session, target = keep.session(), Keep(str(folder))
    target.make()
    pickle_key = settings.pickle_key.get_secret_value()
    client = cr.client(settings.homeserver, session, keep, pickle_key)
    await cr.exported(client, target.keys, pickle_key)
    await cr.closed(client)
    written = [str(target.keys)]
    if keep.seeds.exists():
        replace_own(target.seeds, keep.seeds.read_bytes())
        written.append(str(target.seeds))
    return written


def _split(conversation: str) -> tuple[str, str | None]:
    """Return a conversation's room, and the first message of its thread."""
    room, slash, event = conversation.partition("/$")
    return room, f"${event}" if slash else None
