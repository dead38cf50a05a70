"""The files of the adapter, for its user's eyes only: the session, the sync token, the keys."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.contract import SetupFailed
from bot.plugin_kit.files import make_folder, open_own, replace_own


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login, made once by `sitrep matrix login`: each login is another device."""

    user_id: str
    device_id: str
    access_token: str

    def __repr__(self) -> str:
        """Return the session without its token, for logs."""
        return f"Session({self.user_id}, {self.device_id})"


class Keep:
    """The folder `matrix` in the home folder."""

    def __init__(self, home: str) -> None:
        self.folder = Path(home) / "matrix"
        self.seeds = self.folder / "cross-signing.json"
        self.keys = self.folder / "keys.txt"
        self._session = self.folder / "session.json"
        self._token = self.folder / "sync.json"
        self._lock: int | None = None

    def make(self) -> None:
        """Make the folder, open to its owner only."""
        make_folder(self.folder)
        self.folder.chmod(0o700)

    def session(self) -> Session:
        """Return the login that is kept.

        Raises:
            SetupFailed: Nobody is logged in yet, or the login cannot be read.
        """
        try:
            found = read(self._session)
        except OSError as exc:
            raise SetupFailed(f"{self._session} cannot be read: {exc.strerror}") from exc
        if found is None:
            raise SetupFailed("[adapters.matrix] nobody is logged in yet; run: sitrep matrix login")
        try:
            return Session(**found)
        except TypeError as exc:
            raise damaged(self._session) from exc

    def store_session(self, session: Session) -> None:
        """Keep a login; the files of an earlier device are not used any more."""
        write(self._session, asdict(session))

    def token(self) -> str | None:
        """Return the sync token up to which everything is handled; `None` before the first sync."""
        found = read(self._token)
        return str(found["since"]) if found is not None else None

    def store_token(self, since: str) -> None:
        """Keep the sync token up to which everything is handled."""
        write(self._token, {"since": since})

    def forget_token(self) -> None:
        """Forget the sync token: a new login listens from now on."""
        self._token.unlink(missing_ok=True)

    def hold(self) -> None:
        """Lock the folder: two processes with one device would break its encryption.

        Raises:
            SetupFailed: Another process holds it.
        """
        if self._lock is not None:
            return
        file = open_own(self.folder / "lock", os.O_RDWR)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(file)
            raise SetupFailed(f"another Sitrep uses {self.folder}; stop it first") from exc
        self._lock = file

    def let_go(self) -> None:
        """Unlock the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def read(path: Path) -> dict[str, Any] | None:
    """Return the content of a file; `None` if there is no such file.

    Raises:
        SetupFailed: It is damaged.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as exc:
        raise damaged(path) from exc
    if not isinstance(found, dict):
        raise damaged(path)
    return found


def damaged(path: Path) -> SetupFailed:
    """Return the error that a file is not what was written."""
    return SetupFailed(f"{path} is damaged; move it away, and run: sitrep matrix login")


def write(path: Path, what: dict[str, Any]) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    replace_own(path, json.dumps(what))
