"""Help on the verbs of the grammar."""

from __future__ import annotations

from bot.contract.messages import Block, Bullets, Code, Fields, Heading, Message, Row, Spans
from bot.grammar.verb import Topic, Verb
from bot.grammar.verbs import BY_WORD, VERBS
from bot.presenter.voice import PREFIX, Voice, para, shorten

_SHORT = tuple(verb for verb in VERBS if " " not in verb.name)


class HelpWords:
    """Answers to `help`."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def answer(self, word: str) -> Message:
        """Return the answer to `help`: the verbs, or (`help all`) their lines, or one verb."""
        if not word:
            return self._verbs()
        if word == "all":
            return self._all_verbs()
        verb = BY_WORD.get(word) or BY_WORD.get(word.split(maxsplit=1)[0])
        if verb is None:
            return Message(
                summary=(f"No verb “{shorten(word, 30)}”.",),
                blocks=(para(self._voice.line("help")),),
            )
        blocks: list[Block] = [para(self._voice.line(verb.form))]
        if verb.example != verb.form:
            blocks.append(para("For example: ", self._voice.line(verb.example)))
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
            summary=(
                f"Begin with {PREFIX}, and most of all: ",
                self._voice.line("declare <title>"),
            ),
            blocks=(
                Fields(rows),
                para(
                    "One of them: ",
                    self._voice.line("help declare"),
                    "  ·  all: ",
                    self._voice.line("help all"),
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
                self._voice.line("INC-42 status"),
            ),
            blocks=tuple(blocks),
        )


def _line_of(verb: Verb) -> Spans:
    return (Code(verb.form), f" — {verb.says}")
