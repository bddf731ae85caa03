"""Statistics, pure: no I/O, no clock, and randomness only from a generator that is handed in."""
