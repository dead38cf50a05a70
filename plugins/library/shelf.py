"""The files of the library, each written atomically."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import nh3
from markdown_it import MarkdownIt
from pydantic import BaseModel, ConfigDict

from bot.contract import Document, ExternalRef, Finding, PermanentFailure, PluginContext
from bot.plugin_kit.git_folder import Folder

INDEX = "index.json"
"""The file that the index pages are made from."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff; overflow-wrap: anywhere }}
table {{ border-collapse: collapse; display: block; overflow-x: auto }}
th, td {{ border: 1px solid #767676; padding: .3rem .5rem; text-align: left; vertical-align: top }}
a {{ color: #0b57d0 }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #e8e8e8; background: #16181c }} a {{ color: #8ab4f8 }} }}
</style></head><body><main>
{body}
</main></body></html>
"""


class LibrarySettings(BaseModel):
    """`[plugins.library]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str = "postmortems"
    git: bool | None = None
    push: bool = False


class Library:
    """A folder of finished postmortems."""

    def __init__(self, context: PluginContext, settings: LibrarySettings) -> None:
        """Write nothing yet."""
        self._context = context
        path = Path(context.home, settings.folder)
        self._folder = Folder(path, git=settings.git, push=settings.push)
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    async def publish(
        self, document: Document, ref: ExternalRef | None, *, key: str
    ) -> ExternalRef:
        """Write a document and the index; the same document again changes nothing."""
        del ref, key  # the incident's id names the file
        title = " ".join(document.title.split())[:60]
        said = f"Postmortem {document.incident}: {title}"
        await self._folder.write(lambda: self._write(document), said)
        path = self._folder.path / f"{document.incident}.md"
        return ExternalRef(self._context.name, document.incident, str(path))

    def _write(self, document: Document) -> None:
        self._folder.put(f"{document.incident}.md", document.markdown)
        body = nh3.clean(self._markdown.render(document.markdown))
        title = escape(f"{document.incident}: {document.title}")
        self._folder.put(f"{document.incident}.html", _PAGE.format(title=title, body=body))
        entries = self._indexed(document)
        self._folder.put(INDEX, json.dumps(entries, ensure_ascii=False, indent=1) + "\n")
        self._folder.put("README.md", _index_markdown(entries))
        self._folder.put(
            "index.html",
            _PAGE.format(title="Postmortems", body=_index_html(entries)),
        )

    def _indexed(self, document: Document) -> list[dict[str, Any]]:
        path = self._folder.path / INDEX
        try:
            entries = json.loads(path.read_text("utf-8")) if path.exists() else []
        except ValueError as exc:
            raise PermanentFailure(f"{path} is not JSON any more; remove it") from exc
        entry = {
            "incident": document.incident,
            "title": document.title,
            "date": f"{document.at:%Y-%m-%d}",
            "severity": document.severity.label,
            "service": document.service,
        }
        kept = [each for each in entries if each["incident"] != document.incident]
        return sorted([*kept, entry], key=lambda e: (e["date"], e["incident"]), reverse=True)

    async def check(self) -> Sequence[Finding]:
        """Check that the folder can be written, and that git is installed if it is wanted."""
        return self._folder.check()


def _index_markdown(entries: Sequence[dict[str, Any]]) -> str:
    lines = ["# Postmortems", "", "| Date | Severity | Service | Postmortem |", "|---|---|---|---|"]
    for each in entries:
        title = each["title"].replace("\\", "\\\\").replace("|", "\\|").replace("[", "\\[")
        title = " ".join(title.replace("]", "\\]").replace("<", "\\<").split())
        link = f"[{each['incident']}: {title}]({each['incident']}.md)"
        lines.append(f"| {each['date']} | {each['severity']} | {each['service'] or ''} | {link} |")
    return "\n".join(lines) + "\n"


def _index_html(entries: Sequence[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{each['date']}</td><td>{escape(each['severity'])}</td>"
        f"<td>{escape(each['service'] or '')}</td>"
        f'<td><a href="{escape(each["incident"])}.html">'
        f"{escape(each['incident'])}: {escape(each['title'])}</a></td></tr>\n"
        for each in entries
    )
    head = "<tr><th>Date</th><th>Severity</th><th>Service</th><th>Postmortem</th></tr>\n"
    return f"<h1>Postmortems</h1>\n<table>\n{head}{rows}</table>"
