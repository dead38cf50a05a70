"""Dispatch from an event to the topic that has words for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from bot.contract.messages import Message, Spans
from bot.domain import events as ev
from bot.domain.floods import gathers
from bot.domain.incident import Incident
from bot.domain.learned import OfActions, OfReview
from bot.domain.telling import Scene
from bot.presenter.actions import ActionWords
from bot.presenter.briefs import BriefWords
from bot.presenter.cadence import CadenceWords, OfCadence
from bot.presenter.command import CommandWords, OfCommand
from bot.presenter.floods import quiet
from bot.presenter.notes import NoteWords, OfNotes
from bot.presenter.phases import OfPhases, PhaseWords
from bot.presenter.platforms import OfPlatforms, PlatformWords
from bot.presenter.privacy import PrivacyWords
from bot.presenter.public import OfPublic, PublicWords
from bot.presenter.review import ReviewWords
from bot.presenter.severity import OfSeverity, SeverityWords
from bot.presenter.trouble import OfTrouble, TroubleWords
from bot.presenter.voice import Occasion, Voice
from bot.refs import ConversationRef, PersonId

Silent = ev.PromiseMade | ev.CauseReminded | ev.ConversationOpened
"""Events that no message is about: they only come with others, or only stand on the timeline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWords:
    """The messages and timeline lines of all events; mypy proves that none is left out."""

    voice: Voice
    severity: SeverityWords
    command: CommandWords
    cadence: CadenceWords
    phases: PhaseWords
    notes: NoteWords
    public: PublicWords
    briefs: BriefWords
    platforms: PlatformWords
    privacy: PrivacyWords
    trouble: TroubleWords
    review: ReviewWords
    actions: ActionWords

    def tell(
        self, incident: Incident, scene: Scene, now: datetime, to: ConversationRef | None = None
    ) -> Message:
        """Return the message for a conversation of the incident; `to` is that conversation.

        Nobody is notified by it whose calls are gathered (F18).

        Raises:
            TypeError: The event is one of `Silent`.
        """
        told = self._told(incident, scene, now, to)
        return quiet(told) if gathers(incident, self.voice.directory.named) else told

    def _told(
        self, incident: Incident, scene: Scene, now: datetime, to: ConversationRef | None
    ) -> Message:
        head, occasion = scene.head, Occasion(incident=incident, scene=scene, now=now, to=to)
        if isinstance(head, OfSeverity):
            return self.severity.told(occasion, head)
        if isinstance(head, OfCommand):
            return self.command.told(occasion, head)
        if isinstance(head, OfCadence):
            return self.cadence.told(occasion, head)
        if isinstance(head, OfPhases):
            return self.phases.told(occasion, head)
        if isinstance(head, OfNotes):
            return self.notes.told(occasion, head)
        if isinstance(head, OfPublic):
            return self.public.told(occasion, head)
        if isinstance(head, ev.BriefSent):
            return self.briefs.told(occasion, head)
        if isinstance(head, OfPlatforms):
            return self.platforms.told(occasion, head)
        if isinstance(head, ev.PrivacyChanged):
            return self.privacy.told(occasion, head)
        if isinstance(head, OfTrouble):
            return self.trouble.told(occasion, head)
        if isinstance(head, OfReview):
            return self.review.told(occasion, head)
        if isinstance(head, OfActions | ev.TicketFiled):
            return self.actions.told(occasion, head)
        if isinstance(head, Silent):
            raise TypeError(f"no message is about {type(head).__name__}")
        assert_never(head)

    def tell_person(
        self, incident: Incident, person: PersonId, scene: Scene, now: datetime
    ) -> Message:
        """Return the direct message for one person; the room's message if there is no other."""
        occasion = Occasion(incident=incident, scene=scene, now=now)
        return self._directly(occasion, person) or self.tell(incident, scene, now)

    def _directly(self, occasion: Occasion, person: PersonId) -> Message | None:
        head = occasion.scene.head
        if isinstance(head, OfCommand):
            return self.command.told_person(occasion, head, person)
        if isinstance(head, ev.RungFired):
            return self.cadence.told_person(occasion, head)
        if isinstance(head, OfPublic):
            return self.public.told_person(occasion, head)
        if isinstance(head, OfReview):
            return self.review.told_person(occasion, head)
        if isinstance(head, OfActions):
            return self.actions.told_person(occasion, head)
        return None

    def entry(self, event: ev.Event) -> Spans:
        """Return an event's line on the timeline (L1)."""
        if isinstance(event, OfSeverity):
            return self.severity.entry(event)
        if isinstance(event, OfCommand):
            return self.command.entry(event)
        if isinstance(event, OfCadence | ev.PromiseMade):
            return self.cadence.entry(event)
        if isinstance(event, OfPhases | ev.CauseReminded):
            return self.phases.entry(event)
        if isinstance(event, OfNotes):
            return self.notes.entry(event)
        if isinstance(event, OfPublic):
            return self.public.entry(event)
        if isinstance(event, ev.BriefSent):
            return self.briefs.entry(event)
        if isinstance(event, OfPlatforms | ev.ConversationOpened):
            return self.platforms.entry(event)
        if isinstance(event, ev.PrivacyChanged):
            return self.privacy.entry(event)
        if isinstance(event, OfTrouble):
            return self.trouble.entry(event)
        if isinstance(event, OfReview):
            return self.review.entry(event)
        if isinstance(event, OfActions | ev.TicketFiled):
            return self.actions.entry(event)
        assert_never(event)
