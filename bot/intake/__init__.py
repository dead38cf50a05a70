"""The way in: an inbound event becomes a command, a decision and one transaction."""
