"""People whom a platform knows, as sections of the config that can be pasted."""

from __future__ import annotations

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config.load import parse
from bot.contract import Addressee, PersonId, UserRef
from bot.plugin_kit.people import FoundPerson, key_for, name_of_mail, people_sections

ANY = st.builds(
    FoundPerson,
    name=st.text(max_size=200),
    user=st.none() | st.text(min_size=1, max_size=60),
    mail=st.none() | st.just("ann.lee@example.com"),
    remark=st.text(max_size=40),
)


def test_a_section_has_name_mail_and_user():
    """F8"""
    found = [
        FoundPerson(name="Zoë Müller", user="@zoe:example.org"),
        FoundPerson(name="Ann Lee", user="@ann:example.org", mail="ann@example.com"),
    ]
    assert tomllib.loads(people_sections(found, "matrix", ())) == {
        "people": {
            "ann-lee": {
                "name": "Ann Lee", "mail": "ann@example.com",
                "users": {"matrix": "@ann:example.org"},
            },
            "zoe-muller": {"name": "Zoë Müller", "users": {"matrix": "@zoe:example.org"}},
        }
    }  # fmt: skip


@given(st.lists(ANY, max_size=6, unique_by=lambda each: each.user))
def test_whatever_people_call_themselves_the_config_can_be_read(found):
    """F8: bare keys, each once, and nothing of a name gets out of its place"""
    text = people_sections(found, "console", ())
    config = parse(f"{text}[adapters.console]", {})
    assert len(config.people) == len(found)
    assert all(re.fullmatch(r"[a-z0-9-]+", key) for key in config.people)
    assert {p.users.get("console") for p in config.people.values()} == {p.user for p in found}


def test_whoever_is_in_the_config_is_only_named():
    """F8"""
    known = (
        Addressee(person=PersonId("ann"), name="Ann", user=UserRef("matrix", "@ann:x.org")),
        Addressee(person=PersonId("ben"), name="Ben", user=None, mail="Ben@x.org"),
        Addressee(person=PersonId("cara"), name="Cara", user=None),
    )
    found = [
        FoundPerson(name="Annie", user="@ann:x.org"),
        FoundPerson(name="Benjamin", user="@ben:x.org", mail="ben@x.org"),
        FoundPerson(name="Cara", user="@c:x.org"),
    ]
    text = people_sections(found, "matrix", known)
    assert "# Annie (@ann:x.org) is [people.ann] already\n" in text
    assert (
        '# Benjamin (@ben:x.org) is [people.ben] already, but for users = { matrix = "@ben:x.org" }'
        in text
    )
    assert list(tomllib.loads(text)["people"]) == ["cara-2"]
    assert "# The same as [people.cara]?" in text


def test_who_has_no_id_yet_is_told_where_it_stands():
    """F8"""
    found = FoundPerson(name="Ann", user=None, mail="ann@x.org", remark="It stands in Entra.")
    text = people_sections([found], "teams", ())
    assert tomllib.loads(text)["people"]["ann"] == {"name": "Ann", "mail": "ann@x.org"}
    assert '# users = { teams = "…" }\n# It stands in Entra.' in text


@pytest.mark.parametrize(
    ("name", "otherwise", "key"),
    [
        ("Ann Lee", "", "ann-lee"),
        ("Ann Lee", "taken", "ann-lee"),
        ("Łukasz Strauß (ops)", "", "lukasz-strauss-ops"),
        ("李雷", "@li.lei:example.org", "li-lei"),
        ("🦊", "fox@example.com", "fox"),
        ("🦊", "", "person"),
        ("BEN", "", "ben-2"),
    ],
)
def test_a_key_is_made_of_the_name_or_else_of_the_address(name, otherwise, key):
    assert key_for(name, otherwise, taken=["Ben", "cara"]) == key


def test_an_address_suggests_a_name():
    assert name_of_mail("ann.van_der-lee@example.com") == "Ann Van Der Lee"
