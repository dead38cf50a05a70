"""Writes every timeline entry of every incident to a file, a JSON object a line.

```toml
[plugins.audit]
file = "/var/log/sitrep-audit.jsonl"
```
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bot.contract import (
    REDACTED,
    Entry,
    EntryRedacted,
    Incident,
    PluginContext,
    SetupFailed,
    hookimpl,
    jsonable,
)
from bot.plugin_kit.files import FileRefused, append_own, refuse_link, replace_own


class AuditSettings(BaseModel):
    """`[plugins.audit]`. `file` is absolute, or in the home folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = "audit.jsonl"


@hookimpl
def configure(context: PluginContext) -> None:
    """Read the settings now, so that a fault in them stops the start; a link is one."""
    try:
        refuse_link(_path(context))
    except FileRefused as exc:
        raise SetupFailed(f"[plugins.{context.name}] {exc}") from exc


def _path(context: PluginContext) -> Path:
    return Path(context.home, context.settings(AuditSettings).file)


@hookimpl
async def incident_changed(context: PluginContext, entry: Entry, incident: Incident) -> None:
    """Append the entry, and sync the file.

    A redacted text is removed from the file, too (L3).
    """
    path = _path(context)
    line = json.dumps(
        {
            "incident": incident.id,
            "entry": entry.n,
            "type": type(entry.event).__name__,
            "recorded_at": entry.recorded_at,
            "event": asdict(entry.event),
        },
        default=jsonable,
        ensure_ascii=False,
    )
    if isinstance(entry.event, EntryRedacted):
        await asyncio.to_thread(_redact, path, incident.id, entry.event.entry)
    await asyncio.to_thread(append_own, path, line.encode() + b"\n")


def _redact(path: Path, incident: str, n: int) -> None:
    """Rewrite the file without the text of an entry and of its amendments."""
    kept = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        record = json.loads(line)
        event = record["event"]
        amends = record["type"] == "EntryAmended" and event["entry"] == n
        if record["incident"] == incident and (record["entry"] == n or amends):
            event.update({key: REDACTED for key in ("text", "title") if key in event})
        kept.append(json.dumps(record, ensure_ascii=False))
    replace_own(path, "".join(f"{line}\n" for line in kept))
