"""Text becomes a request, or an answer that teaches. Pure; knows every verb of the grammar."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from bot.domain import commands as cmd
from bot.domain.action_values import Category, Strength
from bot.domain.decide import QUESTIONS, assessed
from bot.domain.durations import parse_duration
from bot.domain.incident import ClockName, Kind, Role, Severity
from bot.domain.postmortem_values import Section
from bot.domain.publication import PublicState
from bot.grammar.verbs import BY_WORD, FAMILIES, Verb
from bot.people import Directory, Unknown
from bot.refs import PersonId, UserRef

NO_CHANGE = "Still investigating, no new findings"
"""The one-tap update (K2)."""

LONGEST_BYTES = 16 * 1024
"""Where a text is cut, with a mark that says so (F10)."""

_PREFIX = re.compile(r"\s*!(?:incident|inc)(?=\s|$)\s*", re.IGNORECASE)
_ID = re.compile(r"(INC|DRILL|NEAR)-([1-9]\d{0,8})(?=\s|$)", re.IGNORECASE)
_OPTION = re.compile(
    r"(?:^|\s)(?:(service|ic|by|answers|owner|due|as|category|state|to):(?=\S)|(impact|title):)",
    re.IGNORECASE,
)
_BECAUSE = re.compile(r"(?:^|\s)because\b:?\s*", re.IGNORECASE)
_SEVERITY = re.compile(r"(?:sev|s)?([1-4])", re.IGNORECASE)
_ACTION_TAKEN = re.compile(r"action taken(?=\s|$)", re.IGNORECASE)  # not the verb `action`
_JOINED_SEVERITY = re.compile(r"sev([1-4])", re.IGNORECASE)  # `sev1` for `sev 1`
_LIKE_SEVERITY = re.compile(r"sev\d*", re.IGNORECASE)

_BIDI = {
    0x202A: "LRE", 0x202B: "RLE", 0x202C: "PDF", 0x202D: "LRO", 0x202E: "RLO",
    0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0x200E: "LRM", 0x200F: "RLM",
}  # fmt: skip
_SHOWN = {code: f"⟨{name}⟩" for code, name in _BIDI.items()}


class Query(StrEnum):
    """What can be read without changing anything."""

    STATUS = "status"
    TIMELINE = "timeline"
    WHO = "who"
    LIST = "list"
    HELP = "help"
    DRAFT = "draft"
    PREVIEW = "preview"
    POSTMORTEM = "postmortem"
    SECTION = "section"
    LINT = "lint"
    DIFF = "diff"
    HISTORY = "history"
    ACTIONS = "actions"
    EXTERNAL = "external"
    SUBSCRIPTIONS = "subscriptions"
    SCORE = "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A new record is asked for; the service gives it its number and its conversation."""

    kind: Kind
    title: str
    severity: Severity | None
    service: str | None = None
    commander: PersonId | None = None
    impact: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Something to read; `argument` is `list`'s choice or `help`'s verb.

    `opening` is what a preview would declare.
    """

    query: Query
    argument: str = ""
    opening: Opening | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """Somebody wants to hear of incidents. `everything`: also where one incident is at hand.

    `to` is where: `here`, `mail` (one's own address), or an address; none: directly.
    """

    incident: str | None = None
    everything: bool = False
    postmortems: bool = False
    severity: Severity | None = None
    service: str | None = None
    to: str | None = None
    digest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """Somebody wants to hear no more: of `n`, of all, or (neither) of what is at hand."""

    n: int | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetShield:
    """Questions for news in a conversation are answered, or are not (H2)."""

    on: bool


OfAudience = Subscribe | Unsubscribe | SetShield
"""What is asked for of the outside, of no incident's record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A line that was understood. `incident` is the id it began with; `line` is what was typed."""

    verb: Verb
    incident: str | None
    what: Opening | cmd.Command | Asked | OfAudience
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageError:
    """A line that was not understood: why, and lines that would work.

    `form`: it is a declaration, and the form to declare with helps more.
    """

    problem: str
    lines: tuple[str, ...] = ()
    incident: str | None = None
    form: bool = False


@dataclass(frozen=True, slots=True)
class _Wrong(Exception):  # noqa: N818 - control flow within the parser
    problem: str
    lines: tuple[str, ...] = ()
    form: bool = False


def clean(text: str, longest: int = LONGEST_BYTES) -> str:
    """Return text that can be stored and shown: no control or direction characters (F10).

    What is longer than `longest` bytes is cut, with a mark that says so.
    """
    if text.isascii() and text.isprintable() and len(text) <= longest:
        return text.strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_SHOWN)
    kept = "".join(
        c if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs", "Co"} else "" for c in text
    )
    raw = kept.encode("utf-8")
    if len(raw) <= longest:
        return kept.strip()
    head = raw[:longest].decode("utf-8", "ignore").rstrip()
    return f"{head} … [cut here: {len(raw)} bytes are more than {longest // 1024} KiB]"


