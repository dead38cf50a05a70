"""The users that the people of the config are on a platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.contract.chat import Addressee
from bot.contract.context import PluginContext
from bot.refs import PersonId


class Users:
    """The users that the people of the config are on a platform, by person, as it is now."""

    def __init__(self, context: PluginContext) -> None:
        """Ask the context when it is needed: a config that is read again has other people."""
        self._context = context
        self._of: Sequence[Addressee] = ()
        self._users: Mapping[PersonId, str] = {}

    def now(self) -> Mapping[PersonId, str]:
        """Return the users."""
        if self._of is not (of := self._context.addressees):
            self._users = {each.person: each.user.id for each in of if each.user is not None}
            self._of = of
        return self._users
