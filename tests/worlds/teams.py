"""A team with a Sitrep in it: people who say and press things, and what they see."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from bot.app import App, composed
from bot.clock import SystemClock
from bot.config.load import parse
from tests.harness.waiting import until
from tests.peers.machine import free_port
from tests.peers.microsoft import (
    APP,
    CHANNEL,
    PASSWORD,
    TEAM,
    TENANT,
    Microsoft,
    activity,
    object_id,
)

BOT = f"28:{APP}"


def config(ms: Microsoft, port: int, *, teams: str = "", more: str = "", people: str = "") -> str:
    section = teams if "channel =" in teams else f'{teams}\nchannel = "{CHANNEL}"'
    names = people.split() or ["ann", "ben", "cara"]
    sections = "\n".join(
        f"[people.{p}]\ncommander = {'true' if p in {'ben', 'cara'} else 'false'}\n"
        f'users = {{ teams = "{object_id(p)}" }}\n'
        for p in names
    )
    return edited(f"""
{sections}
[services.checkout]
comms = "ann"
[http]
listen = "127.0.0.1:{port}"
[adapters.teams]
app_id = "{APP}"
tenant = "{TENANT}"
tenants = ["{TENANT}"]
team = "{TEAM}"
password = "{PASSWORD}"
service_hosts = ["127.0.0.1"]
service_url = "{ms.service_url}"
login = "{ms.login}"
openid = "{ms.openid}"
graph = "{ms.graph}"
{section}
{more}
""")


def edited(text: str) -> str:
    """Return the config's text; a test that needs another one replaces this."""
    return text


