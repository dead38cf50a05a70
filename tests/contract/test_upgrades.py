"""A database that an older Sitrep filled is upgraded, and worked with."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import asyncpg

from bot.domain.evolve import fold
from bot.domain.incident import Incident
from bot.domain.postmortem_values import Section
from bot.testing import TEAM, stage
from storage import migrate, open_database
from storage.codec import dump_incident, load_event, load_incident

ROOT = Path(__file__).parents[2]
SAMPLE = json.loads(
    (Path(__file__).with_name("samples") / "1-before-postmortems.json").read_text("utf-8")
)
WAITING = {
    "target": "chat",
    "lane": "chat/ops",
    "body": {"message": {"summary": ["kept waiting"], "blocks": []}, "kind": "post"},
}
TICKET = {
    "target": "outside",
    "lane": "plugin/outside/INC-1",
    "incident": "INC-1",
    "slot": "ticket/INC-1/outside",
    "body": {"ticket": {"marker": "sitrep:INC-1", "title": "t", "text": "x"}, "kind": "ticket"},
}


def owing() -> tuple[Incident, list]:
    """The sample's incident as it stood when it was resolved, before it was reopened."""
    events = [load_event(kind, text, 1) for kind, text in SAMPLE["events"]]
    last = max(n for n, (kind, _) in enumerate(SAMPLE["events"]) if kind == "Resolved")
    return fold(tuple(events[: last + 1])), SAMPLE["events"][: last + 1]


def statements() -> list[tuple[str, tuple]]:
    incident, events = owing()
    state = json.loads(SAMPLE["incident"]) | {
        key: value
        for key, value in json.loads(_dumped(incident)).items()
        if key not in {"review", "actions"}
    }
    rows: list[tuple[str, tuple]] = [
        (
            "INSERT INTO incident (id, state, schema, title, severity, phase, running, postmortem,"
            " commander, declared_us) VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9)",
            ("INC-1", json.dumps(state), incident.title, int(incident.severity), "resolved",
             False, "full", incident.commander, 1_700_000_000_000_000),
        ),
        ("INSERT INTO counter (series, value) VALUES ($1, $2)", ("INC", 1)),
        ("INSERT INTO member (conversation, incident_id) VALUES ($1, $2)", ("chat/ops", "INC-1")),
    ]  # fmt: skip
    rows += [
        (
            "INSERT INTO event (incident_id, n, type, schema, data, recorded_us)"
            " VALUES ($1, $2, $3, 1, $4, $5)",
            ("INC-1", n, kind, text, 1_700_000_000_000_000),
        )
        for n, (kind, text) in enumerate(events, 1)
    ]
    for n, what in enumerate((WAITING, TICKET), 1):
        rows.append(
            ("INSERT INTO lane (name, fence) VALUES ($1, $2)", (what["lane"], 0)),
        )
        rows.append(
            (
                "INSERT INTO outbox (key, lane, target, what, incident, urgent, slot, state,"
                " version, attempts, created_us)"
                " VALUES ($1, $2, $3, $4, $5, 0, $6, 'waiting', 0, 0, $7)",
                (f"k{n}", what["lane"], what["target"], json.dumps(what), what.get("incident"),
                 what.get("slot"), 1_790_000_000_000_000),
            )
        )  # fmt: skip
    return rows


def _dumped(incident: Incident) -> str:
    return dump_incident(incident)


async def filled_by_the_first_version(url: str, tmp_path: Path, monkeypatch) -> None:
    """Make a database of the first migration alone, and fill it as that version did."""
    folder = tmp_path / f"first_{tmp_path.name.replace('-', '_')}"
    folder.mkdir()
    for name in ("__init__.py", "0001_initial.py"):
        shutil.copy(ROOT / "storage/migrations" / name, folder)
    monkeypatch.syspath_prepend(tmp_path)
    await migrate.upgrade(url, tell=lambda _line: None, migrations=folder.name)
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite://")) as db:
            for statement, values in statements():
                db.execute(statement.replace("$", "?"), values)
        return
    connection = await asyncpg.connect(url.replace("asyncpg:", "postgres:", 1))
    for statement, values in statements():
        await connection.execute(statement, *values)
    await connection.close()


async def test_what_the_first_version_left_is_upgraded_and_worked_with(url, tmp_path, monkeypatch):
    """P1: an incident resolved before there were postmortems owes its own"""
    await filled_by_the_first_version(url, tmp_path, monkeypatch)
    told: list[str] = []
    async with open_database(url, tell=told.append) as db:
        incident = await db.read(lambda work: work.incident("INC-1"))
        entries = await db.read(lambda work: work.timeline("INC-1"))
        assert incident.review is None
        assert incident == fold(tuple(e.event for e in entries))
        assert (await db.backlog())["waiting"] == 2
        assert await db.transact(lambda work: work.number("INC")) == 2
    assert told[-5:] == [
        "upgraded: 0002_doubt_and_keeping",
        "upgraded: 0003_actions",
        "upgraded: 0004_subscriptions",
        "upgraded: 0005_news",
        "upgraded: 0006_confirmations",
    ]
    home = tmp_path / "home"
    config = TEAM + f'[storage]\nurl = "{url}"\n'
    async with stage(home, config=config) as bot:
        await bot.settle()
        assert any("kept waiting" in text for text in bot.heard())
        await bot.say("ann", "!inc INC-1 pm")
        assert "Postmortem of INC-1: draft" in bot.heard()[-1]
        await bot.say("ann", "!inc INC-1 pm set cause It was x, and y made that possible.")
        incident = await bot.incident()
        assert incident.review.sections[Section.CAUSE].startswith("It was x")
        assert incident.review.due
        await bot.say("ann", "!inc declare sev3 The next one")
        assert (await bot.incident("INC-3")).title == "The next one"


def test_a_state_of_the_first_version_is_read():
    assert load_incident(SAMPLE["incident"], 1).id == "INC-1"
