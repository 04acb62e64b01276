"""What the OpenAPI document says of refusals."""

from __future__ import annotations

from typing import Any

from cpcs_desktop.wire import ErrorBody


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documented refusals of a route; all have one shape."""
    return {status: {"model": ErrorBody} for status in (*statuses, 426, 429)}
