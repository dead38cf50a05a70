"""Jira's REST API, Cloud (version 3) and Data Center (version 2), as far as tickets need it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
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
)
from bot.plugin_kit.http_api import Api, Refused
from bot.plugin_kit.ticket_text import unassigned

SUMMARY = 254
"""The longest summary."""

INDEX_LAGS = timedelta(seconds=60)
"""How long Jira's search may not know what has been created."""


class JiraSettings(BaseModel):
    """`[plugins.jira]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://[^/]")
    kind: Literal["cloud", "datacenter"] = "cloud"
    project: str = Field(pattern=r"^[A-Z][A-Z0-9_]+$")
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
    """Return text as Atlassian's document format: paragraphs of it, word for word."""
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
    """Return text as Data Center's wiki markup shows it word for word."""
    return re.sub(r"([\\{}\[\]*_+^~|!#-])", r"\\\1", text)


class Jira:
    """See `bot.contract.trackers.TicketTracker`."""

    def __init__(self, context: PluginContext, settings: JiraSettings) -> None:
        """Nothing is asked before it is needed."""
        self._context, self._settings = context, settings
        self._cloud = settings.kind == "cloud"
        version = "3" if self._cloud else "2"
        if self._cloud:
            pair = base64.b64encode(f"{settings.user}:{settings.token}".encode()).decode()
            authorization = f"Basic {pair}"
        else:
            authorization = f"Bearer {settings.token}"
        base = f"{settings.url.rstrip('/')}/rest/api/{version}"
        headers = {"Authorization": authorization, "Accept": "application/json"}
        self._api = Api("Jira", base, headers, lambda: context.http, faults=_faults)

    async def sync(self, ticket: Ticket, ref: ExternalRef | None, *, key: str) -> Filed:
        """Bring an issue up to date; find it by its label before creating it again."""
        del key  # Jira takes none
        if ref is None and ticket.again:
            ref = await self._find(ticket.marker)
        note = ""
        fields = self._fields(ticket)
        closed = ticket.closed
        if ref is None:
            ref, note = await self._created(ticket, fields)
            closed = False
        else:
            note = await self._changed(ref, ticket, fields)
        if ticket.done != closed:
            moved = await self._move(ref, done=ticket.done)
            note = " ".join(part for part in (note, moved) if part)
        return Filed(ref=ref, note=note)

    async def closed(self, refs: Sequence[ExternalRef]) -> Mapping[str, bool]:
        """Return which issues are done."""
        keys = ",".join(ref.id for ref in refs)
        try:
            issues = await self._search(f"key in ({keys})", "status", len(refs))
        except Refused as refusal:
            if refusal.status != 400:
                raise
            issues = await self._singly(refs)  # one that was deleted spoils the whole question
        return {issue["key"]: _is_done(issue["fields"]["status"]) for issue in issues}

    async def _singly(self, refs: Sequence[ExternalRef]) -> list[dict[str, Any]]:
        found = []
        for ref in refs:
            try:
                path = f"/issue/{ref.id}"
                found.append(await self._api.ask("GET", path, params={"fields": "status"}))
            except Refused:
                continue
        return found

    def meant(self, body: bytes) -> str | None:
        """Return which issue of ours a webhook speaks of; none where it says nothing to us."""
        try:
            key = str(json.loads(body)["issue"]["key"])
        except (ValueError, KeyError, TypeError):
            return None
        return key if key.startswith(f"{self._settings.project}-") else None

    def _fields(self, ticket: Ticket) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "summary": " ".join(ticket.title.split())[:SUMMARY],
            "description": _document(ticket.text) if self._cloud else _wiki(ticket.text),
        }
        if ticket.due is not None:
            fields["duedate"] = ticket.due.isoformat()
        owner = ticket.owner
        if owner is not None and owner.user is not None:
            fields["assignee"] = {"accountId" if self._cloud else "name": owner.user.id}
        return fields

    async def _created(self, ticket: Ticket, fields: dict[str, Any]) -> tuple[ExternalRef, str]:
        settings = self._settings
        body: dict[str, Any] = {
            "fields": {
                **fields,
                **settings.fields,
                "project": {"key": settings.project},
                "issuetype": {"name": settings.issue_type},
                "labels": [label_of(ticket.marker), "sitrep", *ticket.labels],
            }
        }
        if self._cloud:
            body["properties"] = [{"key": "sitrep", "value": {"marker": ticket.marker}}]
        note = self._unassigned(ticket)
        try:
            issue = await self._api.ask("POST", "/issue", body=body)
        except Refused as refusal:
            if not _about_assignee(refusal, body["fields"]):
                raise
            del body["fields"]["assignee"]
            note = self._unassigned(ticket, refused=True)
            issue = await self._api.ask("POST", "/issue", body=body)
        return self._ref(issue["key"]), note

    async def _changed(self, ref: ExternalRef, ticket: Ticket, fields: dict[str, Any]) -> str:
        try:
            await self._api.ask("PUT", f"/issue/{ref.id}", body={"fields": fields})
        except Refused as refusal:
            if not _about_assignee(refusal, fields):
                raise
            del fields["assignee"]
            await self._api.ask("PUT", f"/issue/{ref.id}", body={"fields": fields})
            return self._unassigned(ticket, refused=True)
        return ""

    def _unassigned(self, ticket: Ticket, *, refused: bool = False) -> str:
        user = ticket.owner.user if ticket.owner is not None else None
        assigned = user is not None and not refused
        why = f"cannot be, in {self._settings.project}"
        return unassigned(ticket, "jira", assigned=assigned, why=why)

    async def _move(self, ref: ExternalRef, *, done: bool) -> str:
        """Take the transition that leads to done, or out of it; say where there is none."""
        path = f"/issue/{ref.id}/transitions"
        transitions = (await self._api.ask("GET", path))["transitions"]
        fitting = [t["id"] for t in transitions if _is_done(t["to"]) == done]
        if not fitting:
            where = "to done" if done else "back from done"
            return f"{ref.id} has no transition {where}: move it there by hand."
        await self._api.ask("POST", path, body={"transition": {"id": fitting[0]}})
        return ""

    async def _search(self, jql: str, fields: str, limit: int) -> list[dict[str, Any]]:
        path = "/search/jql" if self._cloud else "/search"
        params = {"jql": jql, "fields": fields, "maxResults": str(max(limit, 1))}
        issues: list[dict[str, Any]] = (await self._api.ask("GET", path, params=params))["issues"]
        return issues

    async def _find(self, marker: str) -> ExternalRef | None:
        """Find an issue by its label; where there seems to be none, wait until the index must know.

        Raises:
            TemporaryFailure: It is too early to tell.
        """
        label = label_of(marker)
        jql = f'project = "{self._settings.project}" AND labels = "{label}" ORDER BY created ASC'
        found = await self._search(jql, "created", 10)
        if len(found) > 1:
            self._context.log.warning("two tickets under one marker", marker=marker)
        if found:
            return self._ref(found[0]["key"])
        await self._wait_for_the_index(label)
        return None

    async def _wait_for_the_index(self, label: str) -> None:
        if not self._cloud:
            return
        now, name = self._context.clock.now(), f"missed/{label}"
        since = await self._context.memory.recall(name)
        if since is None:
            await self._context.memory.keep(name, now.isoformat(), lasting=False)
        waited = now - datetime.fromisoformat(since) if since is not None else timedelta(0)
        if waited < INDEX_LAGS:
            raise TemporaryFailure("Jira's search may not know it yet", INDEX_LAGS - waited)

    def _ref(self, key: str) -> ExternalRef:
        url = f"{self._settings.url.rstrip('/')}/browse/{key}"
        return ExternalRef(self._context.name, key, url)

    async def check(self) -> Sequence[Finding]:
        """Prove token, project, issue type, required fields, and owners; change nothing."""
        findings: list[Finding] = []
        settings = self._settings
        try:
            await self._api.ask("GET", "/myself")
            missing = await self._required()
            if missing:
                named = ", ".join(missing)
                findings.append(
                    Finding(f"{settings.project} requires {named}: add them to fields = {{ … }}")
                )
            for each in self._context.addressees:
                if each.user is not None and not await self._assignable(each.user.id):
                    text = f"{each.name} (jira user {each.user.id}) cannot be assigned"
                    findings.append(
                        Finding(f"{text}: their actions are filed without", fault=False)
                    )
        except Refused as refusal:
            hint = "; are project and issue_type right?" if refusal.status in {400, 404} else ""
            return [Finding(f"{refusal}{hint}")]
        except (TemporaryFailure, PermanentFailure) as failure:
            return [Finding(str(failure))]
        return findings

    async def _required(self) -> list[str]:
        """Return the fields that an issue needs and nothing gives."""
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
"""The fields that are always given, or that Jira fills in."""


def _is_done(status: Mapping[str, Any]) -> bool:
    return bool(status["statusCategory"]["key"] == "done")


def _about_assignee(refusal: Refused, fields: Mapping[str, Any]) -> bool:
    return refusal.status == 400 and "assignee" in fields and "assignee" in str(refusal).casefold()
