"""Cross-signing, which matrix-nio lacks: the bot's device is signed by keys of the bot's account.

Clients that exclude unsigned devices neither show what such a device sends nor send it their keys.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa
from nio.crypto import Olm

from adapters.matrix.homeserver import V3, Homeserver, HomeserverRefused
from adapters.matrix.session import Session, read, write


class NotOurs(Exception):  # noqa: N818 - a state, not a fault
    """The account has cross-signing keys that are not kept here; the text says what to do."""


def canonical(what: Mapping[str, Any]) -> bytes:
    """Return the bytes that a signature is made over: canonical JSON."""
    bare = {k: v for k, v in what.items() if k not in {"signatures", "unsigned"}}
    return json.dumps(bare, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


class Key:
    """An ed25519 key."""

    def __init__(self, seed: str | None = None) -> None:
        """Make a new key, or the key of a seed."""
        self._key = (
            ECC.construct(curve="ed25519", seed=_bytes(seed))
            if seed is not None
            else ECC.generate(curve="ed25519")
        )
        self.public = _base64(bytes(self._key.public_key().export_key(format="raw")))

    @property
    def seed(self) -> str:
        """The seed of the key, in base64."""
        return _base64(bytes(self._key.seed))

    def sign(self, what: Mapping[str, Any]) -> str:
        """Return a signature."""
        return _base64(eddsa.new(self._key, "rfc8032").sign(canonical(what)))


def signed_by(what: Mapping[str, Any], user: str, public: str) -> bool:
    """Return whether a key has signed something."""
    signature = what.get("signatures", {}).get(user, {}).get(f"ed25519:{public}")
    if not isinstance(signature, str):
        return False
    try:
        key = eddsa.import_public_key(_bytes(public))
        eddsa.new(key, "rfc8032").verify(canonical(what), _bytes(signature))
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Seeds:
    """The account's three keys."""

    master: Key
    self_signing: Key
    user_signing: Key

    @classmethod
    def load(cls, path: Path) -> Seeds | None:
        """Return the keys that are kept; `None` if there are none."""
        found = read(path)
        if found is None:
            return None
        return cls(Key(found["master"]), Key(found["self"]), Key(found["user"]))

    def keep(self, path: Path) -> None:
        """Keep the keys."""
        keys = (self.master, self.self_signing, self.user_signing)
        write(path, dict(zip(("master", "self", "user"), (k.seed for k in keys), strict=True)))


async def ensure(
    server: Homeserver, session: Session, olm: Olm, path: Path, password: str | None = None
) -> None:
    """Make sure that the account has keys, that we keep them, and that they sign the device.

    Raises:
        NotOurs: The account has others, and there is no password to replace them.
    """
    found = await query(server, session.user_id)
    there = public_key(found, "master_keys", session.user_id)
    seeds = Seeds.load(path)
    if seeds is None or there != seeds.master.public:
        if there is not None and password is None:
            raise NotOurs(
                "the account has cross-signing keys that are not kept here; "
                "replace them with: sitrep matrix login"
            )
        seeds = seeds or Seeds(Key(), Key(), Key())
        seeds.keep(path)  # before they are the account's: they cannot be made again
        await _upload(server, session, olm, seeds, password)
    device = found.get("device_keys", {}).get(session.user_id, {}).get(session.device_id)
    if device is None:
        raise NotOurs("the device's keys are not on the homeserver; run: sitrep matrix login")
    if not signed_by(device, session.user_id, seeds.self_signing.public):
        bare = {k: v for k, v in device.items() if k not in {"unsigned", "signatures"}}
        signature = {f"ed25519:{seeds.self_signing.public}": seeds.self_signing.sign(bare)}
        bare["signatures"] = {session.user_id: signature}
        body: dict[str, Any] = {session.user_id: {session.device_id: bare}}
        await server.call("POST", f"{V3}/keys/signatures/upload", body)


async def _upload(
    server: Homeserver, session: Session, olm: Olm, seeds: Seeds, password: str | None
) -> None:
    user = session.user_id

    def key(usage: str, which: Key) -> dict[str, Any]:
        return {
            "user_id": user,
            "usage": [usage],
            "keys": {f"ed25519:{which.public}": which.public},
        }

    def vouched(what: dict[str, Any]) -> dict[str, Any]:
        signature = {f"ed25519:{seeds.master.public}": seeds.master.sign(what)}
        return {**what, "signatures": {user: signature}}

    master = key("master", seeds.master)
    master["signatures"] = {user: {f"ed25519:{session.device_id}": olm.sign_json(master)}}
    body: dict[str, Any] = {
        "master_key": master,
        "self_signing_key": vouched(key("self_signing", seeds.self_signing)),
        "user_signing_key": vouched(key("user_signing", seeds.user_signing)),
    }
    path = f"{V3}/keys/device_signing/upload"
    try:
        await server.call("POST", path, body)
    except HomeserverRefused as exc:
        if exc.status != 401 or password is None or "session" not in exc.answer:
            raise
        body["auth"] = {
            "type": "m.login.password",
            "session": exc.answer["session"],
            "identifier": {"type": "m.id.user", "user": user},
            "password": password,
        }
        await server.call("POST", path, body)


async def query(server: Homeserver, *users: str) -> dict[str, Any]:
    """Return the keys of users, as the homeserver has them."""
    body: dict[str, Any] = {"device_keys": {user: [] for user in users}}
    return await server.call("POST", f"{V3}/keys/query", body)


def public_key(found: Mapping[str, Any], which: str, user: str) -> str | None:
    """Return a user's public cross-signing key out of an answer to `query`."""
    keys = found.get(which, {}).get(user, {}).get("keys", {})
    return next((str(k) for k in keys.values()), None)


def unsigned_devices(found: Mapping[str, Any], user: str) -> list[str]:
    """Return a user's devices that the user's own keys have not signed."""
    master = public_key(found, "master_keys", user)
    own = found.get("self_signing_keys", {}).get(user, {})
    public = public_key(found, "self_signing_keys", user)
    trusted = bool(master and public and signed_by(own, user, master))
    devices = found.get("device_keys", {}).get(user, {})
    return [
        name
        for name, keys in devices.items()
        if not (trusted and public is not None and signed_by(keys, user, public))
    ]
