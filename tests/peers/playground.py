"""Microsoft's Agents Playground: a Teams client without Teams, told over HTTP what people do.

Between it and the bot stands a relay that signs what it sends, as the Bot Framework would.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web

from tests.harness.waiting import PATIENCE, until
from tests.peers.machine import ROOT, Missing, die_with_parent, free_port, node
from tests.peers.microsoft import TEAM, TENANT, Microsoft, object_id
from tests.peers.toxic import toxic
from tests.worlds.teams import Team, button, running, shown

HERE = ROOT / "tests/js/node_modules/@microsoft/m365agentsplayground"
PEOPLE = ("ann", "ben", "cara", "dev", "eve", "fay")
CHANNEL = "19:inc@thread.tacv2"
GROUP, PERSONAL = "19:group@thread.v2", "a:personal"
BOT = "28:bot"


class Playground:
    """The emulator, in a process of its own."""

    def __init__(self, endpoint: str, port: int, service_url: str) -> None:
        if not (HERE / "cli.js").exists():
            raise Missing("no Agents Playground: run `make peers`")
        self.folder = Path(tempfile.mkdtemp(prefix="playground-", dir="/tmp"))
        self.port, self._endpoint, self._service_url = port, endpoint, service_url
        self.url = f"http://127.0.0.1:{port}"
        (self.folder / ".m365agentsplayground.yml").write_text(_config())

    def start(self) -> Playground:
        environ = {
            **os.environ,
            "TEAMSAPPTESTER_BROWSER": "none",
            "APPLICATION_INSIGHTS_NO_STATSBEAT": "true",
            "M365_AGENTS_PLAYGROUND_LOGFILE": str(self.folder / "log"),
        }
        command = [
            str(node()), str(HERE / "cli.js"), "start", "-e", self._endpoint, "-c", "msteams",
            "-p", str(self.port), "--service-url", self._service_url, "--disable-telemetry",
        ]  # fmt: skip
        self._out = (self.folder / "out").open("wb")
        self._process = subprocess.Popen(
            command, cwd=self.folder, env=environ, stdout=self._out, stderr=self._out,
            stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,  # noqa: PLW1509 - it only asks
        )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/_internal/v1/testConfig", timeout=30):
                    return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError((self.folder / "out").read_text()[-2000:])

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._out.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _config() -> str:
    def person(name: str) -> dict[str, str]:
        return {
            "id": f"29:{name}", "name": name.capitalize(), "aadObjectId": object_id(name),
            "userPrincipleName": f"{name}@example.com", "email": f"{name}@example.com",
            "givenName": name.capitalize(), "surname": "Example",
        }  # fmt: skip

    # YAML reads JSON.
    return json.dumps(
        {
            "version": "0.1.1",
            "tenantId": TENANT,
            "bot": {"id": BOT, "name": "Sitrep"},
            "currentUser": person("ann"),
            "users": [person(name) for name in PEOPLE[1:]],
            "personalChat": {"id": PERSONAL},
            "groupChat": {"id": GROUP, "name": "War room"},
            "team": {
                "id": "19:team@thread.tacv2", "name": "Reliability", "aadGroupId": TEAM,
                "channels": [{"id": CHANNEL, "name": "Incidents"}],
            },
        },
        indent=1,
    )  # fmt: skip


def _conversation(name: str) -> dict[str, Any]:
    kind = "channel" if "tacv2" in name else "groupChat" if name == GROUP else "personal"
    return {"id": name, "conversationType": kind, "isGroup": kind != "personal"}


class Emulated(Team):
    """The bot in the emulator: what people do there, and what they see."""

    def __init__(self, ms: Microsoft, port: int, http: ClientSession) -> None:
        super().__init__(ms, port, http)
        self.playground: Playground | None = None
        self.relay_to = True
        self.log: list[dict[str, Any]] = []

    # --- the relay --------------------------------------------------------------------------------

    async def relay(self, request: web.Request) -> web.Response:
        """Sign what the emulator sends, and hand it on."""
        if not self.relay_to:
            return web.Response(status=502)
        raw = await request.read()
        claimed = json.loads(raw)["serviceUrl"]
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.ms.token(serviceurl=claimed)}",
        }
        async with self.http.post(self.url, data=raw, headers=headers) as answer:
            body = await answer.read()
            return web.Response(status=answer.status, body=body, content_type=answer.content_type)

    # --- what people do ---------------------------------------------------------------------------

    async def _post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        async with self.http.post(f"{self.playground.url}{path}", json=body) as response:
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else text

    async def says(
        self, who: str, text: str, conversation: str = PERSONAL, *, mention: bool = True
    ) -> tuple[int, Any]:
        if who != PEOPLE[0]:
            return await self._somebody_says(who, text, conversation, mention=mention)
        body: dict[str, Any] = {"from": {"id": f"29:{who}"}, "text": text, "textFormat": "plain"}
        if mention and conversation != PERSONAL:
            body["text"] = f"<at>Sitrep</at> {text}"
            body["mentions"] = [{"mentioned": {"id": BOT}, "text": "<at>Sitrep</at>"}]
        path = f"/_conversation/v1/conversations/{conversation}/messages"
        return await self._post(path, body)

    async def _somebody_says(
        self, who: str, text: str, conversation: str, *, mention: bool
    ) -> tuple[int, Any]:
        """Let the emulator send what another than its own user says: it types for that one."""
        entities = [{"type": "mention", "mentioned": {"id": BOT}, "text": "<at>Sitrep</at>"}]
        return await self.custom(
            conversation.partition(";")[0],
            "install",
            type="message",
            id=str(uuid.uuid4()),
            action=None,
            text=f"<at>Sitrep</at> {text}" if mention else text,
            entities=entities if mention else [],
            **{"from": self.where(None, who)["from"]},
            conversation=_conversation(conversation),
        )

    async def clicks(
        self, who: str, message: dict[str, Any], title: str, conversation: str, /, **inputs: str
    ) -> tuple[int, Any]:
        action = button(message, title)
        data = {**action["data"], **inputs}
        value = {
            "action": {"type": "Action.Execute", "verb": action["verb"], "data": data},
            "trigger": "manual",
        }
        body = {
            "name": "adaptiveCard/action", "value": value, "from": {"id": f"29:{who}"},
            "conversation": {"id": conversation}, "replyToId": message["id"],
        }  # fmt: skip
        return await self._post("/_conversation/v1/invoke", body)

    async def submits(
        self, who: str, message: dict[str, Any], value: dict[str, Any], conversation: str
    ) -> tuple[int, Any]:
        body = {
            "value": value, "from": {"id": f"29:{who}"}, "conversation": {"id": conversation},
            "replyToId": message["id"],
        }  # fmt: skip
        return await self._post("/_conversation/v1/submit", body)

    async def custom(self, where: str, template: str, /, **more: Any) -> tuple[int, Any]:
        """Let the emulator send an activity of its templates, changed as told."""
        query = {"conversationId": where, "type": template}
        address = f"{self.playground.url}/_internal/v1/customActivities/template"
        async with self.http.get(address, params=query) as response:
            made = await response.json()
        return await self._post("/_internal/v1/customActivities", {**made, **more})

    # --- what they see ----------------------------------------------------------------------------

    async def _watch(self) -> None:
        address = f"{self.playground.url}/_ws_conversation/v1/conversations/stream"
        async with self.http.ws_connect(address) as stream:
            self.watching.set()
            async for frame in stream:
                self._keep(json.loads(frame.data))

    def _keep(self, event: dict[str, Any]) -> None:
        self.log.append(event)
        message = event.get("message") or {}
        name = message.get("messageId")
        if event.get("action") not in {"createMessage", "updateMessage"} or name is None:
            return
        for each in self.seen():
            if each["id"] == name:
                each.update({**message, "edits": each.get("edits", 0) + 1})
                return
        if message.get("from", {}).get("id") == BOT:
            conversation = message.get("postConversationId") or event["actionConversationId"]
            self.ms.messages.setdefault(conversation, []).append({**message, "id": name})


@asynccontextmanager
async def emulated(
    home: Path, monkeypatch, *, more: str = "", teams: str = ""
) -> AsyncIterator[Emulated]:
    """A Sitrep in the emulator; what it sends goes over `wire`, which can be broken."""
    ms, port = Microsoft(), free_port()
    async with (
        ms.running(monkeypatch),
        ClientSession() as http,
        toxic(f"http://127.0.0.1:{port}") as wire,
    ):
        there = Emulated(ms, free_port(), http)
        there.wire = wire
        there.watching = asyncio.Event()
        app = web.Application(client_max_size=1 << 20)
        app.router.add_post("/api/messages", there.relay)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        relay = free_port()
        await web.TCPSite(runner, "127.0.0.1", relay).start()
        ms.service_url = f"{wire.url}/_connector"
        playground = Playground(f"http://127.0.0.1:{relay}/api/messages", port, ms.service_url)
        there.playground = await asyncio.to_thread(playground.start)
        watching = asyncio.create_task(there._watch())
        try:
            await there.watching.wait()
            teams = f'{teams}\nchannel = "{CHANNEL}"'
            async with running(there, home, teams=teams, more=more):
                yield there
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await runner.cleanup()
            await asyncio.to_thread(playground.stop)


__all__ = ["CHANNEL", "GROUP", "PERSONAL", "Emulated", "Playground", "emulated", "shown", "until"]
