"""Whoever is not named in the config never passes for somebody who is (F8)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.people import Directory, Person
from bot.refs import PersonId
from bot.skeleton import _ALIKE, skeleton

MALLORY = PersonId("matrix:@mallory:evil.org")
ID = "(@mallory:evil.org)"
CONFIGURED = {"ben": "Ben", "alee": "Ann Lee", "igor": "Игорь", "max": "Max Müller"}


def shown(name: str, person: PersonId = MALLORY) -> str:
    people = Directory(Person(id=PersonId(key), name=name) for key, name in CONFIGURED.items())
    people.learn(person, name)
    return people.name(person)


@pytest.mark.parametrize(
    "name",
    [
        "Ben", "BEN ", "ben", "Ben\u200b", "B\u200de\u2060n", "\u202eBen", "Веn", "Вeп", "Ｂｅｎ",
        "𝐁𝐞𝐧", "Ⓑⓔⓝ", "B\u0335e\u0301n\u0308", "Bén", "B e n", "B.e.n", "B3n", "8en", "ʙᴇɴ",
        "Ben (IC)", "Ben [commander]", "★ Ben ★", "Ben — on call", "Ben2", "Dr. Ben",
        "🅱en", "🇧🇪🇳", "Ƀen", "ɓɘɲ", "Bеņ", "қen Ben",
        "Ann", "Ann Lee", "ANN-LEE", "Аnn", "AnnLee", "Lee", "Anп Iee", "alee", "aIee", "a1ee",
        "@ben", "Игорь", "игорь", "Игopь", "igor", "Muller", "Мах", "Rnax", "Max\u3164",
        "IC", "I.C.", "the ic", "іс", "Incident Commander", "Cornrnander", "Sitrep", "5itrep",
        "sitгep", "a bot", "B0T", "Admin", "аdmin", "Zed (@ben:example.org)", "Zed\n14:05 Ben: yes",
        "Zꓰd", "王 Zed",
    ],
)  # fmt: skip
def test_a_name_that_passes_for_somebody_elses_or_a_role_has_its_id_beside_it(name):
    """F8"""
    assert shown(name).endswith(ID)
    assert "\n" not in shown(name)


@pytest.mark.parametrize("name", ["Zoë Smith", "Søren", "王伟", "Ольга", "Eric", "Dick", "Çelik"])
def test_any_other_name_is_shown_as_it_is(name):
    """F8"""
    assert shown(name) == name


def test_who_has_no_name_but_the_id_is_shown_with_the_platform():
    """F8"""
    assert shown("benny", PersonId("console:benny")) == "benny (console:benny)"
    assert shown("zed", PersonId("console:zed")) == "zed"
    assert shown("") == "@mallory:evil.org"


def test_a_name_of_signs_alone_passes_for_nobody_and_nobody_for_it():
    """F8"""
    people = Directory((Person(id=PersonId("x"), name="★"),))
    people.learn(MALLORY, "Zed")
    assert people.name(MALLORY) == "Zed"


UNSEEN = st.sampled_from(
    ["", "\u200b", "\u200d", "\u2060", "\ufeff", "\u0301", "\u0336", "\u3164", ".", " "]
)
AROUND = st.sampled_from(["", " ", "★", " (IC)", " [commander]", "\u202e", "2", "Dr. ", "🔥", "x"])


def passing_for(letter: str) -> st.SearchStrategy[str]:
    """Return characters that look like a letter."""
    plain = letter.casefold()
    if plain not in _ALIKE:
        return st.just(letter)
    wide, bold = chr(ord(plain) + 0xFEE0), chr(0x1D41A + ord(plain) - ord("a"))
    accented = unicodedata.normalize("NFC", plain + "\u0301")
    odd = [*_ALIKE[plain], plain, plain.upper(), wide, bold, accented]
    return st.sampled_from(odd)


@st.composite
def disguised(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from([*CONFIGURED, "Ben", "Ann Lee", "Max", "commander", "sitrep"]))
    letters = (draw(passing_for(c)) + draw(UNSEEN) for c in name)
    return draw(AROUND) + "".join(letters) + draw(AROUND)


@given(disguised())
def test_no_disguise_of_a_configured_name_or_a_role_goes_without_the_id(name):
    """F8"""
    assert shown(name).endswith(ID)


@given(st.text(max_size=300))
def test_a_skeleton_has_letters_alone_and_is_its_own(name):
    assert all(c.isalpha() for c in skeleton(name))
    assert shown(name)
