"""Does detection detect, and how often does it cry wolf? Synthetic traffic with a weekly season, noise and incidents.

`python tests/detection` runs all of it and writes docs/detection.svg and the tables of docs/alerts.md; the tests run little.
"""
