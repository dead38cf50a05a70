"""An incident's record as files: Markdown for people, JSON for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date

from bot.config.model import Config
from bot.contract.messages import spans_text
from bot.domain import drafting
from bot.domain.events import Entry
from bot.domain.incident import Incident
from bot.domain.jsonable import jsonable
from bot.presenter import Presenter
from bot.store.incidents import ActionLine
from bot.store.work import Store, Work


async def exported(config: Config, store: Store, name: str) -> Mapping[str, str] | None:
    """Return the pages of an incident by their suffix; `None` if there is no such incident."""

    async def read(work: Work) -> tuple[Incident, list[Entry]] | None:
        incident = await work.incident(name)
        return (incident, list(await work.timeline(name))) if incident is not None else None

    found = await store.read(read)
    if found is None:
        return None
    incident, entries = found
    presenter = Presenter(config.directory, config.plan_for)
    return {"md": presenter.timeline.export(incident, entries), "json": as_json(incident, entries)}


async def postmortem(config: Config, store: Store, name: str) -> str | None:
    """Return an incident's postmortem as Markdown; `None` if there is no such incident."""

    async def read(work: Work) -> tuple[Incident, list[Entry]] | None:
        incident = await work.incident(name)
        return (incident, list(await work.timeline(name))) if incident is not None else None

    found = await store.read(read)
    if found is None:
        return None
    return drafting.document(*found, Presenter(config.directory, config.plan_for).drafting)


ACTION_COLUMNS = (
    "incident", "action", "text", "owner", "due", "category", "strength", "state", "ticket",
    "title",
)  # fmt: skip


def actions_as(form: str, config: Config, lines: Sequence[ActionLine], today: date) -> str:
    """Return action items as text, a Markdown table, CSV, or JSON objects a line."""
    say = Presenter(config.directory, config.plan_for)
    rows = [say.actions.row(line, today) for line in lines]
    match form:
        case "csv":
            table = io.StringIO()
            writer = csv.writer(table, lineterminator="\n")
            writer.writerow(ACTION_COLUMNS)
            # A spreadsheet takes what begins like a formula for one.
            writer.writerows([_no_formula(cell) for cell in row] for row in rows)
            return table.getvalue()
        case "json":
            return "".join(
                json.dumps(dict(zip(ACTION_COLUMNS, row, strict=True)), ensure_ascii=False) + "\n"
                for row in rows
            )
        case "markdown":
            head = [ACTION_COLUMNS, tuple("---" for _ in ACTION_COLUMNS)]
            return "".join(
                "| " + " | ".join(c.replace("\\", "\\\\").replace("|", "\\|") for c in row) + " |\n"
                for row in (*head, *rows)
            )
        case _:
            shown = "\n".join(spans_text(say.actions.item(line, today)) for line in lines)
            return f"{shown or 'No action items.'}\n"


def _no_formula(cell: str) -> str:
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t"} else cell


def as_json(incident: Incident, entries: list[Entry]) -> str:
    """Return state and timeline as JSON; durations are seconds, times ISO 8601 in UTC."""
    timeline = [
        {
            "n": entry.n,
            "type": type(entry.event).__name__,
            "recorded_at": entry.recorded_at,
            "event": asdict(entry.event),
        }
        for entry in entries
    ]
    document = {"version": 1, "incident": asdict(incident), "timeline": timeline}
    return json.dumps(document, default=jsonable, ensure_ascii=False, indent=2) + "\n"
