"""Whether answers are good: what users say of them, and what evaluators find in a sampled share of them.

Both are records of their own, written to the journal beside the calls', and counted into the sums of calls at the place
and in the minute of the call they are about.
"""
