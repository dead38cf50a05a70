"""Stand-ins for the trackers that cannot be run here: stateful, and strict as their vendors are.

Every request is held against `tests/apis/<vendor>.json`, our short form of the vendor's published
description. `fail` plays what goes wrong: a status, or `lost`, the answer that never arrives after
its effect.
"""

from __future__ import annotations

import json
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from jsonschema import Draft202012Validator

from tests.peers.machine import ROOT, free_port

APIS = ROOT / "tests/apis"
TOKEN = "only-on-loopback"


class Vendor(ABC):
    """What the stand-ins share."""

    name = ""
    described = ""
    prefix = ""

    def __init__(self) -> None:
        self.issues: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self.fail: list[tuple[str, int | str]] = []
        self.users = {"ben": 11, "dev": 12}
        self.members = {"ben", "dev"}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        file = Path(tempfile.mkdtemp(prefix="secret-", dir="/tmp"), "token")
        file.write_text(TOKEN)
        self.secret = f'{{ file = "{file}" }}'
        self._operations = [
            (*_template(name), wanted)
            for name, wanted in json.loads(
                (APIS / f"{self.described}.json").read_text("utf-8")
            ).items()
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Vendor]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = unquote(request.raw_path.partition("?")[0])
        path = request.raw_path.partition("?")[0]
        self.calls.append((request.method, path))
        body = json.loads(await request.text() or "null")
        self._check(request, path, body)
        planned = self._planned(request.method)
        if isinstance(planned, int):
            headers = {"Retry-After": "7"} if planned == 429 else {}
            return web.json_response(self.said(planned), status=planned, headers=headers)
        if not self.allows(request):
            return web.json_response(self.said(401), status=401)
        status, answer = self.answer(request.method, path, request.query, body)
        if planned == "lost" and request.transport is not None:
            request.transport.close()
        if answer is None:
            return web.Response(status=status)
        return web.json_response(answer, status=status)

    def _planned(self, method: str) -> int | str | None:
        for n, (of, what) in enumerate(self.fail):
            if of == method:
                del self.fail[n]
                return what
        return None

    def _check(self, request: web.Request, path: str, body: Any) -> None:
        fitting = (
            each
            for method, pattern, each in self._operations
            if method == request.method and pattern.fullmatch(path)
        )
        wanted = next(fitting, None)
        if wanted is None:
            self.wrong.append(f"no such operation: {request.method} {path}")
            return
        allowed = wanted.get("query", {})
        for name, value in request.query.items():
            if name not in allowed or (allowed[name] and value not in allowed[name]):
                self.wrong.append(f"{request.method} {path}: ?{name}={value}")
        schema = wanted.get("body")
        if (schema is None) != (body is None):
            self.wrong.append(f"{request.method} {path}: a body where none is, or none")
        elif schema is not None:
            strict = {"additionalProperties": False, **schema}
            for error in Draft202012Validator(strict).iter_errors(body):
                self.wrong.append(f"{request.method} {path}: {error.message}")

    def creations(self) -> int:
        """Return how often a ticket was asked for."""
        return sum(method == "POST" and path.endswith(self.creating) for method, path in self.calls)

    creating = "/issues"

    @abstractmethod
    def allows(self, request: web.Request) -> bool:
        """Whether a request carries our key."""

    def said(self, status: int) -> Any:
        return {"message": f"played {status}"}

    @abstractmethod
    def answer(self, method: str, path: str, query: Any, body: Any) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""

    @abstractmethod
    def config(self) -> str:
        """Return the section that leads here."""

    @abstractmethod
    def close(self, number: int = 1, *, closed: bool = True) -> None:
        """Close a ticket as somebody would."""


def _template(name: str) -> tuple[str, re.Pattern[str]]:
    method, _, path = name.partition(" ")
    parts = re.split(r"\{[^}]+\}", path)
    return method, re.compile("[^/]+".join(re.escape(part) for part in parts))


