"""The postmortem's values, and its document: the policy's sections, in Markdown and back.

`write` and `read` undo each other for any text, Markdown within a section included.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from bot.refs import PersonId

Form = Literal["full", "light"]


class Section(StrEnum):
    """The parts that people write. The header and the action items come from the record."""

    AUTHORS = "authors"
    SUMMARY = "summary"
    IMPACT = "impact"
    TIMELINE = "timeline"
    CAUSE = "cause"
    WELL = "well"
    POORLY = "poorly"
    LESSONS = "lessons"


ACTION_ITEMS = "Action items"

TITLES: Mapping[Section, str] = {
    Section.SUMMARY: "Summary",
    Section.IMPACT: "Impact",
    Section.TIMELINE: "Timeline",
    Section.CAUSE: "Root cause",
    Section.WELL: "What went well",
    Section.POORLY: "What went poorly",
    Section.LESSONS: "Lessons learned",
}
"""The headings of the policy's template; authors stand in its header."""

ORDER: tuple[str, ...] = (
    *(TITLES[s] for s in Section if s in TITLES and s is not Section.LESSONS),
    ACTION_ITEMS,
    TITLES[Section.LESSONS],
)
"""The order of the policy's template."""


def sections_of(form: Form) -> tuple[Section, ...]:
    """Return the sections of a form: a near miss hurt nobody, so it has no impact (F7)."""
    return tuple(s for s in Section if form == "full" or s is not Section.IMPACT)


class ReviewStage(StrEnum):
    """The stages of a postmortem (P5)."""

    DRAFT = "Draft"
    IN_REVIEW = "In review"
    FINALISED = "Finalised"


class Promised(StrEnum):
    """The promises that the end of an incident makes (P2)."""

    SCHEDULED = "scheduled"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A warning that stays, and why (P4)."""

    rule: str
    where: str
    words: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """The meeting of the review. `sequence` grows with each change, for people's calendars."""

    at: datetime
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmortem:
    """The review of an incident. `sections` are those that people wrote; the rest is drafted.

    `due` are the promises that run, and `reminded` the reminders given of them. `sequence` is the
    last of the meeting's, which a cancelled one leaves behind.
    """

    form: Form
    owner: PersonId
    opened_at: datetime
    stage: ReviewStage = ReviewStage.DRAFT
    due: Mapping[Promised, datetime] = field(default_factory=dict)
    reminded: tuple[str, ...] = ()
    meeting: Meeting | None = None
    sequence: int = -1
    held_at: datetime | None = None
    sections: Mapping[Section, str] = field(default_factory=dict)
    authors: tuple[PersonId, ...] = ()
    versions: int = 0
    waivers: tuple[Waiver, ...] = ()
    finalised_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether the postmortem is still owed."""
        return self.stage is not ReviewStage.FINALISED


# --- the document ---------------------------------------------------------------------------------

Row = tuple[str, ...]

COLUMNS: Row = ("#", "Action", "Owner", "Target date", "Category", "Strength", "Ticket")
"""The table of action items; the policy's columns, and what Sitrep knows besides."""

