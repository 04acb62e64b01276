"""``--screenshot``: wait until all is calibrated and drawn, write the picture, say so."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from cpcs_desktop.session.night_frame import FrameState
from cpcs_desktop.ui.main_window import MainWindow

_EVERY_MS = 60
_QUIET_ROUNDS = 5


class Screenshot(QObject):
    """Takes one picture of the window or of one view.

    Signals
    -------
    done(int)
        Exit status: 0, or 1 when a row failed or the picture could not be written.
    """

    done = Signal(int)

    def __init__(self, window: MainWindow, file: Path, view: str | None) -> None:
        super().__init__(window)
        self._window = window
        self._file = file
        self._widget = window.view(view)
        self._quiet = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        surveys = self._window.surveys
        ready = self._window.settled and (not surveys.isVisible() or surveys.ready)
        self._quiet = self._quiet + 1 if ready else 0
        if self._quiet == _QUIET_ROUNDS:
            self._timer.stop()
            self._file.parent.mkdir(parents=True, exist_ok=True)
            written = self._widget.grab().save(str(self._file))
            failed = any(f.state is FrameState.FAILED for f in self._window.bridge.night.frames)
            self.done.emit(0 if written and not failed else 1)
