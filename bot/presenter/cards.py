"""The status card, the board, and the lists of incidents (L2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.contract.messages import (
    At,
    Block,
    Bullets,
    Fields,
    Message,
    Place,
    Precision,
    Row,
    Spans,
    Strong,
    span_of,
)
from bot.domain.cadence import owing
from bot.domain.incident import ClockName, Incident, Phase, Severity
from bot.presenter.forms import FormWords
from bot.presenter.voice import Voice, joined, next_label, para, shorten
from bot.refs import PersonId
from bot.store.incidents import Summary


class CardWords:
    """Messages that show the state of incidents."""

    def __init__(self, voice: Voice, forms: FormWords) -> None:
        self._voice, self._forms = voice, forms

    def card(
        self, incident: Incident, *, forms: bool = False, viewer: PersonId | None = None
    ) -> Message:
        """Return the status card (L2).

        Args:
            incident: The incident.
            forms: Add what can be pressed and filled in; the platform has forms.
            viewer: Offer what this person may do; `None` offers what anybody may.
        """
        title = f"{self._voice.practice(incident)}{incident.id} · {self._voice.title(incident)}"
        rows = (*self._now(incident), *self._announced(incident), *self._facts(incident))
        tools = self._forms.tools(incident, viewer) if forms else ()
        return Message(
            summary=(title,),
            blocks=(Fields(rows), *tools),
            card_of=incident.id if forms else None,
        )

    def _now(self, incident: Incident) -> Iterator[Row]:
        """Yield the state, the people and the impact."""
        voice = self._voice
        yield Row("State", (voice.state(incident),))
        yield Row("IC", voice.ic(incident))
        yield Row("Roles", joined(voice.roles(incident)[1:]))
        if incident.responders:
            yield Row("Responders", voice.people(incident.responders))
        yield Row("Impact", (shorten(incident.impact or "not stated yet", 300),))
        if incident.private:
            yield Row("Private", ("read by those who take part",))

    def _announced(self, incident: Incident) -> Iterator[Row]:
        """Yield the last texts, the next updates, and the platforms."""
        at = self._voice.at
        if (said := incident.last_update) is not None:
            yield Row("Last update", (at(said.at), ": ", shorten(said.text, 300)))
        if incident.publications:
            out = incident.publications[-1]
            where = "Public (practice)" if incident.drill else "Public"
            yield Row(where, (f"{out.state.value}, ", at(out.at), f": {shorten(out.text, 200)}"))
        for clock, state in incident.clocks.items():
            if state.promise is not None:
                yield Row(next_label(clock), (at(state.promise.due_at),))
        if incident.mirrors:
            told = ", ".join(self._voice.platform(c.adapter) for c in incident.conversations)
            yield Row("Told on", (told,))

    def _facts(self, incident: Incident) -> Iterator[Row]:
        """Yield the facts that seldom change."""
        at, by = self._voice.at, self._voice.who(incident.declared_by)
        yield Row("Declared", (at(incident.declared_at), " by ", by))
        if incident.resolved_at is not None:
            took = span_of(incident.resolved_at - incident.declared_at)
            yield Row("Resolved", (at(incident.resolved_at), f" after {took}"))
        if incident.service:
            yield Row("Service", (incident.service,))
        if incident.ticket is not None:
            yield Row("Ticket", (incident.ticket.url or incident.ticket.id,))

    def status(self, incident: Incident, now: datetime) -> Message:
        """Return the answer to `status`: the card, and the next step."""
        card = self.card(incident)
        return Message(summary=card.summary, blocks=(*card.blocks, *self._next_step(incident, now)))

    def _next_step(self, incident: Incident, now: datetime) -> list[Block]:
        if not incident.running:
            owed = incident.postmortem and incident.phase is Phase.RESOLVED
            if not owed or incident.review is None:
                return [para("A postmortem is owed.")] if owed else []
            return [
                para(
                    "A postmortem is owed by ",
                    self._voice.who(incident.review.owner),
                    ": ",
                    self._voice.line("pm"),
                )
            ]
        due = self._voice.next_update(incident, now)
        if due:
            owed_by = owing(incident, ClockName.INTERNAL)
            return [
                para(
                    *due,
                    " ",
                    self._voice.who(owed_by) if owed_by else "Whoever takes command",
                    " owes it: ",
                    self._voice.line("update <text>"),
                )
            ]
        return [
            para(self._voice.line("update <text>"), "  ·  ", self._voice.line("resolve <text>"))
        ]

    def people_of(self, incident: Incident) -> Message:
        """Return the answer to `who`."""
        asked = tuple(a.person for a in incident.asked if not a.declined)
        rows = [
            Row("IC", self._voice.ic(incident)),
            Row("Roles", joined(self._voice.roles(incident)[1:])),
            Row("Responders", self._voice.people(incident.responders)),
        ]
        if asked:
            rows.append(Row("Asked to command", self._voice.people(asked)))
        if incident.offered_to is not None:
            rows.append(Row("Offered command", (self._voice.who(incident.offered_to),)))
        rows.append(Row("Took part", self._voice.people(incident.participants)))
        return Message(summary=(f"{incident.id}: who is who",), blocks=(Fields(tuple(rows)),))

    def listing(self, which: str, found: Sequence[Summary]) -> Message:
        """Return the answer to `list`."""
        what = {"open": "open", "owing": "owing a postmortem", "all": "on record"}[which]
        if not found:
            return Message(
                summary=(f"No incident is {what}.",),
                blocks=(para(self._voice.line("declare <title>")),) if which == "open" else (),
            )
        items: list[Spans] = []
        for each in found:
            owing_mark = (
                " · postmortem owing" if each.postmortem and each.phase is Phase.RESOLVED else ""
            )
            ticket = each.severity is Severity.SEV4 and each.phase.active
            phase = "ticket" if ticket else each.phase.value
            ic: Spans = (" · IC: ", self._voice.who(each.commander)) if each.commander else ()
            items.append(
                (
                    Strong(each.id),
                    f" {each.severity.label} · {phase}{owing_mark} · ",
                    At(each.declared_at, None, Precision.DAY),
                    *ic,
                    f" — {shorten(each.title)}",
                )
            )
        count = f"{len(found)} incident{'s' if len(found) != 1 else ''} {what}"
        return Message(summary=(count,), blocks=(Bullets(tuple(items)),))

    def board(self, running: Sequence[Incident]) -> Message:
        """Return the list of open incidents that is pinned in a conversation."""
        declare = para("Something is broken? ", self._voice.line("declare <what>"))
        if not running:
            return Message(summary=("No incident runs.",), blocks=(declare,))
        items: list[Spans] = [
            (
                Place(each.conversation, each.id),
                f" {self._voice.practice(each)}{each.severity.label} · {each.phase.value} · IC: ",
                *self._voice.ic(each),
                f" — {self._voice.title(each)}",
            )
            for each in running
        ]
        count = f"{len(running)} incident{'s run' if len(running) != 1 else ' runs'}"
        return Message(summary=(count,), blocks=(Bullets(tuple(items)), declare))
