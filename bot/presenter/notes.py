"""Messages about notes, steps and the impact, and about corrections (L1, L3, T2)."""

from __future__ import annotations

from bot.contract.messages import Message, Spans
from bot.domain import events as ev
from bot.domain.commands import NoteKind
from bot.domain.incident import Incident
from bot.domain.telling import Scene
from bot.domain.timeline import text_of
from bot.presenter.phases import PhaseWords
from bot.presenter.voice import Occasion, Voice, message, shorten
from bot.refs import ConversationRef, is_machine

OfNotes = (
    ev.NoteAdded
    | ev.MessageCaptured
    | ev.StepTried
    | ev.ImpactStated
    | ev.EntryAmended
    | ev.EntryRedacted
)


class NoteWords:
    """Messages about entries that people write and correct."""

    def __init__(self, voice: Voice, phases: PhaseWords) -> None:
        self._voice, self._phases = voice, phases

    def told(self, occasion: Occasion, head: OfNotes) -> Message:
        """Return the message for a conversation."""
        incident, scene, to = occasion.incident, occasion.scene, occasion.to
        match head:
            case ev.NoteAdded():
                return self._noted(incident, head, scene, to)
            case ev.MessageCaptured() | ev.StepTried() | ev.ImpactStated():
                recorded = self._recorded(incident, scene, to)
                return message(recorded, *self._phases.cause_can_wait(scene))
            case ev.EntryAmended():
                return message((f"Entry {head.entry} now says: ", shorten(head.text, 300)))
            case ev.EntryRedacted():
                return self._redacted(incident, head)

    def _redacted(self, incident: Incident, head: ev.EntryRedacted) -> Message:
        whose: Spans = ()
        if head.author is not None and head.written_at is not None:
            whose = (
                " (",
                self._voice.who(head.author),
                ", ",
                self._voice.second(head.written_at),
                ")",
            )
        again = f"amend {head.entry} <title>" if head.entry == 1 else "note <text>"
        return message(
            (f"The text of entry {head.entry} is removed, for good", *whose, "."),
            ("The wrong one? Write it again: ", self._voice.line(again, incident)),
        )

    def entry(self, event: OfNotes) -> Spans:
        """Return the event's line on the timeline."""
        by, who = self._voice.who(event.by), self._voice.who
        match event:
            case ev.NoteAdded():
                doer: Spans = (" by ", who(event.doer)) if event.doer else ()
                kind = "" if event.kind is NoteKind.NOTE else f"{event.kind.value}: "
                return (by, f" — {kind}{event.text}", *doer)
            case ev.MessageCaptured():
                return (who(event.author), f" wrote: {event.text} (captured by ", by, ")")
            case ev.StepTried():
                return (by, f" — tried {event.step.value}: {event.text}".rstrip(": "))
            case ev.ImpactStated():
                return (by, f" — impact: {event.text}")
            case ev.EntryAmended():
                return (by, f" amended entry {event.entry}: {event.text}")
            case ev.EntryRedacted():
                return (by, f" redacted entry {event.entry}")

    def _recorded(
        self, incident: Incident, scene: Scene, to: ConversationRef | None = None
    ) -> Spans:
        """Return the entry's number; with its text if it was written on another platform."""
        head = scene.head
        n = incident.entries - len(scene.events) + scene.events.index(head) + 1
        text = text_of(head)
        across = self._voice.across(head, to)
        # Nobody here has read what was written elsewhere, or what no person wrote.
        if text is None or not (across or is_machine(head.by)):
            return ("Noted ", self._voice.second(head.at), f" as entry {n}.")
        author = head.author if isinstance(head, ev.MessageCaptured) else head.by
        said = shorten(text, 1000) or "a step"
        return (
            self._voice.second(head.at),
            " ",
            self._voice.who(author),
            f"{across}: {said} — entry {n}.",
        )

    def _noted(
        self, incident: Incident, head: ev.NoteAdded, scene: Scene, to: ConversationRef | None
    ) -> Message:
        if not head.hands_on:
            return message(self._recorded(incident, scene, to), *self._phases.cause_can_wait(scene))
        suggested = incident.declared_by if incident.declared_by != incident.commander else None
        return message(
            (
                *self._recorded(incident, scene, to),
                " The commander coordinates; hands-on work pulls the eyes off the whole.",
            ),
            (
                "Hand over: ",
                self._voice.line(f"handoff {self._voice.handle(suggested)}"),
                "  ·  or note another's work: ",
                self._voice.line(f"{NoteKind.DID.value} <text> by:@name"),
            ),
            *self._phases.cause_can_wait(scene),
        )
