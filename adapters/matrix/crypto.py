"""Encryption with matrix-nio's Olm machine: a room's key is shared in full before it is used."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from nio import AsyncClient, AsyncClientConfig, ErrorResponse, MatrixRoom
from nio import Event as NioEvent
from nio.crypto import Olm, attachments
from nio.events import MegolmEvent
from nio.exceptions import EncryptionError, LocalProtocolError

from adapters.matrix.cross_signing import query, unsigned_devices
from adapters.matrix.homeserver import V3, Homeserver
from adapters.matrix.session import Keep, Session
from bot.contract import TemporaryFailure
from bot.plugin_kit.files import refuse_link
from bot.plugin_kit.network import http_client

IGNORED = "org.sitrep.ignored"
"""The type that a decrypted event gets if it is not allowed to be what it says."""

SEEN_WITHIN = 15.0
"""How many seconds a room that was just made may take to appear in the sync."""

_SHORTLY = timedelta(seconds=2)


class Sealed(dict[str, Any]):
    """The raw event of an event that came encrypted. No JSON makes one: it cannot be pretended."""


def client(homeserver: str, session: Session, keep: Keep, pickle_key: str) -> AsyncClient:
    """Return matrix-nio's client for a login, set to repeat nothing and wait for nothing."""
    config = AsyncClientConfig(
        max_limit_exceeded=0,
        max_timeouts=0,
        request_timeout=60,
        encryption_enabled=True,
        store_sync_tokens=False,
        pickle_key=pickle_key,
    )
    for file in keep.folder.iterdir():
        refuse_link(file)  # the library would write where it leads
    before = os.umask(0o077)  # the library makes its files readable by all
    try:
        made = AsyncClient(homeserver, session.user_id, session.device_id, str(keep.folder), config)
        made.restore_login(session.user_id, session.device_id, session.access_token)
    finally:
        os.umask(before)
    for file in keep.folder.iterdir():
        if file.is_file():
            file.chmod(0o600)
    made.client_session = http_client(config.request_timeout)  # else it makes one of its own
    return made


def machine(of: AsyncClient) -> Olm:
    """Return a client's Olm machine."""
    if of.olm is None:
        raise RuntimeError("matrix-nio has no encryption; install matrix-nio[e2e]")
    return of.olm


