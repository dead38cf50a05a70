"""Whatever arrives becomes a command, a decision and one transaction."""
