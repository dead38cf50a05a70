from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.matrix.config import MatrixSettings
from bot.config.calendar import end_of_day
from bot.config.load import default_text, example_people, load, parse
from bot.config.model import Config
from bot.config.sections import ServiceSection
from bot.contract.errors import ConfigError
from bot.domain.incident import RungKind, Severity
from bot.people import Unknown
from bot.refs import ConversationRef, PersonId, UserRef

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def faults(text: str, environ: dict | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, environ or {})
    return "\n".join(caught.value.faults)


def test_the_example_shows_the_defaults():
    example, default = parse(EXAMPLE.read_text(), {}), parse("[adapters.console]", {})
    for section in set(Config.model_fields) - {"adapters"}:
        assert getattr(example, section) == getattr(default, section), section


def test_the_example_names_nobody_until_its_people_are_uncommented():
    """F8: an invented person who is left in could be asked to command, and is never there"""
    text = EXAMPLE.read_text()
    assert parse(text, {}).people == {}
    people, rest = text.split("# --- clocks")[0], "[stakeholders]\nurl = 'https://s.example.com'\n"
    shown = "\n".join(
        re.sub(r"^# (?=\[|\w+ = )", "", line) for line in people.split("[plan]")[0].splitlines()
    )
    config = parse(f"{shown}\n{rest}[adapters.console]\n[plugins.page]", {})
    assert set(config.people) == example_people() == {"ann", "ben", "cara", "priya"}
    assert config.directory.trained == ("ben", "cara")
    fields = ServiceSection.model_fields.keys() - {"mirror"}
    assert config.services["checkout"].model_fields_set == fields


def test_the_example_names_every_key():
    """Every key of every section stands in the example, with its meaning beside it."""
    text = EXAMPLE.read_text()
    missing = [
        f"{section}.{key}"
        for section, field in Config.model_fields.items()
        for key in getattr(field.annotation, "model_fields", {})
        if f"{key} = " not in text and f".{key}]" not in text
    ]
    assert missing == []


def test_the_example_shows_every_key_of_matrix_with_its_default():
    text = EXAMPLE.read_text().split("# [adapters.matrix]")[1].split("\n\n")[0]
    lines = [line.removeprefix("# ") for line in text.splitlines()[1:]]
    shown = tomllib.loads("\n".join(lines))
    assert set(shown) == set(MatrixSettings.model_fields)
    for key, field in MatrixSettings.model_fields.items():
        if not field.is_required() and key != "admin_token":
            default = list(field.default) if isinstance(field.default, tuple) else field.default
            assert shown[key] == default, key


def test_the_built_in_config_is_whole():
    config = parse(default_text(), {})
    assert config.directory.trained == ("ben", "cara")
    assert load(None) == config


def test_defaults_are_the_policys():
    """K1 K3 F4 F16"""
    policy = parse("[adapters.console]", {}).policy
    assert policy.internal[Severity.SEV1] == timedelta(minutes=15)
    assert policy.stakeholder[Severity.SEV2] == timedelta(minutes=30)
    offsets = {rung.kind: rung.offset.total_seconds() / 60 for rung in policy.rungs}
    assert offsets == {
        RungKind.PROMPT: -3,
        RungKind.OVERDUE: 0,
        RungKind.PAGE: 5,
        RungKind.NEXT: 10,
    }
    assert policy.respond_within[Severity.SEV2] == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[people", "not TOML"),
        ("x = 1", "x: unknown key; known here"),
        ("[clock]", "clock: unknown key; did you mean 'clocks'?"),
        ("[clocks]\ninternal = 15", "clocks.internal"),
        ('[clocks]\ninternal = {sev1 = "0m"}', "longer than nothing"),
        ('[clocks]\ninternal = {sev5 = "1m"}', "did you mean 'sev"),
        ('[delivery]\ntimeout = "30"', "write 15m, 1h30m or 45s"),
        ('[people."a b"]', "use letters"),
        (
            '[access]\ntrusted = ["console:*", "@*:example.org"]',
            "access.trusted.1: '@*:example.org'",
        ),
        ('[access]\ntrusted = ["teams:*"]', "teams:<tenant id>; there is: console"),
        ('[access]\ntrusted = ["console:"]', "is not a pattern on a configured adapter"),
        ('[paging]\nlast = ["zoe"]', "nobody is called 'zoe'; add [people.zoe]"),
        ('[people.ann]\n[services.x]\ncomms = "an"', "did you mean 'ann'?"),
        ('[triage]\nconversation = "ops"', "write console:ops"),
        ("[triage]\nopens = 17:00:00", "triage: opens and closes are the same time"),
        ("[triage]\ndays = []", "triage.days: names no day; write at least one"),
        ('[http]\nlisten = "here"', "http.listen"),
        ('[log]\nlevel = "loud"', "log.level"),
        ('[access]\nunknown_people = "maybe"', "access.unknown_people"),
        (
            '[people.a]\nusers = {m = "@x"}\n[people.b]\nusers = {m = "@x"}',
            "'@x' is a's; one person each",
        ),
        ('[storage]\nurl = {env = "NOPE"}', "environment variable NOPE is not set"),
        ('[plugins.x]\ntoken = {file = "/nonexistent"}', "plugins.x.token: cannot read"),
    ],
)
def test_a_fault_names_the_key_and_the_fix(text, says):
    """D5"""
    assert says in faults(text)


