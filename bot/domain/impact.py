"""Impact: the three questions whose answers give the severity (S2)."""

from __future__ import annotations

from bot.domain import commands as cmd
from bot.domain.incident import Severity

QUESTIONS: tuple[str, ...] = (
    "Is a core service down, a revenue path broken, or data at risk?",
    "Is a major feature degraded, or a significant group affected without a workaround?",
    "Is any user affected?",
)
"""The three impact questions, most severe first (S2)."""


def assessed(answers: tuple[cmd.ImpactAnswer, ...]) -> Severity | None:
    """Return the severity that the answers give; `None` while they do not decide yet (S2)."""
    for severity, answer in zip(Severity, answers, strict=False):
        if answer is not cmd.ImpactAnswer.NO:
            return severity
    return Severity.SEV4 if len(answers) >= len(QUESTIONS) else None
