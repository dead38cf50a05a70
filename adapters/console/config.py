"""`[adapters.console]`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class ConsoleSettings(BaseModel):
    """The console's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    persona: str = "ann"
    """The user who types at first."""
    room: str = "ops"
    """The room they type in at first."""
    rooms: bool = False
    """True if each incident gets a room of its own, as on a platform that opens rooms."""
    format: Literal["text", "json"] = "text"
    """The format of piped lines, in and out."""
    colour: Literal["auto", "always", "never"] = "auto"
    mute: bool = False
    """True if to read nothing, for a program that speaks itself."""
