"""Every fault of every key, in words of ours: what is wrong, and what to write instead."""

from __future__ import annotations

import importlib
import re
import types
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from importlib.metadata import entry_points
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from bot.config.faults import faults_in
from bot.config.load import examine, load, parse
from bot.config.model import Config
from bot.contract import NAME, ConfigError, Secret
from bot.contract.secrets import Revealed

WRONG: tuple[object, ...] = (
    *(True, 1, 0, -1, 10**9, 10**30, 1.5, float("inf"), float("nan")),
    *("", " ", "yes", "8080", "x" * 300, "9" * 6 + "d", "\0", "Europe", "..", "http://", "a\nb"),
    *(
        "25:00",
        "9:00",
        "09:00Z",
        ":8080",
        "8080",
        "a:99999",
        "::1",
        "https://x:99999",
        "https://x:",
    ),
    *([], ["x"], [1], [[]], {}, {"x": 1}, {"x": {}}, {"env": "A"}),
    *(datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1), time(9)),
)

FOREIGN = re.compile(
    r"Input|String|should|pattern|valid (dict|string|time|integer)|instance of|Traceback|pydantic"
    r"|Extra inputs|unable to|greater than|less than|at index|\n"
)
"""Words of pydantic's, and of no line of ours."""


def settings() -> Iterator[type[BaseModel]]:
    """Yield the model of each section of our own adapters and plugins."""
    for entry in entry_points(group=NAME):
        for name in ("config", "client", "shelf", None):
            try:
                module = importlib.import_module(f"{entry.module}.{name}" if name else entry.module)
            except ModuleNotFoundError:
                continue
            for each in vars(module).values():
                if isinstance(each, type) and issubclass(each, BaseModel):
                    yield each


MODELS = (Config, *sorted({m for m in settings() if m is not BaseModel}, key=lambda m: m.__name__))


def keys(annotation: Any, where: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the place of every key of a model, and of the tables in it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            yield (*where, name)
            yield from keys(field.annotation, (*where, name))
        return
    args = get_args(annotation)
    if get_origin(annotation) is dict:
        yield (*where, "x")
        yield from keys(args[1], (*where, "x"))
        return
    for arg in args if get_origin(annotation) in {Annotated, types.UnionType} else ():
        yield from keys(arg, where)


def table(where: tuple[str, ...], value: object) -> dict[str, Any]:
    for part in reversed(where):
        value = {part: value}
    return value


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_whatever_is_written_the_fault_is_a_line_of_ours(model):
    """D5"""
    tried = 0
    for where in {*keys(model, ()), ("unknown",)}:
        for value in WRONG:
            _, faults = faults_in(model, table(where, value), () if model is Config else ("p.x",))
            lines = [fault.line() for fault in faults]
            assert [line for line in lines if FOREIGN.search(line.replace("a\\nb", ""))] == []
            assert [line for line in lines if ": " not in line] == []
            tried += len(lines)
    assert tried > 50


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[people.ann]\ncommander = "yes"', "people.ann.commander: 'yes' is neither true nor "
         "false; write true, without quotes"),
        ("[people.ann]\ncommander = 0", "write false, without quotes"),
        ('[floods]\nnews = "20"', "floods.news: '20' is not a whole number; write 20, without"),
        ("[floods]\nnews = 0", "floods.news: 0 is out of range; write a number from 1 to 1,000"),
        ("[http]\nconnections = 5.0", "http.connections: 5.0 is not a whole number"),
        ("[people.ann]\nname = 7", 'people.ann.name: 7 is not a text; write "7", in quotes'),
        ('[paging]\nlast = "ann"', 'paging.last: \'ann\' is not a list; write ["ann"]'),
        ("clocks = 1", "clocks: 1 is not a table; write [clocks] and its keys below"),
        ('[log]\nlevel = "loud"', '\'loud\' is not among the choices; write "debug", "info", '
         '"warning" or "error"'),
        ('[triage]\nopens = "9:00"', "'9:00' is not a time of day; write 09:00:00, without quotes"),
        ("[triage]\nopens = 9", "triage.opens: 9 is not a time of day"),
        ('[triage]\nzone = "Europe"', "'Europe' is not a time zone"),
        ('[http]\nlisten = ":8080"', 'http.listen: \':8080\' has no address; write "0.0.0.0:8080"'),
        ("[http]\nlisten = 8080", 'http.listen: 8080 has no address; write "0.0.0.0:8080"'),
        ('[http]\nlisten = "8080"', 'has no address; write "0.0.0.0:8080"'),
        ('[http]\nlisten = "localhost"', "has no port; write an address like"),
        ('[http]\nlisten = "::"', 'has no port; write an address like "[::]:8080"'),
        ('[http]\nlisten = "127.0.0.1:99999"', "there is no port 99999; write one from 1 to 65535"),
        ('[http]\nlisten = "127.0.0.1:0"', "there is no port 0"),
        ('[stakeholders]\nurl = "https://x:99999"', "stakeholders.url: it has a port that there"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_told_with_the_right_one(text, says):
    """D5"""
    with pytest.raises(ConfigError) as caught:
        parse(text, {})
    assert says in str(caught.value)


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::1]:80", "::1:8080", "localhost:65535"])
def test_an_address_with_a_port_is_taken(listen):
    assert parse(f'[http]\nlisten = "{listen}"', {}).http.listen == listen


