"""Postmortems and action items on the command line, as a process."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from tests.players.command_line import sitrep

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


WHOLE = """
ann@ops: !inc declare sev1 Checkout is down ic:@ben impact:all orders fail
ben@ops: !inc accept
ben@ops: !inc pm set summary too early
dev@ops: !inc tried rollback release 311
ben@ops: !inc resolve release 311 withdrawn
ben@ops: !inc pm finalise
ben@ops: !inc pm schedule 2020-01-01 14:00
ben@ops: !inc pm schedule 2099-12-01 14:00
ben@ops: !inc pm set outlook bright
ben@ops: !inc pm set summary Every order failed for 1 min; release 311 was withdrawn.
ben@ops: !inc pm set impact 3,400 users could not pay for 1 min.
dev@ops: !inc pm set cause Dev forgot the index.
dev@ops: !inc pm set cause A query without an index, made possible by 1,000 rows of test data.
ben@ops: !inc pm set well The rollback took 4 min.
ben@ops: !inc pm set poorly The first alert came after 9 min.
ben@ops: !inc pm set lessons A test database of 1,000 rows says nothing about 40 million.
ben@ops: !inc action improve monitoring owner:@ops-team due:yesterday as:hope
ben@ops: !inc action Page when no order came for 3 min owner:@dev due:2099-12-15 as:detect
ann@ops: !inc pm review
ann@ops: !inc pm finalise
ben@ops: !inc pm finalise
ben@ops: !inc pm waive 1
ann@ops: !inc pm waive 1 because it is fine
ben@ops: !inc pm waive 1 because one change removes the class of fault
ben@ops: !inc pm finalise
ben@ops: !inc pm add cause more
ann@ops: !inc list owing
"""


def test_from_resolved_to_closed_at_the_console_with_every_refusal_on_the_way(tmp_path):
    """P1 P2 P4 P5 A1 D5"""
    ran = sitrep(tmp_path, "run", lines=WHOLE.lstrip())
    assert ran.returncode == 1  # something was refused
    said = ran.stdout
    expected = (
        "its postmortem opens when it is resolved",
        "The draft is ready; its owner is Ben",
        "The postmortem has to be reviewed before it is final.",
        "That time is in the past.",
        "The postmortem is reviewed on Tue 1 Dec 14:00 UTC.",
        "No section “outlook”.",
        "To put right: “Dev",
        "Not filed yet, four things:",
        "ops-team is a team",
        "A1: Page when no order came for 3 min",
        "is in review",
        "Only its owner, the commander or the service's owner may finalise it.",
        "Not final yet: 1 to put right or to waive.",
        "Waiving a warning needs a reason.",
        "Only its owner, the commander or the service's owner may waive a warning.",
        "may stand: one change removes the class of fault",
        "INC-1 is closed: its postmortem is final.",
        "The postmortem of INC-1 is final; nothing was changed.",
        "No incident is owing a postmortem.",
    )
    at = 0
    for text in expected:
        assert text in said[at:], text
        at = said.index(text, at)
    assert sitrep(tmp_path, "check", "--deep").returncode == 0
