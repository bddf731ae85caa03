"""Reranking: ordering documents by their relevance to a query."""
