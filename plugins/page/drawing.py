"""The pages as HTML: they need no JavaScript, read well on a phone, in light and in dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader

from bot.contract import ComponentState, PublicState
from plugins.page.book import DAYS, Book, Component, Told

RECENT = timedelta(days=15)
"""How far back the first page shows resolved incidents; the history shows the rest."""

STATES: Mapping[ComponentState, str] = {
    ComponentState.OPERATIONAL: "Operational",
    ComponentState.DEGRADED: "Degraded",
    ComponentState.PARTIAL: "Partial outage",
    ComponentState.MAJOR: "Major outage",
}
OVERALL: Mapping[ComponentState, str] = {
    ComponentState.OPERATIONAL: "All systems are operational",
    ComponentState.DEGRADED: "Some systems are degraded",
    ComponentState.PARTIAL: "Partial outage",
    ComponentState.MAJOR: "Major outage",
}
SIGNS: Mapping[ComponentState, str] = {
    ComponentState.OPERATIONAL: "✓",
    ComponentState.DEGRADED: "!",
    ComponentState.PARTIAL: "◐",
    ComponentState.MAJOR: "✕",
}
"""A shape for each state, for people who cannot tell the colours apart."""


class Drawing:
    """Draws a book as HTML."""

    def __init__(self, title: str, names: Mapping[str, str], *, suffix: str = "") -> None:
        """`suffix` ends the links to incidents and to the history: `.html` in files."""
        self._title, self._names, self._suffix = title, names, suffix

    def index(self, book: Book) -> str:
        """Return the first page: how things stand, and what happened lately."""
        recent = [t for t in book.incidents if t.over and t.last.at > book.now - RECENT]
        days = [(day, list(told)) for day, told in groupby(recent, lambda t: t.began_at.date())]
        return self._drawn("index.html", book, top="", days=days)

    def incident(self, book: Book, told: Told) -> str:
        """Return an incident's page."""
        return self._drawn("incident.html", book, top="../", told=told)

    def history(self, book: Book) -> str:
        """Return the page of all incidents, by month."""
        months = [
            (month, list(told))
            for month, told in groupby(book.incidents, lambda t: t.began_at.date().replace(day=1))
        ]
        return self._drawn("history.html", book, top="", months=months)

    def missing(self, book: Book) -> str:
        """Return the page for an address that does not exist."""
        return self._drawn("missing.html", book, top="../")

    def _drawn(self, template: str, book: Book, **more: Any) -> str:  # noqa: ANN401 - for Jinja
        found = _environment().get_template(template)
        return found.render(
            title=self._title,
            names=self._names,
            suffix=self._suffix,
            book=book,
            states=STATES,
            signs=SIGNS,
            overall=OVERALL[book.state],
            bad=ComponentState.OPERATIONAL,
            **more,
        )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("plugins.page"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {
        "minute": _minute,
        "day": _day,
        "month": _month,
        "alternative": _alternative,
        "share": _share,
        "state": _state,
    }
    return made


def _minute(when: datetime) -> str:
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def _day(when: date) -> str:
    return f"{when.day} {when:%B %Y}"


def _month(when: date) -> str:
    return f"{when:%B %Y}"


def _state(state: PublicState) -> str:
    return state.value.capitalize()


def _share(available: float) -> str:
    """Return a share in percent, rounded down: with an outage it is never 100."""
    return f"{math.floor(available * 10_000) / 100:.2f} %"


def _alternative(component: Component) -> str:
    """Return a component's days in words, for screen readers."""
    bad = [day for day in component.days if day.state is not ComponentState.OPERATIONAL]
    if not bad:
        return f"No problems in the last {DAYS} days"
    worst: Sequence[str] = [f"{_day(each.day)}: {STATES[each.state].lower()}" for each in bad[-10:]]
    days = f"{len(bad)} day{'s' if len(bad) != 1 else ''}"
    return f"Problems on {days} of the last {DAYS}; {', '.join(worst)}"
