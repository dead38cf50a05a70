"""The database: one store behind `bot.store.work.Store`, on SQLite and on PostgreSQL."""

from storage.database import Database, open_database, pending_migrations
from storage.sqlite_file import copy_database, found_damage, restore_database

__all__ = [
    "Database",
    "copy_database",
    "found_damage",
    "open_database",
    "pending_migrations",
    "restore_database",
]
