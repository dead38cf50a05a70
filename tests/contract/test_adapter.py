"""What every chat adapter does; each adapter adds itself to `ADAPTERS`."""

from __future__ import annotations

import json

import pytest

from adapters.console import register_chat_adapter
from bot.chat import ConversationRequest, Features
from bot.domain.incident import Severity
from bot.messages import (
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
from bot.ports import ChatAdapter
from bot.refs import ConversationRef, MessageRef, PersonId, UserRef
from bot.testing import START, RecordingAdapter, plugin_context

EVERYTHING = Message(
    summary=("INC-42 <b>declared</b> *now*", Strong("SEV1")),
    blocks=(
        Heading("A [heading](x)"),
        Text(("Run ", Code("!inc status"), " see ", Link("page", "https://example.com"), ".")),
        Fields((Row("IC", (Mention(PersonId("ann"), "Ann", notify=True),)),)),
        Bullets((("one",), ("two ", At(START)))),
        Form(
            "declare {severity} {title}", (Input("severity", "1..4"), Input("title", "what")), "Go"
        ),
        Actions((Button("No new findings", "INC-42 nochange"),)),
    ),
)


def console(**config: object):
    def make(capsys) -> tuple[ChatAdapter, object]:
        adapter = register_chat_adapter(plugin_context("console", config))
        return adapter, lambda: capsys.readouterr().out

    return make


def recording(_capsys) -> tuple[ChatAdapter, object]:
    adapter = RecordingAdapter("console", Features(edits=True, pins=True, rooms=True))
    return adapter, lambda: "\n".join(p.text for p in adapter.done)


ADAPTERS = {
    "console": console(),
    "console in colour": console(colour="always"),
    "console json": console(format="json"),
    "console with rooms": console(rooms=True),
    "recording": recording,
}


@pytest.fixture(params=ADAPTERS)
def made(request, capsys):
    return ADAPTERS[request.param](capsys)


OPS = ConversationRef("console", "ops")


async def test_it_satisfies_the_port(made):
    adapter, _out = made
    assert isinstance(adapter, ChatAdapter)
    assert isinstance(adapter.features, Features)


async def test_everything_there_is_to_say_is_shown_literally_and_whole(made):
    adapter, out = made
    ref = await adapter.post(OPS, EVERYTHING, key="k1")
    assert isinstance(ref, MessageRef)
    shown = out()
    for text in (
        "INC-42 <b>declared</b> *now*",
        "A [heading](x)",
        "!inc status",
        "https://example.com",
        "Ann",
        "14:00 UTC",
        "!inc declare <1..4> <what>",
        "No new findings",
        "!inc INC-42 nochange",
    ):
        assert text in shown, text


async def test_an_edit_is_shown_and_effects_return_what_the_port_says(made):
    adapter, out = made
    ref = await adapter.post(OPS, Message(summary=("one",)), key="k1")
    out()
    if adapter.features.edits:
        await adapter.edit(ref, Message(summary=("two",)), key="k2")
        assert "two" in out()
    assert await adapter.pin(ref, key="k3") is None
    assert await adapter.invite(OPS, [UserRef("console", "ann")], key="k4") is None
    assert await adapter.set_topic(OPS, "a topic", key="k5") is None


async def test_conversations_are_opened_and_the_same_request_finds_the_same_one(made):
    adapter, _out = made
    request = ConversationRequest(name="incident-x-2026-11-24", alias="inc-1", topic="t")
    first = await adapter.open_conversation(request, key="k1")
    assert isinstance(first, ConversationRef)
    assert await adapter.open_conversation(request, key="k1") == first
    direct = ConversationRequest(
        name="ann", alias="a", topic="t", direct_to=UserRef("console", "ann")
    )
    assert await adapter.open_conversation(direct, key="k2") != first


async def test_json_lines_carry_the_whole_message(capsys):
    adapter, out = console(format="json")(capsys)
    await adapter.post(OPS, EVERYTHING, key="k1")
    line = json.loads(out())
    assert line["conversation"] == "ops"
    assert line["key"] == "k1"
    assert line["text"] == plain(EVERYTHING)
    assert [block["type"] for block in line["blocks"]] == [
        "heading", "text", "fields", "bullets", "form", "actions",
    ]  # fmt: skip


def test_a_severity_is_one_of_four():
    """S1"""
    assert [s.label for s in Severity] == ["SEV1", "SEV2", "SEV3", "SEV4"]
