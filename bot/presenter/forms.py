"""What can be filled in and pressed, on platforms that have forms; each is a line to type, too."""

from __future__ import annotations

from bot.contract.messages import Actions, Block, Button, Choice, Form, Input, Message
from bot.domain.commands import Answer, NoteKind, Step
from bot.domain.decide import QUESTIONS
from bot.domain.incident import ClockName, Incident, Phase, Role, Severity
from bot.presenter.voice import Voice
from bot.refs import PersonId

MOST_PEOPLE = 60
"""How many people a form offers to choose from; beyond that a name is typed."""


class Forms(Voice):
    """Forms, and the tools on the status card."""

    def declare_form(self) -> Message:
        """Return the form to declare with, for `declare` without a title."""
        answers = tuple(Choice(a.value, a.value.capitalize()) for a in Answer)
        line = "{title} [service:{service}] [answers:{q1},{q2},{q3}] [impact:{impact}]"
        services = tuple(Choice(name, name) for name in self.services)
        service = (Input("service", "Service", services, optional=True),) if services else ()
        return Message(
            summary=("What is broken? A title is enough: ", self.line("declare <title>")),
            blocks=(
                Form(
                    inputs=(
                        Input("title", "What is broken"),
                        *(
                            Input(f"q{n}", question, answers, optional=True)
                            for n, question in enumerate(QUESTIONS, 1)
                        ),
                        Input("impact", "Who is affected, and how", optional=True),
                        *service,
                    ),
                    buttons=(
                        Button("Declare", f"declare {line}"),
                        Button("Which severity?", f"preview {line}"),
                    ),
                    typed="declare [1..4|unsure] <title>",
                    label="Declare",
                    says="The first yes decides: SEV1, SEV2, SEV3. Unsure counts as yes; "
                    "without answers it is SEV1.",
                ),
            ),
        )

    def approval(self, incident: Incident) -> tuple[Block, ...]:
        """Return how the commander answers a draft (X2)."""
        return (
            Actions((self.button("Approve", incident, "approve"),)),
            Form(
                inputs=(Input("why", "Why, and what would do", long=True),),
                buttons=(self.button("Send back", incident, "reject {why}"),),
                typed="reject <why>",
                label="Reject",
                folded=True,
            ),
        )

    def tools(self, incident: Incident, viewer: PersonId | None) -> tuple[Block, ...]:
        """Return what the status card offers; the commander's only where they are the viewer."""
        if not incident.running:
            review: tuple[Block, ...] = ()
            if incident.review is not None:
                review = (Actions((self.button("Postmortem", incident, "pm"),)),)
            again = (self._reopening(incident),) if self._leads(incident, viewer) else ()
            return (*review, *again)
        quick: list[Button] = []
        if incident.clocks.get(ClockName.INTERNAL) is not None:
            quick.append(self.button("No new findings", incident, "nochange"))
        asked = {ask.person for ask in incident.asked if not ask.declined} | {incident.offered_to}
        if viewer is not None and viewer in asked:
            quick.append(self.button("Accept command", incident, "accept"))
        if viewer is None or viewer not in {incident.commander, *incident.responders}:
            quick.append(self.button("Join", incident, "join"))
        forms = [self._updating(incident), self._recording(incident), self._severity(incident)]
        if incident.severity.commanded:
            forms.append(self._roles(incident))
        if self._leads(incident, viewer):
            forms.append(self._commanding(incident))
        return (Actions(tuple(quick)), *forms)

    def _leads(self, incident: Incident, viewer: PersonId | None) -> bool:
        return viewer is None or incident.commander in {None, viewer}

    def _only(self, incident: Incident) -> str:
        if incident.commander is None:
            return ""
        return f"Only the commander: {self.directory.name(incident.commander)}."

    def _updating(self, incident: Incident) -> Form:
        return Form(
            inputs=(Input("text", "What is new, in one or two lines", long=True),),
            buttons=(self.button("Post update", incident, "update {text}"),),
            typed="update <text>",
            label="Update",
            says="Anyone taking part. It keeps the promise and starts the next period.",
            folded=True,
        )

    def _recording(self, incident: Incident) -> Form:
        kinds = (
            *(Choice(kind.value, _SAID[kind]) for kind in NoteKind),
            *(Choice(f"tried {step.value}", f"Tried: {step.value}") for step in Step),
            Choice("impact", "Impact: who is affected"),
        )
        return Form(
            inputs=(
                Input("kind", "What it is", kinds, value=NoteKind.NOTE.value),
                Input("text", "Text", long=True),
            ),
            buttons=(self.button("Record", incident, "{kind} {text}"),),
            typed="note <text>",
            label="Record",
            says="Anyone taking part. It goes on the timeline, with the time.",
            folded=True,
        )

    def _severity(self, incident: Incident) -> Form:
        levels = tuple(Choice(str(s.value), s.label) for s in Severity)
        who = self._only(incident)
        return Form(
            inputs=(
                Input("level", "Severity", levels, value=str(incident.severity.value)),
                Input("why", "Reason", optional=True),
            ),
            buttons=(self.button("Change", incident, "sev {level} [because {why}]"),),
            typed="sev <1..4> because <reason>",
            label="Severity",
            says=f"Anyone raises. Lowering needs a reason. {who}".strip(),
            folded=True,
        )

    def _roles(self, incident: Incident) -> Form:
        roles = tuple(Choice(f"role {r.value}", r.value.capitalize()) for r in Role)
        if not incident.accepted:
            roles = (Choice("ic", "Incident commander"), *roles)
        return Form(
            inputs=(
                Input("role", "Role", roles, value=roles[0].value),
                self._person("Who takes it"),
            ),
            buttons=(self.button("Give the role", incident, "{role} {person}"),),
            typed="role <scribe|comms|liaison> @x",
            label="Roles",
            says="Anyone taking part.",
            folded=True,
        )

    def _person(self, label: str) -> Input:
        people = self.directory.everybody
        if not 0 < len(people) <= MOST_PEOPLE:
            return Input("person", f"{label}: a name", optional=True)
        choices = tuple(Choice(f"@{p.id}", p.name) for p in people)
        return Input("person", label, choices, optional=True)

    def _commanding(self, incident: Incident) -> Form:
        """Return the commander's form: to hand over, to call it stable, to end it."""
        buttons = [self.button("Resolve", incident, "resolve {text}")]
        if incident.phase is Phase.INVESTIGATING:
            buttons.insert(0, self.button("Stabilised", incident, "stabilised {text}"))
        handing: tuple[Input, ...] = ()
        if incident.severity.commanded:
            handing = (self._person("Hand over to"),)
            buttons.append(self.button("Hand over", incident, "handoff {person}"))
        return Form(
            inputs=(Input("text", "What ended it, or what stands", optional=True), *handing),
            buttons=tuple(buttons),
            typed="resolve [text]",
            label="Commander",
            says=self._only(incident),
            folded=True,
        )

    def _reopening(self, incident: Incident) -> Form:
        return Form(
            inputs=(Input("why", "Why"),),
            buttons=(self.button("Reopen", incident, "reopen because {why}"),),
            typed="reopen because <reason>",
            label="Reopen",
            says=self._only(incident),
            folded=True,
        )


_SAID = {
    NoteKind.NOTE: "Note",
    NoteKind.SAW: "Saw: an observation",
    NoteKind.DECIDED: "Decided",
    NoteKind.DID: "Did",
}
