"""What an older version wrote is read for ever: a sample of each stays here.

`SITREP_GOLDEN=write` writes the sample of the current version; a released one is never changed.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from bot.contract.messages import Message
from bot.domain import events as ev
from bot.domain.evolve import fold
from bot.store.rows import Outgoing, Post
from storage import codec
from storage.codec import (
    SCHEMA,
    dump_event,
    dump_incident,
    dump_outgoing,
    load_event,
    load_incident,
    load_outgoing,
    micros,
)
from tests.worlds.domain import BEN
from tests.worlds.eventful import eventful

FOLDER = Path(__file__).with_name("samples")


def sample() -> dict:
    play = eventful()
    closed = ev.PrivacyChanged(at=play.now, by=BEN, private=True, reason="names are in it")
    moved = ev.ClockSet(at=play.now, moved=timedelta(days=-365))
    events = (*play.events, closed, moved)
    post = Post(message=Message(summary=("hello",)))
    return {
        "events": [[type(e).__name__, dump_event(e)] for e in events],
        "incident": dump_incident(fold(events)),
        "outgoing": dump_outgoing(Outgoing(target="chat", lane="chat/ops", body=post)),
    }


def test_the_current_version_has_its_sample_with_nearly_every_event():
    path = FOLDER / f"{SCHEMA}.json"
    if os.environ.get("SITREP_GOLDEN") == "write":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(json.dumps(sample(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    seen = {kind for kind, _ in json.loads(path.read_text("utf-8"))["events"]}
    missing = {kind.__name__ for kind in get_args(ev.Event)} - seen
    assert missing == {"UntouchedRaised"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda p: p.stem)
def test_what_every_version_wrote_is_read_and_folds(path):
    written = json.loads(path.read_text("utf-8"))
    schema = int(path.stem.partition("-")[0])
    events = tuple(load_event(kind, text, schema) for kind, text in written["events"])
    assert load_incident(written["incident"], schema) == fold(events)
    assert load_outgoing(written["outgoing"]).target == "chat"


def test_what_was_renamed_since_is_read_by_its_new_names(monkeypatch):
    """A class, a field of an event and a field of the state, over two versions."""

    def renamed(data: dict, was: str, now: str) -> dict:
        return {now if name == was else name: value for name, value in data.items()}

    monkeypatch.setattr(codec, "SCHEMA", 3)
    monkeypatch.setattr(
        codec,
        "UPCASTS",
        {
            1: codec.Upcast(
                kinds={"StatusPosted": "UpdateGiven"},
                incident=lambda data: renamed(data, "name", "heading"),
            ),
            2: codec.Upcast(
                kinds={"UpdateGiven": "UpdatePosted"},
                event=lambda kind, data: (
                    renamed(data, "words", "text") if kind == "UpdatePosted" else data
                ),
                incident=lambda data: renamed(data, "heading", "title"),
            ),
        },
    )
    play = eventful()
    update = next(event for event in play.events if isinstance(event, ev.UpdatePosted))
    old = json.dumps(renamed(json.loads(dump_event(update)), "text", "words"))
    assert load_event("StatusPosted", old, 1) == update
    assert load_event("UpdateGiven", old, 2) == update
    state = json.dumps(renamed(json.loads(dump_incident(play.state)), "title", "name"))
    assert load_incident(state, 1) == play.state
    untouched = next(event for event in play.events if isinstance(event, ev.ImpactStated))
    assert load_event("ImpactStated", dump_event(untouched), 1) == untouched


@pytest.mark.parametrize("schema", [-1, 0])
def test_a_version_without_a_step_to_the_next_is_refused(schema):
    with pytest.raises(ValueError, match="this Sitrep reads"):
        load_event("ImpactStated", "{}", schema)


def test_a_version_from_the_future_is_not_guessed_at():
    with pytest.raises(ValueError, match="this Sitrep reads"):
        load_incident("{}", SCHEMA + 1)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="without a zone"):
        micros(eventful().now.replace(tzinfo=None))
