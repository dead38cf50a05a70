"""Power levels, read from a room's state: matrix-nio's copy is not reliable.

From room version 12 on creators may do everything; only the create event names them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLevels:
    """The power levels of a room."""

    creator: str
    additional: tuple[str, ...]
    """The additional creators, from room version 12 on."""
    version: str
    """The room version."""
    levels: Mapping[str, Any] | None
    """The content of `m.room.power_levels`; `None` if the room has no such event."""

    def level(self, user: str) -> float:
        """Return somebody's level; infinite for a creator from version 12 on."""
        if creators_rule(self.version):
            if user == self.creator or user in self.additional:
                return math.inf
        elif self.levels is None:
            return 100 if user == self.creator else 0
        levels = self.levels or {}
        users = _table(levels.get("users"))
        return _number(users.get(user), _number(levels.get("users_default"), 0))

    def needed(self, event: str, *, state: bool) -> float:
        """Return the level that is needed to send an event."""
        if self.levels is None:
            return 0
        default = _number(self.levels.get("state_default"), 50)
        if not state:
            default = _number(self.levels.get("events_default"), 0)
        return _number(_table(self.levels.get("events")).get(event), default)

    def may(self, user: str, event: str, *, state: bool) -> bool:
        """Return whether somebody may send an event."""
        return self.level(user) >= self.needed(event, state=state)

    def may_invite(self, user: str) -> bool:
        """Return whether somebody may invite."""
        return self.level(user) >= _number((self.levels or {}).get("invite"), 0)


def power_levels(
    create: Mapping[str, Any], sender: str, levels: Mapping[str, Any] | None
) -> PowerLevels:
    """Read a room's create event (its content and its sender) and power levels."""
    version = str(create.get("room_version", "1"))
    creator = sender if _modern(version, 11) else str(create.get("creator", sender))
    named = create.get("additional_creators")
    additional = tuple(str(u) for u in named) if isinstance(named, list) else ()
    return PowerLevels(creator=creator, additional=additional, version=version, levels=levels)


def creators_rule(version: str) -> bool:
    """Return whether creators may do everything in a room version."""
    return _modern(version, 12)


def _modern(version: str, since: int) -> bool:
    return version.isdecimal() and int(version) >= since


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object, default: float) -> float:
    if isinstance(value, int | float):
        return value
    try:
        return int(str(value)) if value is not None else default
    except ValueError:
        return default
