"""GitLab's REST API, as far as tickets need it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from bot.contract import (
    ExternalRef,
    Filed,
    Finding,
    PermanentFailure,
    PluginContext,
    Secret,
    TemporaryFailure,
    Ticket,
)
from bot.plugin_kit.http_api import Api, Refused
from bot.plugin_kit.ticket_text import mark, ours, renewed, unassigned

LABEL = "sitrep"
LOOK_BACK = timedelta(days=7)
"""How far back a ticket is looked for that an earlier try may have made: longer than any try."""

PAGES = 10
"""How many pages of a hundred issues are looked through."""

WRITES = 20
"""The least access level that may set labels, dates and assignees: Reporter."""


class GitLabSettings(BaseModel):
    """`[plugins.gitlab]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://[^/]")
    project: str = Field(min_length=1)
    token: Secret
    webhook_secret: Secret | None = None


def _faults(answer: Any) -> str:  # noqa: ANN401 - JSON
    said = answer.get("message") or answer.get("error") or ""
    if isinstance(said, dict):
        return "; ".join(f"{field} {', '.join(map(str, why))}" for field, why in said.items())
    return str(said)


class GitLab:
    """See `bot.contract.trackers.TicketTracker`."""

    def __init__(self, context: PluginContext, settings: GitLabSettings) -> None:
        """Nothing is asked before it is needed."""
        self._context, self._settings = context, settings
        base = f"{settings.url.rstrip('/')}/api/v4"
        headers = {"PRIVATE-TOKEN": settings.token}
        self._api = Api("GitLab", base, headers, lambda: context.http, faults=_faults)
        self._project = f"/projects/{quote(settings.project, safe='')}"
        self._issues = f"{self._project}/issues"
        self._users: dict[str, int] = {}

    async def sync(self, ticket: Ticket, ref: ExternalRef | None, *, key: str) -> Filed:
        """Bring an issue up to date; find it by its marker before creating it again."""
        del key  # GitLab takes none
        assignee = await self._assignee(ticket)
        fields: dict[str, Any] = {"title": ticket.title}
        if ticket.due is not None:
            fields["due_date"] = ticket.due.isoformat()
        if assignee is not None:
            fields["assignee_ids"] = [assignee]
        if ref is None and ticket.again:
            ref = await self._find(ticket.marker)
        if ref is None:
            fields["description"] = ours(ticket)
            fields["labels"] = ",".join((LABEL, *ticket.labels))
            issue = await self._api.ask("POST", self._issues, body=fields)
            ref = self._ref(issue)
            if ticket.done:
                await self._update(ref, {"state_event": "close"})
            return Filed(ref=ref, note=self._unassigned(ticket, issue))
        issue = await self._api.ask("GET", f"{self._issues}/{ref.id}")
        fields["description"] = renewed(issue.get("description") or "", ticket)
        if ticket.done != ticket.closed:
            fields["state_event"] = "close" if ticket.done else "reopen"
        issue = await self._update(ref, fields)
        return Filed(ref=ref, note=self._unassigned(ticket, issue))

    async def closed(self, refs: Sequence[ExternalRef]) -> Mapping[str, bool]:
        """Return which issues are closed."""
        params = [("iids[]", ref.id) for ref in refs]
        query = "&".join(f"{quote(name)}={quote(value)}" for name, value in params)
        issues = await self._api.ask("GET", f"{self._issues}?{query}&per_page=100&scope=all")
        return {str(issue["iid"]): issue["state"] == "closed" for issue in issues}

    def meant(self, body: bytes) -> str | None:
        """Return which issue of ours a webhook speaks of; none where it says nothing to us."""
        try:
            event = json.loads(body)
            project = event["project"]
            names = {str(project["id"]), str(project["path_with_namespace"]).casefold()}
            if event["object_kind"] != "issue" or self._settings.project.casefold() not in names:
                return None
            return str(int(event["object_attributes"]["iid"]))
        except (ValueError, KeyError, TypeError):
            return None

    async def _assignee(self, ticket: Ticket) -> int | None:
        if ticket.owner is None or ticket.owner.user is None:
            return None
        name = ticket.owner.user.id
        if name not in self._users:
            found = await self._api.ask("GET", "/users", params={"username": name})
            if not found:
                return None
            self._users[name] = int(found[0]["id"])
        return self._users[name]

    def _unassigned(self, ticket: Ticket, issue: Mapping[str, Any]) -> str:
        user = ticket.owner.user if ticket.owner is not None else None
        names = [each["username"].casefold() for each in issue.get("assignees") or ()]
        assigned = user is not None and user.id.casefold() in names
        return unassigned(ticket, "gitlab", assigned=assigned, why="has no access to the project")

    async def _update(self, ref: ExternalRef, fields: dict[str, Any]) -> dict[str, Any]:
        issue: dict[str, Any] = await self._api.ask("PUT", f"{self._issues}/{ref.id}", body=fields)
        return issue

    async def _find(self, marker: str) -> ExternalRef | None:
        after = self._context.clock.now() - LOOK_BACK
        found: list[dict[str, Any]] = []
        for page in range(1, PAGES + 1):
            params = {
                "labels": LABEL,
                "created_after": f"{after:%Y-%m-%dT%H:%M:%SZ}",
                "scope": "all",
                "per_page": "100",
                "page": str(page),
            }
            issues = await self._api.ask("GET", self._issues, params=params)
            found += [i for i in issues if mark(marker) in (i.get("description") or "")]
            if len(issues) < 100:
                break
        if len(found) > 1:
            self._context.log.warning("two tickets under one marker", marker=marker)
        return self._ref(min(found, key=lambda i: int(i["iid"]))) if found else None

    def _ref(self, issue: Mapping[str, Any]) -> ExternalRef:
        return ExternalRef(self._context.name, str(issue["iid"]), issue["web_url"])

    async def check(self) -> Sequence[Finding]:
        """Prove token, project, the right to write, and assignable owners; change nothing."""
        findings: list[Finding] = []
        try:
            project = await self._api.ask("GET", self._project)
            access = project.get("permissions") or {}
            levels = [a["access_level"] for a in access.values() if a is not None]
            if access and max(levels, default=0) < WRITES:
                findings.append(Finding("the token's role must be Reporter or more"))
            for each in self._context.addressees:
                if each.user is None:
                    continue
                known = await self._api.ask("GET", "/users", params={"username": each.user.id})
                if not known:
                    text = f"{each.name}: GitLab knows no user {each.user.id}"
                    findings.append(
                        Finding(f"{text}: their actions are filed without", fault=False)
                    )
        except Refused as refusal:
            hint = "; is the project's path whole?" if refusal.status == 404 else ""
            return [Finding(f"{refusal}{hint}")]
        except (TemporaryFailure, PermanentFailure) as failure:
            return [Finding(str(failure))]
        if self._settings.webhook_secret is None:
            text = "no webhook_secret: closed issues are seen within five minutes, not at once"
            findings.append(Finding(text, fault=False))
        return findings
