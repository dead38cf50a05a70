"""Words for everything that can happen: the export of an incident in which it all does."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from bot.contract.messages import At, Precision, at_text, plain, relative, span_of, spans_text
from bot.domain import events as ev
from bot.domain.events import Entry
from bot.domain.incident import Outcome
from bot.domain.telling import Scene, scenes
from bot.presenter.telling import Silent
from bot.refs import PersonId
from tests.worlds.domain import START, Play
from tests.worlds.eventful import eventful
from tests.worlds.words import SAY

EVERY_KIND = set(get_args(ev.Event))
SILENT = set(get_args(Silent))
GOLDEN = Path(__file__).parents[1] / "golden/eventful.md"


def test_the_export_of_everything_reads_as_agreed():
    play = eventful()
    entries = [Entry(n=i + 1, event=e, recorded_at=e.at) for i, e in enumerate(play.events)]
    text = SAY.timeline.export(play.state, entries)
    if os.environ.get("SITREP_GOLDEN") == "write":
        GOLDEN.write_text(text, "utf-8")
    assert GOLDEN.read_text("utf-8") == text


def everything() -> tuple[Play, list[ev.Event]]:
    """Return an incident with at least one event of every kind."""
    play = eventful()
    settled = next(e for e in play.events if isinstance(e, ev.PromiseSettled))
    missed = replace(settled, outcome=Outcome.MISSED)
    private = ev.PrivacyChanged(at=play.now, private=True, reason="names are in it")
    moved = [ev.ClockSet(at=play.now, moved=timedelta(days=days)) for days in (365, -365)]
    return play, [*play.events, missed, ev.UntouchedRaised(at=play.now), private, *moved]


def test_no_kind_of_event_is_left_out_here():
    _, events = everything()
    assert {type(event) for event in events} == EVERY_KIND


def test_a_message_can_be_about_every_kind_of_event_but_the_silent_ones():
    _, events = everything()
    told = (scene for event in events for scene in scenes((event,)))
    assert {type(scene.head) for scene in told} == EVERY_KIND - SILENT


def test_everything_that_happens_can_be_told_and_ends_in_words():
    play, events = everything()
    for event in events:
        scene = Scene(head=event, events=(event,))
        if type(event) in SILENT:
            with pytest.raises(TypeError):
                SAY.telling.tell(play.state, scene, play.now)
            continue
        for message in (
            SAY.telling.tell(play.state, scene, play.now),
            SAY.telling.tell_person(play.state, PersonId("eve"), scene, play.now),
        ):
            assert in_words(plain(message), event)


def test_everything_that_happens_has_a_line_on_the_timeline():
    _, events = everything()
    for event in events:
        assert in_words(spans_text(SAY.telling.entry(event)), event)


def in_words(text: str, event: ev.Event) -> bool:
    """Return whether a text is one for people: no name of a class stands in it."""
    kind = type(event).__name__
    one_word = kind.title() == kind
    names = {"None", "PersonId"} | (set() if one_word else {kind})
    return bool(text.strip()) and not any(name in text for name in names)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (119, "2 min"), (3599, "1 h"),
        (3600, "1 h"), (5400, "1 h 30 min"), (86400 * 3, "3 days"),
    ],
)  # fmt: skip
def test_lengths_are_short(seconds, text):
    assert span_of(timedelta(seconds=seconds)) == text


def test_times_are_utc_with_a_relative_part_where_somebody_must_act():
    assert at_text(At(START)) == "14:00 UTC"
    assert at_text(At(START, START - timedelta(minutes=12))) == "14:00 UTC (in 12 min)"
    assert at_text(At(START, START + timedelta(minutes=2))) == "14:00 UTC (2 min ago)"
    assert at_text(At(START, START - timedelta(days=2))) == "Tue 24 Nov 14:00 UTC (in 2 days)"
    assert at_text(At(START, None, Precision.SECOND)) == "14:00:00 UTC"
    assert at_text(At(START, None, Precision.DAY)) == "Tue 24 Nov 14:00 UTC"
    assert relative(START, START) == "now"
