"""Plugins that come with Sitrep, a folder each; loaded by entry point."""
