"""Keeping what was asked and answered: off unless a rule asks for it, redacted before it is stored, for a while."""
