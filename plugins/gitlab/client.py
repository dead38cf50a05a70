"""GitLab's REST API, as far as tickets need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from bot.contract import ExternalRef, Filed, Finding, PluginContext, Secret, Ticket, WebAddress
from bot.plugin_kit.http_api import Api
from bot.plugin_kit.ticket_text import mark, ours, renewed
from bot.plugin_kit.tracker import (
    LABEL,
    LOOK_BACK,
    NO_WEBHOOK,
    JsonObject,
    TicketClient,
    filed_without,
)
from bot.plugin_kit.webhooks import value_at

WRITES = 20
"""The lowest access level that may set labels, dates and assignees: Reporter."""


class GitLabSettings(BaseModel):
    """`[plugins.gitlab]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: WebAddress
    project: str = Field(min_length=1)
    token: Secret
    webhook_secret: Secret | None = None


def _faults(answer: Any) -> str:  # noqa: ANN401 - JSON
    said = answer.get("message") or answer.get("error") or ""
    if isinstance(said, dict):
        return "; ".join(f"{field} {', '.join(map(str, why))}" for field, why in said.items())
    return str(said)


class GitLab(TicketClient):
    """The issues of one project, as tickets."""

    cannot_be_assigned = "has no access to the project"
    hints = MappingProxyType({404: "; is the project's path whole?"})

    def __init__(self, context: PluginContext, settings: GitLabSettings) -> None:
        """Make no request yet."""
        base = f"{settings.url.rstrip('/')}/api/v4"
        headers = {"PRIVATE-TOKEN": settings.token}
        super().__init__(
            context, Api("GitLab", base, headers, lambda: context.http, faults=_faults)
        )
        self._settings = settings
        self._project = f"/projects/{quote(settings.project, safe='')}"
        self._issues = f"{self._project}/issues"
        self._users: dict[str, int] = {}

    async def fields(self, ticket: Ticket) -> JsonObject:
        """Return title, due date and assignee, whose number is asked for once."""
        fields: JsonObject = {"title": ticket.title}
        if ticket.due is not None:
            fields["due_date"] = ticket.due.isoformat()
        assignee = await self._assignee(ticket)
        if assignee is not None:
            fields["assignee_ids"] = [assignee]
        return fields

    async def find(self, marker: str) -> Sequence[ExternalRef]:
        """Look for the marker in the description of the recent issues with our label."""
        after = self._context.clock.now() - LOOK_BACK
        params = {
            "labels": LABEL,
            "created_after": f"{after:%Y-%m-%dT%H:%M:%SZ}",
            "scope": "all",
        }
        found = [
            issue
            for issue in await self.listed(self._issues, params)
            if mark(marker) in (issue.get("description") or "")
        ]
        return [self._ref(issue) for issue in sorted(found, key=lambda i: int(i["iid"]))]

    async def create(self, ticket: Ticket, fields: JsonObject) -> Filed:
        """Create an issue with our label."""
        labels = ",".join((LABEL, *ticket.labels))
        new = {**fields, "description": ours(ticket), "labels": labels}
        issue = await self._api.ask("POST", self._issues, body=new)
        return Filed(ref=self._ref(issue), note=self._note(ticket, issue))

    async def change(self, ref: ExternalRef, ticket: Ticket, fields: JsonObject) -> str:
        """Change an issue; what people wrote around our part of its description stays."""
        issue = await self._api.ask("GET", f"{self._issues}/{ref.id}")
        fields["description"] = renewed(issue.get("description") or "", ticket)
        if ticket.done != ticket.closed:
            fields["state_event"] = "close" if ticket.done else "reopen"
        return self._note(ticket, await self._update(ref, fields))

    async def close(self, ref: ExternalRef) -> str:
        """Close an issue."""
        await self._update(ref, {"state_event": "close"})
        return ""

    async def closed(self, refs: Sequence[ExternalRef]) -> Mapping[str, bool]:
        """Return which issues are closed."""
        params = [("iids[]", ref.id) for ref in refs]
        query = "&".join(f"{quote(name)}={quote(value)}" for name, value in params)
        issues = await self._api.ask("GET", f"{self._issues}?{query}&per_page=100&scope=all")
        return {str(issue["iid"]): issue["state"] == "closed" for issue in issues}

    def ticket_in(self, event: Any) -> str | None:  # noqa: ANN401 - JSON
        """Return the number of the issue that a webhook is about; `None` for other projects."""
        number = value_at(event, "project", "id", kind=int)
        path = value_at(event, "project", "path_with_namespace", kind=str)
        issue = value_at(event, "object_kind", kind=str) == "issue"
        if not issue or self._settings.project.casefold() not in {str(number), path.casefold()}:
            return None
        return str(value_at(event, "object_attributes", "iid", kind=int))

    async def inspect(self) -> Sequence[Finding]:
        """Check token, project, the right to write, and the owners."""
        findings: list[Finding] = []
        project = await self._api.ask("GET", self._project)
        access = project.get("permissions") or {}
        levels = [a["access_level"] for a in access.values() if a is not None]
        if access and max(levels, default=0) < WRITES:
            findings.append(Finding("the token's role must be Reporter or more"))
        for name, user in self.owners():
            if not await self._named(user):
                findings.append(filed_without(f"{name}: GitLab knows no user {user}"))
        if self._settings.webhook_secret is None:
            findings.append(NO_WEBHOOK)
        return findings

    async def _assignee(self, ticket: Ticket) -> int | None:
        if ticket.owner is None or ticket.owner.user is None:
            return None
        name = ticket.owner.user.id
        if name not in self._users:
            found = await self._named(name)
            if not found:
                return None
            self._users[name] = int(found[0]["id"])
        return self._users[name]

    async def _named(self, name: str) -> Sequence[JsonObject]:
        found: list[JsonObject] = await self._api.ask("GET", "/users", params={"username": name})
        return found

    def _note(self, ticket: Ticket, issue: JsonObject) -> str:
        user = ticket.owner.user if ticket.owner is not None else None
        names = [each["username"].casefold() for each in issue.get("assignees") or ()]
        assigned = user is not None and user.id.casefold() in names
        return self.unassigned(ticket, assigned=assigned)

    async def _update(self, ref: ExternalRef, fields: JsonObject) -> JsonObject:
        issue: JsonObject = await self._api.ask("PUT", f"{self._issues}/{ref.id}", body=fields)
        return issue

    def _ref(self, issue: JsonObject) -> ExternalRef:
        return ExternalRef(self._context.name, str(issue["iid"]), issue["web_url"])
