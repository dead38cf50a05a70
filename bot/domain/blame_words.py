"""The words of blame in one language, as data: `blame_words_en.py` is English.

In a pattern `{people}` stands for the people of the incident and `{human}` for whoever a sentence
can blame; patterns ignore case where they are not marked otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One rule of a language: what it looks for, why that matters, and what to write instead.

    `somebody` is looked for too, where a sentence speaks of people at all. `unless` is what makes a
    match fine after all; it is looked for from the match's start on.
    """

    rule: str
    pattern: str
    somebody: str | None = None
    why: str
    advice: str
    unless: str | None = None


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Language:
    """A language's rules and headings.

    `headings` tell what a section is, by its title in lower case. `words_that_are_names` are first
    names that also begin a sentence. `narrative` rules are looked for in every narrative sentence,
    the others where their name says. `passive` are verbs, as somebody did them and as they were
    done; with `was` (one, many) and the words that the object `ends` at they make a rewrite.
    """

    code: str
    people: str
    narrative: tuple[Wording, ...]
    filler: tuple[Wording, ...]
    paraphrase: Wording
    single_cause: str
    contributing: str
    vague_start: str
    vague_words: str
    concrete: str
    care: str
    headings: Mapping[str, str]
    names: Wording
    passive: Mapping[str, str]
    was: tuple[str, str]
    ends: str
    rewritten: str
    words_that_are_names: frozenset[str]
    says: Mapping[str, tuple[str, str]]
