"""Which of our updates are on a status page already. For plugins whose page gives them ids.

A page is asked what it has before anything is added: an answer that was lost is no second update.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.contract.context import Memory
from bot.contract.status_pages import StatusNotice
from bot.domain.publication import ComponentState

KEPT, BEGUN = "updates/", "begun/"
"""Under which names a plugin keeps what its page calls our updates, and which it adds."""

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
"""The words of Statuspage, which clients of status pages have learnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """An update as the page has it; `state` in the page's own word."""

    id: str
    state: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What was noted of an incident: the page's ids of our updates, by their number.

    `begun` was being added last, when the page had the updates `before`.
    """

    ids: Mapping[int, str]
    begun: int | None = None
    before: frozenset[str] = frozenset()


def matched(
    notice: StatusNotice, states: Mapping[str, str], theirs: Sequence[Theirs], noted: Noted
) -> dict[int, Theirs]:
    """Return which of our updates the page has, by their number.

    `theirs` are oldest first; `states` are the page's words for ours. Where no id was noted, the
    same words in the same order are the same update; of the one that was begun, whatever its words
    were then: a text that is redacted before the repeat must not stay beside it.
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
    """Return what was noted of an incident's updates."""
    ids = json.loads(await memory.recall(f"{KEPT}{incident}") or "{}")
    begun, before = json.loads(await memory.recall(f"{BEGUN}{incident}") or "[null, []]")
    return Noted(
        ids={int(n): each for n, each in ids.items()}, begun=begun, before=frozenset(before)
    )


async def note_begun(memory: Memory, incident: str, n: int, there: Iterable[Theirs]) -> None:
    """Note that an update is about to be added to those that are there."""
    before = sorted({each.id for each in there})
    await memory.keep(f"{BEGUN}{incident}", json.dumps([n, before]))


async def note(memory: Memory, incident: str, found: Mapping[int, Theirs]) -> None:
    """Note what the page calls our updates."""
    await memory.keep(f"{KEPT}{incident}", json.dumps({n: each.id for n, each in found.items()}))
