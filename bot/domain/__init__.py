"""The workflow, pure: no I/O, no clock, no log. `now` is always an argument."""
