"""Embeddings, one module per wire format."""
