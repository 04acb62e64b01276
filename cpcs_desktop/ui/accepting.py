"""Accepting: the point lies in the outbox before its row turns green."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cpcs_desktop.session.acceptance import Acceptance, accept_point
from cpcs_desktop.session.night_frame import FrameState

if TYPE_CHECKING:
    from cpcs_desktop.ui.bridge import Bridge


class Accepting:
    """Accepts rows, each when its fits have followed the observer's last decision.

    Parameters
    ----------
    bridge : Bridge
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._waiting: set[int] = set()

    def accept(self) -> None:
        """Accept the row looked at."""
        bridge = self._bridge
        frame = bridge.frame
        if frame is None or bridge.calibration is None:
            bridge.said.emit("There is nothing to accept yet.")
            return
        if frame.decisions.average is not None:
            bridge.said.emit("This row is part of an average; withdraw that first (w).")
            return
        if bridge.dry_run:
            bridge.said.emit("Dry run: the result is shown, nothing goes into the outbox.")
            return
        bridge.work.end_preview()
        self._waiting.add(frame.key)
        self.go_on()
        if frame.key in self._waiting:
            bridge.said.emit("Accepted as soon as the fits have followed.")

    def go_on(self) -> None:
        """Accept what waited for fits that have come."""
        bridge = self._bridge
        for key in sorted(self._waiting):
            frame, calibration = bridge.night.frame(key), bridge.work.calibration(key)
            if frame.state is FrameState.FAILED:
                self._waiting.discard(key)
            elif calibration is not None and bridge.work.answers(key):
                self._waiting.discard(key)
                future = bridge.threads.submit(
                    accept_point,
                    bridge.profile.outbox_file,
                    calibration,
                    frame.decisions,
                    bridge.settings,
                )
                bridge.tasks.start(("accept", key), future, partial(self._accepted, key))

    def _accepted(self, key: int, acceptance: Acceptance) -> None:
        self._bridge.command(lambda: self._bridge.night.accepted(key, acceptance))
        self._bridge.said.emit("Accepted: the point is in the outbox.")
