"""One transaction: the six parts of the store's port over one connection."""

from __future__ import annotations

from storage.inbox import SqlInbox
from storage.incidents import SqlIncidents
from storage.readers import SqlReaders
from storage.subscriptions import SqlSubscriptions


class SqlWork(SqlInbox, SqlIncidents, SqlSubscriptions, SqlReaders):
    """One transaction (see `bot.store.work.Work`); `SqlIncidents` has its places and its queue."""
