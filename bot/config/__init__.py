"""The config: its model, how it is read, and the rules and calendars it sets."""
