"""`[adapters.teams]`."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
A_GUID = "11111111-2222-3333-4444-555555555555"


class TeamsSettings(BaseModel):
    """The adapter's settings; docs/how-to/run-on-teams.md explains them all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app_id: str = Field(pattern=GUID, examples=[A_GUID])
    tenant: str = Field(pattern=GUID, examples=[A_GUID])
    """The tenant where the app is registered."""
    password: SecretStr | None = None
    certificate: SecretStr | None = None
    tenants: tuple[str, ...]
    """The tenants whose people are listened to."""
    service_hosts: tuple[str, ...] = ("smba.trafficmanager.net",)
    """The only hosts that the app's token is sent to."""
    channel: str = Field(default="", pattern=r"^(19:[^\s;/]+)?$", examples=["19:...@thread.tacv2"])
    """The channel where incidents are declared, and where each gets a thread.

    If it is empty, an incident stays where it was declared.
    """
    team: str = Field(default="", pattern=rf"^$|{GUID}", examples=[A_GUID])
    layout: Literal["threads", "channels"] = "threads"
    """A thread for each incident, or a channel for each in `team`, made through Graph."""
    private: str = Field(default="", pattern=r"^(19:[^\s;/]+)?$", examples=["19:...@thread.tacv2"])
    """A group chat, or a private channel, where private incidents are told; none are without."""
    public_url: str = ""
    service_url: str = "https://smba.trafficmanager.net/teams/"
    sends_per_second: int = Field(default=30, ge=1, le=50)
    login: str = "https://login.microsoftonline.com"
    openid: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    graph: str = "https://graph.microsoft.com"

    @field_validator("tenants", "service_hosts")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not all(value):
            raise ValueError("is empty; name at least one")
        return tuple(each.casefold() for each in value)

    @field_validator("app_id", "tenant", "team")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.casefold()

    @field_validator("public_url", "login", "openid", "graph", "service_url")
    @classmethod
    def _https(cls, value: str) -> str:
        if value and not is_safe(value):
            raise ValueError(
                "it is not an https:// address; write one like https://sitrep.example.com"
            )
        return value

    @model_validator(mode="after")
    def _whole(self) -> TeamsSettings:
        if (self.password is None) == (self.certificate is None):
            raise ValueError("needs a password or a certificate, and not both")
        if self.layout == "channels" and not self.team:
            raise ValueError('layout = "channels" needs the team: its group id')
        if not self.may_have_token(self.service_url):
            raise ValueError("service_url is not on one of service_hosts")
        return self

    @property
    def rooms(self) -> bool:
        """Return whether incidents get a conversation of their own."""
        return bool(self.channel) or self.layout == "channels"

    def may_have_token(self, url: str) -> bool:
        """Return whether the app's token may be sent to an address."""
        return is_safe(url) and (urlsplit(url).hostname or "").casefold() in self.service_hosts


@lru_cache(maxsize=256)
def is_safe(url: str) -> bool:
    """Return whether nobody can read on the way what goes to an address: https, or local."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.port == 0:
            return False
        if parts.scheme == "https":
            return bool(host) and parts.username is None
        return parts.scheme == "http" and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False
