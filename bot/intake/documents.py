"""Edited postmortems, read back: the differences from the record become one command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from bot.contract.messages import plain
from bot.domain import commands as cmd
from bot.domain import drafting
from bot.domain import events as ev
from bot.domain.action_values import Action, Category
from bot.domain.errors import Rejected
from bot.domain.incident import Incident
from bot.domain.postmortem_values import COLUMNS, TITLES, EditedPostmortem, Row, Section, read
from bot.files import LONGEST_DOCUMENT
from bot.grammar.actions import date_of, strength_of
from bot.grammar.text import LONGEST_BYTES, clean
from bot.intake.transaction import Transaction
from bot.people import Directory, Unknown
from bot.presenter import Presenter
from bot.refs import PersonId
from bot.store.work import Store, Work

REASON = "edited in the document"
"""The reason recorded for a date that was changed in the table."""


WHOLE = LONGEST_DOCUMENT
"""The length, in bytes, up to which a section is compared with the record: a drafted timeline may
be longer than what people may write (F10)."""


def changes(
    incident: Incident,
    stands: Mapping[Section, str],
    document: EditedPostmortem,
    directory: Directory,
) -> cmd.ImportDocument:
    """Return the sections and action items of a document that differ from the record."""
    sections = []
    for section, text in stands.items():
        given = (
            document.header.get("Authors")
            if section is Section.AUTHORS
            else document.sections.get(TITLES[section])
        )
        if given is None:
            continue
        cut = clean(given)
        if _shown(section, text) not in {clean(given, WHOLE), cut}:
            sections.append(cmd.WriteSection(section=section, text=cut))
    reader = _Rows(incident, directory)
    actions = [change for row in document.actions if (change := reader.change(row)) is not None]
    return cmd.ImportDocument(sections=tuple(sections), actions=tuple(actions))


def _is_cut(text: str) -> bool:
    """Return whether a section was too long: the mark that says so comes on top."""
    return len(text.encode()) > LONGEST_BYTES


def missing(incident: Incident, document: EditedPostmortem) -> list[str]:
    """Return the action items that a document leaves out; they stay in the record."""
    named = {row[0].upper() for row in document.actions}
    return [a.label for a in incident.actions if a.dropped is None and a.label not in named]


def _shown(section: Section, text: str) -> str:
    return " ".join(text.split()) if section is Section.AUTHORS else clean(text, WHOLE)


class _Rows:
    """The table of action items, read row by row."""

    def __init__(self, incident: Incident, directory: Directory) -> None:
        self._incident, self._directory = incident, directory

    def change(self, row: Row) -> cmd.AddAction | cmd.ChangeAction | None:
        cells = {name: clean(cell) for name, cell in zip(COLUMNS, row, strict=True)}
        match = re.fullmatch(r"[aA#]?(\d{1,4})", cells["#"])
        action = self._incident.action(int(match[1])) if match is not None else None
        owner = self._owner(cells["Owner"], action)
        due = date_of(cells["Target date"])
        strength = strength_of(cells["Strength"])
        category = next((c for c in Category if cells["Category"].casefold() == c), None)
        if action is None:
            return cmd.AddAction(
                text=cells["Action"],
                owner=owner,
                owner_typed=cells["Owner"],
                due=due,
                due_typed=cells["Target date"],
                strength=strength,
                strength_typed=cells["Strength"],
                category=category,
            )
        same = (
            cells["Action"] == " ".join(action.text.split())
            and owner == action.owner
            and due == action.due
            and strength in {None, action.strength}
            and category in {None, action.category}
        )
        if same:
            return None
        return cmd.ChangeAction(
            n=action.n,
            text=cells["Action"],
            owner=owner,
            owner_typed=cells["Owner"],
            due=due,
            due_typed=cells["Target date"],
            strength=strength,
            category=category,
            reason=REASON,
        )

    def _owner(self, name: str, action: Action | None) -> PersonId | None:
        if action is not None and name == self._directory.name(action.owner):
            return action.owner
        found = self._directory.find(name, {}) if name else Unknown(name)
        return None if isinstance(found, Unknown) else found


class Documents:
    """The import of postmortems that were edited outside."""

    def __init__(
        self, store: Store, presenter: Presenter, directory: Directory, transaction: Transaction
    ) -> None:
        self._store, self._presenter, self._directory = store, presenter, directory
        self._transaction = transaction

    async def take_over(self, name: str, text: str, actor: PersonId) -> tuple[bool, str]:
        """Take over an edited postmortem; return whether that worked, and the answer.

        The changes become one command, as if they had been typed (P3).
        """
        try:
            document = read(text)
        except ValueError as exc:
            return False, str(exc)
        return await self._store.transact(partial(self._take, name, document, actor))

    async def _take(
        self, name: str, document: EditedPostmortem, actor: PersonId, work: Work
    ) -> tuple[bool, str]:
        incident, words = await work.incident(name), self._presenter.documents
        if incident is None:
            return False, words.unknown(name)
        entries = await work.timeline(name)
        stands = drafting.sections(incident, entries, self._presenter.drafting)
        command = changes(incident, stands, document, self._directory)
        kept = missing(incident, document)
        if not command.sections and not command.actions:
            return True, words.unchanged(kept)
        try:
            decision = await self._transaction.decide_for(work, command, incident, actor=actor)
        except Rejected as refusal:
            refused = self._presenter.refusals.rejected(refusal, incident, elsewhere=True)
            return False, plain(refused)
        await self._transaction.commit(work, decision)
        written = sum(isinstance(event, ev.SectionWritten) for event in decision.happened)
        cut = [TITLES.get(s.section, s.section.value) for s in command.sections if _is_cut(s.text)]
        return True, words.changed(written, len(command.actions), kept, cut)
