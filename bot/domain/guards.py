"""Who may do what, and when: refusals that say who could (C5, D5)."""

from __future__ import annotations

from bot.domain.errors import Rejected
from bot.domain.incident import Severity
from bot.domain.story import Story
from bot.refs import PersonId, Who


def under_way(story: Story) -> None:
    """Refuse what only an incident under way can take."""
    incident = story.incident
    if incident.severity is Severity.SEV4 and incident.phase.active:
        raise Rejected(
            f"{incident.id} is a SEV4: a ticket, not an incident process.",
            lines=("sev 3 because <what changed>",),
        )
    if not incident.phase.active:
        raise Rejected(
            f"{incident.id} is {incident.phase.value}; nothing was changed.",
            lines=("reopen because <reason>", "note <text>"),
        )


def only_commander(story: Story, *, what: str, line: str) -> None:
    """Refuse what only the commander does, where there is one (C5)."""
    commander = story.incident.commander
    if commander is None or story.by == commander:
        return
    raise Rejected(f"Only the commander {what}.", lines=(line,), for_whom=Who(commander))


def acting_person(story: Story) -> PersonId:
    """Return who acts; a tick does not."""
    if story.by is None:
        raise Rejected("A person has to say that.")
    return story.by


def under_way_or_sev4(story: Story) -> None:
    """Refuse what only something open can take, be it a ticket."""
    if story.incident.severity is not Severity.SEV4 or not story.incident.phase.active:
        under_way(story)
