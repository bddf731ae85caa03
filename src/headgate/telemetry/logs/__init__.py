"""What a server says on standard error: one way out for all of it, where secrets are taken out."""

from __future__ import annotations
