"""Moving in from LiteLLM's proxy: its `config.yaml`, and its database."""

from __future__ import annotations

from headgate.importing.litellm.config import ConvertedConfig, convert
from headgate.importing.litellm.files import read_file
from headgate.importing.litellm.records import records_of
from headgate.importing.litellm.tables import Tables, read_tables

__all__ = ["ConvertedConfig", "Tables", "convert", "read_file", "read_tables", "records_of"]
