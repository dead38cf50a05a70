"""Words for everything that can happen: the export of an incident in which it all does."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from acting import START
from test_samples import eventful

from bot.contract.messages import At, Precision, at_text, plain, relative, span_of
from bot.domain import effects as fx
from bot.domain.events import Entry
from bot.domain.policy import Plan
from bot.people import Directory, Person
from bot.presenter import Presenter
from bot.refs import PersonId

PEOPLE = Directory(
    Person(id=PersonId(n), name=n.capitalize()) for n in ("ann", "ben", "cara", "dev", "eve")
)
SAY = Presenter(PEOPLE, lambda _service: Plan())
GOLDEN = Path(__file__).parents[1] / "golden/eventful.md"


def test_the_export_of_everything_reads_as_agreed():
    play = eventful()
    entries = [Entry(n=i + 1, event=e, recorded_at=e.at) for i, e in enumerate(play.events)]
    text = SAY.export_markdown(play.state, entries)
    if os.environ.get("SITREP_GOLDEN") == "write":
        GOLDEN.write_text(text, "utf-8")
    assert GOLDEN.read_text("utf-8") == text


def test_everything_that_happens_can_be_told_and_ends_in_words():
    play = eventful()
    for event in play.events:
        scene = fx.Scene(head=event, events=(event,))
        for message in (
            SAY.tell(play.state, scene, play.now),
            SAY.tell_person(play.state, PersonId("eve"), scene, play.now),
        ):
            text = plain(message)
            assert text.strip()
            assert "None" not in text
            assert "PersonId" not in text


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
