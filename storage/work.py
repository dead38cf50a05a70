"""One transaction: the five parts of the store's port over one connection."""

from __future__ import annotations

from storage.inbox import SqlInbox
from storage.incidents import SqlIncidents
from storage.subscriptions import SqlSubscriptions


class SqlWork(SqlInbox, SqlIncidents, SqlSubscriptions):
    """One transaction (see `bot.store.work.Work`); `SqlIncidents` has its places and its queue."""
