"""An incident's record as files: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from bot.config import Config
from bot.domain.events import Entry
from bot.domain.incident import Incident
from bot.domain.plain import plain
from bot.ports import Store, Work
from bot.presenter import Presenter


async def exported(config: Config, store: Store, name: str) -> Mapping[str, str] | None:
    """Return the pages of an incident by their suffix; none where there is no such incident."""

    async def read(work: Work) -> tuple[Incident, list[Entry]] | None:
        incident = await work.incident(name)
        return (incident, list(await work.timeline(name))) if incident is not None else None

    found = await store.read(read)
    if found is None:
        return None
    incident, entries = found
    presenter = Presenter(config.directory, config.plan_for)
    return {"md": presenter.export_markdown(incident, entries), "json": as_json(incident, entries)}


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
    return json.dumps(document, default=plain, ensure_ascii=False, indent=2) + "\n"
