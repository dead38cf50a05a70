"""Postmortems and action items on the command line, as a process."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from test_console import sitrep

LINES = (
    "ann@ops: !inc declare sev1 Checkout *is* <down>\n"
    "ben@ops: !inc accept\n"
    "ben@ops: !inc resolve done\n"
    "ben@ops: !inc action Page when none came for 3 min owner:@dev due:2099-12-01 as:detect\n"
    "ben@ops: !inc action =1+1 is shown as 2 in every report owner:@ann due:2099-12-02 as:recover\n"
    "ben@ops: !inc pm schedule 2099-11-01 14:00\n"
)


def test_a_postmortem_goes_out_is_edited_and_comes_in_again(tmp_path):
    """P3"""
    ran = sitrep(tmp_path, "run", lines=LINES)
    assert ran.returncode == 0, ran.stderr
    assert "INC-1.ics: " in ran.stdout
    (place,) = [line for line in ran.stdout.splitlines() if "INC-1.ics: " in line]
    invitation = Path(place.partition("INC-1.ics: ")[2]).read_text("utf-8")
    assert "METHOD:REQUEST" in invitation
    text = sitrep(tmp_path, "postmortem", "export", "inc-1").stdout
    assert text.startswith("# Postmortem: Checkout *is* <down>")
    same = sitrep(tmp_path, "postmortem", "import", "INC-1", "-", "--as", "ann", lines=text)
    assert same.stdout.strip() == "nothing differs from the record"
    edited = text.replace("- Users affected: [estimate]", "- Users affected: about 3,400")
    done = sitrep(tmp_path, "postmortem", "import", "INC-1", "-", "--as", "ann", lines=edited)
    assert done.returncode == 0, done.stderr
    assert "1 section" in done.stdout
    out = tmp_path / "pm/INC-1.md"
    assert sitrep(tmp_path, "postmortem", "export", "INC-1", "--out", str(out)).returncode == 0
    assert "about 3,400" in out.read_text("utf-8")
    nobody = sitrep(tmp_path, "postmortem", "import", "INC-1", str(out), "--as", "zoe")
    assert (nobody.returncode, "nobody is called 'zoe'" in nobody.stderr) == (2, True)
    missing = sitrep(tmp_path, "postmortem", "export", "INC-9")
    assert (missing.returncode, "there is no INC-9" in missing.stderr) == (1, True)
    # What was imported beside the bot is told by it.
    told = sitrep(tmp_path, "run", lines="ann@ops: !inc pm\n").stdout
    assert "Impact written (version 1)" in told


def test_lint_judges_any_file_and_its_exit_status_says_whether_it_is_fit(tmp_path):
    """P4"""
    file = tmp_path / "pm.md"
    file.write_text("# Postmortem: x\n\n## Summary\n\nBob forgot the index. It was human error.\n")
    done = sitrep(tmp_path, "lint", str(file), "--name", "Bob")
    assert done.returncode == 1
    assert f"{file}:5:1: error named: “Bob”" in done.stdout
    assert "error hidden-blame" in done.stdout
    found = [
        json.loads(x) for x in sitrep(tmp_path, "lint", str(file), "--json").stdout.split("\n") if x
    ]
    assert {f["rule"] for f in found} >= {"hidden-blame"}
    file.write_text("## Root cause\n\nThe root cause was a race.\n")
    assert sitrep(tmp_path, "lint", str(file)).returncode == 0  # a warning alone
    fine = sitrep(tmp_path, "lint", "-", lines="## Summary\n\nA deploy added an index.\n")
    assert (fine.returncode, fine.stdout) == (0, "")
    assert sitrep(tmp_path, "lint", str(tmp_path / "none.md")).returncode == 2


def test_action_items_are_exported(tmp_path):
    """A2: the table that needs no tracker"""
    sitrep(tmp_path, "run", lines=LINES)
    assert "INC-1 A1 by 2099-12-01 · Dev" in sitrep(tmp_path, "actions").stdout
    assert "No action items." in sitrep(tmp_path, "actions", "overdue").stdout
    rows = list(csv.reader(io.StringIO(sitrep(tmp_path, "actions", "--format", "csv").stdout)))
    assert rows[0][:4] == ["incident", "action", "text", "owner"]
    assert rows[2][2].startswith("'=1+1")  # no formula for a spreadsheet
    table = sitrep(tmp_path, "actions", "inc-1", "--format", "markdown").stdout.splitlines()
    assert table[1].startswith("| --- |")
    (first, _) = sitrep(tmp_path, "actions", "all", "--format", "json").stdout.splitlines()
    assert json.loads(first)["owner"] == "Dev"
    assert sitrep(tmp_path, "actions", "--format", "xml").returncode == 2
