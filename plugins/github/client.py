"""GitHub's REST API, as far as tickets need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


class GitHubSettings(BaseModel):
    """`[plugins.github]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", examples=["example/ops"])
    token: Secret
    webhook_secret: Secret | None = None
    api: WebAddress = "https://api.github.com"


def _faults(answer: Any) -> str:  # noqa: ANN401 - JSON
    details = [
        " ".join(str(e.get(k)) for k in ("field", "code", "message") if e.get(k))
        for e in answer.get("errors", ())
        if isinstance(e, dict)
    ]
    return "; ".join([str(answer["message"]), *details])


class GitHub(TicketClient):
    """The issues of one repository, as tickets."""

    cannot_be_assigned = "has no access to the repository"

    def __init__(self, context: PluginContext, settings: GitHubSettings) -> None:
        """Make no request yet."""
        headers = {
            "Authorization": f"Bearer {settings.token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "sitrep",
        }
        api = Api("GitHub", settings.api, headers, lambda: context.http, faults=_faults)
        super().__init__(context, api)
        self._settings = settings
        self._repository = f"/repos/{settings.repository}"
        self._issues = f"{self._repository}/issues"

    async def fields(self, ticket: Ticket) -> JsonObject:
        """Return title and assignees."""
        return {"title": ticket.title, "assignees": _assignees(ticket)}

    async def find(self, marker: str) -> Sequence[ExternalRef]:
        """Look for the marker in the text of the recent issues with our label."""
        since = self._context.clock.now() - LOOK_BACK
        params = {
            "state": "all",
            "labels": LABEL,
            "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            "sort": "created",
            "direction": "desc",
        }
        found = [
            issue
            for issue in await self.listed(self._issues, params)
            if "pull_request" not in issue and mark(marker) in (issue.get("body") or "")
        ]
        return [self._ref(issue) for issue in sorted(found, key=lambda i: int(i["number"]))]

    async def create(self, ticket: Ticket, fields: JsonObject) -> Filed:
        """Create an issue with our label."""
        new = {**fields, "body": ours(ticket), "labels": [LABEL, *ticket.labels]}
        issue = await self._api.ask("POST", self._issues, body=new)
        return Filed(ref=self._ref(issue), note=self._note(ticket, issue))

    async def change(self, ref: ExternalRef, ticket: Ticket, fields: JsonObject) -> str:
        """Change an issue; what people wrote around our part of its text stays."""
        issue = await self._api.ask("GET", f"{self._issues}/{ref.id}")
        fields["body"] = renewed(issue.get("body") or "", ticket)
        if ticket.done != ticket.closed:
            fields["state"] = "closed" if ticket.done else "open"
        return self._note(ticket, await self._update(ref, fields))

    async def close(self, ref: ExternalRef) -> str:
        """Close an issue as completed."""
        await self._update(ref, {"state": "closed", "state_reason": "completed"})
        return ""

    async def closed(self, refs: Sequence[ExternalRef]) -> Mapping[str, bool]:
        """Return which issues are closed; only those not listed as open are read singly."""
        wanted = {ref.id for ref in refs}

        def still_open(issues: Sequence[JsonObject]) -> set[str]:
            return wanted & {str(issue["number"]) for issue in issues}

        issues = await self.listed(
            self._issues,
            {"state": "open", "labels": LABEL},
            enough=lambda issues: len(still_open(issues)) == len(wanted),
        )
        found = dict.fromkeys(still_open(issues), False)
        rest = sorted(wanted - found.keys())
        for issue in await self.readable(f"{self._issues}/{number}" for number in rest):
            found[str(issue["number"])] = issue["state"] == "closed"
        return found

    def ticket_in(self, event: Any) -> str | None:  # noqa: ANN401 - JSON
        """Return the number of the issue that a webhook is about; `None` for other repositories."""
        repository = value_at(event, "repository", "full_name", kind=str)
        number = value_at(event, "issue", "number", kind=int)
        return (
            str(number) if repository.casefold() == self._settings.repository.casefold() else None
        )

    async def inspect(self) -> Sequence[Finding]:
        """Check token, repository, the right to write, and the owners."""
        findings: list[Finding] = []
        repository = await self._api.ask("GET", self._repository)
        if not repository.get("has_issues", True):
            findings.append(Finding("issues are switched off in the repository"))
        if not repository.get("permissions", {}).get("push", True):
            findings.append(Finding("the token may not write issues: labels would be dropped"))
        for name, user in self.owners():
            if not await self.readable([f"{self._repository}/assignees/{user}"]):
                findings.append(filed_without(f"{name} (github user {user}) cannot be assigned"))
        if self._settings.webhook_secret is None:
            findings.append(NO_WEBHOOK)
        return findings

    def _note(self, ticket: Ticket, issue: JsonObject) -> str:
        """Return the note for `Filed`: GitHub silently drops assignees without access."""
        wanted = [name.casefold() for name in _assignees(ticket)]
        assigned = any(each["login"].casefold() in wanted for each in issue.get("assignees", ()))
        return self.unassigned(ticket, assigned=assigned)

    async def _update(self, ref: ExternalRef, fields: JsonObject) -> JsonObject:
        path = f"{self._issues}/{ref.id}"
        issue: JsonObject = await self._api.ask("PATCH", path, body=fields)
        return issue

    def _ref(self, issue: JsonObject) -> ExternalRef:
        return ExternalRef(self._context.name, str(issue["number"]), issue["html_url"])


def _assignees(ticket: Ticket) -> list[str]:
    owner = ticket.owner
    return [owner.user.id] if owner is not None and owner.user is not None else []
