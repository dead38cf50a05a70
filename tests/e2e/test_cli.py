"""The command line, as a process."""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import datetime, timedelta

import pytest

from bot.cli import checks as checking
from bot.clock import SystemClock
from bot.config.load import parse
from storage import open_database
from tests.players.command_line import TEAM, sitrep

INCIDENT = (
    "ann@ops: !inc declare sev1 Checkout *is* <down>\n"
    "ben@ops: !inc accept\n"
    "ben@ops: !inc update rolling `back`\n"
    "ben@ops: !inc resolve done\n"
)


class Off(SystemClock):
    """A clock that is off by so much."""

    def __init__(self, off: timedelta) -> None:
        self._off = off

    def now(self) -> datetime:
        return super().now() + self._off


def test_help_teaches_and_names_the_exit_codes(tmp_path):
    said = sitrep(tmp_path, "--help").stdout
    for word in ("run", "demo", "check", "plugins", "migrate", "incidents", "export", "config"):
        assert word in said
    assert "SITREP_HOME" in said
    assert "4 the database cannot be used" in " ".join(said.split())


@pytest.mark.parametrize("word", ["run", "demo", "check", "plugins", "migrate", "export"])
def test_every_command_has_help(tmp_path, word):
    done = sitrep(tmp_path, word, "--help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 5


def test_an_unknown_command_is_a_wrong_call(tmp_path):
    assert sitrep(tmp_path, "frobnicate").returncode == 2


def test_incidents_are_listed_as_text_and_json(tmp_path):
    sitrep(tmp_path, "run", lines=INCIDENT)
    assert "No incident is open." in sitrep(tmp_path, "incidents").stdout
    assert "postmortem owing" in sitrep(tmp_path, "incidents", "owing").stdout
    (line,) = sitrep(tmp_path, "incidents", "all", "--json").stdout.splitlines()
    assert json.loads(line)["id"] == "INC-1"
    assert sitrep(tmp_path, "incidents", "nonsense").returncode == 2


def test_export_writes_markdown_and_json_that_show_what_was_written(tmp_path):
    sitrep(tmp_path, "run", lines=INCIDENT)
    done = sitrep(tmp_path, "export", "inc-1", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out/INC-1.md").read_text()
    assert r"Checkout \*is\* \<down\>" in text
    assert "(All times UTC)" in text
    document = json.loads((tmp_path / "out/INC-1.json").read_text())
    assert document["incident"]["title"] == "Checkout *is* <down>"
    assert [e["n"] for e in document["timeline"]] == list(range(1, len(document["timeline"]) + 1))
    missing = sitrep(tmp_path, "export", "INC-9")
    assert missing.returncode == 1
    assert "there is no INC-9" in missing.stderr


def test_check_tells_every_fault_at_once_with_key_and_fix(tmp_path):
    broken = """
[people.ann]
nmae = "Ann"
[services.checkout]
comms = "anne"
external = { sev1 = "soon" }
[clocks]
internal = { sev1 = "-1m" }
[triage]
zone = "Mars/Olympus"
[adapters.console]
[plugins.nonsense]
"""
    done = sitrep(tmp_path, "check", config=broken)
    assert done.returncode == 2
    for text in (
        "people.ann.nmae: unknown key; did you mean 'name'?",
        "services.checkout.external.sev1: 'soon' is not a duration; write 15m, 1h30m or 45s",
        "clocks.internal.sev1",
        "'Mars/Olympus' is not a time zone",
    ):
        assert text in done.stdout
    assert "Traceback" not in done.stderr


EVERYWHERE = """
[log]
level = "loud"
[plugins.github]
repository = "example"
token = { env = "SITREP_NO_SUCH" }
[plugins.redmine]
url = "http://127.0.0.1:9"
project = "ops"
key = { file = "%s" }
[plugins.lamp]
[adapters.teams]
app_id = "11111111-2222-3333-4444-555555555555"
tenant = "11111111-2222-3333-4444-555555555555"
tenants = ["11111111-2222-3333-4444-555555555555"]
password = { file = "%s" }
login = "http://127.0.0.1:9"
openid = "http://127.0.0.1:9"
graph = "http://127.0.0.1:9"
[adapters.console]
mute = "no"
[services.checkout]
owner = "bob"
[people.ann]
commander = "yes"
[storage]
url = "postgres://sitrep@127.0.0.1:9/sitrep"
"""
"""A config that is wrong in each of the ways there are."""


def test_check_and_run_tell_what_is_wrong_in_every_place_in_one_round(tmp_path):
    """D5: model, names, secrets, plugins, what listens; check: what can be reached as well"""
    (tmp_path / "secret").write_text("s3cret")
    config = EVERYWHERE % (tmp_path / "secret", tmp_path / "secret")
    begin = (
        "people.ann.commander: 'yes' is neither true nor false; write true, without quotes",
        "services.checkout.owner: nobody is called 'bob'",
        "http.listen: teams hears over HTTP",
        "log.level: ",
        "adapters.console.mute: it is neither true nor false; write false, without quotes",
        "plugins.github.token: environment variable SITREP_NO_SUCH is not set",
        "plugins.github.repository: it is not written as it must be; write it like",
        "[plugins.lamp] no plugin 'lamp' is installed",
    )
    ran = sitrep(tmp_path, "run", config=config)
    assert ran.returncode == 2
    lines = ran.stderr.splitlines()
    assert [line.startswith(f"sitrep: {b}") for b, line in zip(begin, lines, strict=True)] == (
        [True] * len(begin)
    ), lines
    done = sitrep(tmp_path, "check", config=config)
    assert (done.returncode, done.stderr) == (2, "")
    lines = [line for line in done.stdout.splitlines() if not line.startswith("     ")]
    assert all(line.startswith("fault  ") for line in lines), lines
    reach = ("[redmine] ", "[teams] ", "the database")
    for each in (*begin, *reach):
        assert any(line.startswith(f"fault  {each}") for line in lines), (each, lines)
    assert "s3cret" not in ran.stderr + done.stdout


def test_check_names_a_plugin_that_is_not_installed(tmp_path):
    done = sitrep(tmp_path, "check", config=TEAM + "[plugins.lamp]\n")
    assert done.returncode == 2
    assert "[plugins.lamp] no plugin 'lamp' is installed" in done.stdout


def test_check_says_ok_and_what_will_be_missed(tmp_path):
    done = sitrep(tmp_path, "check", config=TEAM)
    assert done.returncode == 0, done.stderr
    assert "ok     the config can be used" in done.stdout
    assert f"config: {tmp_path / 'sitrep.toml'}" in done.stdout
    assert "config: none, so a built-in example team" in sitrep(tmp_path, "check").stdout
    assert "no service has a communication plan" in done.stdout


def test_check_tells_what_a_communication_plan_lacks_and_who_has_none(tmp_path):
    """X1"""
    config = TEAM + (
        '[services.checkout]\ncomms = "ann"\n[services.search]\ncomms = "ann"\n'
        'liaison = "ann"\nexternal = { sev1 = "30m" }\ncomponents = ["search", "serach"]\n'
        'owner = "ann"\non_call = ["ann"]\n'
        '[plugins.page]\nurl = "https://status.example.com"\ncomponents = { search = "Search" }\n'
    )
    lines = "ann@ops: !inc declare sev1 down service:billing\n"
    assert sitrep(tmp_path, "run", config=config, lines=lines).returncode == 0
    said = sitrep(tmp_path, "check", config=config).stdout
    assert (
        "services.checkout: its communication plan lacks who briefs (liaison); how often the "
        "public is told (external.sev1); its components of the status page (components)"
    ) in said
    assert "services.search: its" not in said
    assert "services.search.components: no status page shows 'serach'; there is: search" in said
    assert "services.billing: incidents were declared for it, and it has no" in said
    assert "[plugins.page] would be reached over HTTP, and nothing listens" in said


async def test_check_tells_of_a_clock_that_is_not_the_databases(url, tmp_path, monkeypatch):
    config = parse(f'{TEAM}[storage]\nurl = "{url}"\n', {})
    async with open_database(url, tell=lambda _line: None):
        pass  # made
    for off, said in ((1, None), (60, "1 min ahead of"), (-5, "5 s behind")):
        monkeypatch.setattr(checking, "SystemClock", lambda off=off: Off(timedelta(seconds=off)))
        found = await checking.check(config, tmp_path, deep=False, tell=lambda _line: None)
        assert (found.faults, found.of_database) == ([], [])
        told = [note for note in found.notes if note.startswith("the clock here is")]
        shared = said is not None and not url.startswith("sqlite")
        assert [f"{said} the database's" in note for note in told] == [True] * shared


def test_check_deep_finds_a_row_that_its_timeline_does_not_give(tmp_path):
    sitrep(tmp_path, "run", lines=INCIDENT)
    assert sitrep(tmp_path, "check", "--deep").returncode == 0
    with sqlite3.connect(tmp_path / "sitrep.db") as db:
        db.execute("UPDATE incident SET state = replace(state, 'Checkout', 'Checkin')")
    db.close()
    done = sitrep(tmp_path, "check", "--deep")
    assert done.returncode == 1
    assert "INC-1: its row is not what its timeline gives" in done.stdout


def test_migrate_says_what_it_does_and_again_that_there_is_nothing(tmp_path):
    assert "to be done" in sitrep(tmp_path, "migrate", "--dry-run").stdout
    assert "done: " in sitrep(tmp_path, "migrate").stdout
    assert sitrep(tmp_path, "migrate").stdout == "up to date\n"


def test_a_newer_database_is_refused_with_its_own_exit_code(tmp_path):
    sitrep(tmp_path, "migrate")
    with sqlite3.connect(tmp_path / "sitrep.db") as db:
        db.execute(
            "INSERT INTO tortoise_migrations (app, name, applied_at)"
            " VALUES ('models', '0099_future', '2030-01-01')"
        )
    db.close()
    for command in (("run",), ("incidents",), ("migrate",)):
        done = sitrep(tmp_path, *command)
        assert done.returncode == 4
        assert "newer Sitrep" in done.stderr


def test_plugins_lists_what_is_installed(tmp_path):
    said = sitrep(tmp_path, "plugins").stdout
    assert "console" in said
    assert "register_chat_adapter" in said
    assert "audit" in said


def test_the_example_config_is_printed_and_can_be_used(tmp_path):
    text = sitrep(tmp_path, "config").stdout
    done = sitrep(tmp_path, "check", config=text)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "are the example's" not in done.stdout


def test_the_printed_config_has_no_invented_people_and_check_tells_who_left_them_in(tmp_path):
    """F8"""
    text = sitrep(tmp_path, "config").stdout
    lines = "zoe@ops: !inc declare sev1 down\nzoe@ops: !inc who\n"
    done = sitrep(tmp_path, "run", config=text, lines=lines)
    assert re.findall(r"(?i)\b(ann|ben|cara|priya)\b", done.stdout) == []
    assert "The config names nobody on" in done.stdout
    for name in ("ann", "ben", "cara", "priya"):
        text = text.replace(f"# [people.{name}]", f"[people.{name}]")
    said = sitrep(tmp_path, "check", config=text).stdout
    assert "note   the people (ann, ben, cara, priya) are the example's" in said
    said = sitrep(tmp_path, "check", config=f"{text}\n[people.zoe]\n").stdout
    assert "are the example's" not in said
