"""Sums of calls and attempts by minute, hour and day: counts that add up, and quantiles that can be merged.

A call is counted where its record is drained from the journal into the database, in the same transaction: once, whoever
drains it, and however often. What a batch comes to goes into an inbox; from there it is merged into the sums.
"""
