"""Matches our updates with those on a status page that gives updates ids of its own.

The page is asked what it has before anything is added, so a lost answer leads to no second update.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.contract.context import Memory
from bot.contract.status_pages import StatusNotice
from bot.domain.publication import ComponentState

KEPT, BEGUN = "updates/", "begun/"
"""The names under which a plugin keeps the page's ids of our updates, and the one being added."""

COMMON_IMPACT: Mapping[ComponentState, str] = {
    ComponentState.OPERATIONAL: "none",
    ComponentState.DEGRADED: "minor",
    ComponentState.PARTIAL: "major",
    ComponentState.MAJOR: "critical",
}
COMMON_HEALTH: Mapping[ComponentState, str] = {
    ComponentState.OPERATIONAL: "operational",
    ComponentState.DEGRADED: "degraded_performance",
    ComponentState.PARTIAL: "partial_outage",
    ComponentState.MAJOR: "major_outage",
}
"""Statuspage's words, which many clients of status pages understand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """An update as the page has it."""

    id: str
    """The page's id."""
    state: str
    """The page's own word for the state."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Notes about an incident's updates."""

    ids: Mapping[int, str]
    """The page's ids of our updates, by our number."""
    begun: int | None = None
    """The update that was being added last."""
    before: frozenset[str] = frozenset()
    """The ids that the page had just before that."""


def matched(
    notice: StatusNotice, states: Mapping[str, str], theirs: Sequence[Theirs], noted: Noted
) -> dict[int, Theirs]:
    """Return which of our updates the page has, by their number.

    `theirs` are oldest first; `states` maps our states to the page's words. An update without a
    noted id matches the first one with the same state and text, in order. The update that was begun
    also matches a new one with another text: it may have been redacted since, and the old text must
    not stay on the page.
    """
    by_id = {each.id: each for each in theirs}
    found = {
        update.n: by_id[noted.ids[update.n]]
        for update in notice.updates
        if noted.ids.get(update.n) in by_id
    }
    taken = {each.id for each in found.values()}
    free = [each for each in theirs if each.id not in taken]
    for update in notice.updates:
        if update.n in found:
            continue
        wanted = (states[update.state.value], update.text)
        same = next((n for n, each in enumerate(free) if (each.state, each.text) == wanted), None)
        if same is None and update.n == noted.begun and update.n not in noted.ids:
            came = ((n, each) for n, each in enumerate(free) if each.id not in noted.before)
            same = next((n for n, each in came if each.state == wanted[0]), None)
        if same is not None:
            found[update.n] = free[same]
            del free[: same + 1]
    return found


async def recalled(memory: Memory, incident: str) -> Noted:
    """Return the notes about an incident's updates."""
    ids = json.loads(await memory.recall(f"{KEPT}{incident}") or "{}")
    begun, before = json.loads(await memory.recall(f"{BEGUN}{incident}") or "[null, []]")
    return Noted(
        ids={int(n): each for n, each in ids.items()}, begun=begun, before=frozenset(before)
    )


async def note_begun(memory: Memory, incident: str, n: int, there: Iterable[Theirs]) -> None:
    """Note that an update is about to be added, and which are `there` already."""
    before = sorted({each.id for each in there})
    await memory.keep(f"{BEGUN}{incident}", json.dumps([n, before]))


async def note(memory: Memory, incident: str, found: Mapping[int, Theirs]) -> None:
    """Note the page's ids of our updates."""
    await memory.keep(f"{KEPT}{incident}", json.dumps({n: each.id for n, each in found.items()}))
