"""The grammar of what people type, as data, and its readers."""
