"""Pages of long lists."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paging:
    """Where in a long list we are."""

    number: int
    size: int
    total: int

    @property
    def last(self) -> int:
        """Number of the last page, at least 1."""
        return max(1, -(-self.total // self.size))

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.number - 1) * self.size


def page_number(text: str) -> int:
    """Read ``page=``; anything that is no page is the first."""
    text = text.strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 1
    return max(1, number)
