"""Effects become rows of the outbox, and rows become messages on their platforms."""
