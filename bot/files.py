"""Files by name: read up to a limit, and written where no symbolic link leads elsewhere.

Sitrep's files are confidential. A symbolic link where it writes could choose the file that is
overwritten, and its readers: so the last part of a path is never followed, and only the owner can
read a new file. A file to read has to be a regular one, of a bounded size.
"""

from __future__ import annotations

import codecs
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from bot.contract.errors import BotError

LONGEST_DOCUMENT = 1024 * 1024
"""The longest document or config that is read, in bytes."""

LONGEST_SECRET = 64 * 1024
"""The longest file with a secret that is read, in bytes."""


class FileRefused(BotError, OSError):  # noqa: N818 - said of a file, by name
    """A file that is not read or written for what it is; the text says what to do."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(errno.EINVAL, why, str(path))

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


# --- read -----------------------------------------------------------------------------------------


def read_file(path: Path, longest: int = LONGEST_DOCUMENT) -> str:
    """Return the UTF-8 text of a regular file; its kind and size are looked at before (D5).

    Raises:
        FileRefused: It is no regular file, or longer than `longest` bytes.
        OSError: It cannot be read.
        UnicodeDecodeError: It is not UTF-8.
    """
    if path.is_dir():
        raise FileRefused(path, "it is a folder")
    # Opening a pipe would wait for somebody to write to it.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise FileRefused(path, "it is a device or a pipe")
        if found.st_size > longest:
            raise _too_long(path, longest)
        return read_stream(file, path, longest)


def read_stream(stream: BinaryIO, path: Path, longest: int = LONGEST_DOCUMENT) -> str:
    """Return the UTF-8 text of a stream; no more is read of it than shows that it is too long.

    Raises:
        FileRefused: It is longer than `longest` bytes.
        UnicodeDecodeError: It is not UTF-8.
    """
    raw = stream.read(longest + 1)
    if len(raw) > longest:
        raise _too_long(path, longest)
    # Notepad and PowerShell begin UTF-8 with a mark, which is no part of the text.
    return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


_MARKS = (
    # UTF-32's begins as UTF-16's does.
    *((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF32_BE, "UTF-32")),
    *((codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16")),
)


def why_no_text(error: UnicodeDecodeError) -> str:
    """Return why what was read is not UTF-8, by name if it says so itself, and what to do."""
    for mark, name in _MARKS:
        if error.object.startswith(mark):
            return f"it is {name}, not UTF-8; save it as UTF-8"
    return f"it is not UTF-8 (byte {error.start}); save it as UTF-8"


def _too_long(path: Path, longest: int) -> FileRefused:
    return FileRefused(path, f"it is longer than {longest // 1024:,} KiB")


# --- write ----------------------------------------------------------------------------------------


def open_own(path: Path, flags: int = os.O_WRONLY, *, shared: bool = False) -> int:
    """Open a file to write to, and make it where there is none; return its descriptor.

    A new file is its owner's alone, whatever the umask; one that is `shared` is there to be served,
    as far as the umask lets it. A file that is there keeps the mode that somebody gave it.

    Raises:
        FileRefused: A symbolic link stands there.
    """
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666 if shared else 0o600)
    except FileExistsError:
        refuse_link(path)
        return os.open(path, flags)
    if not shared:
        os.fchmod(file, 0o600)
    return file


def refuse_link(path: Path) -> None:
    """Refuse a symbolic link where Sitrep is to write.

    Raises:
        FileRefused: One stands there.
    """
    if path.is_symlink():
        raise FileRefused(
            path,
            "it is a symbolic link, and Sitrep writes through none; "
            "name the file that it leads to, or remove the link",
        )


def write_own(path: Path, content: str | bytes) -> None:
    """Write a file that somebody named, over what stands in it.

    Raises:
        FileRefused: A symbolic link stands there.
    """
    with os.fdopen(open_own(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(_bytes(content))


def replace_own(path: Path, content: str | bytes, *, shared: bool = False) -> None:
    """Write a file whole or not at all, and durably.

    Raises:
        FileRefused: A symbolic link stands there.
    """
    refuse_link(path)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(open_own(fresh, os.O_WRONLY | os.O_TRUNC, shared=shared), "wb") as file:
        file.write(_bytes(content))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder written to disk: a renamed file is durable only then."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def append_own(path: Path, content: bytes) -> None:
    """Add to the end of a file, durably.

    Raises:
        FileRefused: A symbolic link stands there.
    """
    with os.fdopen(open_own(path, os.O_WRONLY | os.O_APPEND), "ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def make_folder(path: Path) -> None:
    """Make a folder that its owner alone looks into; one that is there stays as it is."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)


def open_to_others(folder: Path) -> str | None:
    """Return a folder's mode if others than its owner may look into it; else `None`."""
    if not folder.is_dir():
        return None
    mode = stat.S_IMODE(folder.stat().st_mode)
    return f"{mode:o}" if mode & 0o077 else None


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
