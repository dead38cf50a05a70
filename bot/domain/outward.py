"""What leaves the room: external text with the commander's word, and briefs (X2, H1)."""

from __future__ import annotations

from bot.domain import events as ev
from bot.domain.errors import Rejected
from bot.domain.guards import only_commander, under_way
from bot.domain.incident import Clock, Role, Said
from bot.domain.story import Story, owing
from bot.refs import Who


def publish(story: Story, text: str) -> None:
    """Publish an external text, or let comms draft it for the commander (C5, X2)."""
    under_way(story)
    if Clock.EXTERNAL not in story.setting.audiences:
        raise Rejected(
            "No status page is configured, so there is nowhere to publish.",
            lines=("update <text>",),
        )
    incident = story.incident
    drafts = story.by is not None and story.by == incident.roles.get(Role.COMMS)
    if drafts and incident.commander not in {None, story.by}:
        story.add(ev.ExternalDrafted(at=story.now, by=story.by, text=text))
        return
    only_commander(story, what="publishes; comms drafts", line=f"external {text}")
    _published(story, text)


def _published(story: Story, text: str) -> None:
    story.add(ev.ExternalPublished(at=story.now, by=story.by, text=text))
    story.keep(Clock.EXTERNAL, at=story.now)


def approve(story: Story) -> None:
    """Publish what waits: the publication keeps the clock, not the draft (X2)."""
    draft = _waiting(story, "approve")
    _published(story, draft.text)


def reject(story: Story, reason: str | None) -> None:
    """Send what waits back to who drafted it."""
    draft = _waiting(story, "reject <why>")
    story.add(ev.DraftRejected(at=story.now, by=story.by, author=draft.by, reason=reason))


def _waiting(story: Story, line: str) -> Said:
    under_way(story)
    draft = story.incident.draft
    if draft is None:
        raise Rejected("No external text waits for approval.", lines=("external <text>",))
    only_commander(story, what="approves what goes outside", line=line)
    return draft


def brief(story: Story, text: str) -> None:
    """Send a summary to the stakeholders; the liaison's (H1)."""
    under_way(story)
    if Clock.STAKEHOLDER not in story.setting.audiences:
        raise Rejected(
            "No stakeholder channel is configured, so there is nobody to brief.",
            lines=("update <text>",),
        )
    incident = story.incident
    may = {incident.commander, incident.roles.get(Role.LIAISON), incident.roles.get(Role.COMMS)}
    if incident.commander is not None and story.by not in may:
        holder = owing(incident, Clock.STAKEHOLDER)
        raise Rejected(
            "Briefs are the liaison's.",
            lines=(f"brief {text}",),
            for_whom=Who(holder) if holder else None,
        )
    story.add(ev.BriefSent(at=story.now, by=story.by, text=text))
    story.keep(Clock.STAKEHOLDER, at=story.now)
