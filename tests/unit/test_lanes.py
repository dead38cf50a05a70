"""Lanes and the names of conversations: what is put in comes out, whatever the id looks like."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from bot.refs import PLUGIN, ConversationRef, Lane, UserRef

ids = st.one_of(
    st.text(),
    st.text(alphabet="/: newdirectplugins!@#é日\u202e\n"),
    st.sampled_from(["", "/", "a/b/c", "new:", "new:INC-1", "direct:", "direct:29:ä b", "pages"]),
)
names = st.text(min_size=1).filter(lambda name: "/" not in name)
adapters = names.filter(lambda name: name != PLUGIN)


@dataclass(frozen=True)
class Row:
    lane: Lane


@given(st.builds(ConversationRef, adapters, ids))
def test_a_conversation_comes_back_out_of_its_lane(conversation):
    lane = Lane.of(conversation)
    assert Lane(str(lane)) == lane == f"{conversation.adapter}/{conversation.id}"
    assert Lane(str(lane)).conversation == conversation
    assert lane.target == conversation.adapter
    assert not lane.is_plugin
    assert lane.status_page is None


@given(names, ids)
def test_a_plugin_comes_back_out_of_its_lane(plugin, about):
    lane = Lane.of_plugin(plugin, about)
    assert Lane(str(lane)) == lane == f"plugin/{plugin}/{about}"
    assert lane.is_plugin
    assert lane.target == plugin
    assert lane.status_page == (plugin if about == "pages" else None)
    assert lane.startswith(Lane.prefix(PLUGIN))


@given(names)
def test_a_status_page_comes_back_out_of_its_lane(plugin):
    lane = Lane.of_status_page(plugin)
    assert lane == f"plugin/{plugin}/pages"
    assert (lane.status_page, lane.target, lane.is_plugin) == (plugin, plugin, True)


@given(st.builds(ConversationRef, adapters, ids))
def test_a_lane_is_stored_as_its_text(conversation):
    lane, rows = Lane.of(conversation), TypeAdapter(Row)
    stored = rows.dump_json(Row(lane))
    assert json.loads(stored) == {"lane": str(lane)}
    read = rows.validate_json(stored).lane
    assert read == lane
    assert type(read) is Lane


@given(adapters, ids)
def test_a_conversation_to_open_names_its_incident(adapter, incident):
    named = ConversationRef.to_open(adapter, incident)
    assert (named.adapter, named.id) == (adapter, f"new:{incident}")
    assert (named.pending, named.direct_to) == (incident, None)


@given(st.builds(UserRef, adapters, ids))
def test_a_direct_conversation_names_its_user(user):
    named = ConversationRef.direct(user)
    assert (named.adapter, named.id) == (user.adapter, f"direct:{user.id}")
    assert (named.pending, named.direct_to) == (None, user)


@pytest.mark.parametrize("name", ["!abc:example.org", "19:x@thread.v2;messageid=1", "ops", "news:"])
def test_a_name_of_the_platform_is_neither(name):
    room = ConversationRef("chat", name)
    assert room.pending is None
    assert room.direct_to is None
