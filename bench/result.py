"""One measured claim."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Result:
    """Rounds of (ours, baseline), and what else was counted."""

    unit: str
    aim: str
    note: str
    rounds: list[tuple[float, float]] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)

    KEYS = ("ratio", "ours", "baseline", "unit", "rounds", "range", "aim", "note")

    def add(self, ours: float, baseline: float) -> None:
        self.rounds.append((ours, baseline))

    def entry(self) -> dict:
        ratios = [ours / baseline for ours, baseline in self.rounds]
        return {
            "ratio": round(statistics.median(ratios), 4),
            "ours": statistics.median(ours for ours, _ in self.rounds),
            "baseline": statistics.median(baseline for _, baseline in self.rounds),
            "unit": self.unit,
            "rounds": len(self.rounds),
            "range": [round(min(ratios), 4), round(max(ratios), 4)],
            "aim": self.aim,
            "note": self.note,
            **self.counts,
        }
