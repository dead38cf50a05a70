"""Redmine's REST API, as far as tickets need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bot.contract import (
    ExternalRef,
    Filed,
    Finding,
    PermanentFailure,
    PluginContext,
    Secret,
    Ticket,
    WebAddress,
)
from bot.plugin_kit.http_api import Api, ApiRefused
from bot.plugin_kit.tracker import JsonObject, TicketClient

SUBJECT = 255
"""The longest subject."""


class RedmineSettings(BaseModel):
    """`[plugins.redmine]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: WebAddress
    key: Secret
    project: str = Field(pattern=r"^[a-z0-9_-]+$", examples=["ops"])
    tracker: str | None = None


def _faults(answer: Any) -> str:  # noqa: ANN401 - JSON
    return "; ".join(str(fault) for fault in answer["errors"])


class Redmine(TicketClient):
    """The issues of one project, as tickets."""

    hints = MappingProxyType({404: "; is the project named by its identifier?"})

    def __init__(self, context: PluginContext, settings: RedmineSettings) -> None:
        """Make no request yet."""
        headers = {"X-Redmine-API-Key": settings.key}
        super().__init__(
            context, Api("Redmine", settings.url, headers, lambda: context.http, faults=_faults)
        )
        self._settings = settings
        self.cannot_be_assigned = f"is not a member of {settings.project}"
        self._known: JsonObject | None = None

    async def fields(self, ticket: Ticket) -> JsonObject:
        """Return subject (with the marker), description, due date and assignee."""
        await self._vocabulary()
        suffix = f" [{ticket.marker}]"
        fields: JsonObject = {
            "subject": f"{ticket.title[: SUBJECT - len(suffix)]}{suffix}",
            "description": ticket.text,
        }
        if ticket.due is not None:
            fields["due_date"] = ticket.due.isoformat()
        if ticket.owner is not None and ticket.owner.user is not None:
            fields["assigned_to_id"] = ticket.owner.user.id
        return fields

    async def find(self, marker: str) -> Sequence[ExternalRef]:
        """Look for the marker at the end of the subjects."""
        answer = await self._api.ask(
            "GET",
            "/issues.json",
            params={
                "project_id": self._settings.project,
                "status_id": "*",
                "subject": f"~{marker}]",
                "sort": "id",
            },
        )
        return [
            self._ref(issue["id"])
            for issue in answer["issues"]
            if issue["subject"].endswith(f"[{marker}]")
        ]

    async def create(self, ticket: Ticket, fields: JsonObject) -> Filed:
        """Create an issue, unassigned if the owner is not a member of the project."""
        new = {**fields, "project_id": self._settings.project}
        tracker = (await self._vocabulary())["tracker"]
        if tracker is not None:
            new["tracker_id"] = tracker
        try:
            answer = await self._api.ask("POST", "/issues.json", body={"issue": new})
        except ApiRefused as refusal:
            if not _about_assignee(refusal, new):
                raise
            del new["assigned_to_id"]  # the text names the owner all the same
            answer = await self._api.ask("POST", "/issues.json", body={"issue": new})
        issue = answer["issue"]
        note = self.unassigned(ticket, assigned="assigned_to" in issue)
        return Filed(ref=self._ref(issue["id"]), note=note)

    async def change(self, ref: ExternalRef, ticket: Ticket, fields: JsonObject) -> str:
        """Change an issue, leaving its assignee if the owner is not a member of the project."""
        if ticket.done != ticket.closed:
            known = await self._vocabulary()
            fields["status_id"] = known["closed"] if ticket.done else known["open"]
        try:
            await self._update(ref, fields)
        except ApiRefused as refusal:
            if not _about_assignee(refusal, fields):
                raise
            del fields["assigned_to_id"]
            await self._update(ref, fields)
            return self.unassigned(ticket, assigned=False)
        return ""

    async def close(self, ref: ExternalRef) -> str:
        """Give an issue the first status that counts as closed."""
        await self._update(ref, {"status_id": (await self._vocabulary())["closed"]})
        return ""

    async def closed(self, refs: Sequence[ExternalRef]) -> Mapping[str, bool]:
        """Return which issues are closed."""
        answer = await self._api.ask(
            "GET",
            "/issues.json",
            params={"issue_id": ",".join(ref.id for ref in refs), "status_id": "*", "limit": "100"},
        )
        return {str(issue["id"]): _is_closed(issue) for issue in answer["issues"]}

    async def inspect(self) -> Sequence[Finding]:
        """Check key, project, tracker, and that the owners are members of the project."""
        # A public project can be read with a wrong key, as nobody: only this request fails then.
        await self._api.ask("GET", "/users/current.json")
        project = self._settings.project
        await self._api.ask("GET", f"/projects/{project}.json")
        await self._vocabulary()
        answer = await self._api.ask(
            "GET", f"/projects/{project}/memberships.json", params={"limit": "100"}
        )
        members = {str(m["user"]["id"]) for m in answer["memberships"] if "user" in m}
        return [
            Finding(
                f"{name} (redmine user {user}) {self.cannot_be_assigned}: "
                "their actions are filed without an assignee",
                fault=False,
            )
            for name, user in self.owners()
            if user not in members
        ]

    async def _update(self, ref: ExternalRef, fields: JsonObject) -> None:
        await self._api.ask("PUT", f"/issues/{ref.id}.json", body={"issue": fields})

    def _ref(self, number: int) -> ExternalRef:
        url = f"{self._settings.url.rstrip('/')}/issues/{number}"
        return ExternalRef(self._context.name, str(number), url)

    async def _vocabulary(self) -> JsonObject:
        """Return the ids of an open status, a closed one, and the configured tracker."""
        if self._known is None:
            statuses = (await self._api.ask("GET", "/issue_statuses.json"))["issue_statuses"]
            tracker = await self._tracker() if self._settings.tracker is not None else None
            opened = [s["id"] for s in statuses if not s["is_closed"]]
            closed = [s["id"] for s in statuses if s["is_closed"]]
            if not opened or not closed:
                raise PermanentFailure("Redmine has no status that is open, or none that is closed")
            self._known = {"open": opened[0], "closed": closed[0], "tracker": tracker}
        return self._known

    async def _tracker(self) -> int:
        trackers = (await self._api.ask("GET", "/trackers.json"))["trackers"]
        wanted = self._settings.tracker
        found = [t["id"] for t in trackers if t["name"] == wanted]
        if not found:
            names = ", ".join(t["name"] for t in trackers)
            raise PermanentFailure(f"Redmine has no tracker {wanted!r}; there is: {names}")
        number: int = found[0]
        return number


def _about_assignee(refusal: ApiRefused, fields: JsonObject) -> bool:
    return refusal.status == 422 and "assigned_to_id" in fields


def _is_closed(issue: JsonObject) -> bool:
    return bool(issue["status"].get("is_closed")) or issue.get("closed_on") is not None
