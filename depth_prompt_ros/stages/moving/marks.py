"""What a mask of what moves says of a pixel."""

from __future__ import annotations

STATIC, UNKNOWN, MOVING = 0, 128, 255
