"""Chat platforms, a folder each; loaded by entry point."""
