"""One row an event says how it is told; none is missing, and none tells of nothing."""

from __future__ import annotations

from typing import get_args

import pytest

from bot.domain import events as ev
from bot.domain.telling import TELLING

EVERY_KIND = set(get_args(ev.Event))


def test_every_event_has_its_row():
    assert set(TELLING) == EVERY_KIND


@pytest.mark.parametrize(
    "kind", sorted(EVERY_KIND, key=lambda k: k.__name__), ids=lambda k: k.__name__
)
def test_what_is_a_message_of_its_own_is_not_the_head_of_another(kind):
    assert not (TELLING[kind].heads and TELLING[kind].alone)


def test_what_the_list_of_incidents_shows_is_on_the_card_too():
    assert all(telling.card for telling in TELLING.values() if telling.board)
