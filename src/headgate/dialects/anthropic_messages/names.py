"""The dialect's name, and whose signatures it reads natively."""

from __future__ import annotations

NAME = "anthropic_messages"
ORIGIN = "anthropic"
