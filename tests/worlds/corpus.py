"""The labelled sentences that the blameless review is judged on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.domain.blameless import sentence

FOLDER = Path(__file__).parents[1] / "blameless"
PEOPLE = ("Ann", "Ben", "Cara", "Dev", "Priya", "@ann", "@ben", "@dev")
"""Who took part in the invented incidents."""


@dataclass(frozen=True)
class Judged:
    """A text of a kind, with the rule that it breaks; `ok`: none."""

    kind: str
    label: str
    text: str


@dataclass(frozen=True)
class Score:
    """How often what is found is wrong, and what is wrong is found."""

    precision: float
    recall: float
    count: int


def judged(name: str) -> list[Judged]:
    lines = (FOLDER / f"{name}.tsv").read_text("utf-8").splitlines()
    return [Judged(*line.split("\t")) for line in lines]


def scored(name: str) -> Score:
    right = wrong = missed = 0
    sentences = judged(name)
    for each in sentences:
        found = bool(sentence(each.text, PEOPLE, kind=each.kind))
        bad = each.label != "ok"
        right += found and bad
        wrong += found and not bad
        missed += bad and not found
    return Score(right / (right + wrong), right / (right + missed), len(sentences))
