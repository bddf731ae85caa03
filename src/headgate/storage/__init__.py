"""Stores: records that last, and counters and state that replicas share."""
