"""Bringing notices to where they are told."""
