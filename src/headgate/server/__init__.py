"""Thin HTTP handlers: from ASGI to a call and from a reply to ASGI."""
