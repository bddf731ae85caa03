"""Moving in from Portkey: its gateway configs, and the open-source gateway's `conf.json`."""

from __future__ import annotations

from headgate.importing.portkey.config import convert
from headgate.importing.portkey.reading import File, read_file
from headgate.importing.portkey.vendors import VENDORS

__all__ = ["VENDORS", "File", "convert", "read_file"]
