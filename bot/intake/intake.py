"""The intake, put together."""

from __future__ import annotations

from bot.clock import WatchedClock
from bot.config.model import Config
from bot.delivery.plan import Router, Targets
from bot.delivery.subscriptions import Subscribers
from bot.intake.answers import Answers
from bot.intake.audience import AudienceRequests
from bot.intake.captures import Captures, Conversations
from bot.intake.commands import Commands
from bot.intake.documents import Documents
from bot.intake.machines import Machines
from bot.intake.questions import Questions
from bot.intake.service import Service
from bot.intake.ticks import Ticks
from bot.intake.transaction import OnCallNow, Transaction
from bot.presenter import Presenter
from bot.store.work import Store


class Intake:
    """The parts through which anything enters the workflow."""

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        config: Config,
        store: Store,
        clock: WatchedClock,
        presenter: Presenter,
        targets: Targets,
        router: Router,
        subscribers: Subscribers,
        on_call: OnCallNow,
    ) -> None:
        answers = Answers(targets, presenter)
        self.transaction = Transaction(config, clock, presenter, router, answers, on_call)
        commands = Commands(config, presenter, answers, self.transaction)
        questions = Questions(config, presenter, targets, answers, self.transaction, commands)
        self.conversations = Conversations(store, clock, presenter, router, self.transaction)
        self.audience = AudienceRequests(
            store,
            clock,
            config.directory,
            presenter,
            answers,
            self.transaction,
            commands,
            subscribers,
        )
        self.documents = Documents(store, presenter, config.directory, self.transaction)
        self.ticks = Ticks(config, store, clock, self.transaction)
        self.service = Service(
            config,
            store,
            clock,
            presenter,
            answers,
            self.transaction,
            questions,
            commands,
            Captures(config.directory, self.transaction, commands),
            self.conversations,
            self.audience,
        )
        self.machines = Machines(config, store, clock, presenter, self.service)
