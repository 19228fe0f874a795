"""Sums and counts of parts of the pixels, which added up are those of all."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class Sums:
    """Numbers that are added one by one."""

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def numbers(self) -> list[float]:
        """The fields in their order."""
        return [getattr(self, each.name) for each in fields(self)]
