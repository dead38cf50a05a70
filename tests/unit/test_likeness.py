"""What looks like what, at the same cost for whatever people type."""

from __future__ import annotations

import difflib

import pytest

from bot import likeness
from bot.config.load import parse as config
from bot.contract.errors import ConfigError
from bot.grammar.parser import parse
from bot.grammar.requests import UsageError
from bot.likeness import LONGEST_WORD, MOST_LINES, changed_lines
from tests.worlds.words import PEOPLE

LONG = "x" * 16_000


@pytest.fixture
def handed(monkeypatch):
    """Whatever is handed to difflib's matcher."""
    seen: list[int] = []

    class Seen(difflib.SequenceMatcher):
        def set_seq1(self, a):
            seen.append(len(a))
            super().set_seq1(a)

        def set_seq2(self, b):
            seen.append(len(b))
            super().set_seq2(b)

    monkeypatch.setattr(difflib, "SequenceMatcher", Seen)
    return seen


@pytest.mark.parametrize("line", [LONG, f"INC-1 {LONG} and more", f"pm {LONG}", f"declare{LONG}"])
def test_a_long_word_costs_what_a_short_one_does(handed, line):
    """D5"""
    assert isinstance(parse(line, PEOPLE, {}), UsageError)
    assert handed
    assert max(handed) <= LONGEST_WORD


def test_a_long_key_of_the_config_does_too(handed):
    """D5"""
    with pytest.raises(ConfigError, match="unknown key"):
        config(f"[access]\n{LONG} = 1\n", {})
    assert max(handed) <= LONGEST_WORD


def test_a_long_word_that_begins_like_a_verb_is_still_answered():
    """D5"""
    answer = parse("resovle" + "e" * 3, PEOPLE, {})
    assert isinstance(answer, UsageError)
    assert "resolve" in answer.lines


def test_texts_that_have_nothing_in_common_are_not_matched_line_by_line(handed):
    """F10"""
    before, after = (["- " + c * 3 for c in (a, b) for _ in range(4_000)] for a, b in ("ab", "cd"))
    shown = changed_lines(before, after)
    assert (len(shown), handed) == (len(before) + len(after), [])
    same = ["line"] * 8_000
    assert changed_lines([*same, "old", *same], [*same, "new", *same]) == [
        " line", "-old", "+new", " line",
    ]  # fmt: skip
    assert max(handed) <= MOST_LINES


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (["a"], ["a"], []),
        ([""], ["a"], ["-", "+a"]),
        (["a", "b"], ["a"], [" a", "-b"]),
        (["-- x", "b"], ["b"], ["--- x", " b"]),
        (["a", "a"], ["a", "a", "a"], [" a", "+a"]),
    ],
)
def test_what_changed_is_shown_with_a_line_around_it(before, after, shown):
    """P3"""
    assert likeness.changed_lines(before, after) == shown
