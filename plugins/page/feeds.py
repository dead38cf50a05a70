"""The feeds, and the JSON that clients of status pages know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from typing import Any
from xml.etree import ElementTree as ET

from bot.contract import PublicState
from bot.plugin_kit.page_updates import COMMON_HEALTH, COMMON_IMPACT
from plugins.page.book import Book, Component, Told
from plugins.page.drawing import OVERALL

IN_A_FEED = 50
"""How many incidents a feed contains."""

MAINTENANCES = tuple(f"scheduled-maintenances{which}" for which in ("", "/upcoming", "/active"))
DOCUMENTS = (
    "status", "components", "incidents", "incidents/unresolved", "summary", *MAINTENANCES
)  # fmt: skip
"""The names of the documents of `/api/v2`; those about maintenance are always empty."""

_ATOM = "http://www.w3.org/2005/Atom"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Feeds:
    """Writes a book as feeds and JSON."""

    def __init__(self, title: str, url: str, *, suffix: str = "") -> None:
        """`url` is the address of the page; `suffix` ends the links to incidents."""
        self._title, self._url, self._suffix = title, url.rstrip("/"), suffix

    def link(self, told: Told) -> str:
        """Return an incident's address."""
        return f"{self._url}/incidents/{told.id}{self._suffix}"

    # --- feeds ------------------------------------------------------------------------------------

    def atom(self, book: Book) -> bytes:
        """Return the incidents as Atom (RFC 4287)."""
        ET.register_namespace("", _ATOM)
        feed = ET.Element(f"{{{_ATOM}}}feed")

        def put(to: ET.Element, name: str, text: str | None = None, **more: str) -> ET.Element:
            made = ET.SubElement(to, f"{{{_ATOM}}}{name}", more)
            made.text = _xml(text) if text is not None else None
            return made

        put(feed, "id", f"{self._url}/")
        put(feed, "title", f"{self._title}: incidents")
        put(feed, "updated", (book.updated_at or _EPOCH).isoformat())
        put(put(feed, "author"), "name", self._title)
        put(feed, "link", rel="self", href=f"{self._url}/history.atom")
        put(feed, "link", rel="alternate", type="text/html", href=f"{self._url}/")
        for told in book.incidents[:IN_A_FEED]:
            entry = put(feed, "entry")
            put(entry, "id", self.link(told))
            put(entry, "title", told.title)
            put(entry, "published", told.updates[0].at.isoformat())
            put(entry, "updated", told.last.at.isoformat())
            put(entry, "link", rel="alternate", type="text/html", href=self.link(told))
            put(entry, "content", _story(told), type="text")
        return _written(feed)

    def rss(self, book: Book) -> bytes:
        """Return the incidents as RSS 2.0."""
        root = ET.Element("rss", {"version": "2.0"})
        channel = ET.SubElement(root, "channel")

        def put(to: ET.Element, name: str, text: str, **more: str) -> None:
            ET.SubElement(to, name, more).text = _xml(text)

        put(channel, "title", f"{self._title}: incidents")
        put(channel, "link", f"{self._url}/")
        put(channel, "description", f"Incidents of {self._title}")
        put(channel, "lastBuildDate", format_datetime(book.updated_at or _EPOCH))
        for told in book.incidents[:IN_A_FEED]:
            item = ET.SubElement(channel, "item")
            put(item, "title", told.title)
            put(item, "link", self.link(told))
            put(item, "guid", self.link(told), isPermaLink="true")
            put(item, "pubDate", format_datetime(told.last.at))
            # A description is HTML: what people wrote is shown as it is.
            put(item, "description", escape(_story(told)).replace("\n", "<br>"))
        return _written(root)

    # --- JSON -------------------------------------------------------------------------------------

    def api(self, book: Book) -> dict[str, bytes]:
        """Return the documents of `/api/v2`, by name."""
        page = {
            "id": "sitrep",
            "name": self._title,
            "url": self._url,
            "time_zone": "Etc/UTC",
            "updated_at": _stamp(book.updated_at or _EPOCH),
        }
        status = {"indicator": COMMON_IMPACT[book.state], "description": OVERALL[book.state]}
        components = [
            _component(component, n, page["updated_at"])
            for n, component in enumerate(book.components, 1)
        ]
        known = {c.key: made for c, made in zip(book.components, components, strict=True)}
        recent = [self._incident(told, known) for told in book.incidents[:IN_A_FEED]]
        running = [self._incident(told, known) for told in book.open]
        none: dict[str, list[Any]] = {"scheduled_maintenances": []}
        documents: dict[str, dict[str, Any]] = {
            "status": {"status": status},
            "components": {"components": components},
            "incidents": {"incidents": recent},
            "incidents/unresolved": {"incidents": running},
            "summary": {
                "components": components,
                "incidents": running,
                "status": status,
                **none,
            },
            **dict.fromkeys(MAINTENANCES, none),
        }
        return {
            name: json.dumps({"page": page, **documents[name]}, ensure_ascii=False).encode()
            for name in DOCUMENTS
        }

    def _incident(self, told: Told, known: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        monitoring = [u.at for u in told.updates if u.state is PublicState.MONITORING]
        return {
            "id": told.id,
            "name": told.title,
            "status": told.last.state.value,
            "created_at": _stamp(told.updates[0].at),
            "updated_at": _stamp(told.last.at),
            "monitoring_at": _stamp(monitoring[-1]) if monitoring else None,
            "resolved_at": _stamp(told.last.at) if told.over else None,
            "impact": COMMON_IMPACT[told.worst],
            "shortlink": self.link(told),
            "started_at": _stamp(told.began_at),
            "page_id": "sitrep",
            "incident_updates": [
                {
                    "id": f"{told.id}.{update.n}",
                    "status": update.state.value,
                    "body": update.text,
                    "incident_id": told.id,
                    "created_at": _stamp(update.at),
                    "updated_at": _stamp(update.at),
                    "display_at": _stamp(update.at),
                    "affected_components": [
                        {
                            "code": known[key]["id"],
                            "name": known[key]["name"],
                            "new_status": COMMON_HEALTH[update.health],
                        }
                        for key in told.components
                        if key in known
                    ],
                    "deliver_notifications": True,
                }
                for update in reversed(told.updates)
            ],
            "components": [known[key] for key in told.components if key in known],
        }


def _component(component: Component, position: int, stamp: str) -> dict[str, Any]:
    return {
        "id": hashlib.sha256(component.key.encode()).hexdigest()[:12],
        "name": component.name,
        "status": COMMON_HEALTH[component.state],
        "created_at": stamp,
        "updated_at": stamp,
        "position": position,
        "description": None,
        "showcase": True,
        "start_date": None,
        "group_id": None,
        "page_id": "sitrep",
        "group": False,
        "only_show_if_degraded": False,
    }


def _story(told: Told) -> str:
    lines: Iterable[str] = (
        f"{update.state.value.capitalize()}, {update.at:%Y-%m-%d %H:%M} UTC: {update.text}"
        for update in reversed(told.updates)
    )
    return "\n\n".join(lines)


def _stamp(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _xml(text: str) -> str:
    """Return a text without the characters that XML cannot contain."""
    return "".join(c for c in text if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff"))


def _written(root: ET.Element) -> bytes:
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written
