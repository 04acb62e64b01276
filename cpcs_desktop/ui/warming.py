"""What is imported when the window stands: in a click or a drop it would be felt."""

from __future__ import annotations

import importlib
from collections.abc import Callable

_NEEDED = (
    "astropy.io.fits",
    "astropy.wcs",
    "cpcs_desktop.io.frames",
    "cpcs_desktop.io.sniff",
    "cpcs_desktop.io.source_lists",
    "cpcs_desktop.pipeline",
    "cpcs_desktop.session.acceptance",
)


def import_needed(closed: Callable[[], bool]) -> None:
    """Import one after the other, in a background thread, until the window is closed."""
    for name in _NEEDED:
        if closed():
            return
        importlib.import_module(name)
