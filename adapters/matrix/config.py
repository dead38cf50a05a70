"""`[adapters.matrix]`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from bot.contract import WebAddress


class MatrixSettings(BaseModel):
    """The adapter's settings; docs/how-to/run-on-matrix.md explains them all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    homeserver: WebAddress
    user: str
    pickle_key: SecretStr
    prefix: str = Field(default="sitrep", pattern=r"[a-z0-9][a-z0-9._=-]*", examples=["sitrep"])
    """The beginning of every alias."""
    layout: Literal["rooms", "threads"] = "rooms"
    """A room for each incident, or a thread for each in the triage room."""
    triage: str = ""
    space: bool = True
    join: Literal["space", "invite"] = "space"
    encrypted: bool = True
    devices: Literal["all", "signed"] = "all"
    room_version: str = ""
    admins: tuple[str, ...] = ()
    inviters: tuple[str, ...] = ()
    """Patterns of users whose invitations are accepted: `@*:example.org`."""
    homeservers: tuple[str, ...] = ()
    """Patterns of homeservers whose users are listened to: `*.example.org`."""
    admin_token: SecretStr | None = None

    @field_validator("homeserver")
    @classmethod
    def _url(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("user")
    @classmethod
    def _full(cls, value: str) -> str:
        if not (value.startswith("@") and ":" in value):
            raise ValueError(f"{value!r} is not a Matrix user; write @sitrep:example.org")
        return value

    @field_validator("admins")
    @classmethod
    def _all_full(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(cls._full(each) for each in value)

    @field_validator("pickle_key")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 16:
            raise ValueError("is too short; make one with: openssl rand -hex 32")
        return value

    @property
    def server(self) -> str:
        """The name of the bot's own homeserver."""
        return self.user.partition(":")[2]
