"""Counting the tokens of a prompt without generating, one module per wire format."""
