"""Redmine's REST API, as far as tickets need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from bot.plugin_kit.ticket_text import unassigned

SUBJECT = 255
"""The longest subject."""


class RedmineSettings(BaseModel):
    """`[plugins.redmine]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://[^/]")
    key: Secret
    project: str = Field(pattern=r"^[a-z0-9_-]+$")
    tracker: str | None = None


def _faults(answer: Any) -> str:  # noqa: ANN401 - JSON
    return "; ".join(str(fault) for fault in answer["errors"])


class Redmine:
    """See `bot.contract.trackers.TicketTracker`."""

    def __init__(self, context: PluginContext, settings: RedmineSettings) -> None:
        """Nothing is asked before it is needed."""
        self._context, self._settings = context, settings
        headers = {"X-Redmine-API-Key": settings.key}
        self._api = Api("Redmine", settings.url, headers, lambda: context.http, faults=_faults)
        self._known: dict[str, Any] | None = None

    async def sync(self, ticket: Ticket, ref: ExternalRef | None, *, key: str) -> Filed:
        """Bring an issue up to date; find it by its marker before creating it again."""
        del key  # Redmine takes none
        known = await self._vocabulary()
        fields = self._fields(ticket)
        if ref is None and ticket.again:
            ref = await self._find(ticket.marker)
        if ref is None:
            issue = await self._created(fields, known)
            note = self._unassigned(ticket, issue)
            ref = self._ref(issue["id"])
            if ticket.done:
                await self._update(ref, {"status_id": known["closed"]})
            return Filed(ref=ref, note=note)
        if ticket.done != ticket.closed:
            fields["status_id"] = known["closed"] if ticket.done else known["open"]
        note = await self._changed(ref, ticket, fields)
        return Filed(ref=ref, note=note)

    async def closed(self, refs: Sequence[ExternalRef]) -> Mapping[str, bool]:
        """Return which issues are closed."""
        answer = await self._api.ask(
            "GET",
            "/issues.json",
            params={"issue_id": ",".join(ref.id for ref in refs), "status_id": "*", "limit": "100"},
        )
        return {str(issue["id"]): _is_closed(issue) for issue in answer["issues"]}

    def _fields(self, ticket: Ticket) -> dict[str, Any]:
        suffix = f" [{ticket.marker}]"
        fields: dict[str, Any] = {
            "subject": f"{ticket.title[: SUBJECT - len(suffix)]}{suffix}",
            "description": ticket.text,
        }
        if ticket.due is not None:
            fields["due_date"] = ticket.due.isoformat()
        if ticket.owner is not None and ticket.owner.user is not None:
            fields["assigned_to_id"] = ticket.owner.user.id
        return fields

    async def _created(self, fields: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
        new = {**fields, "project_id": self._settings.project}
        if known["tracker"] is not None:
            new["tracker_id"] = known["tracker"]
        try:
            answer = await self._api.ask("POST", "/issues.json", body={"issue": new})
        except Refused as refusal:
            if refusal.status != 422 or "assigned_to_id" not in new:
                raise
            del new["assigned_to_id"]  # no member of the project; the text names the owner
            answer = await self._api.ask("POST", "/issues.json", body={"issue": new})
        issue: dict[str, Any] = answer["issue"]
        return issue

    async def _changed(self, ref: ExternalRef, ticket: Ticket, fields: dict[str, Any]) -> str:
        try:
            await self._update(ref, fields)
        except Refused as refusal:
            if refusal.status != 422 or "assigned_to_id" not in fields:
                raise
            del fields["assigned_to_id"]
            await self._update(ref, fields)
            return self._unassigned(ticket, {})
        return ""

    async def _update(self, ref: ExternalRef, fields: dict[str, Any]) -> None:
        await self._api.ask("PUT", f"/issues/{ref.id}.json", body={"issue": fields})

    def _unassigned(self, ticket: Ticket, issue: dict[str, Any]) -> str:
        why = f"is no member of {self._settings.project}"
        return unassigned(ticket, "redmine", assigned="assigned_to" in issue, why=why)

    async def _find(self, marker: str) -> ExternalRef | None:
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
        ids = [i["id"] for i in answer["issues"] if i["subject"].endswith(f"[{marker}]")]
        if len(ids) > 1:
            self._context.log.warning("two tickets under one marker", marker=marker, kept=ids[0])
        return self._ref(ids[0]) if ids else None

    def _ref(self, number: int) -> ExternalRef:
        url = f"{self._settings.url.rstrip('/')}/issues/{number}"
        return ExternalRef(self._context.name, str(number), url)

    async def _vocabulary(self) -> dict[str, Any]:
        """Return the ids of what Redmine calls open and closed, and of the tracker to use."""
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

    async def check(self) -> Sequence[Finding]:
        """Prove key, project, tracker and assignable owners; change nothing."""
        try:
            # A wrong key on a public project reads as nobody: only this one tells.
            await self._api.ask("GET", "/users/current.json")
            project = self._settings.project
            await self._api.ask("GET", f"/projects/{project}.json")
            await self._vocabulary()
            answer = await self._api.ask(
                "GET", f"/projects/{project}/memberships.json", params={"limit": "100"}
            )
        except Refused as refusal:
            hint = "; is the project named by its identifier?" if refusal.status == 404 else ""
            return [Finding(f"{refusal}{hint}")]
        except (TemporaryFailure, PermanentFailure) as failure:
            return [Finding(str(failure))]
        members = {str(m["user"]["id"]) for m in answer["memberships"] if "user" in m}
        return [
            Finding(
                f"{each.name} (redmine user {each.user.id}) is no member of {project}: "
                "their actions are filed without an assignee",
                fault=False,
            )
            for each in self._context.addressees
            if each.user is not None and each.user.id not in members
        ]


def _is_closed(issue: Mapping[str, Any]) -> bool:
    return bool(issue["status"].get("is_closed")) or issue.get("closed_on") is not None
