"""Files that a plugin writes: through no symbolic link, and for their owner's eyes only."""

from bot.files import (
    LONGEST_SECRET,
    FileRefused,
    append_own,
    make_folder,
    open_own,
    refuse_link,
    replace_own,
    write_own,
)

__all__ = [
    "LONGEST_SECRET",
    "FileRefused",
    "append_own",
    "make_folder",
    "open_own",
    "refuse_link",
    "replace_own",
    "write_own",
]
