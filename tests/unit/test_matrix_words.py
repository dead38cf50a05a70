"""Matrix, pure: what events say, what messages look like, who may do what."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.matrix import inbound, render
from adapters.matrix.power_levels import power_levels
from adapters.matrix.session import Session
from bot.contract.messages import (
    Actions,
    Bullets,
    Button,
    Code,
    Fields,
    Heading,
    Link,
    Mention,
    Message,
    Place,
    Row,
    Strong,
    Text,
    plain,
)
from bot.refs import ConversationRef, PersonId, UserRef

ME = "@sitrep:example.org"
ALLOWED = {"p", "strong", "b", "br", "h4", "ul", "li", "code", "a"}


def event(body: str, **content: Any) -> dict[str, Any]:
    return {
        "type": "m.room.message",
        "event_id": "$e",
        "sender": "@ann:example.org",
        "origin_server_ts": 1_764_000_000_123,
        "content": {"msgtype": "m.text", "body": body, **content},
    }


def said(body: str, **content: Any) -> inbound.Said:
    found = inbound.said(event(body, **content), ME, "Sitrep")
    assert found is not None
    return found


# --- what events say ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "@sitrep:example.org: status", "Sitrep: status", "sitrep, status", "@sitrep status",
        "@Sitrep  status",
    ],
)  # fmt: skip
def test_a_mention_at_the_beginning_addresses_the_bot(body):
    assert (said(body).text, said(body).addressed) == ("status", True)


@pytest.mark.parametrize("body", ["sitreps are useful", "ask Sitrep", "!inc status", ""])
def test_anything_else_does_not(body):
    assert (said(body).text, said(body).addressed) == (body, False)


def test_people_are_known_by_pills_and_by_ids():
    pill = '<a href="https://matrix.to/#/%40ben%3Aexample.org?via=x">Ben</a>'
    assert said("!inc ic Ben", formatted_body=f"!inc ic {pill}").mentions == {
        "Ben": UserRef("matrix", "@ben:example.org")
    }
    assert said("!inc ic @ben:example.org").mentions == {
        "ben:example.org": UserRef("matrix", "@ben:example.org")
    }
    long = pill.replace(">Ben<", ">Ben of Ops<")
    found = said("!inc ic Ben of Ops", formatted_body=f"!inc ic {long}")
    assert found.text == "!inc ic @ben:example.org"
    assert found.mentions == {"ben:example.org": UserRef("matrix", "@ben:example.org")}


def test_the_quotation_of_a_reply_is_not_part_of_it():
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": "$x"}}}
    assert said("> <@bob:example.org> !inc resolve\n> more\n\n!inc status", **reply).text == (
        "!inc status"
    )
    assert said("> quoted by hand").text == "> quoted by hand"


def test_an_edit_and_a_notice_are_no_commands():
    edit = {
        "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"},
        "m.new_content": {"msgtype": "m.text", "body": "!inc resolve"},
    }
    assert inbound.said(event("* !inc resolve", **edit), ME, "Sitrep") is None
    assert inbound.correction(event("* !inc resolve", **edit)) == ("$x", "!inc resolve")
    assert inbound.said(event("!inc resolve", msgtype="m.notice"), ME, "Sitrep") is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(
            st.sampled_from(
                ["body", "m.relates_to", "event_id", "key", "rel_type", "m.new_content", "pinned",
                 "msgtype", "formatted_body", "prev_content", "redacts", "m.in_reply_to"]
            ),
            inner,
        ),
    ),
    st.sampled_from(["m.room.message", "m.reaction", "m.room.redaction", "m.room.pinned_events"]),
)  # fmt: skip
def test_no_content_breaks_the_reading(content, kind):
    """D5"""
    strange = {"type": kind, "content": content, "unsigned": content, "origin_server_ts": content}
    inbound.said(strange, ME, "Sitrep")
    inbound.correction(strange)
    inbound.redacted(strange)
    inbound.pressed(strange)
    inbound.newly_pinned(strange)
    inbound.relation(strange)
    inbound.text(inbound.content(strange))
    inbound.written_at(strange)


def test_times_are_the_homeserver_s():
    assert inbound.written_at(event("x")) == datetime(2025, 11, 24, 16, 0, 0, 123000, tzinfo=UTC)


def test_a_reaction_is_known_with_and_without_its_selectors():
    for key in ("1️⃣", "1⃣"):
        found = inbound.pressed(
            {"type": "m.reaction", "content": {"m.relates_to": {"event_id": "$e", "key": key}}}
        )
        assert found == inbound.Pressed("$e", "1⃣")


def test_only_new_pins_count():
    change = {
        "type": "m.room.pinned_events",
        "content": {"pinned": ["$a", "$b"]},
        "unsigned": {"prev_content": {"pinned": ["$a"]}},
    }
    assert inbound.newly_pinned(change) == ("$b",)


# --- what messages look like ----------------------------------------------------------------------


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            assert name == "href"
            assert value.startswith(("https://", "http://", "mailto:"))

    def handle_data(self, data):
        self.text += data


def renderer() -> render.Renderer:
    users = {PersonId("ann"): "@ann:example.org"}
    return render.Renderer(users.get, lambda _to: "#inc-1:example.org")


words = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=40)
spans = st.lists(
    words
    | st.builds(Strong, words)
    | st.builds(Code, words)
    | st.builds(Link, words, words | st.just("https://example.org/?a=1&b=2"))
    | st.builds(Mention, st.just(PersonId("ann")), words, st.booleans())
    | st.builds(Place, st.just(ConversationRef("matrix", "new:INC-1")), words),
    max_size=4,
).map(tuple)
messages = st.builds(
    lambda summary, blocks: Message(summary=summary, blocks=tuple(blocks)),
    spans,
    st.lists(
        st.builds(Heading, words)
        | st.builds(Text, spans)
        | st.builds(Fields, st.lists(st.builds(Row, words, spans), max_size=3).map(tuple))
        | st.builds(Bullets, st.lists(spans, max_size=3).map(tuple)),
        max_size=3,
    ),
)


@settings(max_examples=60)
@given(messages)
def test_html_keeps_to_its_tags_and_nothing_written_becomes_markup(message):
    drawn = renderer().draw(message)
    tags = Tags()
    tags.feed(drawn.content["formatted_body"])
    assert tags.tags <= ALLOWED
    assert drawn.content["body"] == plain(message, "!inc ")
    assert drawn.content["m.mentions"] in ({}, {"user_ids": ["@ann:example.org"]})
    assert (drawn.content["msgtype"] == "m.text") == bool(drawn.content["m.mentions"])


def test_markup_is_shown_as_written():
    drawn = renderer().draw(Message(summary=("<script>alert(1)</script> & <b>",)))
    tags = Tags()
    tags.feed(drawn.content["formatted_body"])
    assert tags.text == "<script>alert(1)</script> & <b>"


def test_buttons_are_numbered_in_the_text_and_carried_with_the_event():
    row = Actions((Button("Yes", "INC-1 assess yes"), Button("No", "INC-1 assess no")))
    drawn = renderer().draw(Message(summary=("1/2 Is it?",), blocks=(row,)))
    assert drawn.content[render.BUTTONS] == {"1⃣": "INC-1 assess yes", "2⃣": "INC-1 assess no"}
    assert "2️⃣ No: !inc INC-1 assess no" in drawn.content["body"]


@pytest.mark.parametrize("letter", ["a", "ö", "🚨", "<"])
def test_what_is_too_long_for_an_event_is_shortened_with_the_rest_attached(letter):
    drawn = renderer().draw(Message(summary=("long",), blocks=(Text((letter * 16_000,)),)))
    size = len(drawn.content["body"].encode()) + len(drawn.content["formatted_body"].encode())
    assert size < render.LONGEST + 1000
    assert "the whole text is attached" in drawn.content["body"]
    assert drawn.rest is not None
    assert letter * 16_000 in drawn.rest


def test_an_edit_is_quiet_and_carries_the_whole():
    content = renderer().draw(
        Message(summary=(Mention(PersonId("ann"), "Ann", notify=True),))
    ).content  # fmt: skip
    edit = render.edited(content, "$e")
    assert edit["m.mentions"] == edit["m.new_content"]["m.mentions"] == {}
    assert edit["m.new_content"]["body"] == "Ann"


# --- who may do what ------------------------------------------------------------------------------


def test_from_version_12_on_creators_are_above_every_level():
    create = {"room_version": "12", "additional_creators": ["@ops:example.org"]}
    found = power_levels(create, ME, {"users": {"@ann:example.org": 100}, "state_default": 50})
    assert found.level(ME) == found.level("@ops:example.org") == math.inf
    assert found.level("@ann:example.org") == 100
    assert found.level("@eve:example.org") == 0
    assert found.may(ME, "m.room.topic", state=True)
    assert not found.may("@eve:example.org", "m.room.topic", state=True)


def test_before_it_levels_are_all_there_is_and_a_removed_user_has_none():
    levels = {"users": {"@ann:example.org": 100}, "events": {"m.room.topic": "60"}}
    found = power_levels({"room_version": "11"}, ME, levels)
    assert found.level(ME) == 0
    assert found.needed("m.room.topic", state=True) == 60
    assert power_levels({"creator": ME}, ME, None).level(ME) == 100


def test_a_session_does_not_show_its_token():
    session = Session(user_id=ME, device_id="D", access_token="syt_secret")
    assert "syt_secret" not in repr(session)
