"""The loops that run beside the conversation."""
