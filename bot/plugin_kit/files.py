"""Files of a plugin: read up to a limit, written through no symbolic link, and its owner's."""

from bot.files import (
    LONGEST_SECRET,
    FileRefused,
    append_own,
    make_folder,
    open_own,
    read_file,
    read_stream,
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
    "read_file",
    "read_stream",
    "refuse_link",
    "replace_own",
    "write_own",
]
