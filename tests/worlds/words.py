"""Words about the people of `tests.worlds.domain`."""

from __future__ import annotations

from bot.domain.policy import Plan
from bot.people import Directory, Person
from bot.presenter import Presenter
from bot.refs import PersonId

PEOPLE = Directory(
    Person(id=PersonId(n), name=n.capitalize()) for n in ("ann", "ben", "cara", "dev", "eve")
)
SAY = Presenter(PEOPLE, lambda _service: Plan())