def command_line(text: str, *, addressed: bool) -> str | None:
    """Return what follows the prefix; none where the bot is not meant."""
    match = _PREFIX.match(text)
    if match is not None:
        return text[match.end() :]
    return text.strip() if addressed else None


def parse(line: str, directory: Directory, mentions: Mapping[str, UserRef]) -> Request | UsageError:
    """Return what a command line asks for. `line` comes without the prefix."""
    line = clean(line)
    rest, incident = line, None
    if (match := _ID.match(line)) is not None:
        incident = f"{match[1].upper()}-{match[2]}"
        rest = line[match.end() :].lstrip()
    rest = _ACTION_TAKEN.sub("did", rest, 1) if _ACTION_TAKEN.match(rest) else rest
    word, tail = _split(rest)
    if not word:
        word = "status" if incident else "help"
    if (level := _JOINED_SEVERITY.fullmatch(word)) is not None:
        word, tail = "sev", f"{level[1]} {tail}".strip()
    verb = BY_WORD.get(word.casefold())
    if verb is not None and verb.name in FAMILIES:
        verb, tail = _within(verb, tail)
    if verb is None:
        return _unknown(word, tail, incident)
    words = _Words(verb=verb, tail=tail, directory=directory, mentions=mentions)
    try:
        what = _READERS[verb.name](words)
    except _Wrong as wrong:
        return UsageError(
            problem=wrong.problem,
            lines=wrong.lines or (verb.form, verb.example),
            incident=incident,
            form=wrong.form,
        )
    return Request(verb=verb, incident=incident, what=what, line=line)


def _within(verb: Verb, tail: str) -> tuple[Verb | None, str]:
    """Return the verb of two words that is meant, `pm set`, with what follows it.

    `action done 2` is such a verb, and `action done with care …` is a text.
    """
    second, rest = _split(tail)
    found = BY_WORD.get(f"{verb.name} {second.casefold()}")
    if found is None or (verb.name == "action" and rest and not re.match(r"[#aA]?\d+\b", rest)):
        return verb, tail
    return found, rest


def _unknown(word: str, tail: str, incident: str | None) -> UsageError:
    shown = word if len(word) <= 30 else f"{word[:30]}…"
    folded = word.casefold()
    alike = {name: difflib.SequenceMatcher(None, folded, name).ratio() for name in BY_WORD}
    best = max(alike.values())
    near = [n for n in alike if alike[n] >= max(0.6, best - 0.1) or n.startswith(folded)]
    near.sort(key=lambda name: -alike[name])
    names = list(dict.fromkeys(BY_WORD[n].name for n in near))
    prefix = f"{incident} " if incident else ""
    short = tail if len(tail) <= 120 else ""
    lines = tuple(f"{prefix}{name} {short}".strip() for name in names[:2])
    return UsageError(
        problem=f"No verb “{shown}”." + (" Did you mean:" if lines else ""),
        lines=lines or ("help",),
        incident=incident,
    )


