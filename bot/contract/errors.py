"""What can go wrong outside the workflow, each with a text that says what to do."""

from __future__ import annotations

from datetime import timedelta


class BotError(Exception):
    """Something the person who runs Sitrep has to know; the text says what to do."""


class ConfigError(BotError):
    """The config cannot be used. `faults` holds every fault at once: its key, and the fix."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        """See the class."""
        super().__init__("\n".join(faults))
        self.faults = faults


class SetupFailed(BotError):  # noqa: N818 - said of a plugin, by name
    """An adapter or plugin could not be set up; it is named."""


class DatabaseTooNew(BotError):  # noqa: N818 - a state, not a fault
    """The database was written by a newer Sitrep; this one does not touch it."""


class DatabaseBusy(BotError):  # noqa: N818 - a state, not a fault
    """Another Sitrep runs on this SQLite file."""


class DatabaseAway(BotError):  # noqa: N818 - a state, not a fault
    """The database does not answer; what was asked for was not done, and may be asked again."""


class SessionEnded(BotError):  # noqa: N818 - a state, not a fault
    """A platform has ended an adapter's session; the text says how to begin one. Not restarted."""


class TemporaryFailure(Exception):  # noqa: N818 - part of the plugin contract
    """Try again: later, or not before `retry_after` has gone by.

    `unsure`: it may have been done all the same, as when an answer was lost.
    """

    def __init__(
        self, why: str, retry_after: timedelta | None = None, *, unsure: bool = False
    ) -> None:
        """See the class."""
        super().__init__(why)
        self.retry_after = retry_after
        self.unsure = unsure


class RateLimited(TemporaryFailure):
    """Not tried: a platform's limit is reached. It counts as no attempt."""


class PermanentFailure(Exception):  # noqa: N818 - part of the plugin contract
    """It will never work: the conversation is gone, the request is refused. A dead letter."""