class Team:
    """The bot, and Microsoft's side."""

    def __init__(self, ms: Microsoft, port: int, session: ClientSession) -> None:
        self.ms, self.port, self.http = ms, port, session
        self.url = f"http://127.0.0.1:{port}/plugins/teams/messages"
        self.app: App | None = None

    async def send(self, what: dict[str, Any], token: str | None = None, **headers) -> Any:
        """Send an activity as Teams does; return the status and the JSON of the answer."""
        headers.setdefault("Authorization", f"Bearer {token or self.ms.token()}")
        async with self.http.post(self.url, json=what, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else text

    def where(self, conversation: str | None, who: str) -> dict[str, Any]:
        """Return the parts of an activity that say who and where."""
        account = {
            "id": f"29:{who}", "name": who.capitalize(), "aadObjectId": object_id(who),
        }  # fmt: skip
        data: dict[str, Any] = {"tenant": {"id": TENANT}}
        if conversation is None:
            place = {"id": f"a:29:{who}", "conversationType": "personal"}
        elif conversation.startswith("19:group"):
            place = {"id": conversation, "conversationType": "groupChat", "isGroup": True}
        else:
            place = {"id": conversation, "conversationType": "channel", "isGroup": True}
            data |= {
                "team": {"id": "19:team@thread.tacv2", "aadGroupId": TEAM},
                "channel": {"id": conversation.partition(";")[0]},
            }
        return {"from": account, "conversation": place, "channelData": data}

    async def say(
        self, who: str, text: str, conversation: str | None = None, *, mention: bool = True, **more
    ) -> Any:
        """Say something: alone with the bot, or mentioning it in a channel or chat."""
        entities = []
        if conversation is not None and mention:
            text = f"<at>Sitrep</at>&nbsp;{html.escape(text, quote=False)}"
            entities.append(
                {"type": "mention", "text": "<at>Sitrep</at>", "mentioned": {"id": BOT}}
            )
        else:
            text = html.escape(text, quote=False)
        what = activity(self.ms.service_url, text=text, entities=entities)
        return await self.send({**what, **self.where(conversation, who), **more})

    async def press(
        self, who: str, message: dict[str, Any], title: str, conversation: str | None = None,
        /, *, name: str | None = None, **inputs: str,
    ) -> Any:  # fmt: skip
        """Press a button of a message, with its blanks filled in."""
        action = button(message, title)
        value = {
            "action": {
                "type": "Action.Execute",
                "verb": action["verb"],
                "data": {**action["data"], **inputs},
            },
            "trigger": "manual",
        }
        more = {"id": name} if name else {}
        return await self.invoke(
            who, "adaptiveCard/action", value, conversation, replyToId=message["id"], **more
        )

    async def invoke(
        self, who: str, name: str, value: Any, conversation: str | None = None, **more
    ) -> Any:
        what = activity(self.ms.service_url, "invoke", name=name, value=value)
        return await self.send({**what, **self.where(conversation, who), **more})

    # --- what is there ----------------------------------------------------------------------------

    def seen(self, conversation: str | None = None) -> list[dict[str, Any]]:
        """Return the messages of a conversation, or of all."""
        if conversation is not None:
            return self.ms.messages.get(conversation, [])
        return [m for found in self.ms.messages.values() for m in found]

    async def hears(self, text: str, conversation: str | None = None) -> dict[str, Any]:
        """Wait for a message that says something."""

        def found() -> dict[str, Any] | None:
            return next((m for m in self.seen(conversation) if text in shown(m)), None)

        try:
            return await until(found, text)
        except AssertionError:
            there = {c: [shown(m)[:300] for m in found] for c, found in self.ms.messages.items()}
            raise AssertionError(f"{text!r} is not in {json.dumps(there, indent=1)}") from None

    async def thread(self, number: str = "INC-1") -> str:
        """Wait for an incident's thread."""

        def found() -> str | None:
            return next(
                (
                    c
                    for c, messages in self.ms.messages.items()
                    if c.startswith(f"{CHANNEL};") and f"{number} ·" in shown(messages[0])
                ),
                None,
            )

        return await until(found, f"the thread of {number}")

    async def incident(self, name: str = "INC-1") -> Any:
        found = await self.app.store.read(lambda work: work.incident(name))
        assert found is not None
        return found

    async def timeline(self, name: str = "INC-1") -> Any:
        return [e.event for e in await self.app.store.read(lambda work: work.timeline(name))]

    async def idle(self) -> None:
        """Wait until nothing waits to be sent."""

        async def empty() -> bool:
            return not (await self.app.store.backlog())["waiting"]

        await until(empty, "an empty queue")


def shown(message: dict[str, Any]) -> str:
    """Return all that a message shows."""
    text = message.get("text", "").replace("<br>", "\n")
    texts = [html.unescape(re.sub(r"</?(?!at\b)[a-z]+[^>]*>", "", text))]
    texts += [_texts(attachment["content"]) for attachment in message.get("attachments", [])]
    return "\n".join(texts)


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\\`*_{}\[\]()#+\-!>|~<&.)])", r"\1", text)


def _texts(node: Any) -> str:
    if isinstance(node, list):
        return "\n".join(_texts(each) for each in node)
    if not isinstance(node, dict):
        return ""
    if node.get("type") == "RichTextBlock":
        return "".join(
            run["text"] + (f" ({run['selectAction']['url']})" if "selectAction" in run else "")
            for run in node["inlines"]
        )
    own = [
        _unescaped(str(node[k])) for k in ("text", "title", "label") if isinstance(node.get(k), str)
    ]
    if "value" in node and "title" in node:
        own = [_unescaped(f"{node['title']}: {node['value']}")]
    keys = ("body", "facts", "actions", "card", "items", "choices")
    return "\n".join([*own, *(_texts(node[k]) for k in keys if k in node)])


def card(message: dict[str, Any]) -> dict[str, Any]:
    """Return the card of a message, or of an answer to a press."""
    if "attachments" in message:
        return message["attachments"][0]["content"]
    return message["value"]


def buttons(node: Any) -> list[dict[str, Any]]:
    """Return every button on a card, those that are folded away too."""
    if isinstance(node, list):
        return [b for each in node for b in buttons(each)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("type") == "Action.Execute" else []
    return own + [b for k in ("body", "actions", "card") if k in node for b in buttons(node[k])]


def button(message: dict[str, Any], title: str) -> dict[str, Any]:
    found = {b["title"]: b for b in buttons(card(message))}
    assert title in found, f"{title} is not among {list(found)}"
    return found[title]


@asynccontextmanager
async def running(
    there: Team, home: Path, *, teams: str = "", more: str = "", people: str = ""
) -> AsyncIterator[None]:
    """Let the bot run."""
    text = config(there.ms, there.port, teams=teams, more=more, people=people)
    settings = parse(text, {})
    async with composed(settings, home, SystemClock(), tell=lambda _line: None) as app:
        there.app = app
        task = asyncio.create_task(app.run())
        try:
            adapter = app.plugins.adapters["teams"]
            await until(lambda: task.done() or adapter._activities is not None, "Teams")
            yield
        finally:
            there.outcome = task.result() if task.done() else None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def team(
    home: Path, monkeypatch, *, teams: str = "", more: str = "", people: str = "",
    ms: Microsoft | None = None,
) -> AsyncIterator[Team]:  # fmt: skip
    """A Sitrep in Teams, with Microsoft's side played on the loopback."""
    async with (ms or Microsoft()).running(monkeypatch) as played, ClientSession() as session:
        there = Team(played, free_port(), session)
        async with running(there, home, teams=teams, more=more, people=people):
            yield there
        assert played.faults == []
