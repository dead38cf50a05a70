"""Answers to commands that were not done. The reasons stand beside their rules (D5)."""

from __future__ import annotations

from datetime import timedelta

from bot.contract.messages import (
    Actions,
    Block,
    Bullets,
    Button,
    Code,
    Message,
    Spans,
    Text,
    span_of,
)
from bot.domain.errors import Rejected
from bot.domain.impact import QUESTIONS
from bot.domain.incident import Incident
from bot.grammar.requests import UsageError
from bot.presenter.forms import FormWords
from bot.presenter.voice import PREFIX, Voice, joined, para, shorten
from bot.refs import PersonId, Who


class RefusalWords:
    """Answers to commands that were not understood, not clear or not allowed."""

    def __init__(self, voice: Voice, forms: FormWords) -> None:
        self._voice, self._forms = voice, forms

    def usage(self, error: UsageError) -> Message:
        """Return the answer to a line that was not understood (D5)."""
        if error.form:
            return self._forms.declare_form()
        return Message(
            summary=(error.problem,),
            blocks=tuple(para(self._voice.line(line)) for line in error.lines),
        )

    def rejected(self, refusal: Rejected, incident: Incident | None, *, elsewhere: bool) -> Message:
        """Return a refusal as its rule gives it, with the lines that would work (D5).

        `elsewhere`: it is read outside the incident's conversation, so lines carry the id.
        """
        if incident is not None and refusal.parts and refusal.parts[0] in QUESTIONS:
            return self._question(incident, refusal)
        name = incident.id if incident is not None and elsewhere else None
        spans: list[str | Who] = list(refusal.parts)
        text: Spans = tuple(self._voice.who(p.person) if isinstance(p, Who) else p for p in spans)
        lines = [(self._voice.line(self._filled(line), name),) for line in refusal.lines]
        if refusal.points:
            numbered = tuple(
                para(f"{n}. {point}" if len(refusal.points) > 1 else point)
                for n, point in enumerate(refusal.points, 1)
            )
            return Message(summary=text, blocks=(*numbered, *(para(*line) for line in lines)))
        added: tuple[Block, ...] = ()
        if refusal.unnamed is not None:
            added = (self._adding(refusal.unnamed),)
        if not lines:
            return Message(summary=text, blocks=added)
        who: Spans = (self._voice.who(refusal.for_whom.person), ": ") if refusal.for_whom else ()
        if len(lines) == 1 and len("".join(str(t) for t in text)) < 200:
            return Message(summary=(*text, " ", *who, *lines[0]), blocks=added)
        return Message(summary=text, blocks=(para(*who, *joined(list(lines), "  ·  ")), *added))

    def _adding(self, person: PersonId) -> Text:
        """Return what adds somebody to the people of the config (F8)."""
        adapter, _, user = person.partition(":")
        line = f'[people.<name>] users = {{ {adapter} = "{user}" }}'
        return Text(("The operator can add ", self._voice.who(person), ": ", Code(line)))

    def _filled(self, line: str) -> str:
        """Return a line with people's handles instead of their ids."""
        return " ".join(
            self._voice.handle(PersonId(word[1:])) if word.startswith("@") and ":" in word else word
            for word in line.split(" ")
        )

    def _question(self, incident: Incident, refusal: Rejected) -> Message:
        number = QUESTIONS.index(str(refusal.parts[0])) + 1
        buttons = tuple(
            Button(line.rpartition(" ")[2].capitalize(), f"{incident.id} {line}")
            for line in refusal.lines
        )
        return Message(
            summary=(f"{number}/{len(QUESTIONS)} {refusal.parts[0]}",),
            blocks=(
                para(
                    self._voice.line(
                        f"{refusal.lines[0].rpartition(' ')[0]} <yes|no|unsure>", incident
                    )
                ),
                Actions(buttons),
            ),
        )

    def no_incident(self, *, known: str | None) -> Message:
        """Return the answer to a command without an incident, or with an unknown one (`known`)."""
        if known is not None:
            return Message(
                summary=(f"There is no {known}.",), blocks=(para(self._voice.line("list all")),)
            )
        return Message(
            summary=("No incident runs in this conversation. Put its id first, or declare one.",),
            blocks=(para(self._voice.line("list"), "  ·  ", self._voice.line("declare <title>")),),
        )

    def which(self, incidents: list[Incident], line: str) -> Message:
        """Return the question which of several incidents in a conversation is meant."""
        items = tuple(
            (self._voice.line(shorten(line, 80), each), f" — {shorten(each.title, 60)}")
            for each in incidents
        )
        return Message(
            summary=(f"{len(incidents)} incidents run here. Which one?",), blocks=(Bullets(items),)
        )

    def stale(
        self, incident: Incident | None, line: str, sender: PersonId, age: timedelta
    ) -> Message:
        """Return the question whether an old command is still meant (F11)."""
        command = f"{incident.id} {line}" if incident and not line.startswith(incident.id) else line
        return Message(
            summary=(
                f"“{PREFIX} {shorten(line, 120)}” from ",
                self._voice.who(sender),
                f" is {span_of(age)} old. It was not done. Still meant?",
            ),
            blocks=(
                Text((Code(f"{PREFIX} {shorten(command, 200)}"),)),
                Actions((Button("Do it", command),)),
            ),
        )

    def nowhere(self) -> Message:
        """Return the answer to a plugin's declaration that no conversation could hear of."""
        return Message(
            summary=("There is no conversation to tell of it; nothing was declared.",),
            blocks=(para("The config names one: [triage] conversation."),),
        )

    def repeated(self, incident: str | None, *, done: bool) -> Message:
        """Return the answer to a plugin that submits under a key of before (D3)."""
        about = (f"{incident}: ",) if incident is not None else ()
        outcome = "was done" if done else "was refused"
        return Message(
            summary=(
                *about,
                f"this {outcome} before; nothing was done again.",
            )
        )

    def stranger(self, person: PersonId) -> Message:
        """Return the answer to a user whom the config does not admit (F8)."""
        return Message(
            summary=("You are not among the people of this Sitrep; nothing was changed.",),
            blocks=(self._adding(person),),
        )

    def turned_away(self, person: PersonId, title: str) -> Message:
        """Return what triage is told of a declaration by somebody who is not admitted (F8)."""
        return Message(
            summary=(
                "Refused, and perhaps real: ",
                self._voice.who(person),
                f" tried to declare “{shorten(title)}”.",
            ),
            blocks=(
                para(self._voice.line(f"declare {shorten(title, 80)}")),
                self._adding(person),
            ),
        )
