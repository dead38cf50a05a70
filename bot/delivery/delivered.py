"""The result of a delivery, and checks that deliveries share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from bot.contract.errors import PermanentFailure, TemporaryFailure
from bot.contract.stakeholders import StakeholderUpdate
from bot.domain import commands as cmd
from bot.domain.incident import Incident
from bot.refs import ConversationRef
from bot.store.rows import Outgoing
from bot.store.work import Work

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The result of a delivery, stored in the transaction that marks its row sent."""

    refs: tuple[tuple[str, str], ...] = ()
    """Platform references to keep, each with its name."""
    opened: tuple[ConversationRef, ConversationRef] | None = None
    """A conversation that was opened: Sitrep's name of it, and the platform's."""
    command: cmd.Command | None = None
    """The command that tells the incident of it."""
    told: tuple[str, str] | None = None
    """An incident, and the id of a message about it that others read."""
    send: tuple[Outgoing, ...] = ()
    """Rows to queue."""
    rests: timedelta | None = None
    """How long its lane then rests."""
    then: Callable[[Work], Awaitable[Sequence[Outgoing]]] | None = None
    """More to do in that transaction; it returns rows to queue."""
    news: StakeholderUpdate | None = None
    """An update for everybody who is subscribed."""


NOT_CONFIGURED_AGAIN = timedelta(minutes=1)
"""When a row is tried again whose target the config does not have."""


def configured(targets: Mapping[str, T], target: str) -> T:
    """Return an adapter or a plugin by name.

    Raises:
        TemporaryFailure: The config has none of that name: perhaps it is the wrong config, or a
            slip in it, so nothing is given up for that at once.
    """
    if target not in targets:
        why = f"the config has no section for {target}"
        raise TemporaryFailure(why, retry_after=NOT_CONFIGURED_AGAIN)
    return targets[target]


def needed(incident: Incident | None) -> Incident:
    """Return a row's incident.

    Raises:
        PermanentFailure: It is gone.
    """
    if incident is None:
        raise PermanentFailure("its incident is gone")
    return incident


def expected(kind: type[T], value: object) -> T:
    """Return a plugin's answer, if it is of the kind that its port says.

    Raises:
        PermanentFailure: It is not. The plugin has done something, and asking again could do it
            twice, so the row becomes a dead letter at once.
    """
    if not isinstance(value, kind):
        raise PermanentFailure(f"the plugin answered {value!r}, which is no {kind.__name__}")
    return value
