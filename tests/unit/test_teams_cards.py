"""What Teams is shown: cards that its schema takes, words that stay words, sizes that fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.teams import cards
from adapters.teams import inbound as ib
from adapters.teams.cards import LONGEST, LONGEST_TEXT, Names, draw, units
from adapters.teams.html_text import plain_of
from adapters.teams.rate_limits import RateLimits
from bot.contract.errors import RateLimited
from bot.contract.messages import (
    Actions,
    Bullets,
    Button,
    Choice,
    Code,
    Fields,
    Form,
    Heading,
    Input,
    Link,
    Mention,
    Message,
    Place,
    Row,
    Strong,
    Text,
    filled,
)
from bot.domain.evolve import evolve
from bot.domain.telling import Scene
from bot.presenter.telling import Silent
from bot.refs import ConversationRef, PersonId
from bot.testing import ManualClock
from tests.peers.card_schema import faults_in
from tests.worlds.eventful import eventful
from tests.worlds.teams import button, buttons, card, shown
from tests.worlds.words import SAY

ANN = PersonId("ann")
PLACE = ConversationRef("teams", "new:INC-1")
NAMES = Names(
    mri={ANN: "29:ann"}.get,
    object_id={PersonId("ben"): "ben-object"}.get,
    address={PLACE: "https://teams.microsoft.com/l/message/(x)?a=b"}.get,
)
NASTY = "**b** _i_ [a](http://x) <at>Ann</at> `c` \\ # h\n- l\n1. one {x} ~~s~~ | & ! > q"


def everything_said() -> Iterator[Message]:
    """Every kind of message, with the cards in every phase."""
    play = eventful()
    for event in play.events:
        if isinstance(event, Silent):
            continue
        scene = Scene(head=event, events=(event,))
        yield SAY.telling.tell(play.state, scene, play.now)
        yield SAY.telling.tell_person(play.state, PersonId("eve"), scene, play.now)
    state = None
    for event in play.events:
        state = evolve(state, event)
        for viewer in (None, PersonId("ben"), PersonId("dev")):
            yield SAY.cards.card(state, forms=True, viewer=viewer)
        yield SAY.cards.status(state, play.now)
    yield from (
        SAY.forms.declare_form(),
        SAY.help.answer(""),
        SAY.help.answer("all"),
        SAY.cards.board([state]),
    )


def drawn(*blocks, summary="it") -> dict:
    return draw(Message(summary=(summary,), blocks=blocks), NAMES, once="1").activity


@pytest.mark.slow
def test_every_message_there_is_makes_a_card_or_text_that_teams_takes():
    seen = 0
    for message in everything_said():
        activity = draw(message, NAMES, once="1").activity
        for attachment in activity.get("attachments", []):
            seen += 1
            assert faults_in(attachment["content"]) == []
        assert ("text" in activity) is not ("attachments" in activity)
    assert seen > 10


@given(st.text(max_size=60) | st.just(NASTY))
def test_what_people_wrote_is_shown_as_they_wrote_it(text):
    plain = "".join(c for c in text if c.isprintable() or c == "\n")
    for spans in ((plain,), (Strong(plain),), (Code(plain),)):
        activity = drawn(Text(spans), Actions((Button("b", "x"),)))
        assert faults_in(card(activity)) == []
        assert plain in shown(activity) or not plain
    activity = drawn(Fields((Row(plain, (plain,)),)), Bullets(((plain,),)), Heading(plain or "h"))
    assert faults_in(card(activity)) == []
    only_text = draw(Message(summary=(plain or "x",)), NAMES, once="1").activity
    assert only_text["textFormat"] == "xml"
    assert "<at>" not in only_text["text"]
    assert "<script" not in only_text["text"]


def test_markdown_in_what_people_wrote_is_escaped_where_cards_would_read_it():
    activity = drawn(Fields((Row("Impact", (NASTY,)),)))
    (facts,) = [b for b in card(activity)["body"] if b["type"] == "FactSet"]
    value = facts["facts"][0]["value"]
    assert value.startswith(r"\*\*b\*\* \_i\_ \[a\]\(http://x\) \<at\>Ann\</at\>")
    assert r"1\. one" in value
    called = (NASTY, " ", Mention(ANN, "Ann *x*", notify=True))
    activity = drawn(Text(called), Actions((Button("b", "x"),)))
    text = card(activity)["body"][1]["text"]
    assert text.count("<at>") == 1
    assert "<at>Ann *x*</at>" in text
    assert faults_in(card(activity)) == []


def test_who_is_called_is_mentioned_and_who_is_named_is_not():
    called, named = Mention(ANN, "Ann", notify=True), Mention(ANN, "Ann")
    activity = draw(Message(summary=(called, " owes it")), NAMES, once="1").activity
    assert activity["entities"] == [
        {"type": "mention", "text": "<at>Ann</at>", "mentioned": {"id": "29:ann", "name": "Ann"}}
    ]
    activity = draw(Message(summary=(named, " is scribe")), NAMES, once="1").activity
    assert "entities" not in activity
    stranger = Mention(PersonId("ben"), "Ben", notify=True)  # never heard: only a card can
    activity = draw(Message(summary=(stranger, " owes it")), NAMES, once="1").activity
    assert card(activity)["msteams"]["entities"][0]["mentioned"]["id"] == "ben-object"
    nobody = Mention(PersonId("zoe"), "Zoe", notify=True)
    activity = draw(Message(summary=(nobody,)), NAMES, once="1").activity
    assert activity["text"] == "Zoe"


def test_links_lead_only_to_the_web():
    good = Link("page", "https://status.example.com/a_(b)")
    bad = Link("page", "javascript:alert(1)")
    activity = drawn(Fields((Row("See", (good, bad, Place(PLACE, "INC-1"))),)))
    value = card(activity)["body"][1]["facts"][0]["value"]
    assert "[page](https://status.example.com/a_%28b%29)" in value
    assert "](javascript" not in value
    assert "[INC\\-1](https://teams.microsoft.com/l/message/%28x%29?a=b)" in value
    text = draw(Message(summary=(good, bad, Place(PLACE, "INC-1"))), NAMES, once="1").activity
    assert text["text"].count("<a href=") == 2
    runs = drawn(Text((good, bad)), Actions((Button("b", "x"),)))
    assert json.dumps(runs).count("Action.OpenUrl") == 1


FORM = Form(
    inputs=(
        Input("title", "What"),
        Input("level", "Level", (Choice("1", "SEV1"), Choice("2", "SEV2")), value="2"),
        Input("why", "Why", optional=True, long=True),
    ),
    buttons=(Button("Go", "declare {level} {title} [because {why}]"),),
    typed="declare <title>",
    label="Declare",
    says="Anyone.",
)


def test_a_form_asks_for_what_it_needs_and_its_button_is_a_line():
    activity = drawn(FORM)
    assert faults_in(card(activity)) == []
    inputs = {b["id"]: b for b in card(activity)["body"] if b["type"].startswith("Input.")}
    assert inputs["title"]["isRequired"]
    assert "isRequired" not in inputs["why"]
    assert inputs["level"]["value"] == "2"
    action = button(activity, "Go")
    assert action["fallback"]["data"] == action["data"]
    data = {**action["data"], "title": "it is {level}", "level": "1", "why": " "}
    assert ib.pressed(data) == "declare 1 it is {level}"
    assert ib.pressed({**data, "why": "x"}) == "declare 1 it is {level} because x"


def test_a_folded_form_is_shown_when_it_is_asked_for():
    folded = Form(inputs=FORM.inputs, buttons=FORM.buttons, typed="x", label="More", folded=True)
    activity = drawn(folded)
    (action,) = card(activity)["actions"]
    assert (action["type"], action["title"]) == ("Action.ShowCard", "More")
    assert [b["title"] for b in buttons(card(activity))] == ["Go"]
    assert "Or type" not in shown(activity)


def test_blanks_are_filled_in_once_and_what_fills_them_is_not_read_again():
    assert (
        filled("a {x} [b {y}] [c {z}]", {"x": "{y}", "y": "[k {z}]", "z": ""}) == "a {y} b [k {z}]"
    )
    assert filled("a [b:{x},{y}]", {"x": "", "y": "2"}) == "a b:,2"
    assert filled("a [b", {}) == "a [b"
    assert filled("{x}", {}) == ""


@pytest.mark.parametrize("length", [10, 30_000, 400_000])
@pytest.mark.parametrize("as_card", [True, False])
def test_whatever_is_too_long_is_shortened_with_a_mark_and_kept_whole(length, as_card):
    blocks = [
        Text(("ü" * length,)),
        Bullets(tuple((f"{n} {'x' * (length // 50)}",) for n in range(60))),
    ]
    if as_card:
        blocks += [Fields((Row("a", ("y" * length,)),)), Actions((Button("Keep", "nochange"),))]
    found = draw(Message(summary=("z" * length,), blocks=tuple(blocks)), NAMES, once="1", more="M.")
    if as_card:
        assert faults_in(card(found.activity)) == []
        assert units(card(found.activity)) <= LONGEST
        assert button(found.activity, "Keep")
    else:
        assert units(found.activity["text"]) <= LONGEST_TEXT
    if length > 10:
        assert "… shortened. M." in shown(found.activity)
        assert "ü" * length in found.whole
        assert "59 x" in shown(found.activity)  # the newest of a list stays
    else:
        assert found.whole is None
    assert len(json.dumps(found.activity, ensure_ascii=False).encode("utf-16-le")) < 80_000


def test_a_status_card_refreshes_for_those_on_it():
    message = Message(
        summary=("INC-1",), blocks=(Fields((Row("IC", (Mention(ANN, "Ann"),)),)),), card_of="INC-1"
    )
    found, _ = cards.card_of(message, NAMES, once="1")
    assert found["refresh"]["userIds"] == ["29:ann"]
    assert found["refresh"]["action"]["data"] == {"line": "INC-1 status"}


# --- what comes in --------------------------------------------------------------------------------


def test_mentions_are_taken_out_or_made_words():
    activity = {
        "text": "<at>Sitrep</at>&nbsp;handoff <at>Ann O&#39;Hara</at> now &lt;3",
        "recipient": {"id": "28:me"},
        "entities": [
            {"type": "mention", "text": "<at>Sitrep</at>", "mentioned": {"id": "28:me"}},
            {"type": "mention", "text": "<at>Ann O&#39;Hara</at>",
             "mentioned": {"id": "29:ann", "name": "Ann O'Hara"}},
            {"type": "clientInfo"}, "nonsense", None,
        ],
    }  # fmt: skip
    said = ib.said(activity, personal=False)
    assert (said.text, said.addressed) == ("handoff @Ann.O'Hara now <3", True)
    assert said.mentions == {"Ann.O'Hara": "29:ann"}
    assert not ib.said({"text": "hello"}, personal=False).addressed
    assert ib.said({"text": "hello"}, personal=True).addressed


def test_html_is_read_as_people_see_it():
    source = (
        "<div><p>db-1 is <b>full</b>&nbsp;&amp; slow<br>since 14:00</p><ul><li>one</li>"
        '<li>two <emoji alt="😀"></emoji></li></ul><attachment id="1"></attachment></div>'
    )
    assert plain_of(source) == "db-1 is full & slow\nsince 14:00\none\ntwo 😀"


@pytest.mark.parametrize("name", ["19:a@thread.tacv2;messageid=12", "a:1x_-", "19:b@thread.v2"])
def test_the_names_of_conversations_go_both_ways(name):
    place = ib.conversation({"conversation": {"id": name}, "serviceUrl": "https://x.example"})
    assert ib.named(*ib.split(place.ref.id)) == name


# --- rate limits ----------------------------------------------------------------------------------


async def test_a_conversation_is_sent_what_teams_takes_and_not_more():
    clock = ManualClock()
    limits = RateLimits(clock, 1000)
    sent = []
    end = clock.now() + timedelta(seconds=120)
    while clock.now() < end:
        pause = limits._take("c", "t", urgent=False)
        if pause > timedelta(0):
            await clock.advance(pause)
        else:
            sent.append(clock.now())
    for most, seconds in ((7, 1), (8, 2), (60, 30), (1800, 3600)):
        for i, first in enumerate(sent):
            within = [t for t in sent[i:] if t - first < timedelta(seconds=seconds)]
            assert len(within) <= most
    assert len(sent) >= 240  # and not much less


async def test_a_long_wait_is_given_back_and_other_conversations_go_on():
    clock = ManualClock()
    limits = RateLimits(clock, 1000)
    for _ in range(10):
        for _ in range(6):
            await limits.wait("c", "t", urgent=False)
        await clock.advance(timedelta(seconds=2))
    with pytest.raises(RateLimited) as paced:  # sixty within half a minute
        await limits.wait("c", "t", urgent=True)
    assert paced.value.retry_after == timedelta(seconds=10)
    await limits.wait("another", "t", urgent=False)


async def test_the_tenants_rate_keeps_room_for_what_is_urgent():
    """K3"""
    clock = ManualClock()
    limits = RateLimits(clock, 10)
    took = sum(limits._take(f"c{n}", "t", urgent=False) <= timedelta(0) for n in range(10))
    assert took == 8
    assert limits._take("u", "t", urgent=True) <= timedelta(0)
    assert limits._take("v", "t", urgent=True) <= timedelta(0)
    assert limits._take("w", "t", urgent=True) > timedelta(0)
    assert limits._take("x", "another", urgent=False) <= timedelta(0)
