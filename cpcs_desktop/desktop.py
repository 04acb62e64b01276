"""Entry of ``cpcs-desktop``: Qt comes in when it is called, for child processes read this too."""

from __future__ import annotations

from cpcs_desktop.garbage import collect_rarely


def main() -> int:
    """Open the window; return its exit status."""
    collect_rarely()
    from cpcs_desktop.ui.app import main as run

    return run()
