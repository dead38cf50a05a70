"""`[adapters.console]`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class ConsoleSettings(BaseModel):
    """The console's settings.

    `rooms`: each incident gets a room of its own, as on a platform that opens them. `format` is
    that of piped lines, in and out. `mute`: nothing is read; for a program that speaks itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    persona: str = "ann"
    room: str = "ops"
    rooms: bool = False
    format: Literal["text", "json"] = "text"
    colour: Literal["auto", "always", "never"] = "auto"
    mute: bool = False
