"""The config that is in force, and what it makes of the words and the ways of messages.

A config that is read again takes the place of the last one as a whole. A loop that runs on holds
no config of its own: it asks for the one in force when it begins something.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.config.model import Config
from bot.delivery.plan import Router, Targets
from bot.delivery.subscriptions import Subscribers
from bot.presenter import Presenter


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A config, with the parts that are made of it."""

    config: Config
    presenter: Presenter
    router: Router
    subscribers: Subscribers

    @classmethod
    def of(cls, config: Config, targets: Targets) -> InForce:
        """Make the parts of a config."""
        say = Presenter(
            config.directory,
            config.plan_for,
            tracker=bool(targets.trackers),
            services=tuple(config.services),
        )
        router, subscribers = Router(config, say, targets), Subscribers(config, say, targets)
        return cls(config=config, presenter=say, router=router, subscribers=subscribers)


Now = Callable[[], InForce]
"""Returns the config in force with its parts."""
