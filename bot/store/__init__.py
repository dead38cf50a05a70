"""The storage port: what the core asks of a database. `storage/` implements it."""
