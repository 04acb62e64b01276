"""How often the interpreter looks for garbage in cycles.

Importing the scientific libraries makes a million objects that live to the end; with the usual
thresholds a fifth of the start is spent on looking through them again and again, a window stands
still while it happens, and at the end it is done once more.
"""

from __future__ import annotations

import atexit
import gc

#: New objects before the young, and passes before the older ones are looked through.
_THRESHOLDS = (50_000, 20, 50)


def collect_rarely() -> None:
    """Look seldom, and not at all at the end; for the start of every process of ours."""
    gc.set_threshold(*_THRESHOLDS)
    atexit.register(gc.freeze)


def keep_all() -> None:
    """Take everything there is now for something that stays: it is not looked through again."""
    gc.freeze()
