"""Forms and buttons, for platforms that have them; each stands for a line that can be typed."""

from __future__ import annotations

from bot.contract.messages import Actions, Block, Button, Choice, Form, Input, Message
from bot.domain.action_values import Strength
from bot.domain.commands import ImpactAnswer, NoteKind, Step
from bot.domain.impact import QUESTIONS
from bot.domain.incident import ClockName, Incident, Phase, Role, Severity
from bot.domain.postmortem_values import TITLES, Postmortem, Section, sections_of
from bot.presenter.voice import Voice
from bot.refs import PersonId

MOST_PEOPLE = 60
"""The largest number of people that a form lists; if there are more, a name is typed."""


_RUNG = {
    Strength.ELIMINATE: "makes it impossible",
    Strength.DETECT: "detects it by itself",
    Strength.RECOVER: "quicker to recover from",
    Strength.TRAIN: "training",
    Strength.CARE: "asks for care",
}

_SAID = {
    NoteKind.NOTE: "Note",
    NoteKind.SAW: "Saw: an observation",
    NoteKind.DECIDED: "Decided",
    NoteKind.DID: "Did",
}


def approve_line(incident: Incident) -> str:
    """Return the line that approves the draft that waits, by its number (X3)."""
    return f"approve {incident.draft.entry}" if incident.draft is not None else "approve"


