"""Prompts as files: written, tested, reviewed and released as code is."""