def test_every_fault_is_told_at_once_in_the_order_of_the_sections(tmp_path):
    """D5: a key that is wrong hides neither what is across sections nor somebody who is named"""
    text = """
[log]
level = "loud"
[plugins.x]
token = { env = "NOPE" }
[services.shop]
owner = "bob"
comms = "ann"
on_call = ["zoe", 3]
[people.ann]
nmae = "Ann"
[people]
ben = 3
[paging]
last = ["ben"]
"""
    (tmp_path / "c.toml").write_text(text)
    config, faults = examine(tmp_path / "c.toml", {})
    assert [fault.split(":")[0] for fault in faults] == [
        *("people.ann.nmae", "people.ben", "services.shop.on_call.1", "services.shop.owner"),
        *("services.shop.on_call.0", "log.level", "plugins.x.token"),
    ]
    assert set(config.people) == {"ann", "ben"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[people.ann]\n[people.Ann]", "people.Ann: to people it is the same as people.ann, since "
         "@Ann may be typed in either case; rename one"),
        ("[services.api]\n[services.API]", "services.API: to people it is the same as services"),
        ('[services.api]\n[services.web]\nname = "API"', "the same as services.api"),
        ('[services."Caf\u00e9"]\n[services."CAFE\u0301"]', "the same as services.Caf\u00e9"),
        ('[people.a]\nusers = {m = "@X"}\n[people.b]\nusers = {m = "@x"}',
         "people.b.users.m: '@x' is a's; one person each"),
        ('[people.ann]\n[people.b]\nusers = {console = "Ann"}', "people.b.users.console: 'Ann' is"),
    ],
)  # fmt: skip
def test_names_that_people_cannot_tell_apart_are_a_fault(text, says):
    """D5: the case is not typed at 3 a.m., and the last of the two would be paged"""
    with pytest.raises(ConfigError) as caught:
        parse(text, {})
    (fault,) = caught.value.faults
    assert says in fault


def test_an_accent_is_the_same_in_the_file_and_in_the_chat():
    """D5: macOS writes it apart from its letter (NFD)"""
    apart, whole = "Jose\u0301", "Jos\u00e9"
    for written, typed in ((apart, whole), (whole, apart)):
        config = parse(f'[people.jo]\nname = "{written}"\n[services."{written}"]', {})
        assert config.directory.find(typed, {}) == "jo"
        assert list(config.services) == [whole]
        assert not config.plan_for(whole).missing
    kept = parse(f'[storage]\nurl = "sqlite://{apart}"', {}).storage.url
    assert kept == f"sqlite://{apart}"


@pytest.mark.parametrize("blank", ["", "  \n"])
def test_a_secret_that_is_set_but_blank_is_told_by_its_variable_or_file(tmp_path, blank):
    """D5"""
    (tmp_path / "secret").write_text(blank)
    text = f'[plugins.x]\na = {{env = "A"}}\nb = {{file = "{tmp_path / "secret"}"}}'
    with pytest.raises(ConfigError) as caught:
        parse(text, {"A": blank})
    assert caught.value.faults == (
        "plugins.x.a: environment variable A is blank; set it",
        f"plugins.x.b: {tmp_path / 'secret'} is blank; write the secret into it",
    )


def test_a_mark_at_the_beginning_is_read_over_and_another_encoding_is_named(tmp_path):
    """D5: Notepad and PowerShell write both"""
    path = tmp_path / "c.toml"
    text = f'[people.ann]\n[plugins.x]\na = {{file = "{tmp_path / "secret"}"}}\n'
    (tmp_path / "secret").write_bytes("s3cret\r\n".encode("utf-8-sig"))
    path.write_bytes(text.encode("utf-8-sig"))
    assert load(path).plugins["x"] == {"a": "s3cret"}
    for encoding, name in (("utf-16", "UTF-16"), ("utf-32", "UTF-32"), ("utf-16-le", "UTF-16")):
        path.write_bytes(text.encode(encoding))
        with pytest.raises(ConfigError, match=f"{name}.*; save it as UTF-8"):
            load(path)
    path.write_text(text)
    (tmp_path / "secret").write_bytes("s3cret".encode("utf-16"))
    with pytest.raises(ConfigError, match=r"plugins\.x\.a: cannot read .* it is UTF-16, not UTF-8"):
        load(path)


class Theirs(BaseModel):
    """A section of somebody's plugin: lax, with a reader of its own."""

    model_config = ConfigDict(extra="forbid")

    on: bool = False
    port: int = 1
    shares: dict[str, float] = Field(default_factory=dict)
    size: int = 0
    token: Secret | None = None
    even: Annotated[int, AfterValidator(lambda n: n // (1 - n % 2))] = 0

    @field_validator("size", mode="before")
    @classmethod
    def _mebibytes(cls, value: object) -> object:
        return int(str(value).removesuffix("M"))


def test_a_plugins_section_is_as_strict_and_its_values_are_not_repeated():
    """D5"""
    raw: Mapping[str, Any] = {"on": "s3cret", "port": "s3cret", "shares": {"a": "s3cret"}}
    _, faults = faults_in(Theirs, raw, ("plugins.theirs",))
    lines = [fault.line(("plugins.theirs",)) for fault in faults]
    assert lines == [
        "plugins.theirs.on: it is neither true nor false; write true or false, without quotes",
        "plugins.theirs.port: it is not a whole number; write a whole number, without quotes",
        "plugins.theirs.shares.a: it is not a number; write a number, without quotes",
    ]


def test_what_comes_from_the_environment_is_a_text_and_a_reader_of_its_own_is_asked():
    read, faults = faults_in(Theirs, {"port": Revealed("587"), "size": "5M", "shares": {"a": 1}})
    assert (faults, read.port, read.size, read.shares) == ([], 587, 5, {"a": 1.0})
