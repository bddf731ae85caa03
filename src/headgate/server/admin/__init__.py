"""The admin API: administration over HTTP."""

from __future__ import annotations

from headgate.server.admin.admin import Admin

__all__ = ["Admin"]
