"""The record that people write: notes, steps, and what puts an entry right (T2, L1, L3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.incident import Phase
from bot.domain.postmortem import forget_redacted
from bot.domain.stages import under_way

_CAUSE = re.compile(
    r"\b(root cause|caused by|cause (is|was|seems)|the cause|culprit|because of|"
    r"why (did|does|is|was|it|this|that))\b",
    re.IGNORECASE,
)

Written = (
    ev.NoteAdded
    | ev.MessageCaptured
    | ev.StepTried
    | ev.ImpactStated
    | ev.UpdatePosted
    | ev.ExternalPublished
    | ev.ExternalDrafted
    | ev.BriefSent
)
"""The entries whose text people write; beside them, the title of a declaration can be changed."""

WrittenAfterwards = ev.SectionWritten | ev.ActionAdded | ev.ActionChanged
"""Texts written after the incident: they are rewritten, not amended, but redacted as well."""


def note(decision: Decision, command: cmd.AddNote) -> None:
    """Put an entry on the timeline, marked where the commander did it themselves (C3)."""
    incident = decision.incident
    doer = command.doer or decision.by
    hands_on = (
        command.kind is cmd.NoteKind.DID
        and incident.running
        and doer is not None
        and doer == incident.commander
    )
    decision.add(
        ev.NoteAdded(
            at=decision.written_at,
            by=decision.by,
            kind=command.kind,
            text=command.text,
            doer=command.doer,
            hands_on=hands_on,
        )
    )
    remind_of_cause(decision, command.text)


def capture(decision: Decision, command: cmd.Capture) -> None:
    """Put a chat message on the timeline, with its own time and author (L1)."""
    decision.add(
        ev.MessageCaptured(
            at=min(command.written_at, decision.now),
            by=decision.by,
            author=command.author,
            text=command.text,
        )
    )
    remind_of_cause(decision, command.text)


def try_step(decision: Decision, command: cmd.TryStep) -> None:
    """Record a stabilising step (T2)."""
    under_way(decision)
    decision.add(
        ev.StepTried(at=decision.written_at, by=decision.by, step=command.step, text=command.text)
    )


def remind_of_cause(decision: Decision, text: str) -> None:
    """Say once that the cause can wait (T2), unless the room has just heard something (F14)."""
    incident = decision.incident
    quiet = incident.quiet_until is not None and decision.now < incident.quiet_until
    if (
        incident.running
        and incident.severity.commanded
        and incident.phase is Phase.INVESTIGATING
        and not incident.cause_reminded
        and not quiet
        and _CAUSE.search(text)
    ):
        decision.add(ev.CauseReminded(at=decision.now))


def amend(decision: Decision, command: cmd.Amend) -> None:
    """Correct an entry; the original stays in the audit record (L3)."""
    _editable(decision, command.entry, "amend")
    decision.add(
        ev.EntryAmended(at=decision.now, by=decision.by, entry=command.entry, text=command.text)
    )


def redact(decision: Decision, command: cmd.Redact) -> None:
    """Remove an entry's text for good, and the other entries of the same public text (L3)."""
    _editable(decision, command.entry, "redact")
    written = decision.setting.entry
    author = getattr(written, "author", None) or (written.by if written else None)
    written_at = written.at if written is not None else None
    for entry in (command.entry, *decision.setting.twins):
        decision.add(
            ev.EntryRedacted(
                at=decision.now, by=decision.by, entry=entry, author=author, written_at=written_at
            )
        )
    forget_redacted(decision, decision.setting.redacted)


def _editable(decision: Decision, n: int, verb: str) -> None:
    """Refuse to change what is not there, what the bot recorded, or what is another's (L3)."""
    entry, incident = decision.setting.entry, decision.incident
    if entry is None:
        raise Rejected(
            f"{incident.id} has no entry {n}; its timeline ends at {incident.entries}.",
            lines=("timeline",),
        )
    redacting = isinstance(entry, WrittenAfterwards) and verb == "redact"
    if not isinstance(entry, ev.Declared | Written) and not redacting:
        raise Rejected(
            f"Entry {n} is the bot's own record; only what people wrote can be changed.",
            lines=("note <text>",),
        )


def text_of(event: ev.Event) -> str | None:
    """Return the text that somebody wrote in an entry; `None` for the bot's own entries."""
    if isinstance(event, ev.Declared):
        return event.title
    return event.text if isinstance(event, Written | ev.EntryAmended | WrittenAfterwards) else None


def texts_of(entries: Sequence[ev.Entry], n: int) -> tuple[str, ...]:
    """Return all that entry `n` has ever said: what somebody wrote, and what amended it."""
    found = (
        text_of(entry.event)
        for entry in entries
        if entry.n == n or (isinstance(entry.event, ev.EntryAmended) and entry.event.entry == n)
    )
    return tuple(dict.fromkeys(t for t in found if t and t != ev.REDACTED))


def twins_of(entries: Sequence[ev.Entry], n: int) -> tuple[int, ...]:
    """Return the other entries of a public text: a draft of it, and what was published (L3)."""
    public = {
        entry.n: entry.event.text
        for entry in entries
        if isinstance(entry.event, ev.ExternalDrafted | ev.ExternalPublished)
    }
    text = public.get(n)
    return tuple(m for m, said in public.items() if m != n and said == text != ev.REDACTED)


def with_text(event: ev.Event, text: str) -> ev.Event:
    """Return an entry with another text; the bot's own record as it is."""
    if isinstance(event, ev.Declared):
        return replace(event, title=text)
    if isinstance(event, Written | ev.EntryAmended | WrittenAfterwards):
        return replace(event, text=text)
    return event


def corrected(entries: Sequence[ev.Entry]) -> list[ev.Entry]:
    """Return a timeline as it is to be read: each entry with its last amendment (L3)."""
    last = {
        entry.event.entry: entry.event.text
        for entry in entries
        if isinstance(entry.event, ev.EntryAmended)
    }
    return [
        replace(entry, event=with_text(entry.event, f"{last[entry.n]} (amended)"))
        if entry.n in last and text_of(entry.event) != ev.REDACTED
        else entry
        for entry in entries
    ]
