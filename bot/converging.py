"""Which of our updates are on a status page already. For plugins whose page gives them ids.

A page is asked what it has before anything is added: an answer that was lost is no second update.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.publication import ComponentState
from bot.ports import Memory, StatusNotice

KEPT = "updates/"
"""Under which name a plugin keeps what its page calls our updates."""

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


def matched(
    notice: StatusNotice,
    states: Mapping[str, str],
    theirs: Sequence[Theirs],
    known: Mapping[str, str],
) -> dict[int, Theirs]:
    """Return which of our updates the page has, by their number.

    `theirs` are oldest first; `states` are the page's words for ours; `known` is what was noted of
    earlier ones. Where nothing was noted, the same words in the same order are the same update.
    """
    by_id = {each.id: each for each in theirs}
    found = {
        update.n: by_id[known[str(update.n)]]
        for update in notice.updates
        if known.get(str(update.n)) in by_id
    }
    taken = {each.id for each in found.values()}
    free = [each for each in theirs if each.id not in taken]
    for update in notice.updates:
        if update.n in found:
            continue
        wanted = (states[update.state.value], update.text)
        same = next((n for n, each in enumerate(free) if (each.state, each.text) == wanted), None)
        if same is not None:
            found[update.n] = free[same]
            del free[: same + 1]
    return found


async def recalled(memory: Memory, incident: str) -> dict[str, str]:
    """Return what was noted of an incident's updates."""
    kept: dict[str, str] = json.loads(await memory.recall(f"{KEPT}{incident}") or "{}")
    return kept


async def noted(memory: Memory, incident: str, known: Mapping[int, str]) -> None:
    """Note what the page calls our updates."""
    await memory.keep(f"{KEPT}{incident}", json.dumps({str(n): known[n] for n in known}))
