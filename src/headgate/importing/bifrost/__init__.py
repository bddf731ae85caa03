"""Moving in from Bifrost: its `config.json`, governance included."""

from __future__ import annotations

from headgate.importing.bifrost.config import ConvertedBifrost, convert
from headgate.importing.bifrost.reading import read_file

__all__ = ["ConvertedBifrost", "convert", "read_file"]
