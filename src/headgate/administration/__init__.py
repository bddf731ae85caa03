"""Administrative acts, each one transaction with its audit record."""

from __future__ import annotations

from headgate.administration.acting import Actor, Ports, Stale
from headgate.administration.problems import Invalid
from headgate.administration.service import Administration

__all__ = ["Actor", "Administration", "Invalid", "Ports", "Stale"]
