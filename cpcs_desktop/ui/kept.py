"""The last few values by row."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

T = TypeVar("T")


class Kept(OrderedDict[int, T]):
    """The last few values by row; older ones are forgotten, so that memory stays flat."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def keep(self, key: int, value: T) -> None:
        """Remember a value as the newest."""
        self[key] = value
        self.move_to_end(key)
        while len(self) > self._size:
            self.popitem(last=False)
