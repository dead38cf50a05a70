"""Values of the domain as JSON has them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum


def jsonable(value: object) -> object:
    """Return a value for `json.dumps(default=…)`: times as ISO 8601, lengths in seconds."""
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Enum():
            return value.value
        case _:
            return str(value)
