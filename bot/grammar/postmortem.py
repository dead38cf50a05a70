"""Lines about the postmortem (P1-P5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from bot.domain import commands as cmd
from bot.domain.postmortem_values import Section
from bot.grammar.requests import (
    Asked,
    Query,
)
from bot.grammar.verb import (
    Topic,
    Verb,
    Words,
    Wrong,
    alone,
    ask,
    because,
    split_word,
)
from bot.likeness import nearest

_SECTIONS = {
    "author": Section.AUTHORS,
    "root": Section.CAUSE,
    "root-cause": Section.CAUSE,
    "causes": Section.CAUSE,
    "went-well": Section.WELL,
    "went-poorly": Section.POORLY,
    "lesson": Section.LESSONS,
}


_NAMES = ", ".join(s.value for s in Section)


def _section(words: Words, word: str) -> Section:
    folded = word.casefold()
    found = _SECTIONS.get(folded) or next((s for s in Section if s.value == folded), None)
    if found is None:
        shown = f"No section “{word[:30]}”. " if word else "Which section? "
        raise Wrong(f"{shown}There are {_NAMES}.", (words.verb.form, words.verb.example))
    return found


def _write(*, add: bool) -> Callable[[Words], cmd.WriteSection]:
    def read(words: Words) -> cmd.WriteSection:
        word, text = split_word(words.tail)
        section = _section(words, word)
        if not text:
            raise Wrong("What should it say?", (words.verb.form, words.verb.example))
        return cmd.WriteSection(section=section, text=text, add=add)

    return read


def _postmortem(words: Words) -> Asked:
    if words.tail:
        word = words.tail.split()[0]
        names = [w for verb in VERBS for w in (verb.name, *verb.aliases) if w.startswith("pm ")]
        near = nearest(f"pm {word.casefold()}", names, most=2, least=0.5)
        raise Wrong(f"There is no command “pm {word[:30]}”. Did you mean:", (*near, "help pm"))
    return Asked(query=Query.POSTMORTEM)


def _show(words: Words) -> Asked:
    section = _section(words, words.tail) if words.tail else None
    return Asked(query=Query.SECTION, argument=section.value if section else "")


def _diff(words: Words) -> Asked:
    if words.tail and not re.fullmatch(r"[1-9]\d{0,5}", words.tail):
        raise Wrong("Which version? Its number.", ("pm diff 3", "pm history"))
    return Asked(query=Query.DIFF, argument=words.tail)


def _schedule(words: Words) -> cmd.ScheduleReview:
    text = words.tail.replace("T", " ") if re.match(r"\d{4}-", words.tail) else words.tail
    text = re.sub(r"\s+utc$|z$", "", text.strip(), flags=re.IGNORECASE)
    try:
        when = datetime.fromisoformat(re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", text))
    except ValueError as exc:
        raise Wrong(
            "When? A date and a time, in UTC or with its offset.",
            ("pm schedule 2026-12-01 14:00", "pm schedule 2026-12-01 14:00+02:00"),
        ) from exc
    if len(text) <= len("2026-12-01"):
        raise Wrong("At what time?", (f"pm schedule {text} 14:00",))
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return cmd.ScheduleReview(when=aware.astimezone(UTC))


def _waive(words: Words) -> cmd.WaiveFinding:
    before, reason = words.reason()
    n, more = split_word(before)
    if not re.fullmatch(r"#?\d{1,4}", n):
        raise Wrong("Which finding? Its number.", ("pm lint", words.verb.form))
    return cmd.WaiveFinding(n=int(n.removeprefix("#")), reason=reason or more or None)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="pm",
        aliases=("postmortem",),
        form="pm",
        example="pm",
        says="Shows the postmortem: where it stands, and what it still needs.",
        topic=Topic.LEARN,
        changes=False,
        read=_postmortem,
    ),
    Verb(
        name="pm show",
        form="pm show [section]",
        example="pm show cause",
        says="Shows a section, or the whole document.",
        topic=Topic.LEARN,
        changes=False,
        read=_show,
    ),
    Verb(
        name="pm set",
        aliases=("pm write",),
        form="pm set <section> <text>",
        example="pm set summary Every checkout ended in an error for 48 min",
        says="Writes a section: summary, impact, timeline, cause, well, poorly, lessons, authors.",
        topic=Topic.LEARN,
        read=_write(add=False),
    ),
    Verb(
        name="pm add",
        form="pm add <section> <text>",
        example="pm add cause The canary took 1 % of traffic, too little to show it",
        says="Adds to a section.",
        topic=Topic.LEARN,
        read=_write(add=True),
    ),
    Verb(
        name="pm keep",
        form="pm keep <section>",
        example="pm keep well",
        says="Takes a drafted section as it stands.",
        topic=Topic.LEARN,
        read=lambda words: cmd.KeepSection(section=_section(words, words.tail)),
    ),
    Verb(
        name="pm lint",
        aliases=("pm check",),
        form="pm lint",
        example="pm lint",
        says="Finds blame, blanks and weak actions; says why, and what to write.",
        topic=Topic.LEARN,
        changes=False,
        read=ask(Query.LINT),
    ),
    Verb(
        name="pm diff",
        form="pm diff [version]",
        example="pm diff",
        says="Shows what a version changed; without one, the last.",
        topic=Topic.LEARN,
        changes=False,
        read=_diff,
    ),
    Verb(
        name="pm history",
        aliases=("pm versions",),
        form="pm history",
        example="pm history",
        says="Lists the versions: who wrote what, when.",
        topic=Topic.LEARN,
        changes=False,
        read=ask(Query.HISTORY),
    ),
    Verb(
        name="pm schedule",
        form="pm schedule <date> <time>",
        example="pm schedule 2026-12-01 14:00",
        says="Sets when the review is held, and invites everybody who took part.",
        topic=Topic.LEARN,
        read=_schedule,
    ),
    Verb(
        name="pm unschedule",
        form="pm unschedule",
        example="pm unschedule",
        says="Calls the meeting off.",
        topic=Topic.LEARN,
        read=alone(cmd.UnscheduleReview()),
    ),
    Verb(
        name="pm held",
        form="pm held",
        example="pm held",
        says="Records that the review was held.",
        topic=Topic.LEARN,
        read=alone(cmd.NoteHeld()),
    ),
    Verb(
        name="pm review",
        form="pm review",
        example="pm review",
        says="Hands the draft to its reviewers.",
        topic=Topic.LEARN,
        read=alone(cmd.OpenReview()),
    ),
    Verb(
        name="pm waive",
        form="pm waive <finding> because <reason>",
        example="pm waive 3 because one query, one index: nothing else took part",
        says="Lets a warning stand, with a reason. The postmortem's owner.",
        topic=Topic.LEARN,
        read=_waive,
    ),
    Verb(
        name="pm finalise",
        aliases=("pm finalize", "pm final"),
        form="pm finalise",
        example="pm finalise",
        says="Ends the review, publishes it and closes the incident. The postmortem's owner.",
        topic=Topic.LEARN,
        read=alone(cmd.Finalise()),
    ),
    Verb(
        name="pm draft",
        form="pm draft [because <reason>]",
        example="pm draft because the cause was another one",
        says="Takes it back to a draft.",
        topic=Topic.LEARN,
        read=because(lambda reason: cmd.BackToDraft(reason=reason)),
    ),
    Verb(
        name="pm owner",
        form="pm owner @x",
        example="pm owner @cara",
        says="Hands the postmortem over.",
        topic=Topic.LEARN,
        read=lambda words: cmd.OwnPostmortem(person=words.only_person()),
    ),
    Verb(
        name="pm start",
        form="pm start because <reason>",
        example="pm start because the third one this month",
        says="Starts one that no rule asks for: a SEV3's, a drill's.",
        topic=Topic.LEARN,
        read=because(lambda reason: cmd.StartPostmortem(reason=reason)),
    ),
)
