"""What every chat adapter does; each adapter adds itself to `ADAPTERS`."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest

from adapters.console import register_chat_adapter
from bot.contract.chat import ChatAdapter, ConversationRequest, Features, Opened
from bot.contract.messages import (
    Actions,
    At,
    Bullets,
    Button,
    Code,
    Fields,
    Form,
    Heading,
    Input,
    Link,
    Mention,
    Message,
    Row,
    Strong,
    Text,
    plain,
)
from bot.domain.incident import Severity
from bot.refs import ConversationRef, MessageRef, PersonId, UserRef
from bot.testing import START, RecordingAdapter, plugin_context
from tests.harness.waiting import until
from tests.peers.microsoft import object_id
from tests.worlds.matrix import world
from tests.worlds.teams import buttons, card, shown, team

EVERYTHING = Message(
    summary=("INC-42 <b>declared</b> *now*", Strong("SEV1")),
    blocks=(
        Heading("A [heading](x)"),
        Text(("Run ", Code("!inc status"), " see ", Link("page", "https://example.com"), ".")),
        Fields((Row("IC", (Mention(PersonId("ann"), "Ann", notify=True),)),)),
        Bullets((("one",), ("two ", At(START)))),
        Form(
            inputs=(Input("severity", "1..4"), Input("title", "what")),
            buttons=(Button("Go", "declare {severity} {title}"),),
            typed="declare <1..4> <what>",
            label="Go",
        ),
        Actions((Button("No new findings", "INC-42 nochange"),)),
    ),
)


class Made:
    """An adapter, a conversation of its platform, a user on it, and what people there see."""

    def __init__(self, adapter: ChatAdapter, to: ConversationRef, user: UserRef, out) -> None:
        self.adapter, self.to, self.user, self._out = adapter, to, user, out

    async def shows(self, text: str) -> str:
        """Wait until a text is seen; return all that was seen since the last time."""
        seen = ""

        def there() -> bool:
            nonlocal seen
            seen += self._out()
            return text in seen

        await until(there, text)
        return seen


OPS, ANN = ConversationRef("console", "ops"), UserRef("console", "ann")


def console(**config: object):
    @asynccontextmanager
    async def make(request, _home):
        capsys = request.getfixturevalue("capsys")
        adapter = register_chat_adapter(plugin_context("console", config))
        yield Made(adapter, OPS, ANN, lambda: capsys.readouterr().out)

    return make


@asynccontextmanager
async def recording(_request, _home):
    features = Features(edits=True, pins=True, rooms=True, reactions=True)
    adapter = RecordingAdapter("console", features)
    yield Made(adapter, OPS, ANN, lambda: "\n".join(p.text for p in adapter.done))


def matrix(settings: str):
    @asynccontextmanager
    async def make(request, home):
        synapse = request.getfixturevalue("synapse")
        async with world(synapse, home, matrix=settings) as w:
            triage, read = await w.triage(), 0

            def out() -> str:
                nonlocal read
                found = w.ann.texts()
                read, fresh = len(found), found[read:]
                return "\n".join(fresh)

            adapter = w.bot.app.plugins.adapters["matrix"]
            to = ConversationRef("matrix", triage)
            yield Made(adapter, to, UserRef("matrix", w.ann.user), out)

    return make


@asynccontextmanager
async def teams(request, home):
    async with team(home, request.getfixturevalue("monkeypatch")) as t:
        await t.say("ann", "help")
        await t.hears("Begin with", "a:29:ann")
        read: set[str] = set()

        def out() -> str:
            """Everything that is shown anew, and what its buttons stand for."""
            fresh = []
            for message in t.seen("a:29:ann"):
                lines = (
                    [b["data"]["line"] for b in buttons(card(message))] if is_card(message) else []
                )
                text = "\n".join([shown(message), *(f"!inc {line}" for line in lines)])
                if f"{message['id']} {text}" not in read:
                    read.add(f"{message['id']} {text}")
                    fresh.append(text)
            return "\n".join(fresh)

        out()
        adapter = t.app.plugins.adapters["teams"]
        to = ConversationRef("teams", "a:29:ann")
        yield Made(adapter, to, UserRef("teams", object_id("ann")), out)


def is_card(message: dict) -> bool:
    return bool(message.get("attachments"))


ADAPTERS = {
    "console": console(),
    "console in colour": console(colour="always"),
    "console json": console(format="json"),
    "console with rooms": console(rooms=True),
    "recording": recording,
    "matrix": matrix(""),
    "matrix, plain": matrix("encrypted = false"),
    "matrix with threads": matrix('layout = "threads"'),
    "teams": teams,
}


@pytest.fixture(params=ADAPTERS)
async def made(request, tmp_path):
    async with ADAPTERS[request.param](request, tmp_path) as found:
        yield found


async def test_every_adapter_satisfies_the_chat_port(made):
    assert isinstance(made.adapter, ChatAdapter)
    assert isinstance(made.adapter.features, Features)


async def test_everything_there_is_to_say_is_shown_literally_and_whole(made):
    ref = await made.adapter.post(made.to, EVERYTHING, key="k1")
    assert isinstance(ref, MessageRef)
    shown = await made.shows("!inc INC-42 nochange")
    for text in (
        "INC-42 <b>declared</b> *now*",
        "A [heading](x)",
        "!inc status",
        "https://example.com",
        "Ann",
        "14:00 UTC",
        "!inc declare <1..4> <what>",
        "No new findings",
    ):
        assert text in shown, text


async def test_an_edit_is_shown_and_effects_return_what_the_port_says(made):
    adapter = made.adapter
    ref = await adapter.post(made.to, Message(summary=("one",)), key="k1", answers=None)
    await made.shows("one")
    if adapter.features.edits:
        await adapter.edit(ref, Message(summary=("two",)), key="k2")
        await made.shows("two")
    assert await adapter.pin(ref, key="k3") is None
    assert await adapter.invite(made.to, [made.user], key="k4") is None
    assert await adapter.set_topic(made.to, "a topic", key="k5") is None
    assert await adapter.acknowledge(ref, worked=True, key="k6") is None
    assert await adapter.offer(ref, 2, key="k7") is None


@pytest.mark.parametrize("made", [n for n in ADAPTERS if "console" not in n], indirect=True)
async def test_the_same_key_says_a_thing_once(made):
    """D2: wherever the platform can; a console prints again, for it keeps nothing"""
    # Teams has no keys: it says so in its features, and tests/integration/test_teams.py and
    # tests/e2e/test_teams_crash.py hold that what may be there twice is marked.
    if not made.adapter.features.repeats:
        pytest.skip("the platform has no keys: the core marks what is said again")
    first = await made.adapter.post(made.to, Message(summary=("once",)), key="k1")
    assert await made.adapter.post(made.to, Message(summary=("once",)), key="k1") == first
    assert await made.adapter.acknowledge(first, worked=False, key="k2") is None
    assert await made.adapter.acknowledge(first, worked=False, key="k2") is None


async def test_conversations_are_opened_and_the_same_request_finds_the_same_one(made):
    adapter = made.adapter
    request = ConversationRequest(name="incident-x-2026-11-24", alias="inc-1", topic="t")
    first = await adapter.open_conversation(request, key="k1")
    assert isinstance(first, Opened)
    assert isinstance(first.conversation, ConversationRef)
    if adapter.features.repeats:
        assert await adapter.open_conversation(request, key="k1") == first
    direct = ConversationRequest(name="ann", alias="a", topic="t", direct_to=made.user)
    found = await adapter.open_conversation(direct, key="k2")
    assert found != first
    assert await adapter.open_conversation(direct, key="k2") == found


async def test_json_lines_carry_the_whole_message(capsys):
    adapter = register_chat_adapter(plugin_context("console", {"format": "json"}))
    await adapter.post(OPS, EVERYTHING, key="k1")
    line = json.loads(capsys.readouterr().out)
    assert line["conversation"] == "ops"
    assert line["key"] == "k1"
    assert line["text"] == plain(EVERYTHING)
    assert [block["type"] for block in line["blocks"]] == [
        "heading", "text", "fields", "bullets", "form", "actions",
    ]  # fmt: skip


def test_a_severity_is_one_of_four():
    """S1"""
    assert [s.label for s in Severity] == ["SEV1", "SEV2", "SEV3", "SEV4"]
