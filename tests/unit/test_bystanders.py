"""Who asks a room how it stands is told from people who work; precision before recall (H2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.bystanders import LONGEST, asks_for_news

FOLDER = Path(__file__).parent.parent / "shield"


def rows(name: str) -> list[tuple[str, str]]:
    lines = (FOLDER / f"{name}.tsv").read_text("utf-8").splitlines()
    pairs = (line.split("\t", 1) for line in lines if not line.startswith("#"))
    return [(label, text) for label, text in pairs]


def measured(name: str) -> tuple[float, float, list[str], list[str]]:
    asked = [text for label, text in rows(name) if label == "ask"]
    talk = [text for label, text in rows(name) if label == "talk"]
    found = [text for text in asked if asks_for_news(text)]
    wrong = [text for text in talk if asks_for_news(text)]
    missed = [text for text in asked if text not in found]
    return len(found) / (len(found) + len(wrong)), len(found) / len(asked), wrong, missed


@pytest.mark.parametrize(("name", "least"), [("tuning", 0.95), ("held_back", 0.75)])
def test_what_is_taken_for_a_question_is_one(name, least, record_property):
    """H2: never tune on the sentences that are held back"""
    precision, recall, wrong, missed = measured(name)
    figures = f"{len(rows(name))} sentences, precision {precision:.2f}, recall {recall:.2f}"
    record_property("figure", f"shield, {name}: {figures}")
    assert precision >= 0.98, wrong
    assert recall >= least, missed


def test_the_tuned_and_the_held_back_sentences_are_disjoint_and_many():
    tuning, held_back = ({text.casefold() for _, text in rows(n)} for n in ("tuning", "held_back"))
    assert not tuning & held_back
    for name in ("tuning", "held_back"):
        labels = [label for label, _ in rows(name)]
        assert labels.count("ask") >= 60
        assert labels.count("talk") >= 100


@pytest.mark.parametrize("text", ["", "?", "any news? " * 50, "\x00", "👀" * 50])
def test_odd_messages_are_talk(text):
    assert not asks_for_news(text)


@pytest.mark.parametrize(
    "piece", ["please ", "hi, ", "any ", "we i they ", "can we ", "? ", "for the ", "(", "é", "a"]
)
def test_no_message_keeps_the_bot_from_its_work(piece):
    """D5: one that is read over and over runs into the time limit of every test"""
    for end in ("x", "? x", " zzz?"):
        assert not asks_for_news((piece * LONGEST)[: LONGEST - 10] + end)
