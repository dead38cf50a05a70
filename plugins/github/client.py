"""GitHub's REST API, as far as tickets need it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

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


class GitHubSettings(BaseModel):
    """`[plugins.github]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    token: Secret
    webhook_secret: Secret | None = None
    api: str = Field(default="https://api.github.com", pattern=r"^https?://[^/]")


def _faults(answer: Any) -> str:  # noqa: ANN401 - JSON
    details = [
        " ".join(str(e.get(k)) for k in ("field", "code", "message") if e.get(k))
        for e in answer.get("errors", ())
        if isinstance(e, dict)
    ]
    return "; ".join([str(answer["message"]), *details])


class GitHub:
    """See `bot.contract.trackers.TicketTracker`."""

    def __init__(self, context: PluginContext, settings: GitHubSettings) -> None:
        """Nothing is asked before it is needed."""
        self._context, self._settings = context, settings
        headers = {
            "Authorization": f"Bearer {settings.token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "sitrep",
        }
        self._api = Api("GitHub", settings.api, headers, lambda: context.http, faults=_faults)
        self._issues = f"/repos/{settings.repository}/issues"

    async def sync(self, ticket: Ticket, ref: ExternalRef | None, *, key: str) -> Filed:
        """Bring an issue up to date; find it by its marker before creating it again."""
        del key  # GitHub takes none
        if ref is None and ticket.again:
            ref = await self._find(ticket.marker)
        if ref is None:
            fields: dict[str, Any] = {
                "title": ticket.title,
                "body": ours(ticket),
                "labels": [LABEL, *ticket.labels],
                "assignees": self._assignees(ticket),
            }
            issue = await self._api.ask("POST", self._issues, body=fields)
            ref = self._ref(issue)
            if ticket.done:
                await self._update(ref, {"state": "closed", "state_reason": "completed"})
            return Filed(ref=ref, note=self._unassigned(ticket, issue))
        issue = await self._api.ask("GET", f"{self._issues}/{ref.id}")
        fields = {
            "title": ticket.title,
            "body": renewed(issue.get("body") or "", ticket),
            "assignees": self._assignees(ticket),
        }
        if ticket.done != ticket.closed:
            fields["state"] = "closed" if ticket.done else "open"
        issue = await self._update(ref, fields)
        return Filed(ref=ref, note=self._unassigned(ticket, issue))

    async def closed(self, refs: Sequence[ExternalRef]) -> Mapping[str, bool]:
        """Return which issues are closed: those that are not among the open ones are asked for."""
        wanted = {ref.id for ref in refs}
        found: dict[str, bool] = {}
        for page in range(1, PAGES + 1):
            params = {"state": "open", "labels": LABEL, "per_page": "100", "page": str(page)}
            issues = await self._api.ask("GET", self._issues, params=params)
            found |= {str(i["number"]): False for i in issues if str(i["number"]) in wanted}
            if len(issues) < 100 or len(found) == len(wanted):
                break
        for number in sorted(wanted - found.keys()):
            try:
                issue = await self._api.ask("GET", f"{self._issues}/{number}")
            except Refused:
                continue  # it is gone, or was moved elsewhere
            found[number] = issue["state"] == "closed"
        return found

    def meant(self, body: bytes) -> str | None:
        """Return which issue of ours a webhook speaks of; none where it says nothing to us."""
        try:
            event = json.loads(body)
            repository, issue = event["repository"]["full_name"], event["issue"]
            mine = repository.casefold() == self._settings.repository.casefold()
            return str(int(issue["number"])) if mine else None
        except (ValueError, KeyError, TypeError):
            return None

    def _assignees(self, ticket: Ticket) -> list[str]:
        owner = ticket.owner
        return [owner.user.id] if owner is not None and owner.user is not None else []

    def _unassigned(self, ticket: Ticket, issue: Mapping[str, Any]) -> str:
        """Whoever may not be assigned is left out by GitHub without a word."""
        wanted = [name.casefold() for name in self._assignees(ticket)]
        assigned = any(each["login"].casefold() in wanted for each in issue.get("assignees", ()))
        why = "has no access to the repository"
        return unassigned(ticket, "github", assigned=assigned, why=why)

    async def _update(self, ref: ExternalRef, fields: dict[str, Any]) -> dict[str, Any]:
        issue: dict[str, Any] = await self._api.ask(
            "PATCH", f"{self._issues}/{ref.id}", body=fields
        )
        return issue

    async def _find(self, marker: str) -> ExternalRef | None:
        since = self._context.clock.now() - LOOK_BACK
        found: list[dict[str, Any]] = []
        for page in range(1, PAGES + 1):
            params = {
                "state": "all",
                "labels": LABEL,
                "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
                "sort": "created",
                "direction": "desc",
                "per_page": "100",
                "page": str(page),
            }
            issues = await self._api.ask("GET", self._issues, params=params)
            found += [
                issue
                for issue in issues
                if "pull_request" not in issue and mark(marker) in (issue.get("body") or "")
            ]
            if len(issues) < 100:
                break
        if len(found) > 1:
            self._context.log.warning("two tickets under one marker", marker=marker)
        return self._ref(min(found, key=lambda i: int(i["number"]))) if found else None

    def _ref(self, issue: Mapping[str, Any]) -> ExternalRef:
        return ExternalRef(self._context.name, str(issue["number"]), issue["html_url"])

    async def check(self) -> Sequence[Finding]:
        """Prove token, repository, the right to write, and assignable owners; change nothing."""
        findings: list[Finding] = []
        try:
            repository = await self._api.ask("GET", f"/repos/{self._settings.repository}")
            if not repository.get("has_issues", True):
                findings.append(Finding("issues are switched off in the repository"))
            if not repository.get("permissions", {}).get("push", True):
                findings.append(Finding("the token may not write issues: labels would be dropped"))
            for each in self._context.addressees:
                if each.user is None:
                    continue
                try:
                    await self._api.ask(
                        "GET", f"/repos/{self._settings.repository}/assignees/{each.user.id}"
                    )
                except Refused:
                    text = f"{each.name} (github user {each.user.id}) cannot be assigned"
                    findings.append(
                        Finding(f"{text}: their actions are filed without", fault=False)
                    )
        except (TemporaryFailure, PermanentFailure) as failure:
            return [Finding(str(failure))]
        if self._settings.webhook_secret is None:
            text = "no webhook_secret: closed issues are seen within five minutes, not at once"
            findings.append(Finding(text, fault=False))
        return findings
