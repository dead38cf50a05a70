"""The one HTTP server: its address, its limits, and what answers there."""
