"""One incident on several platforms: each has a conversation of it, and all count as one."""

from __future__ import annotations

from bot.domain import commands as cmd
from bot.domain import events as ev
from bot.domain.errors import Rejected
from bot.domain.guards import under_way
from bot.domain.incident import Incident
from bot.domain.story import Story
from bot.refs import page_of


def mirror(story: Story, adapter: str) -> None:
    """Tell the incident on another platform too."""
    under_way(story)
    incident, places = story.incident, story.setting.places
    if any(each.adapter == adapter for each in incident.conversations):
        raise Rejected(f"{incident.id} runs on {adapter} already.", lines=("status",))
    if adapter not in places:
        others = [name for name in places if name != incident.conversation.adapter]
        known = f" It can be mirrored to: {', '.join(others)}." if others else ""
        raise Rejected(
            f"Sitrep opens no conversation on “{adapter[:40]}”.{known}",
            lines=tuple(f"mirror {name}" for name in others[:2]),
        )
    story.add(ev.Mirrored(at=story.now, by=story.by, conversation=places[adapter]))


def end_mirror(story: Story, adapter: str) -> None:
    """Tell it there no more; what was said there stays."""
    incident = story.incident
    for each in incident.mirrors:
        if each.adapter == adapter:
            story.add(ev.MirrorEnded(at=story.now, by=story.by, conversation=each))
            return
    if adapter == incident.conversation.adapter:
        raise Rejected(f"{incident.id} has its own conversation there; that one stays.")
    raise Rejected(f"{incident.id} is not mirrored to “{adapter[:40]}”.", lines=("status",))


def mirror_as_planned(story: Story) -> None:
    """Mirror to what the plan names for the severity, where that is not so already."""
    incident, setting = story.incident, story.setting
    if not incident.running:
        return
    for adapter in setting.plan.mirror.get(incident.severity, ()):
        taken = {each.adapter for each in story.incident.conversations}
        if adapter in setting.places and adapter not in taken:
            story.add(ev.Mirrored(at=story.now, conversation=setting.places[adapter]))


def stalled(story: Story, command: cmd.NoteStalled) -> None:
    """Take down, once an outage, that a conversation takes no messages (D2)."""
    incident = story.incident
    heard_of = _tells(incident, command.target) or page_of(command.target) is not None
    if heard_of and command.target not in incident.unheard:
        story.add(
            ev.DeliveryStalled(
                at=story.now,
                target=command.target,
                since=command.since,
                waiting=command.waiting,
                why=command.why,
            )
        )


def undelivered(story: Story, command: cmd.NoteUndelivered) -> None:
    """Take down what was not delivered; a mirror that cannot be opened ends (D2)."""
    target = command.target
    # Each text that a page refuses is told of, and of stakeholders only the first.
    again = story.incident.unheard.get(target, False) and page_of(target) is None
    if command.audience:
        again = story.incident.missed_by_some
    story.add(
        ev.DeliveryFailed(
            at=story.now,
            target=target,
            what=command.what,
            why=command.why,
            again=again,
            audience=command.audience,
        )
    )
    for each in story.incident.mirrors:
        if command.unopened and f"{each.adapter}/{each.id}" == target:
            story.add(ev.MirrorEnded(at=story.now, conversation=each))


def resumed(story: Story, target: str) -> None:
    """Take down that a conversation takes messages again."""
    if target in story.incident.unheard:
        story.add(ev.DeliveryResumed(at=story.now, target=target))


def _tells(incident: Incident, target: str) -> bool:
    return any(f"{each.adapter}/{each.id}" == target for each in incident.conversations)
