"""Headgate: the path between applications and large language models, made production-grade."""

__version__ = "0.1.0"