class FormWords:
    """Forms to declare, to run an incident, and to write its postmortem."""

    def __init__(self, voice: Voice, services: tuple[str, ...]) -> None:
        """`services` are the ones with a communication plan; the form to declare offers them."""
        self._voice, self._services = voice, services

    def declare_form(self) -> Message:
        """Return the form to declare with, for `declare` without a title."""
        answers = tuple(Choice(a.value, a.value.capitalize()) for a in ImpactAnswer)
        line = "{title} [service:{service}] [answers:{q1},{q2},{q3}] [impact:{impact}]"
        services = tuple(Choice(name, name) for name in self._services)
        service = (Input("service", "Service", services, optional=True),) if services else ()
        return Message(
            summary=("What is broken? A title is enough: ", self._voice.line("declare <title>")),
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
        """Return the button and the form by which the commander answers a draft (X2)."""
        return (
            Actions((self._voice.button("Approve", incident, approve_line(incident)),)),
            Form(
                inputs=(Input("why", "Why, and what would do", long=True),),
                buttons=(self._voice.button("Send back", incident, "reject {why}"),),
                typed="reject <why>",
                label="Reject",
                folded=True,
            ),
        )

    def tools(self, incident: Incident, viewer: PersonId | None) -> tuple[Block, ...]:
        """Return the status card's buttons and forms; the commander's only for the commander."""
        if not incident.running:
            review: tuple[Block, ...] = ()
            if incident.review is not None:
                review = (Actions((self._voice.button("Postmortem", incident, "pm"),)),)
            again = (self._reopening(incident),) if self._leads(incident, viewer) else ()
            return (*review, *again)
        quick: list[Button] = []
        if incident.clocks.get(ClockName.INTERNAL) is not None:
            quick.append(self._voice.button("No new findings", incident, "nochange"))
        asked = {ask.person for ask in incident.asked if not ask.declined} | {incident.offered_to}
        if viewer is not None and viewer in asked:
            quick.append(self._voice.button("Accept command", incident, "accept"))
        if incident.unled:
            quick.append(self._voice.button("Take command", incident, "take ic"))
        if viewer is None or viewer not in {incident.commander, *incident.responders}:
            quick.append(self._voice.button("Join", incident, "join"))
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
        return f"Only the commander: {self._voice.directory.name(incident.commander)}."

    def _updating(self, incident: Incident) -> Form:
        return Form(
            inputs=(Input("text", "What is new, in one or two lines", long=True),),
            buttons=(self._voice.button("Post update", incident, "update {text}"),),
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
            buttons=(self._voice.button("Record", incident, "{kind} {text}"),),
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
            buttons=(self._voice.button("Change", incident, "sev {level} [because {why}]"),),
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
            buttons=(self._voice.button("Give the role", incident, "{role} {person}"),),
            typed="role <scribe|comms|liaison> @x",
            label="Roles",
            says="Anyone taking part.",
            folded=True,
        )

    def _person(self, label: str) -> Input:
        people = self._voice.directory.everybody
        if not 0 < len(people) <= MOST_PEOPLE:
            return Input("person", f"{label}: a name", optional=True)
        choices = tuple(Choice(f"@{p.id}", p.name) for p in people)
        return Input("person", label, choices, optional=True)

    def _commanding(self, incident: Incident) -> Form:
        """Return the commander's form: to stabilise, to resolve, to hand over."""
        buttons = [self._voice.button("Resolve", incident, "resolve {text}")]
        if incident.phase is Phase.INVESTIGATING:
            buttons.insert(0, self._voice.button("Stabilised", incident, "stabilised {text}"))
        handing: tuple[Input, ...] = ()
        if incident.severity.commanded:
            handing = (self._person("Hand over to"),)
            buttons.append(self._voice.button("Hand over", incident, "handoff {person}"))
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
            buttons=(self._voice.button("Reopen", incident, "reopen because {why}"),),
            typed="reopen because <reason>",
            label="Reopen",
            says=self._only(incident),
            folded=True,
        )

    def review(self, incident: Incident, review: Postmortem) -> tuple[Block, ...]:
        """Return the forms of an open postmortem."""
        if not review.open:
            return ()
        return (
            self._writing(incident, review),
            self._acting(incident),
            self._scheduling(incident),
            self._reviewing(incident, review),
        )

    def _writing(self, incident: Incident, review: Postmortem) -> Form:
        sections = tuple(
            Choice(s.value, TITLES.get(s, "Authors")) for s in sections_of(review.form)
        )
        ways = (Choice("set", "In place of what stands there"), Choice("add", "At its end"))
        return Form(
            inputs=(
                Input("section", "Section", sections, value=Section.SUMMARY.value),
                Input("how", "Write it", ways, value="set"),
                Input("text", "Text, in Markdown", long=True),
            ),
            buttons=(self._voice.button("Write", incident, "pm {how} {section} {text}"),),
            typed="pm set <section> <text>",
            label="Write a section",
            folded=True,
        )

    def _scheduling(self, incident: Incident) -> Form:
        return Form(
            inputs=(Input("when", "When, in UTC, like 2026-12-01 14:00"),),
            buttons=(self._voice.button("Schedule", incident, "pm schedule {when}"),),
            typed="pm schedule <date> <time>",
            label="Schedule the review",
            folded=True,
        )

    def _reviewing(self, incident: Incident, review: Postmortem) -> Form:
        return Form(
            inputs=(Input("n", "Number of the finding"), Input("why", "Why it may stand")),
            buttons=(
                self._voice.button("Find", incident, "pm lint"),
                self._voice.button("Waive", incident, "pm waive {n} because {why}"),
                self._voice.button("Hand to review", incident, "pm review"),
                self._voice.button("Finalise", incident, "pm finalise"),
            ),
            typed="pm lint",
            label="Review",
            says=f"Waiving and finalising: {self._voice.directory.name(review.owner)}.",
            folded=True,
        )

    def _acting(self, incident: Incident) -> Form:
        strengths = tuple(Choice(s.word, f"{s.value} · {_RUNG[s]}") for s in Strength)
        return Form(
            inputs=(
                Input("text", "What is there when it is done"),
                self._person("Who does it"),
                Input("due", "By when, like 2026-12-15"),
                Input("strength", "How durable", strengths, value=Strength.DETECT.word),
            ),
            buttons=(
                self._voice.button(
                    "Add", incident, "action {text} [owner:{person}] due:{due} as:{strength}"
                ),
            ),
            typed="action <text> owner:@x due:<date> as:<strength>",
            label="Add an action",
            folded=True,
        )
