"""Every message of the bot: what happened, put into words that read well at 3 a.m.

Messages stand here, by topic, under the same nouns as the rules in `bot.domain`. A refusal stands
beside the rule that refuses (`Rejected`), and a usage error beside the reader of the line.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.domain.policy import Plan
from bot.people import Directory
from bot.presenter.actions import ActionWords
from bot.presenter.briefs import BriefWords
from bot.presenter.bystanders import BystanderWords
from bot.presenter.cadence import CadenceWords
from bot.presenter.cards import CardWords
from bot.presenter.command import CommandWords
from bot.presenter.documents import DocumentWords
from bot.presenter.drafting import DraftWords
from bot.presenter.drills import DrillWords
from bot.presenter.floods import FloodWords
from bot.presenter.forms import FormWords
from bot.presenter.help import HelpWords
from bot.presenter.notes import NoteWords
from bot.presenter.phases import PhaseWords
from bot.presenter.platforms import PlatformWords
from bot.presenter.postmortem import PostmortemWords
from bot.presenter.privacy import PrivacyWords
from bot.presenter.public import PublicWords
from bot.presenter.refusals import RefusalWords
from bot.presenter.review import ReviewWords
from bot.presenter.severity import SeverityWords
from bot.presenter.stakeholders import StakeholderWords
from bot.presenter.subscriptions import SubscriptionWords
from bot.presenter.telling import EventWords
from bot.presenter.timeline import TimelineWords
from bot.presenter.trouble import TroubleWords
from bot.presenter.voice import Voice

__all__ = ["Presenter"]


class Presenter:
    """The parts, put together: one for each topic."""

    def __init__(
        self,
        directory: Directory,
        plan_for: Callable[[str | None], Plan],
        *,
        tracker: bool = False,
        services: tuple[str, ...] = (),
    ) -> None:
        """Put the parts together.

        Args:
            directory: The people of the config.
            plan_for: Returns a service's communication plan.
            tracker: A plugin files tickets.
            services: The services that have a plan; the form to declare offers them.
        """
        self.voice = voice = Voice(directory)
        self.forms = forms = FormWords(voice, services)
        self.command = CommandWords(voice)
        self.public = PublicWords(voice, forms, plan_for)
        self.briefs = BriefWords(voice)
        self.severity = SeverityWords(voice, self.command, self.public, plan_for, tracker=tracker)
        phases = PhaseWords(voice, self.public)
        self.review = ReviewWords(voice, plan_for)
        self.actions = ActionWords(voice, tracker=tracker)
        self.trouble = TroubleWords(voice)
        self.privacy = PrivacyWords(voice)
        self.floods = FloodWords(voice)
        self.telling = EventWords(
            voice=voice,
            severity=self.severity,
            command=self.command,
            cadence=CadenceWords(voice, self.command, phases, self.public, self.briefs),
            phases=phases,
            notes=NoteWords(voice, phases),
            public=self.public,
            briefs=self.briefs,
            platforms=PlatformWords(voice, self.command),
            privacy=self.privacy,
            trouble=self.trouble,
            review=self.review,
            actions=self.actions,
        )
        self.drafting = DraftWords(directory, self.telling)
        self.documents = DocumentWords()
        self.postmortem = PostmortemWords(voice, forms, self.review, self.drafting)
        self.cards = CardWords(voice, forms)
        self.timeline = TimelineWords(voice, self.cards, self.telling)
        self.subscriptions = SubscriptionWords(voice, self.briefs)
        self.stakeholders = StakeholderWords(voice, self.subscriptions)
        self.bystanders = BystanderWords(voice, self.briefs)
        self.drills = DrillWords(voice)
        self.help = HelpWords(voice)
        self.refusals = RefusalWords(voice, forms)
