"""Jira's REST API, Cloud (version 3) and Data Center (version 2), as far as tickets need it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.contract import (
    ExternalRef,
    Filed,
    Finding,
    PermanentFailure,
    PluginContext,
    Secret,
    TemporaryFailure,
    Ticket,
    WebAddress,
    within,
)
from bot.plugin_kit.http_api import Api, ApiRefused
from bot.plugin_kit.tracker import LABEL, JsonObject, TicketClient, filed_without
from bot.plugin_kit.webhooks import value_at

SUMMARY = 254
"""The longest summary."""

INDEX_LAGS = timedelta(seconds=60)
"""How long Jira's search may miss an issue after its creation."""


class JiraSettings(BaseModel):
    """`[plugins.jira]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: WebAddress
    kind: Literal["cloud", "datacenter"] = "cloud"
    project: str = Field(pattern=r"^[A-Z][A-Z0-9_]+$", examples=["OPS"])
    issue_type: str = "Task"
    user: str | None = None
    token: Secret
    fields: dict[str, Any] = Field(default_factory=dict)
    webhook_secret: Secret | None = None

    @model_validator(mode="after")
    def _cloud_needs_a_user(self) -> JiraSettings:
        if self.kind == "cloud" and self.user is None:
            raise ValueError("Jira Cloud needs user: the mail address of the token's account")
        return self


def _faults(answer: Any) -> str:  # noqa: ANN401 - JSON
    fields = [f"{name}: {why}" for name, why in (answer.get("errors") or {}).items()]
    return "; ".join([*map(str, answer.get("errorMessages") or ()), *fields])


def label_of(marker: str) -> str:
    """Return a marker as a label: `sitrep-inc-42-a1`."""
    return re.sub(r"[^a-z0-9]+", "-", marker.lower())


def _document(text: str) -> dict[str, Any]:
    """Return text in Atlassian's document format, as plain paragraphs."""
    paragraphs = [
        {
            "type": "paragraph",
            "content": [
                part
                for n, line in enumerate(block.split("\n"))
                for part in (
                    *([{"type": "hardBreak"}] if n else ()),
                    *([{"type": "text", "text": line}] if line else ()),
                )
            ],
        }
        for block in re.split(r"\n{2,}", text.strip())
        if block.strip()
    ]
    return {"type": "doc", "version": 1, "content": paragraphs}


def _wiki(text: str) -> str:
    """Return text escaped for Data Center's wiki markup."""
    return re.sub(r"([\\{}\[\]*_+^~|!#-])", r"\\\1", text)


