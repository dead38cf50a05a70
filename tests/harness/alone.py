"""The tests talk to this machine alone: where that is permitted, nothing else can be reached."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys

_NEW_NETWORK = 0x40000000
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1


INHERITED = "SITREP_TESTS_ALONE"
"""The variable that tells a child process that it was born in such a network."""

alone = False
"""Whether this process was moved into a network of its own."""


def shut_in() -> None:
    """Move this process into a network of its own, with a loopback, where that is permitted.

    The processes that it starts, and so the workers of a run, stay in that network with it.
    """
    global alone  # noqa: PLW0603 - the process is in one network or the other
    alone = alone or os.environ.get(INHERITED) is not None
    if alone or sys.platform != "linux" or os.geteuid() != 0:
        return
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK) != 0:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(asking, _GET_FLAGS, request))[1]
        fcntl.ioctl(asking, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))
    alone = True
    os.environ[INHERITED] = "1"


def reaches_out() -> bool:
    """Whether an address beyond this machine has a way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # a route is looked up; nothing is sent
        except OSError:
            return False
    return True
