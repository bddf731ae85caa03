"""Headgate: the path between applications and large language models, made production-grade."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the names are loaded when asked for: `headgate version` need not load an engine
    from headgate.errors import HeadgateError
    from headgate.gateway import Gateway

__version__ = "0.1.0"
__all__ = ["Gateway", "HeadgateError", "__version__"]

_HOMES = {"Gateway": "headgate.gateway", "HeadgateError": "headgate.errors"}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'headgate' has no attribute '{name}'")
    return getattr(import_module(home), name)