def test_secrets_come_from_the_environment_and_from_files(tmp_path):
    (tmp_path / "secret").write_text("s3cret\n")
    config = parse(
        f'[plugins.x]\na = {{env = "A"}}\nb = {{file = "{tmp_path / "secret"}"}}', {"A": "1"}
    )
    assert config.plugins["x"] == {"a": "1", "b": "s3cret"}


def test_a_file_that_cannot_be_read_or_is_no_text_is_named(tmp_path):
    with pytest.raises(ConfigError, match="name a file that can be read"):
        load(tmp_path / "missing.toml")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "binary")


def test_a_service_has_its_plan_and_others_the_default(tmp_path):
    """X1"""
    config = parse(
        "[people.p]\n[people.l]\n[plan]\nliaison = 'l'\n"
        "[services.x]\ncomms = 'p'\nexternal = {sev1 = '30m'}",
        {},
    )
    plan = config.plan_for("x")
    assert (plan.comms, plan.liaison, plan.missing) == ("p", "l", False)
    assert plan.external == {Severity.SEV1: timedelta(minutes=30)}
    assert config.plan_for("y").missing


def test_the_business_day_ends_in_its_zone_and_skips_the_weekend():
    """F16"""
    triage = parse('[triage]\nzone = "Europe/Berlin"', {}).triage
    friday = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
    assert end_of_day(triage, friday) == datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
    after = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
    assert end_of_day(triage, after) == datetime(2026, 11, 30, 16, 0, tzinfo=UTC)


NIGHTS = '[triage]\nopens = 22:00:00\ncloses = 06:00:00\nzone = "Europe/Berlin"\n'


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-11-25T21:30Z", "2026-11-26T05:00Z"),  # a Wednesday, amid the shift
        ("2026-11-26T04:59Z", "2026-11-26T05:00Z"),  # after midnight it is the same shift
        ("2026-11-26T05:00Z", "2026-11-27T05:00Z"),  # closed: the next one's
        ("2026-11-27T21:30Z", "2026-11-28T05:00Z"),  # Friday's ends on Saturday
        ("2026-11-28T05:00Z", "2026-12-01T05:00Z"),  # and Monday's is the next
        ("2026-10-23T22:00Z", "2026-10-24T04:00Z"),  # the last of summer time
        ("2026-03-27T22:00Z", "2026-03-28T05:00Z"),  # the last of winter time
        ("2026-03-30T03:59Z", "2026-03-31T04:00Z"),  # none opened on Sunday
    ],
)
def test_a_shift_past_midnight_ends_on_the_next_morning(now, ends):
    """F16"""
    found = end_of_day(parse(NIGHTS, {}).triage, datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(ends)


@pytest.mark.parametrize(
    ("now", "ends", "hours"),
    [
        ("2026-10-24T20:00Z", "2026-10-25T05:00Z", 9),  # clocks go back meanwhile
        ("2026-03-28T21:00Z", "2026-03-29T04:00Z", 7),  # and forward
    ],
)
def test_a_shift_in_which_the_clocks_change_ends_by_the_clock_on_the_wall(now, ends, hours):
    """F16"""
    triage = parse(f'{NIGHTS}days = ["sat"]', {}).triage
    opens, found = datetime.fromisoformat(now), end_of_day(triage, datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(ends)
    assert found - opens == timedelta(hours=hours)


def test_people_are_found_by_mention_id_name_and_unambiguous_beginning():
    config = parse('[people.ann]\nname = "Ann Lee"\nusers = {m = "@ann:x"}\n[people.anton]', {})
    find = config.directory.find
    assert find("@ann", {}) == "ann"
    assert find("Ann Lee", {}) == "ann"
    assert find("@anto", {}) == "anton"
    assert find("@ann:x", {}) == "ann"
    assert isinstance(find("@an", {}), Unknown)
    assert find("@zoe", {"zoe": UserRef("m", "@zoe:x")}) == PersonId("m:@zoe:x")
    assert config.directory.person(UserRef("m", "@ann:x")) == "ann"


def test_conversations_are_admitted_by_pattern():
    """F8"""
    config = parse('[access]\nconversations = ["console:ops*"]', {})
    assert config.admits(ConversationRef("console", "ops-1"))
    assert not config.admits(ConversationRef("console", "lab"))
    assert not config.admits(ConversationRef("matrix", "ops"))


def test_a_pattern_names_somebody_on_its_adapter():
    """F8: else `trusted` would widen nothing where everybody counts already"""
    config = parse('[access]\ntrusted = ["console:ann*"]', {})
    assert config.directory.nobody_named_on == frozenset()
    assert "console:anna" in config.directory.named
    assert "console:ben" not in config.directory.named
    assert "console:ben" in parse("[adapters.console]", {}).directory.named
