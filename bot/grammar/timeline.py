"""Lines that record, amend and redact (L1, L3), and stabilising steps (T2)."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain import commands as cmd
from bot.grammar.verb import (
    Topic,
    Verb,
    Words,
    Wrong,
    split_word,
)


def _tried(words: Words) -> cmd.TryStep:
    step, text = split_word(words.tail)
    near = {"rolled": "rollback", "failed": "failover", "roll-back": "rollback"}.get(
        step.casefold(), step.casefold()
    )
    if near not in set(cmd.Step):
        raise Wrong("Which step? rollback, failover, flag or other.")
    if not text and near == "other":
        raise Wrong("What was tried?", ("tried other <text>",))
    return cmd.TryStep(step=cmd.Step(near), text=text)


def _did(words: Words) -> cmd.AddNote:
    text, options = words.options("by")
    if not text:
        raise Wrong("What was done?")
    doer = words.person(options["by"]) if "by" in options else None
    return cmd.AddNote(kind=cmd.NoteKind.DID, text=text, doer=doer)


def _note(kind: cmd.NoteKind) -> Callable[[Words], cmd.AddNote]:
    return lambda words: cmd.AddNote(kind=kind, text=words.text())


def _amend(words: Words) -> cmd.Amend:
    n, text = split_word(words.tail)
    entry = words.number(n)
    if not text:
        raise Wrong("What should it say?")
    return cmd.Amend(entry=entry, text=text)


def _redact(words: Words) -> cmd.Redact:
    return cmd.Redact(entry=words.number(words.tail))


VERBS: tuple[Verb, ...] = (
    Verb(
        name="tried",
        form="tried <rollback|failover|flag|other> <text>",
        example="tried rollback release 311",
        says="Records a stabilising step.",
        topic=Topic.WORK,
        read=_tried,
    ),
    Verb(
        name="did",
        aliases=("action taken",),
        form="did <text> [by:@x]",
        example="did restarted checkout-7 by:@dev",
        says="Records what was done.",
        topic=Topic.WORK,
        read=_did,
    ),
    Verb(
        name="saw",
        aliases=("observed",),
        form="saw <text>",
        example="saw error rate falls since 14:20",
        says="Records what was observed.",
        topic=Topic.WORK,
        read=_note(cmd.NoteKind.SAW),
    ),
    Verb(
        name="decided",
        aliases=("decision",),
        form="decided <text>",
        example="decided roll back before reading the trace",
        says="Records a decision.",
        topic=Topic.WORK,
        read=_note(cmd.NoteKind.DECIDED),
    ),
    Verb(
        name="note",
        aliases=("tl",),
        form="note <text>",
        example="note the deploy began at 13:58",
        says="Puts a line on the timeline.",
        topic=Topic.WORK,
        read=_note(cmd.NoteKind.NOTE),
    ),
    Verb(
        name="impact",
        form="impact <text>",
        example="impact one in three checkouts ends in an error",
        says="States who is affected and how, in one line.",
        topic=Topic.WORK,
        read=lambda words: cmd.StateImpact(text=" ".join(words.text().split())),
    ),
    Verb(
        name="amend",
        form="amend <n> <text>",
        example="amend 7 error rate 12 %, not 21 %",
        says="Puts a timeline entry right; the record keeps the original.",
        topic=Topic.RECORD,
        read=_amend,
    ),
    Verb(
        name="redact",
        form="redact <n>",
        example="redact 7",
        says="Removes an entry's text everywhere, for good.",
        topic=Topic.RECORD,
        read=_redact,
    ),
)
