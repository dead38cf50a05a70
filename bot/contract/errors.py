"""Errors that mean something to the core, or to the person who runs Sitrep."""

from __future__ import annotations

from datetime import timedelta


class BotError(Exception):
    """An error for the person who runs Sitrep; its text says what to do."""


class ConfigError(BotError):
    """The config cannot be used. `faults` are all its faults, each with its key and the fix."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        """Make the message out of the faults, one a line."""
        super().__init__("\n".join(faults))
        self.faults = faults


class SetupFailed(BotError):  # noqa: N818 - said of a plugin, by name
    """An adapter or plugin could not be set up; the text names it."""


class DatabaseTooNew(BotError):  # noqa: N818 - a state, not a fault
    """The database was written by a newer Sitrep; this one does not touch it."""


class DatabaseBusy(BotError):  # noqa: N818 - a state, not a fault
    """Another Sitrep runs on this SQLite file."""


class DatabaseAway(BotError):  # noqa: N818 - a state, not a fault
    """The database does not answer. Nothing was done; the same may be asked again."""


class DatabaseDamaged(BotError):  # noqa: N818 - a state, not a fault
    """What the database's file holds is not whole; the text says what to do."""


class SessionEnded(BotError):  # noqa: N818 - a state, not a fault
    """A platform has ended an adapter's session; the text says how to begin a new one.

    Raised from `ChatAdapter.run`, which is not called again: a person has to act.
    """


class TemporaryFailure(Exception):  # noqa: N818 - part of the plugin contract
    """A call that did not work now; the same call is made again later.

    `retry_after` is how long to wait at least. `unsure` says that it may have been done all the
    same, as when an answer was lost.
    """

    def __init__(
        self, why: str, retry_after: timedelta | None = None, *, unsure: bool = False
    ) -> None:
        """Take the reason, for the log."""
        super().__init__(why)
        self.retry_after = retry_after
        self.unsure = unsure


class RateLimited(TemporaryFailure):
    """A platform's limit is reached, so it was not tried; it does not count as an attempt."""


class PermanentFailure(Exception):  # noqa: N818 - part of the plugin contract
    """A call that will never work: the conversation is gone, or the request is refused.

    It is not tried again; the incident's conversation is told.
    """
