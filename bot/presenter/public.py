"""Messages about public texts: drafts, approval, and the communication plan (X1, X2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.contract.messages import Actions, Block, Fields, Message, Row, Spans
from bot.domain import events as ev
from bot.domain.durations import duration
from bot.domain.incident import ClockName, Incident, Phase
from bot.domain.policy import Plan
from bot.domain.public import compose_draft, health
from bot.domain.publication import ComponentState, PublicDraft, PublicState
from bot.domain.telling import Scene
from bot.presenter.forms import FormWords, approve_line
from bot.presenter.voice import Occasion, Voice, because, first, joined, message, para, shorten

BUTTON_LENGTH = 1000
"""The length of the longest text that a button carries; longer ones are typed."""


_HEALTH: Mapping[ComponentState, str] = {
    ComponentState.OPERATIONAL: "operational",
    ComponentState.DEGRADED: "degraded",
    ComponentState.PARTIAL: "partial outage",
    ComponentState.MAJOR: "major outage",
}


OfPublic = ev.ExternalPublished | ev.ExternalDrafted | ev.DraftRejected


class PublicWords:
    """Messages about public texts and the plan they come from."""

    def __init__(
        self, voice: Voice, forms: FormWords, plan_for: Callable[[str | None], Plan]
    ) -> None:
        """`plan_for` returns a service's communication plan."""
        self._voice, self._forms, self._plan_for = voice, forms, plan_for

    def told(self, occasion: Occasion, head: OfPublic) -> Message:
        """Return the message for a conversation."""
        match head:
            case ev.ExternalPublished():
                verb = f"Publishing as {head.state.value}" if head.state else "Publishing"
                return self._voice.sending(occasion, head, verb, ClockName.EXTERNAL)
            case ev.ExternalDrafted():
                return self.drafted(occasion.incident, head)
            case ev.DraftRejected():
                author: Spans = (self._voice.who(head.author), ": ") if head.author else ()
                return message(
                    ("Not published", *because(head.reason), " — ", self._voice.who(head.by)),
                    (*author, self._voice.line("external <text>")),
                )

    def told_person(self, occasion: Occasion, head: OfPublic) -> Message | None:
        """Return the direct message for one person; `None` if they get the room's message."""
        incident = occasion.incident
        match head:
            case ev.ExternalDrafted():
                return self.drafted(incident, head, elsewhere=True)
            case ev.DraftRejected():
                return message(
                    (f"{incident.id}: not published", *because(head.reason), "."),
                    (self._voice.line("external <text>", incident),),
                )
            case ev.ExternalPublished():
                return None

    def entry(self, event: OfPublic) -> Spans:
        """Return the event's line on the timeline."""
        by = self._voice.who(event.by)
        match event:
            case ev.ExternalPublished():
                state = f" as {event.state.value}" if event.state else ""
                return (by, f" published{state}: {event.text}")
            case ev.ExternalDrafted(by=None):
                return (f"Offered for the status page: {event.text}",)
            case ev.ExternalDrafted():
                return (by, f" drafted for the status page: {event.text}")
            case ev.DraftRejected():
                reason = f": {event.reason}" if event.reason else ""
                whose: Spans = (" of ", self._voice.who(event.author)) if event.author else ()
                return (by, " sent back the draft", *whose, reason)

    def _appearance(
        self, incident: Incident, text: ev.ExternalDrafted | PublicDraft
    ) -> list[Block]:
        """Return a public text exactly as status pages will show it (X2)."""
        state = text.state
        if incident.phase is Phase.STABILISED:
            state = PublicState.MONITORING
        how = _HEALTH[health(incident.severity, state)]
        rows = [Row("Title", (text.title,)), Row("State", (state.value,))]
        if text.components:
            rows.append(Row("Components", (f"{', '.join(text.components)}: {how}",)))
        return [Fields(tuple(rows)), para(text.text)]

    def drafted(
        self, incident: Incident, text: ev.ExternalDrafted | PublicDraft, *, elsewhere: bool = False
    ) -> Message:
        """Return a public text for the commander to approve (X2).

        `elsewhere`: it is read outside the incident's conversation, so lines carry the id.
        """
        name = incident if elsewhere else None
        approve = approve_line(incident)
        if text.by is None:
            told = message(
                (f"{self._voice.label(incident)}: a public text is ready, in the plan's words.",),
                *self._appearance(incident, text),
                self._becomes_public(incident),
                (
                    "Nothing is out yet. ",
                    self._voice.decides(incident),
                    " decides: ",
                    self._voice.line(approve, name),
                    "  ·  in other words: ",
                    self._voice.line("external <text>", name),
                ),
                Actions((self._voice.button("Approve", incident, approve),)),
            )
            return replace(told, shows=shown(incident))
        told = message(
            (
                f"{self._voice.label(incident)}: for the status page, by ",
                self._voice.who(text.by),
                ":",
            ),
            *self._appearance(incident, text),
            self._becomes_public(incident),
            (
                self._voice.decides(incident),
                " decides: ",
                self._voice.line(approve, name),
                "  ·  ",
                self._voice.line("reject <why>", name),
            ),
            *self._forms.approval(incident),
        )
        return replace(told, shows=shown(incident))

    def _approver(self, incident: Incident) -> Spans:
        """Return who decides about a public text (X3)."""
        if incident.commander is not None:
            return (self._voice.who(incident.commander),)
        return ("A trained commander, the service's owner or comms",)

    def _becomes_public(self, incident: Incident) -> Spans | None:
        """Return the warning that a private incident's text will be public (F17)."""
        return ("The incident is private. This text will be public.",) if incident.private else None

    def unseen(self, incident: Incident, draft: PublicDraft, *, elsewhere: bool) -> Message:
        """Return the draft that waits, for somebody who approved another (X3)."""
        told = self.drafted(incident, draft, elsewhere=elsewhere)
        return replace(told, summary=("Not published; this text waits now. ", *told.summary))

    def offer(self, incident: Incident) -> Message:
        """Return the answer to `external` without a text: the draft, or the plan's words."""
        if incident.draft is not None:
            return self.drafted(incident, incident.draft)
        text = compose_draft(incident, self._plan_for(incident.service), None)
        short = len(text.text) <= BUTTON_LENGTH
        return message(
            (f"{incident.id}: the plan's words for now; nothing was published.",),
            *self._appearance(incident, text),
            (self._voice.line("external <text> [title:<title>]"),),
            Actions((self._voice.button("Use these", incident, f"external {text.text}"),))
            if short
            else None,
        )

    def example(self, incident: Incident) -> str:
        """Return the text that the plan has for this moment."""
        return compose_draft(incident, self._plan_for(incident.service), None).text

    def publicly(self, incident: Incident, scene: Scene) -> list[Spans]:
        """Return the public text, published or drafted, that came with a change of phase."""
        out = first(scene, ev.ExternalPublished)
        if out is not None and out.state is not None:
            where = "Status page (practice)" if incident.drill else "Status page"
            return [(f"{where}: {out.state.value} — “{shorten(out.text, 300)}”",)]
        drafted = first(scene, ev.ExternalDrafted)
        if drafted is None or isinstance(scene.head, ev.Declared):
            return []
        return [
            (
                f"For the status page: “{shorten(drafted.text, 300)}” — ",
                self._voice.decides(incident),
                ": ",
                self._voice.line(approve_line(incident)),
            )
        ]

    def plan_line(self, incident: Incident, plan: Plan, scene: Scene) -> list[Spans]:
        """Return lines that name the plan in force, or say that there is none (X1)."""
        parts: list[Spans] = []
        for clock, what in ((ClockName.EXTERNAL, "public"), (ClockName.STAKEHOLDER, "briefs")):
            state = incident.clocks.get(clock)
            if state is not None and state.promise is not None:
                parts.append((f"{what} every {duration(state.period)}",))
        lines: list[Spans] = []
        if plan.missing:
            lack = "No service is named"
            if plan.service:
                lack = f"{plan.service} has no communication plan"
            lines.append((f"{lack}; the default plan applies", *_dashed(parts), "."))
        elif parts:
            lines.append((f"Plan of {plan.service}: ", *joined(parts, ", "), "."))
        if first(scene, ev.ExternalDrafted) is not None:
            lines.append(
                (
                    "A first public text is ready: ",
                    self._voice.line("external"),
                    " shows it, ",
                    self._voice.line(approve_line(incident)),
                    " publishes it.",
                )
            )
        return lines


def shown(incident: Incident) -> str | None:
    """Return the name of the draft that waits, for messages that show it (X3)."""
    return f"{incident.id} {incident.draft.entry}" if incident.draft is not None else None


def _dashed(parts: list[Spans]) -> Spans:
    return (" — ", *joined(parts, ", ")) if parts else ()
