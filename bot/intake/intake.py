"""The intake, put together."""

from __future__ import annotations

from bot.clock import WatchedClock
from bot.delivery.in_force import InForce
from bot.delivery.plan import Targets
from bot.intake.acquaintances import Acquaintances
from bot.intake.answers import Answers
from bot.intake.audience import AudienceRequests
from bot.intake.captures import Captures, Conversations
from bot.intake.commands import Commands
from bot.intake.documents import Documents
from bot.intake.machines import Machines
from bot.intake.outages import Outages
from bot.intake.questions import Questions
from bot.intake.service import Service
from bot.intake.ticks import Ticks
from bot.intake.transaction import OnCallNow, Transaction
from bot.store.work import Store


class Intake:
    """The parts through which anything enters the workflow, under one config.

    What has entered ends under the config that it began with.
    """

    def __init__(  # noqa: PLR0913 - what it is composed of
        self,
        in_force: InForce,
        store: Store,
        clock: WatchedClock,
        targets: Targets,
        on_call: OnCallNow,
        acquaintances: Acquaintances,
        outages: Outages,
    ) -> None:
        config, presenter, router = in_force.config, in_force.presenter, in_force.router
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
            in_force.subscribers,
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
            acquaintances,
            outages,
        )
        self.machines = Machines(config, store, clock, presenter, self.service)
