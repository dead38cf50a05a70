"""Answers to what could not be done, to questions about the bot, and to its own trouble."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.contract.messages import (
    Actions,
    Block,
    Bullets,
    Button,
    Code,
    Fields,
    Heading,
    Message,
    Row,
    Spans,
    Text,
    span_of,
)
from bot.domain.decide import QUESTIONS
from bot.domain.errors import Rejected
from bot.domain.incident import IMPACT, RESPONSE, Incident, Severity
from bot.grammar.requests import Opening, UsageError
from bot.grammar.verb import Topic, Verb
from bot.grammar.verbs import BY_WORD, VERBS
from bot.presenter.forms import Forms
from bot.presenter.voice import PREFIX, joined, para, shorten
from bot.refs import PersonId, Who


class Answers(Forms):
    """Messages about commands."""

    def usage(self, error: UsageError) -> Message:
        """Return the answer to a line that was not understood (D5)."""
        if error.form:
            return self.declare_form()
        return Message(
            summary=(error.problem,),
            blocks=tuple(para(self.line(line)) for line in error.lines),
        )

    def rejected(self, refusal: Rejected, incident: Incident | None, *, elsewhere: bool) -> Message:
        """Return a refusal: what is not so, why, and a line that would work (D5)."""
        if incident is not None and refusal.parts and refusal.parts[0] in QUESTIONS:
            return self._question(incident, refusal)
        name = incident.id if incident is not None and elsewhere else None
        spans: list[str | Who] = list(refusal.parts)
        text: Spans = tuple(self.who(p.person) if isinstance(p, Who) else p for p in spans)
        lines = [(self.line(self._filled(line), name),) for line in refusal.lines]
        if refusal.points:
            numbered = tuple(
                para(f"{n}. {point}" if len(refusal.points) > 1 else point)
                for n, point in enumerate(refusal.points, 1)
            )
            return Message(summary=text, blocks=(*numbered, *(para(*line) for line in lines)))
        if not lines:
            return Message(summary=text)
        who: Spans = (self.who(refusal.for_whom.person), ": ") if refusal.for_whom else ()
        if len(lines) == 1 and len("".join(str(t) for t in text)) < 200:
            return Message(summary=(*text, " ", *who, *lines[0]))
        return Message(summary=text, blocks=(para(*who, *joined(list(lines), "  ·  ")),))

    def _filled(self, line: str) -> str:
        """Return a line with the people in it as they are typed."""
        return " ".join(
            self.handle(PersonId(word[1:])) if word.startswith("@") and ":" in word else word
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
                para(self.line(f"{refusal.lines[0].rpartition(' ')[0]} <yes|no|unsure>", incident)),
                Actions(buttons),
            ),
        )

    def no_incident(self, *, known: str | None) -> Message:
        """Return the answer where no incident is meant, or the one named is not there."""
        if known is not None:
            return Message(
                summary=(f"There is no {known}.",), blocks=(para(self.line("list all")),)
            )
        return Message(
            summary=("No incident runs in this conversation. Put its id first, or declare one.",),
            blocks=(para(self.line("list"), "  ·  ", self.line("declare <title>")),),
        )

    def which(self, incidents: list[Incident], line: str) -> Message:
        """Return the answer where more than one incident runs in a conversation."""
        items = tuple(
            (self.line(shorten(line, 80), each), f" — {shorten(each.title, 60)}")
            for each in incidents
        )
        return Message(
            summary=(f"{len(incidents)} incidents run here. Which one?",), blocks=(Bullets(items),)
        )

    def stale(
        self, incident: Incident | None, line: str, sender: PersonId, age: timedelta
    ) -> Message:
        """Return the question about a command that is too old to be obeyed unasked (F11)."""
        command = f"{incident.id} {line}" if incident and not line.startswith(incident.id) else line
        return Message(
            summary=(
                f"“{PREFIX} {shorten(line, 120)}” from ",
                self.who(sender),
                f" is {span_of(age)} old. It was not done. Still meant?",
            ),
            blocks=(
                Text((Code(f"{PREFIX} {shorten(command, 200)}"),)),
                Actions((Button("Do it", command),)),
            ),
        )

    def stranger(self) -> Message:
        """Return the answer to somebody whom the config does not admit (F8)."""
        return Message(
            summary=("You are not among the people of this Sitrep; nothing was changed.",),
            blocks=(para("Whoever runs it can add you: [people.<name>] in its config."),),
        )

    def trouble(self) -> Message:
        """Return the answer where the bot itself broke down over a command."""
        return Message(
            summary=("That could not be done: something is wrong with Sitrep itself.",),
            blocks=(para("Nothing was changed. Try again; if it stays, its log says why."),),
        )

    def unreadable(self) -> Message:
        """Return the answer to a message that cannot be decrypted (yet)."""
        return Message(
            summary=("This message cannot be read here: its key has not arrived.",),
            blocks=(
                para(
                    "If it was a command, it was not done. It is when the key arrives; "
                    "typing it again is quicker."
                ),
            ),
        )

    def platform_lost(self, adapter: str, why: str) -> Message:
        """Return the alarm that a whole platform is lost to the bot."""
        return Message(
            summary=(f"Sitrep has lost {adapter}: {why}",),
            blocks=(para("Nothing is heard and nothing is said there until then."),),
        )

    def late(self, message: Message, late_by: timedelta) -> Message:
        """Return a message with the mark that it comes late."""
        mark = para(f"This message is {span_of(late_by)} late. Nothing was lost.")
        return replace(message, blocks=(*message.blocks, mark))

    def repeated(self, message: Message) -> Message:
        """Return a message with the mark that it may be there already."""
        mark = para("Sent again: whether the first try arrived is not known.")
        return replace(message, blocks=(*message.blocks, mark))

    def preview(self, opening: Opening, line: str, period: timedelta | None) -> Message:
        """Return what a declaration would be, and the button that makes it so."""
        severity = opening.severity or Severity.SEV1
        updates = f"every {span_of(period)}" if period is not None else "no clock"
        return Message(
            summary=(f"This would be {severity.label}: {IMPACT[severity]}",),
            blocks=(
                Fields(
                    (
                        Row("Title", (shorten(opening.title),)),
                        Row("Response", (RESPONSE[severity],)),
                        Row("Updates", (updates,)),
                    )
                ),
                Actions((Button(f"Declare {severity.label}", line),)),
            ),
        )

    # --- help -------------------------------------------------------------------------------------

    def help(self, word: str) -> Message:
        """Return the answer to `help`: the verbs, all about them, or one; from the grammar."""
        if not word:
            return self._verbs()
        if word == "all":
            return self._all_verbs()
        verb = BY_WORD.get(word) or BY_WORD.get(word.split(maxsplit=1)[0])
        if verb is None:
            return Message(
                summary=(f"No verb “{shorten(word, 30)}”.",), blocks=(para(self.line("help")),)
            )
        blocks: list[Block] = [para(self.line(verb.form))]
        if verb.example != verb.form:
            blocks.append(para("For example: ", self.line(verb.example)))
        if verb.aliases:
            blocks.append(para(f"Also: {', '.join(verb.aliases)}"))
        family = [v for v in VERBS if v.name.startswith(f"{verb.name} ")]
        if family:
            blocks.append(Bullets(tuple(_line_of(v) for v in family)))
        return Message(summary=(f"{verb.name}: {verb.says}",), blocks=tuple(blocks))

    def _verbs(self) -> Message:
        """Return the verbs by topic, short enough for a phone."""
        rows = tuple(
            Row(topic.value, (", ".join(v.name for v in _SHORT if v.topic is topic),))
            for topic in Topic
        )
        return Message(
            summary=(f"Begin with {PREFIX}, and most of all: ", self.line("declare <title>")),
            blocks=(
                Fields(rows),
                para(
                    "One of them: ", self.line("help declare"), "  ·  all: ", self.line("help all")
                ),
            ),
        )

    def _all_verbs(self) -> Message:
        blocks: list[Block] = []
        for topic in Topic:
            verbs = [v for v in VERBS if v.topic is topic]
            blocks += [Heading(topic.value), Bullets(tuple(_line_of(v) for v in verbs))]
        return Message(
            summary=(
                "In an incident's conversation no id is needed; elsewhere it comes first: ",
                self.line("INC-42 status"),
            ),
            blocks=tuple(blocks),
        )


_SHORT = tuple(verb for verb in VERBS if " " not in verb.name)


def _line_of(verb: Verb) -> Spans:
    return (Code(verb.form), f" — {verb.says}")