class GitHub(Vendor):
    """Drops whoever may not be assigned without a word, as GitHub does."""

    name, described = "github", "github"

    def config(self) -> str:
        return (
            f'[plugins.github]\nrepository = "example/ops"\ntoken = {self.secret}\n'
            f'api = "{self.url}"\nwebhook_secret = {self.secret}\n'
        )

    def allows(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {TOKEN}"

    def said(self, status: int) -> Any:
        return {"message": f"played {status}", "errors": [{"field": "title", "code": "invalid"}]}

    def answer(self, method: str, path: str, query: Any, body: Any) -> tuple[int, Any]:
        if path == "/repos/example/ops":
            return 200, {"has_issues": True, "permissions": {"push": True}}
        if "/assignees/" in path:
            known = path.rpartition("/")[2] in self.members
            return (204, None) if known else (404, {"message": "Not Found"})
        if method == "POST":
            number = len(self.issues) + 1
            issue = {
                "number": number,
                "html_url": f"https://github.example.com/example/ops/issues/{number}",
                "state": "open",
                **body,
                "labels": [{"name": label} for label in body["labels"]],
            }
            self._assign(issue, body)
            self.issues.append(issue)
            return 201, issue
        if path.endswith("/issues"):
            state, page = query.get("state", "open"), int(query.get("page", 1))
            found = [i for i in self.issues if state in {"all", i["state"]}]
            found.sort(key=lambda i: -i["number"])
            pull = {**found[0], "pull_request": {}, "number": 9999} if found and page == 1 else None
            return 200, [*([pull] if pull and state == "all" else []), *found][
                (page - 1) * 100 : page * 100
            ]
        number = int(path.rpartition("/")[2])
        issue = next((i for i in self.issues if i["number"] == number), None)
        if issue is None:
            return 404, {"message": "Not Found"}
        if method == "PATCH":
            issue.update(body)
            self._assign(issue, body)
        return 200, issue

    def _assign(self, issue: dict[str, Any], body: dict[str, Any]) -> None:
        if "assignees" in body:
            issue["assignees"] = [{"login": n} for n in body["assignees"] if n in self.members]

    def close(self, number: int = 1, *, closed: bool = True) -> None:
        self.issues[number - 1]["state"] = "closed" if closed else "open"

    def text(self, number: int = 1) -> str:
        return self.issues[number - 1]["body"]


class GitLab(Vendor):
    """Numbers by project (`iid`), assignees by id."""

    name, described = "gitlab", "gitlab"

    def config(self) -> str:
        return (
            f'[plugins.gitlab]\nurl = "{self.url}"\nproject = "platform/ops"\n'
            f"token = {self.secret}\nwebhook_secret = {self.secret}\n"
        )

    def allows(self, request: web.Request) -> bool:
        return request.headers.get("PRIVATE-TOKEN") == TOKEN

    def said(self, status: int) -> Any:
        return {"message": {"title": [f"played {status}"]}}

    def answer(self, method: str, path: str, query: Any, body: Any) -> tuple[int, Any]:
        if path.endswith("/users"):
            name = query["username"]
            return 200, [{"id": self.users[name], "username": name}] if name in self.users else []
        if path.endswith("/projects/platform%2Fops"):
            return 200, {"permissions": {"project_access": {"access_level": 20}}}
        if method == "POST":
            iid = len(self.issues) + 1
            web_url = f"https://gitlab.example.com/platform/ops/-/issues/{iid}"
            issue = {"iid": iid, "id": 7000 + iid, "web_url": web_url, "state": "opened", **body}
            self._assign(issue, body)
            self.issues.append(issue)
            return 201, issue
        if path.endswith("/issues"):
            wanted = query.getall("iids[]", None)
            found = [i for i in self.issues if wanted is None or str(i["iid"]) in wanted]
            return 200, found
        iid = int(path.rpartition("/")[2])
        if iid > len(self.issues):
            return 404, {"message": "404 Not found"}
        issue = self.issues[iid - 1]
        if method == "PUT":
            event = body.pop("state_event", None)
            issue.update(body)
            self._assign(issue, body)
            if event is not None:
                issue["state"] = "closed" if event == "close" else "opened"
        return 200, issue

    def _assign(self, issue: dict[str, Any], body: dict[str, Any]) -> None:
        names = {number: name for name, number in self.users.items()}
        if "assignee_ids" in body:
            issue["assignees"] = [
                {"username": names[n]} for n in body["assignee_ids"] if names[n] in self.members
            ]
        issue.setdefault("assignees", [])

    def close(self, number: int = 1, *, closed: bool = True) -> None:
        self.issues[number - 1]["state"] = "closed" if closed else "opened"

    def text(self, number: int = 1) -> str:
        return self.issues[number - 1]["description"]


class JiraCloud(Vendor):
    """Refuses whoever may not be assigned; its search does not know the newest for `lag` asks."""

    name, described = "jira", "jira-cloud"
    version, creating, user = "3", "/issue", "accountId"

    def __init__(self) -> None:
        super().__init__()
        self.lag = 0

    def config(self) -> str:
        return (
            f'[plugins.jira]\nurl = "{self.url}"\nkind = "cloud"\nproject = "OPS"\n'
            f'user = "sitrep@example.com"\ntoken = {self.secret}\nwebhook_secret = {self.secret}\n'
        )

    def allows(self, request: web.Request) -> bool:
        return request.headers.get("Authorization", "").startswith("Basic ")

    def said(self, status: int) -> Any:
        return {"errorMessages": [f"played {status}"], "errors": {}}

    def answer(self, method: str, path: str, query: Any, body: Any) -> tuple[int, Any]:
        path = path.removeprefix(f"/rest/api/{self.version}")
        if path == "/myself":
            return 200, {"displayName": "Sitrep"}
        if path.endswith("/issuetypes"):
            return 200, {"issueTypes": [{"id": "10001", "name": "Task"}]}
        if "/issuetypes/" in path:
            required = {"name": "Team", "fieldId": "customfield_10042", "required": True}
            return 200, {
                "fields": [required, {"name": "Summary", "fieldId": "summary", "required": True}]
            }
        if path == "/user/assignable/search":
            known = query[self.user if self.user == "accountId" else "username"] in self.members
            return 200, [{"active": True}] if known else []
        if path.startswith("/search"):
            return self._search(query["jql"])
        if method == "POST" and path == "/issue":
            return self._create(body)
        key, _, rest = path.removeprefix("/issue/").partition("/")
        issue = next((i for i in self.issues if i["key"] == key), None)
        if issue is None:
            return 404, self.said(404)
        if rest == "transitions" and method == "GET":
            return 200, {
                "transitions": [
                    {"id": "21", "name": "Done", "to": {"statusCategory": {"key": "done"}}},
                    {"id": "11", "name": "To do", "to": {"statusCategory": {"key": "new"}}},
                ]
            }
        if rest == "transitions":
            done = body["transition"]["id"] == "21"
            issue["fields"]["status"] = {"statusCategory": {"key": "done" if done else "new"}}
            return 204, None
        if method == "PUT":
            if self._unassignable(body["fields"]):
                return 400, {"errorMessages": [], "errors": {"assignee": "cannot be assigned"}}
            issue["fields"].update(body["fields"])
            return 204, None
        return 200, issue

    def _unassignable(self, fields: dict[str, Any]) -> bool:
        return "assignee" in fields and fields["assignee"][self.user] not in self.members

    def _create(self, body: Any) -> tuple[int, Any]:
        if self._unassignable(body["fields"]):
            return 400, {
                "errorMessages": [],
                "errors": {"assignee": "User cannot be assigned issues."},
            }
        key = f"OPS-{len(self.issues) + 1}"
        status = {"statusCategory": {"key": "new"}}
        self.issues.append({"key": key, "id": key, "fields": {**body["fields"], "status": status}})
        return 201, {"id": key, "key": key}

    def _search(self, jql: str) -> tuple[int, Any]:
        if (match := re.search(r'labels = "([^"]+)"', jql)) is not None:
            if self.lag:
                self.lag -= 1
                return 200, {"issues": []}
            found = [i for i in self.issues if match[1] in i["fields"]["labels"]]
        else:
            keys = re.findall(r"OPS-\d+", jql)
            found = [i for i in self.issues if i["key"] in keys]
            if len(found) < len(keys):
                return 400, {"errorMessages": ["An issue does not exist"], "errors": {}}
        return 200, {"issues": found}

    def close(self, number: int = 1, *, closed: bool = True) -> None:
        key = "done" if closed else "new"
        self.issues[number - 1]["fields"]["status"] = {"statusCategory": {"key": key}}

    def text(self, number: int = 1) -> str:
        return json.dumps(self.issues[number - 1]["fields"]["description"])


class JiraDataCenter(JiraCloud):
    """Version 2: wiki text, user names, a bearer token."""

    described = "jira-datacenter"
    version, user = "2", "name"

    def config(self) -> str:
        return (
            f'[plugins.jira]\nurl = "{self.url}"\nkind = "datacenter"\nproject = "OPS"\n'
            f"token = {self.secret}\nwebhook_secret = {self.secret}\n"
        )

    def allows(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {TOKEN}"

    def text(self, number: int = 1) -> str:
        return re.sub(r"\\(.)", r"\1", self.issues[number - 1]["fields"]["description"])


VENDORS = (GitHub, GitLab, JiraCloud, JiraDataCenter)