_HEADING = re.compile(r"\\*## (?:" + "|".join(re.escape(t) for t in ORDER) + r")[ \t]*")
_FIELD = re.compile(r"\*\*([^*:]+):\*\*[ ]?(.*)")
_CELL = re.compile(r"\\(.)|(\|)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedPostmortem:
    """A postmortem as written down. `header` are its lines `**Name:** value`, in order."""

    title: str
    header: Mapping[str, str]
    sections: Mapping[str, str]
    actions: tuple[Row, ...]


def write(document: EditedPostmortem, headings: Sequence[str] = ORDER) -> str:
    """Return the document as Markdown in the policy's shape."""
    lines = [f"# Postmortem: {_one_line(document.title)}", ""]
    lines += [f"**{name}:** {_one_line(value)}  " for name, value in document.header.items()]
    lines += ["", "---"]
    for heading in headings:
        if heading == ACTION_ITEMS:
            body = _table(document.actions)
        elif heading in document.sections:
            body = "\n".join(
                f"\\{line}" if _HEADING.fullmatch(line) else line
                for line in document.sections[heading].split("\n")
            )
        else:
            continue
        lines += ["", f"## {heading}", "", body]
    return "\n".join(lines) + "\n"


def read(text: str) -> EditedPostmortem:
    """Return a document from its Markdown.

    Raises:
        ValueError: It is none: what is missing, for the person who wrote it.
    """
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    head, parts = _parted(text.split("\n"))
    title = next((line for line in head if line.startswith("# ")), None)
    if title is None or not parts:
        raise ValueError("no postmortem: it begins with “# Postmortem: …” and has “## Summary”")
    header = {
        match[1].strip(): match[2].rstrip()
        for line in head
        if (match := _FIELD.fullmatch(line.rstrip())) is not None
    }
    sections: dict[str, str] = {}
    actions: tuple[Row, ...] = ()
    for heading, lines in parts:
        if heading in sections or (heading == ACTION_ITEMS and actions):
            raise ValueError(f"“## {heading}” stands there twice; keep one")
        if heading == ACTION_ITEMS:
            actions = _rows(lines)
        else:
            plain = (line[1:] if _HEADING.fullmatch(line) else line for line in lines)
            sections[heading] = "\n".join(plain).strip()
    return EditedPostmortem(
        title=title.removeprefix("# ").removeprefix("Postmortem:").strip(),
        header=header,
        sections=sections,
        actions=actions,
    )


def _parted(lines: list[str]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    head: list[str] = []
    parts: list[tuple[str, list[str]]] = []
    for line in lines:
        if _HEADING.fullmatch(line) and not line.startswith("\\"):
            parts.append((line.removeprefix("## ").strip(), []))
        else:
            (parts[-1][1] if parts else head).append(line)
    return head, parts


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _table(rows: Sequence[Row]) -> str:
    marked = [COLUMNS, tuple("---" for _ in COLUMNS), *rows]
    return "\n".join("| " + " | ".join(_cell(c) for c in row) + " |" for row in marked)


def _cell(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _rows(lines: Sequence[str]) -> tuple[Row, ...]:
    """Return the rows of a table, each as wide as `COLUMNS`; the policy's own form is read too."""
    table = [cells(line) for line in lines if line.strip().startswith("|")]
    if not table:
        return ()
    names = [name.casefold() for name in table[0]]
    found = []
    for given in table[1:]:
        if all(re.fullmatch(r":?-+:?", cell) for cell in given if cell) and any(given):
            continue
        named = dict(zip(names, given, strict=False))
        row = tuple(named.get(column.casefold(), "") for column in COLUMNS)
        if any(row):
            found.append(row)
    return tuple(found)


def cells(line: str) -> list[str]:
    """Return the cells of a table's row."""
    found = [""]
    rest = line.strip().removeprefix("|")
    position = 0
    for match in _CELL.finditer(rest):
        found[-1] += rest[position : match.start()]
        position = match.end()
        if match[2]:
            found.append("")
        else:
            found[-1] += match[1]
    found[-1] += rest[position:]
    if not found[-1].strip():
        found.pop()
    return [cell.strip() for cell in found]


# --- text within it -------------------------------------------------------------------------------

PROPOSED = "(proposed) "
"""The prefix of a line that the record suggests and nobody has confirmed."""

_ESCAPED = {ord(c): f"\\{c}" for c in "\\`*_[]<>"}
_PLACEHOLDER = re.compile(r"(?:[-*] )?\[[^\]]*\]")


def literal(text: str) -> str:
    """Return what somebody wrote as one line that Markdown shows as it is."""
    return _one_line(text.translate(_ESCAPED))


def confirmed(text: str) -> str:
    """Return a drafted section without the marks of what it only proposes."""
    return text.replace(PROPOSED, "")


def added(base: str, text: str) -> str:
    """Return a section with more at its end: an item where it ends in a list."""
    kept = "\n".join(
        line for line in base.split("\n") if not _PLACEHOLDER.fullmatch(line.strip())
    ).strip()
    if not kept:
        return text
    listed = kept.rpartition("\n")[2].startswith("- ")
    if listed and "\n" not in text:
        return f"{kept}\n- {text.removeprefix('- ')}"
    return f"{kept}\n\n{text}"
