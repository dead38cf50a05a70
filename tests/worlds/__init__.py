"""A Sitrep with people around it, on each platform and on none: what tests act in."""
