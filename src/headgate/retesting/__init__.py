"""The server's own running of tests that are published: what is due, asking it apart from calls, keeping what comes of
it. One process of all does it, under a lease, and nothing of it is on a call's way.
"""
