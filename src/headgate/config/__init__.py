"""`headgate.yaml`: what it can say, and how it is read with every mistake told at once."""

from __future__ import annotations

from headgate.config.loader import content_hash, default_path, load, loads, with_server
from headgate.config.schema import Config, ServerConfig, StageConfig, StorageConfig
from headgate.config.secrets import Secrets
from headgate.config.starter import starter

__all__ = [
    "Config",
    "Secrets",
    "ServerConfig",
    "StageConfig",
    "StorageConfig",
    "content_hash",
    "default_path",
    "load",
    "loads",
    "starter",
    "with_server",
]