class Jira(TicketClient):
    """The issues of one project, as tickets."""

    hints = MappingProxyType(
        dict.fromkeys((400, 404), "; are project and issue_type right?"),
    )

    def __init__(self, context: PluginContext, settings: JiraSettings) -> None:
        """Make no request yet."""
        self._settings = settings
        self._cloud = settings.kind == "cloud"
        version = "3" if self._cloud else "2"
        if self._cloud:
            pair = base64.b64encode(f"{settings.user}:{settings.token}".encode()).decode()
            authorization = f"Basic {pair}"
        else:
            authorization = f"Bearer {settings.token}"
        base = f"{settings.url.rstrip('/')}/rest/api/{version}"
        headers = {"Authorization": authorization, "Accept": "application/json"}
        super().__init__(context, Api("Jira", base, headers, lambda: context.http, faults=_faults))
        self.cannot_be_assigned = f"cannot be, in {settings.project}"

    async def fields(self, ticket: Ticket) -> JsonObject:
        """Return summary, description, due date and assignee."""
        fields: JsonObject = {
            "summary": " ".join(ticket.title.split())[:SUMMARY],
            "description": _document(ticket.text) if self._cloud else _wiki(ticket.text),
        }
        if ticket.due is not None:
            fields["duedate"] = ticket.due.isoformat()
        owner = ticket.owner
        if owner is not None and owner.user is not None:
            fields["assignee"] = {"accountId" if self._cloud else "name": owner.user.id}
        return fields

    async def find(self, marker: str) -> Sequence[ExternalRef]:
        """Find issues by the marker's label; if there are none, wait until the index must know.

        Raises:
            TemporaryFailure: The index may lag behind.
        """
        label = label_of(marker)
        jql = f'project = "{self._settings.project}" AND labels = "{label}" ORDER BY created ASC'
        found = await self._search(jql, "created", 10)
        if not found:
            await self._wait_for_the_index(label)
        return [self._ref(issue["key"]) for issue in found]

    async def create(self, ticket: Ticket, fields: JsonObject) -> Filed:
        """Create an issue, unassigned if Jira refuses the owner."""
        settings = self._settings
        body: JsonObject = {
            "fields": {
                **fields,
                **settings.fields,
                "project": {"key": settings.project},
                "issuetype": {"name": settings.issue_type},
                "labels": [label_of(ticket.marker), LABEL, *ticket.labels],
            }
        }
        if self._cloud:
            body["properties"] = [{"key": "sitrep", "value": {"marker": ticket.marker}}]
        assigned = ticket.owner is not None and ticket.owner.user is not None
        try:
            issue = await self._api.ask("POST", "/issue", body=body)
        except ApiRefused as refusal:
            if not _about_assignee(refusal, body["fields"]):
                raise
            del body["fields"]["assignee"]
            assigned = False
            issue = await self._api.ask("POST", "/issue", body=body)
        return Filed(ref=self._ref(issue["key"]), note=self.unassigned(ticket, assigned=assigned))

    async def change(self, ref: ExternalRef, ticket: Ticket, fields: JsonObject) -> str:
        """Change an issue, leaving its assignee if Jira refuses the owner; move it if need be."""
        notes = [await self._changed(ref, ticket, fields)]
        if ticket.done != ticket.closed:
            notes.append(await self._move(ref, done=ticket.done))
        return " ".join(note for note in notes if note)

    async def close(self, ref: ExternalRef) -> str:
        """Move an issue to done."""
        return await self._move(ref, done=True)

    async def closed(self, refs: Sequence[ExternalRef]) -> Mapping[str, bool]:
        """Return which issues are done."""
        keys = ",".join(ref.id for ref in refs)
        try:
            issues = await self._search(f"key in ({keys})", "status", len(refs))
        except ApiRefused as refusal:
            if refusal.status != 400:
                raise
            # A single deleted issue makes Jira refuse the whole search.
            paths = (f"/issue/{ref.id}" for ref in refs)
            issues = await self.readable(paths, {"fields": "status"})
        return {issue["key"]: _is_done(issue["fields"]["status"]) for issue in issues}

    def ticket_in(self, event: Any) -> str | None:  # noqa: ANN401 - JSON
        """Return the key of the issue that a webhook is about; `None` for other projects."""
        key = value_at(event, "issue", "key", kind=str)
        project, _, number = key.rpartition("-")
        mine = project == self._settings.project and number.isascii() and number.isdigit()
        return key if mine else None

    async def inspect(self) -> Sequence[Finding]:
        """Check token, project, issue type, required fields, and the owners."""
        findings: list[Finding] = []
        await self._api.ask("GET", "/myself")
        missing = await self._required()
        if missing:
            named, project = ", ".join(missing), self._settings.project
            findings.append(Finding(f"{project} requires {named}: add them to fields = {{ … }}"))
        for name, user in self.owners():
            if not await self._assignable(user):
                findings.append(filed_without(f"{name} (jira user {user}) cannot be assigned"))
        return findings

    async def _changed(self, ref: ExternalRef, ticket: Ticket, fields: JsonObject) -> str:
        try:
            await self._api.ask("PUT", f"/issue/{ref.id}", body={"fields": fields})
        except ApiRefused as refusal:
            if not _about_assignee(refusal, fields):
                raise
            del fields["assignee"]
            await self._api.ask("PUT", f"/issue/{ref.id}", body={"fields": fields})
            return self.unassigned(ticket, assigned=False)
        return ""

    async def _move(self, ref: ExternalRef, *, done: bool) -> str:
        """Take a transition to done, or out of it; return a note if there is none."""
        path = f"/issue/{ref.id}/transitions"
        transitions = (await self._api.ask("GET", path))["transitions"]
        fitting = [t["id"] for t in transitions if _is_done(t["to"]) == done]
        if not fitting:
            where = "to done" if done else "back from done"
            return f"{ref.id} has no transition {where}: move it there by hand."
        await self._api.ask("POST", path, body={"transition": {"id": fitting[0]}})
        return ""

    async def _search(self, jql: str, fields: str, limit: int) -> list[JsonObject]:
        path = "/search/jql" if self._cloud else "/search"
        params = {"jql": jql, "fields": fields, "maxResults": str(max(limit, 1))}
        issues: list[JsonObject] = (await self._api.ask("GET", path, params=params))["issues"]
        return issues

    async def _wait_for_the_index(self, label: str) -> None:
        if not self._cloud:
            return
        now, name = self._context.clock.now(), f"missed/{label}"
        since = await self._context.memory.recall(name)
        if since is None:
            await self._context.memory.keep(name, now.isoformat(), lasting=False)
        missed_at = datetime.fromisoformat(since) if since is not None else now
        if within(INDEX_LAGS, missed_at, now):
            left = missed_at + INDEX_LAGS - now
            raise TemporaryFailure("Jira's search may not know it yet", left)

    def _ref(self, key: str) -> ExternalRef:
        url = f"{self._settings.url.rstrip('/')}/browse/{key}"
        return ExternalRef(self._context.name, key, url)

    async def _required(self) -> list[str]:
        """Return the required fields that neither Sitrep nor the config fills in."""
        path = f"/issue/createmeta/{self._settings.project}/issuetypes"
        listed = await self._api.ask("GET", path)
        types = listed.get("issueTypes") or listed.get("values") or []
        named = [t["id"] for t in types if t["name"] == self._settings.issue_type]
        if not named:
            names = ", ".join(t["name"] for t in types)
            raise PermanentFailure(
                f"{self._settings.project} has no issue type {self._settings.issue_type!r}; "
                f"there is: {names}"
            )
        described = await self._api.ask("GET", f"{path}/{named[0]}")
        given = {*self._settings.fields, *_GIVEN}
        return [
            f"{field['name']} ({field['fieldId']})"
            for field in described.get("fields") or described.get("values") or []
            if field["required"] and not field.get("hasDefaultValue")
            if field["fieldId"] not in given
        ]

    async def _assignable(self, user: str) -> bool:
        name = "accountId" if self._cloud else "username"
        params = {"project": self._settings.project, name: user}
        return bool(await self._api.ask("GET", "/user/assignable/search", params=params))


_GIVEN = (
    "summary", "description", "project", "issuetype", "labels", "duedate", "assignee", "reporter",
)  # fmt: skip
"""The fields that Sitrep or Jira always fills in."""


def _is_done(status: Mapping[str, Any]) -> bool:
    return bool(status["statusCategory"]["key"] == "done")


def _about_assignee(refusal: ApiRefused, fields: Mapping[str, Any]) -> bool:
    return refusal.status == 400 and "assignee" in fields and "assignee" in str(refusal).casefold()
