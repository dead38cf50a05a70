"""The database: one store behind `bot.store.work.Store`, on SQLite and on PostgreSQL."""

from storage.database import Database, copy_database, open_database, pending_migrations

__all__ = ["Database", "copy_database", "open_database", "pending_migrations"]