def _split(text: str) -> tuple[str, str]:
    parts = text.split(None, 1)
    word = parts[0] if parts else ""
    return word, parts[1].strip() if len(parts) > 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What follows the verb, with the ways to read it."""

    verb: Verb
    tail: str
    directory: Directory
    mentions: Mapping[str, UserRef]

    def nothing(self) -> None:
        if self.tail:
            raise _Wrong(f"“{self.verb.name}” stands alone.", (self.verb.form,))

    def text(self) -> str:
        if not self.tail:
            raise _Wrong(f"“{self.verb.name}” needs its text.")
        return self.tail

    def optional_text(self) -> str | None:
        return self.tail or None

    def reason(self) -> tuple[str, str | None]:
        """Return what stands before `because`, and the reason."""
        match = _BECAUSE.search(self.tail)
        if match is None:
            return self.tail, None
        return self.tail[: match.start()].strip(), self.tail[match.end() :].strip() or None

    def options(self, *allowed: str) -> tuple[str, dict[str, str]]:
        """Return the text without its `name:value` options, and these."""
        found = [m for m in _OPTION.finditer(self.tail) if (m[1] or m[2]).casefold() in allowed]
        if not found:
            return self.tail, {}
        values: dict[str, str] = {}
        loose = [self.tail[: found[0].start()]]
        for match, after in zip(found, [*found[1:], None], strict=True):
            value = self.tail[match.end() : after.start() if after else None].strip()
            name = (match[1] or match[2]).casefold()
            if name not in {"impact", "title"}:
                value, more = _split(value)
                loose.append(more)
            if not value:
                raise _Wrong(f"“{name}:” needs a value.")
            values[name] = value
        return " ".join(part.strip() for part in loose if part.strip()), values

    def person(self, word: str) -> PersonId:
        if not word.removeprefix("@"):
            raise _Wrong(f"“{self.verb.name}” needs a person.")
        found = self.directory.find(word, self.mentions)
        if not isinstance(found, Unknown):
            return found
        near = found.candidates[:6]
        known = f" Known here: {', '.join(f'@{n}' for n in near)}." if near else ""
        shown = found.word if len(found.word) <= 40 else f"{found.word[:40]}…"
        raise _Wrong(f"Nobody here is called “{shown}”.{known}", (self.verb.form,))

    def only_person(self) -> PersonId:
        word, more = _split(self.tail)
        if more:
            whole = self.directory.find(self.tail, self.mentions)
            if not isinstance(whole, Unknown):
                return whole
            raise _Wrong(f"“{self.verb.name}” takes one person.", (self.verb.form,))
        return self.person(word)

    def severity(self, word: str) -> Severity:
        match = _SEVERITY.fullmatch(word)
        if match is None:
            shown = f"“{word[:20]}” is no severity" if word else "A severity is needed"
            raise _Wrong(f"{shown}: 1, 2, 3 or 4.", ("sev 2", "sev 3 because <reason>", "assess"))
        return Severity(int(match[1]))

    def number(self, word: str) -> int:
        if not re.fullmatch(r"#?\d{1,6}", word):
            raise _Wrong(
                f"“{self.verb.name}” needs the number of an entry.", (self.verb.form, "timeline")
            )
        return int(word.removeprefix("#"))


def _opening(kind: Kind) -> Callable[[_Words], Opening]:
    def read(words: _Words) -> Opening:
        text, options = words.options("service", "ic", "impact", "answers")
        severity, text = _leading_severity(words, text)
        if severity is None and "answers" in options:
            severity = _answered(options["answers"])
        title = " ".join(text.split())
        if not title:
            raise _Wrong(
                "What is broken? A title is enough.",
                (f"{words.verb.name} <title>", words.verb.example),
                form=kind is Kind.INCIDENT,
            )
        commander = options.get("ic")
        impact = options.get("impact")
        return Opening(
            kind=kind,
            title=title,
            severity=severity,
            service=options.get("service"),
            commander=words.person(commander) if commander else None,
            impact=" ".join(impact.split()) if impact else None,
        )

    return read


def _answered(text: str) -> Severity | None:
    """Return the severity that answers to the impact questions give; none for no answers (S2)."""
    answers = _answers(text)
    severity = assessed(answers)
    if severity is None and answers:
        left = len(QUESTIONS) - len(answers)
        raise _Wrong(
            f"{left} more answer{'s' if left > 1 else ''} would decide: {QUESTIONS[len(answers)]}",
            ("declare <title> answers:no,no,yes", "declare unsure <title>"),
        )
    return severity


def _preview(words: _Words) -> Asked:
    return Asked(query=Query.PREVIEW, opening=_opening(Kind.INCIDENT)(words))


def _leading_severity(words: _Words, text: str) -> tuple[Severity | None, str]:
    word, rest = _split(text)
    if word.casefold() == "unsure":
        return None, rest
    if _SEVERITY.fullmatch(word):
        return words.severity(word), rest
    if _LIKE_SEVERITY.fullmatch(word):
        raise _Wrong(
            f"“{word}” is no severity: sev1, sev2, sev3 or sev4.",
            (
                f"{words.verb.name} sev1 {rest[:80]}".strip(),
                f"{words.verb.name} unsure {rest[:80]}".strip(),
            ),
        )
    return None, text


def _assess(words: _Words) -> cmd.Assess:
    return cmd.Assess(answers=_answers(words.tail))


def _answers(text: str) -> tuple[cmd.Answer, ...]:
    answers = []
    for word in text.replace(",", " ").split():
        near = {"y": "yes", "n": "no", "?": "unsure"}.get(word.casefold(), word.casefold())
        if near not in set(cmd.Answer):
            raise _Wrong("The answers are yes, no and unsure.", ("assess", "assess no yes"))
        answers.append(cmd.Answer(near))
    return tuple(answers[:3])


def _no_change(words: _Words) -> cmd.PostUpdate:
    words.nothing()
    return cmd.PostUpdate(text=NO_CHANGE)


def _cadence(words: _Words) -> cmd.ChangeCadence:
    before, reason = words.reason()
    clock, length = _split(before)
    if parse_duration(clock) is not None and not length:
        clock, length = "internal", clock
    if clock.casefold() not in set(ClockName):
        raise _Wrong("Which clock? internal, external or stakeholder.")
    period = parse_duration(length)
    if period is None:
        shown = f"“{length[:20]}” is no period. " if length else ""
        raise _Wrong(f"{shown}How often? 15m, 30m, 1h30m.")
    return cmd.ChangeCadence(clock=ClockName(clock.casefold()), period=period, reason=reason)


def _sev(words: _Words) -> cmd.ChangeSeverity:
    before, reason = words.reason()
    word, more = _split(before)
    severity = words.severity(word)
    return cmd.ChangeSeverity(severity=severity, reason=reason or more or None)


def _platform(make: Callable[[str], cmd.Command]) -> Callable[[_Words], cmd.Command]:
    def read(words: _Words) -> cmd.Command:
        name, more = _split(words.tail)
        if not name or more:
            raise _Wrong("Which platform? One word.")
        return make(name.casefold())

    return read


def _alone(command: cmd.Command) -> Callable[[_Words], cmd.Command]:
    def read(words: _Words) -> cmd.Command:
        words.nothing()
        return command

    return read


def _take(words: _Words) -> cmd.TakeCommand:
    if words.tail.casefold() not in {"ic", "command", "commander"}:
        raise _Wrong("Take what?", ("take ic",))
    return cmd.TakeCommand()


def _role(words: _Words) -> cmd.AssignRole:
    role, person = _split(words.tail)
    if role.casefold() in {"ic", "commander"}:
        raise _Wrong("The commander has a verb of their own.", (f"ic {person or '@x'}",))
    if role.casefold() not in set(Role):
        raise _Wrong("Which role? scribe, comms or liaison.")
    return cmd.AssignRole(role=Role(role.casefold()), person=words.person(person))


def _page(words: _Words) -> cmd.PageOut:
    whom, reason = _split(words.tail)
    if not whom:
        raise _Wrong("Page whom?")
    found = words.directory.find(whom, words.mentions)
    if not isinstance(found, Unknown):
        return cmd.PageOut(person=found, reason=reason or None)
    if whom.startswith("@"):
        words.person(whom)
    return cmd.PageOut(service=whom, reason=reason or None)


def _did(words: _Words) -> cmd.AddNote:
    text, options = words.options("by")
    if not text:
        raise _Wrong("What was done?")
    doer = words.person(options["by"]) if "by" in options else None
    return cmd.AddNote(kind=cmd.NoteKind.DID, text=text, doer=doer)


def _note(kind: cmd.NoteKind) -> Callable[[_Words], cmd.AddNote]:
    return lambda words: cmd.AddNote(kind=kind, text=words.text())


def _tried(words: _Words) -> cmd.TryStep:
    step, text = _split(words.tail)
    near = {"rolled": "rollback", "failed": "failover", "roll-back": "rollback"}.get(
        step.casefold(), step.casefold()
    )
    if near not in set(cmd.Step):
        raise _Wrong("Which step? rollback, failover, flag or other.")
    if not text and near == "other":
        raise _Wrong("What was tried?", ("tried other <text>",))
    return cmd.TryStep(step=cmd.Step(near), text=text)


def _because(make: Callable[[str | None], cmd.Command]) -> Callable[[_Words], cmd.Command]:
    def read(words: _Words) -> cmd.Command:
        before, reason = words.reason()
        return make(reason or before or None)

    return read


def _amend(words: _Words) -> cmd.Amend:
    n, text = _split(words.tail)
    entry = words.number(n)
    if not text:
        raise _Wrong("What should it say?")
    return cmd.Amend(entry=entry, text=text)


def _redact(words: _Words) -> cmd.Redact:
    return cmd.Redact(entry=words.number(words.tail))


def _list(words: _Words) -> Asked:
    which = words.tail.casefold() or "open"
    if which not in {"open", "owing", "all"}:
        raise _Wrong("List which? open, owing or all.", ("list open", "list owing", "list all"))
    return Asked(query=Query.LIST, argument=which)


def _brief(words: _Words) -> cmd.SendBrief | Asked:
    return cmd.SendBrief(text=words.tail) if words.tail else Asked(query=Query.DRAFT)


def _ask(query: Query) -> Callable[[_Words], Asked]:
    def read(words: _Words) -> Asked:
        words.nothing()
        return Asked(query=query)

    return read


# --- learning -------------------------------------------------------------------------------------

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


def _section(words: _Words, word: str) -> Section:
    folded = word.casefold()
    found = _SECTIONS.get(folded) or next((s for s in Section if s.value == folded), None)
    if found is None:
        shown = f"No section “{word[:30]}”. " if word else "Which section? "
        raise _Wrong(f"{shown}There are {_NAMES}.", (words.verb.form, words.verb.example))
    return found


def _write(*, add: bool) -> Callable[[_Words], cmd.WriteSection]:
    def read(words: _Words) -> cmd.WriteSection:
        word, text = _split(words.tail)
        section = _section(words, word)
        if not text:
            raise _Wrong("What should it say?", (words.verb.form, words.verb.example))
        return cmd.WriteSection(section=section, text=text, add=add)

    return read


def _postmortem(words: _Words) -> Asked:
    if words.tail:
        word = words.tail.split()[0]
        names = [name for name in BY_WORD if name.startswith("pm ")]
        near = difflib.get_close_matches(f"pm {word.casefold()}", names, n=2, cutoff=0.5)
        raise _Wrong(f"“pm {word[:30]}” is none. Did you mean:", (*near, "help pm"))
    return Asked(query=Query.POSTMORTEM)


def _show(words: _Words) -> Asked:
    section = _section(words, words.tail) if words.tail else None
    return Asked(query=Query.SECTION, argument=section.value if section else "")


def _diff(words: _Words) -> Asked:
    if words.tail and not re.fullmatch(r"[1-9]\d{0,5}", words.tail):
        raise _Wrong("Which version? Its number.", ("pm diff 3", "pm history"))
    return Asked(query=Query.DIFF, argument=words.tail)


def _schedule(words: _Words) -> cmd.ScheduleReview:
    text = words.tail.replace("T", " ") if re.match(r"\d{4}-", words.tail) else words.tail
    text = re.sub(r"\s+utc$|z$", "", text.strip(), flags=re.IGNORECASE)
    try:
        when = datetime.fromisoformat(re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", text))
    except ValueError as exc:
        raise _Wrong(
            "When? A date and a time, in UTC or with its offset.",
            ("pm schedule 2026-12-01 14:00", "pm schedule 2026-12-01 14:00+02:00"),
        ) from exc
    if len(text) <= len("2026-12-01"):
        raise _Wrong("At what time?", (f"pm schedule {text} 14:00",))
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return cmd.ScheduleReview(when=aware.astimezone(UTC))


def _waive(words: _Words) -> cmd.WaiveFinding:
    before, reason = words.reason()
    n, more = _split(before)
    if not re.fullmatch(r"#?\d{1,4}", n):
        raise _Wrong("Which finding? Its number.", ("pm lint", words.verb.form))
    return cmd.WaiveFinding(n=int(n.removeprefix("#")), reason=reason or more or None)


_ACTION_OPTIONS = ("owner", "due", "as", "category")


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _strength(text: str) -> Strength | None:
    folded = text.casefold()
    return next((s for s in Strength if folded in {s.word, str(s.value)}), None)


def _category(text: str | None) -> Category | None:
    if text is None:
        return None
    if text.casefold() not in set(Category):
        raise _Wrong("Which category? prevent, detect or mitigate.")
    return Category(text.casefold())


def _owner(words: _Words, typed: str) -> PersonId | None:
    """Return the one person who is meant; none for a team, a room, an unknown name."""
    if not typed.removeprefix("@"):
        return None
    found = words.directory.find(typed, words.mentions)
    return None if isinstance(found, Unknown) else found


def _action(words: _Words) -> cmd.AddAction | Asked:
    text, options = words.options(*_ACTION_OPTIONS)
    if not text and not options:
        raise _Wrong("What is to be done, by whom, by when?", (words.verb.form, words.verb.example))
    owner, strength = options.get("owner", ""), options.get("as", "")
    return cmd.AddAction(
        text=" ".join(text.split()),
        owner=_owner(words, owner),
        owner_typed=owner,
        due=_date(options.get("due")),
        due_typed=options.get("due", ""),
        strength=_strength(strength),
        strength_typed=strength,
        category=_category(options.get("category")),
    )


def _nth(words: _Words, word: str) -> int:
    match = re.fullmatch(r"[#aA]?(\d{1,4})", word)
    if match is None:
        raise _Wrong("Which action? Its number.", (words.verb.form, "actions"))
    return int(match[1])


def _only_nth(make: Callable[[int], cmd.Command]) -> Callable[[_Words], cmd.Command]:
    return lambda words: make(_nth(words, words.tail))


def _drop(words: _Words) -> cmd.DropAction:
    before, reason = words.reason()
    n, more = _split(before)
    return cmd.DropAction(n=_nth(words, n), reason=reason or more or None)


def _change(words: _Words) -> cmd.ChangeAction:
    before, reason = words.reason()
    n, rest = _split(before)
    inner = _Words(verb=words.verb, tail=rest, directory=words.directory, mentions=words.mentions)
    text, options = inner.options(*_ACTION_OPTIONS)
    number = _nth(words, n)
    if words.verb.name == "action move":
        date_typed = options.get("due") or text
        if not date_typed:
            raise _Wrong("To what date?", (words.verb.form, words.verb.example))
        options, text = {"due": date_typed}, ""
    if not text and not options:
        raise _Wrong("What changes?", (words.verb.form, words.verb.example))
    owner, strength = options.get("owner", ""), options.get("as", "")
    return cmd.ChangeAction(
        n=number,
        text=" ".join(text.split()) or None,
        owner=_owner(words, owner),
        owner_typed=owner,
        due=_date(options.get("due")),
        due_typed=options.get("due", ""),
        strength=_strength(strength) if strength else None,
        strength_typed=strength,
        category=_category(options.get("category")),
        reason=reason,
    )


def _actions(words: _Words) -> Asked:
    which = words.tail
    if which.casefold() in {"", "overdue", "mine", "all", "open"}:
        return Asked(query=Query.ACTIONS, argument=which.casefold())
    if (match := _ID.fullmatch(which)) is not None:
        return Asked(query=Query.ACTIONS, argument=f"{match[1].upper()}-{match[2]}")
    raise _Wrong(
        "Which actions? An incident's, overdue, mine or all.", ("actions", "actions overdue")
    )


# --- the outside ----------------------------------------------------------------------------------


def _external(words: _Words) -> cmd.PublishExternal | Asked:
    text, options = words.options("state", "title")
    if not text and not options:
        return Asked(query=Query.EXTERNAL)
    if not text:
        raise _Wrong("What should the page say?")
    named = options.get("state", "").casefold()
    state = next((s for s in PublicState if s.value == named), None)
    if named and state is None:
        known = ", ".join(s.value for s in PublicState)
        raise _Wrong(f"No state “{named[:30]}”: {known}.", (f"external state:identified {text}",))
    title = " ".join(options["title"].split()) if "title" in options else None
    return cmd.PublishExternal(text=text, title=title, state=state)


def _subscribe(words: _Words) -> Subscribe:
    text, options = words.options("service", "to")
    incident: str | None = None
    severity, rest = None, []
    flags = {"all": False, "postmortems": False, "digest": False}
    for word in text.split():
        folded = word.casefold()
        if folded in flags:
            flags[folded] = True
        elif (level := _SEVERITY.fullmatch(word)) is not None and level[1] != "4":
            severity = Severity(int(level[1]))
        elif (match := _ID.fullmatch(word)) is not None:
            incident = f"{match[1].upper()}-{match[2]}"
        else:
            rest.append(word)
    if rest:
        raise _Wrong(f"Subscribe to what? “{' '.join(rest)[:40]}” is none.")
    return Subscribe(
        incident=incident,
        everything=flags["all"] or severity is not None or "service" in options,
        postmortems=flags["postmortems"],
        severity=severity,
        service=options.get("service"),
        to=options.get("to"),
        digest=flags["digest"],
    )


def _unsubscribe(words: _Words) -> Unsubscribe:
    if words.tail.casefold() == "all":
        return Unsubscribe(everything=True)
    if not words.tail:
        return Unsubscribe()
    if not re.fullmatch(r"#?\d{1,9}", words.tail):
        raise _Wrong("Which one? Its number, or all.", ("subscriptions", "unsubscribe all"))
    return Unsubscribe(n=int(words.tail.removeprefix("#")))


def _shield(words: _Words) -> SetShield:
    if words.tail.casefold() not in {"on", "off"}:
        raise _Wrong("On or off?", ("shield off", "shield on"))
    return SetShield(on=words.tail.casefold() == "on")


_READERS: Mapping[str, Callable[[_Words], Opening | cmd.Command | Asked | OfAudience]] = {
    "declare": _opening(Kind.INCIDENT),
    "drill": _opening(Kind.DRILL),
    "near-miss": _opening(Kind.NEAR_MISS),
    "preview": _preview,
    "assess": _assess,
    "update": lambda words: cmd.PostUpdate(text=words.text()),
    "nochange": _no_change,
    "cadence": _cadence,
    "external": _external,
    "approve": _alone(cmd.Approve()),
    "reject": lambda words: cmd.RejectDraft(reason=words.optional_text()),
    "mirror": _platform(lambda name: cmd.Mirror(adapter=name)),
    "unmirror": _platform(lambda name: cmd.EndMirror(adapter=name)),
    "brief": _brief,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "subscriptions": _ask(Query.SUBSCRIPTIONS),
    "shield": _shield,
    "score": _ask(Query.SCORE),
    "sev": _sev,
    "ic": lambda words: cmd.NameCommander(person=words.only_person()),
    "accept": _alone(cmd.AcceptCommand()),
    "decline": _alone(cmd.DeclineCommand()),
    "take": _take,
    "handoff": lambda words: cmd.HandOff(person=words.only_person()),
    "role": _role,
    "page": _page,
    "join": _alone(cmd.Join()),
    "leave": _alone(cmd.Leave()),
    "tried": _tried,
    "did": _did,
    "saw": _note(cmd.NoteKind.SAW),
    "decided": _note(cmd.NoteKind.DECIDED),
    "note": _note(cmd.NoteKind.NOTE),
    "impact": lambda words: cmd.StateImpact(text=" ".join(words.text().split())),
    "stabilised": lambda words: cmd.Stabilise(text=words.optional_text()),
    "resolve": lambda words: cmd.Resolve(text=words.optional_text()),
    "reopen": _because(lambda reason: cmd.Reopen(reason=reason)),
    "cancel": _because(lambda reason: cmd.Cancel(reason=reason)),
    "pm": _postmortem,
    "pm show": _show,
    "pm set": _write(add=False),
    "pm add": _write(add=True),
    "pm keep": lambda words: cmd.KeepSection(section=_section(words, words.tail)),
    "pm lint": _ask(Query.LINT),
    "pm diff": _diff,
    "pm history": _ask(Query.HISTORY),
    "pm schedule": _schedule,
    "pm unschedule": _alone(cmd.UnscheduleReview()),
    "pm held": _alone(cmd.NoteHeld()),
    "pm review": _alone(cmd.OpenReview()),
    "pm waive": _waive,
    "pm finalise": _alone(cmd.Finalise()),
    "pm draft": _because(lambda reason: cmd.BackToDraft(reason=reason)),
    "pm owner": lambda words: cmd.OwnPostmortem(person=words.only_person()),
    "pm start": _because(lambda reason: cmd.StartPostmortem(reason=reason)),
    "action": _action,
    "action done": _only_nth(lambda n: cmd.FinishAction(n=n)),
    "action reopen": _only_nth(lambda n: cmd.ReopenAction(n=n)),
    "action move": _change,
    "action edit": _change,
    "action drop": _drop,
    "actions": _actions,
    "amend": _amend,
    "redact": _redact,
    "status": _ask(Query.STATUS),
    "timeline": _ask(Query.TIMELINE),
    "who": _ask(Query.WHO),
    "list": _list,
    "help": lambda words: Asked(query=Query.HELP, argument=words.tail.casefold()),
}