class Crypto:
    """Encrypts and decrypts events."""

    def __init__(
        self,
        of: AsyncClient,
        server: Homeserver,
        log: structlog.stdlib.BoundLogger,
        *,
        signed_only: bool,
    ) -> None:
        """`signed_only`: devices that their owners have not signed get no keys."""
        self._client, self._server, self._log = of, server, log
        self._signed_only = signed_only
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._keeping = asyncio.Lock()
        self._synced = asyncio.Condition()
        self.encrypted: set[str] = set()
        self._plain: set[str] = set()
        self.left: set[str] = set()
        self.keys_came = asyncio.Event()

    async def synced(self) -> None:
        """Note that a sync has been processed."""
        for name, room in self._client.rooms.items():
            self.left.discard(name)
            if room.encrypted:
                self.encrypted.add(name)
        async with self._synced:
            self._synced.notify_all()

    async def keep_up(self) -> None:
        """Do what the Olm machine asks for: upload, query and claim keys, send what waits.

        Raises:
            TemporaryFailure: The homeserver cannot do it now.
        """
        async with self._keeping:
            of = self._client
            if of.should_upload_keys:
                _checked(await of.keys_upload())
            if of.should_query_keys:
                users = list(of.users_for_key_query)
                _checked(await of.keys_query())
                if self._signed_only:
                    await self._exclude(users)
            if of.should_claim_keys:
                _checked(await of.keys_claim(of.get_users_for_key_claiming()))
            for answer in await of.send_to_device_messages():
                _checked(answer)

    async def _exclude(self, users: list[str]) -> None:
        """Blacklist the devices that their owners have not signed, and only those."""
        found = await query(self._server, *users)
        for user in users:
            bad = set(unsigned_devices(found, user))
            for device in self._client.device_store.active_user_devices(user):
                if device.id in bad and not self._client.olm.is_device_blacklisted(device):
                    self._client.blacklist_device(device)
                    self._log.warning("device without signature", user=user, device=device.id)
                elif device.id not in bad and self._client.olm.is_device_blacklisted(device):
                    self._client.unblacklist_device(device)

    def note(self, room: str, *, encrypted: bool) -> None:
        """Note how a room was made, before the sync shows it."""
        if encrypted:
            self.encrypted.add(room)
        else:
            self._plain.add(room)

    async def is_encrypted(self, room: str) -> bool:
        """Return whether a room is encrypted. Encryption cannot be switched off again."""
        if room in self.encrypted:
            return True
        known = self._client.rooms.get(room)
        if known is not None:
            self._plain.discard(room)
            return bool(known.encrypted)
        if room in self._plain:
            return False
        if await self._server.state(room, "m.room.encryption") is None:
            return False
        self.encrypted.add(room)
        return True

    async def encrypt(
        self, room: str, kind: str, content: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """Return an event encrypted for a room.

        Raises:
            TemporaryFailure: The keys cannot be shared now.
        """
        known = await self._seen(room)
        async with self._locks[room]:
            olm = machine(self._client)
            if olm.should_share_group_session(room):
                await self._share(known)
            try:
                sealed, secret = self._client.encrypt(room, kind, dict(content))
            except (EncryptionError, LocalProtocolError) as exc:
                raise TemporaryFailure(f"cannot encrypt: {exc}", _SHORTLY) from exc
            if (relates := content.get("m.relates_to")) is not None:
                secret = {**secret, "m.relates_to": relates}  # servers gather by it
            return sealed, dict(secret)

    async def _seen(self, room: str) -> MatrixRoom:
        """Wait until the sync has shown a room and that it is encrypted."""
        try:
            async with asyncio.timeout(SEEN_WITHIN), self._synced:
                await self._synced.wait_for(lambda: self._shows(room))
        except TimeoutError as exc:
            raise TemporaryFailure("the room has not come with the sync yet", _SHORTLY) from exc
        return self._client.rooms[room]

    def _shows(self, room: str) -> bool:
        known = self._client.rooms.get(room)
        return known is not None and bool(known.encrypted)

    def changed(self, room: str) -> None:
        """Note that somebody was invited: the next message must be readable for them, too."""
        if self._client.olm is not None:
            self._client.invalidate_outbound_session(room)

    async def _take_members(self, room: MatrixRoom) -> None:
        """Bring a room's members up to date: a sync may show a room before its invitations."""
        for event in await self._server.members(room.room_id):
            content = event.get("content", {})
            membership = content.get("membership")
            if membership in {"join", "invite"}:
                name, avatar = content.get("displayname"), content.get("avatar_url")
                user = str(event.get("state_key"))
                room.add_member(user, name, avatar, invited=membership == "invite")
        room.members_synced = True
        machine(self._client).update_tracked_users(room)

    async def _share(self, room: MatrixRoom) -> None:
        """Share a room's key with all its devices; start over with a new key if that fails."""
        try:
            await self._take_members(room)
            await self.keep_up()
            missing = self._client.get_missing_sessions(room.room_id)
            if missing:
                _checked(await self._client.keys_claim(missing))
            olm = machine(self._client)
            for devices, messages in olm.share_group_session_parallel(
                room.room_id, list(room.users), ignore_unverified_devices=True
            ):
                key = os.urandom(12).hex()
                path = f"{V3}/sendToDevice/m.room.encrypted/{key}"
                await self._server.call("PUT", path, messages)
                olm.outbound_group_sessions[room.room_id].users_shared_with.update(devices)
            olm.outbound_group_sessions[room.room_id].shared = True
        except TemporaryFailure:
            self._client.invalidate_outbound_session(room.room_id)
            raise
        except Exception as exc:
            self._client.invalidate_outbound_session(room.room_id)
            raise TemporaryFailure(f"the room's key cannot be shared: {exc!r}", _SHORTLY) from exc

    def decrypted(self, room: str, event: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return an event decrypted; `None` if its key is missing."""
        sealed = event.get("content")
        if event.get("type") != "m.room.encrypted" or not sealed:
            return event  # a redacted event has no content
        parsed = NioEvent.parse_encrypted_event(dict(event))
        if not isinstance(parsed, MegolmEvent):
            return None
        parsed.room_id = room
        try:
            clear = self._client.decrypt_event(parsed)
        except EncryptionError:
            return None
        return in_clear(clear)


def _checked(answer: object) -> None:
    """Raise an error that the library returned."""
    if isinstance(answer, ErrorResponse):
        raise TemporaryFailure(f"keys: {answer.status_code or ''} {answer.message}", _SHORTLY)


async def closed(of: AsyncClient) -> None:
    """Close a client and its store for good: the library would open them again when used."""
    session = of.client_session
    await of.close()
    of.client_session = session
    if of.store is not None:
        of.store.database.close()


def sealed_file(data: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return a file encrypted for an encrypted room, and the keys that go into its event."""
    secret, keys = attachments.encrypt_attachment(data)
    return secret, dict(keys)


async def exported(of: AsyncClient, path: Path, passphrase: str) -> None:
    """Write the keys of all messages read to a file, encrypted with the passphrase.

    The file has its name once it is whole.
    """
    refuse_link(path)
    part, before = path.with_name(f"{path.name}.part"), os.umask(0o077)
    try:
        await of.export_keys(str(part), passphrase)
    finally:
        os.umask(before)
    part.replace(path)


def in_clear(event: NioEvent) -> Mapping[str, Any]:
    """Return the raw event of one of the library's events.

    What was encrypted can be a message and nothing else: anybody may write `m.room.tombstone` into
    a sealed event, where no homeserver sees whether they may.
    """
    source: Mapping[str, Any] = event.source
    if getattr(event, "decrypted", False) and source.get("type") != "m.room.message":
        return {"type": IGNORED, "sender": source.get("sender"), "event_id": event.event_id}
    return Sealed(source) if getattr(event, "decrypted", False) else source


def is_key(event: object) -> bool:
    """Return whether a to-device event brings the key of a room."""
    return type(event).__name__ in {"RoomKeyEvent", "ForwardedRoomKeyEvent"}
