"""JSON values that fit a JSON Schema, drawn by dice."""

from headgate.providers.simulator.instances.instance import instance

__all__ = ["instance"]
