"""The settings of the served page and of the static site."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from bot.contract import WebAddress


class PageSettings(BaseModel):
    """`[plugins.page]`; `components` are shown in the order they are written in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: WebAddress
    title: str = Field(default="Status", min_length=1, max_length=200)
    components: dict[str, str] = Field(default_factory=dict)


class SiteSettings(PageSettings):
    """`[plugins.site]`."""

    folder: str = "status-site"
    git: bool | None = None
    push: bool = False
