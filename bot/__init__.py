"""Sitrep: the chat-agnostic core of the incident-response bot."""
