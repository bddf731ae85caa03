"""Choosing among a model's targets."""
