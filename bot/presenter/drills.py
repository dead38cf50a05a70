"""Messages about the score of a drill (X1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.contract.messages import Bullets, Message, Spans, span_of
from bot.domain.drills import Mark, Task, Verdict
from bot.domain.incident import Incident
from bot.presenter.voice import Voice, message

_TASKS: Mapping[Task, str] = {
    Task.COMMAND: "A commander accepted",
    Task.ROLES: "Roles were filled",
    Task.IMPACT: "The impact was stated",
    Task.STEP: "A stabilising step was tried",
    Task.INTERNAL: "Updates to the room",
    Task.PUBLIC: "The first public text went out",
    Task.EXTERNAL: "Public updates",
    Task.BRIEFS: "Briefs to stakeholders",
    Task.ORDER: "Stabilised before it was resolved",
}

_SIGN = {Verdict.GOOD: "✅", Verdict.LATE: "🕒 late —", Verdict.MISSING: "❌ missing —"}

_WORST = (Verdict.MISSING, Verdict.LATE, Verdict.GOOD)


class DrillWords:
    """Messages about scores."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def score(self, incident: Incident, marks: Sequence[Mark]) -> Message:
        """Return the score of a drill, with what was missing or late first (X1)."""
        good = sum(mark.verdict is Verdict.GOOD for mark in marks)
        worst_first = sorted(marks, key=lambda mark: _WORST.index(mark.verdict))
        return message(
            (f"{incident.id} scored {good} of {len(marks)}.",),
            Bullets(tuple((f"{_SIGN[m.verdict]} ", *self._mark(m)) for m in worst_first)),
            (
                "What is missing once is missing at 3 a.m., too. Again: ",
                self._voice.line("drill <title>"),
            )
            if good < len(marks)
            else None,
        )

    def _mark(self, mark: Mark) -> Spans:
        what = _TASKS[mark.task]
        if mark.promised:
            return (f"{what}: {mark.kept} of {mark.promised} kept",)
        if mark.roles:
            return (f"{what}: nobody was {' or '.join(role.value for role in mark.roles)}",)
        if mark.task is Task.ORDER and mark.verdict is Verdict.MISSING:
            return (f"{what}: resolved without saying that users were served again",)
        within = f" (within {span_of(mark.within)} is asked)" if mark.within is not None else ""
        if mark.verdict is Verdict.MISSING:
            return (f"{what}: never{within}",)
        took = f": after {span_of(mark.took)}" if mark.took is not None else ""
        return (f"{what}{took}{within if mark.verdict is Verdict.LATE else ''}",)

    def no_score(self, incident: Incident) -> Message:
        """Return the refusal to score an incident that is not a drill."""
        return message(
            (f"{incident.id} is not a drill: people are not scored in an incident.",),
            (self._voice.line("drill <title>"),),
        )
