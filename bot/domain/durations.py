"""Lengths of time: as people type them, and whether one has gone by."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_TYPED = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")


def parse_duration(text: str) -> timedelta | None:
    """Return a length as typed (`15m`, `1h30m`); `None` if the text is not one."""
    match = _TYPED.fullmatch(text.strip().casefold())
    if match is None or not any(match.groups()):
        return None
    days, hours, mins, secs = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=mins, seconds=secs)


def duration(length: timedelta) -> str:
    """Return a length the way people type it: `15m`, `1h30m`."""
    seconds = round(length.total_seconds())
    hours, rest = divmod(seconds, 3600)
    mins, secs = divmod(rest, 60)
    parts = ((hours, "h"), (mins, "m"), (secs, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def within(length: timedelta, since: datetime, now: datetime) -> bool:
    """Return whether less than a length has gone by; where a clock was set back meanwhile, no."""
    return timedelta(0) <= now - since < length


def near(length: timedelta, one: datetime, other: datetime) -> bool:
    """Return whether two instants are less than a length apart, whichever is the later.

    It bounds what a clock that was ahead has written, and takes no offence at two machines whose
    clocks differ a little.
    """
    return abs(one - other) < length
