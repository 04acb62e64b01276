"""A watched folder: frames that arrive become rows by themselves, once they are whole."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from cpcs_desktop.batch.inputs import SUFFIXES
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.session.clocks import clock_doubt
from cpcs_desktop.ui.bridge import Bridge

if TYPE_CHECKING:
    from cpcs_desktop.batch.folder_watch import FolderWatch

_EVERY_MS = 500
#: A camera's folder holds logs and notes, too, that would only become red rows.
_LIKELY = tuple(s for s in SUFFIXES if s not in {".txt", ".csv", ".xml", ".vot", ".parquet"})


class Watching(QObject):
    """Adds what arrives in one folder, as ``cpcs watch`` does; a thread looks, a timer collects."""

    #: ``present`` or ``gone``, from the thread that looks.
    told = Signal(str)
    #: How the clock of the frames and this computer's disagree; empty where they agree again.
    clock_doubted = Signal(str)

    def __init__(self, bridge: Bridge, parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._window = parent
        self._watch: FolderWatch | None = None
        self._lost = False
        self._written: dict[str, float] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self._collect)
        self.told.connect(self._tell)
        bridge.changed.connect(self._on_changed)

    @property
    def folder(self) -> Path | None:
        """The folder under watch."""
        return None if self._watch is None else self._watch.folder

    def ask(self) -> None:
        """Ask for a folder to watch, or stop watching."""
        if self.folder is not None:
            self.stop()
            self._bridge.said.emit("The folder is no longer watched.")
            return
        folder = QFileDialog.getExistingDirectory(self._window, "Watch a folder")
        if folder:
            self.watch(folder)

    def watch(self, folder: str | Path) -> None:
        """Watch a folder; what lies there already becomes rows, too."""
        from cpcs_desktop.batch.arrivals import Arrivals
        from cpcs_desktop.batch.folder_watch import FolderWatch

        self.stop()
        self._lost = False
        arrivals = Arrivals(suffixes=_LIKELY)
        self._watch = FolderWatch(Path(folder), arrivals, told=self.told.emit)
        self._watch.start()
        self._timer.start()
        self._bridge.said.emit(f"Watching {folder}; Ctrl+W stops it.")

    def stop(self) -> None:
        """Watch no more."""
        self._timer.stop()
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()

    def _collect(self) -> None:
        if self._watch is not None and (found := self._watch.take()):
            self._written |= {str(path): written for path in found if (written := _time_of(path))}
            self._bridge.add([str(path) for path in found])

    def _on_changed(self, changes: Changes) -> None:
        """Compare the times of frames that came straight from the camera with this computer's."""
        for key in changes.frames if self._written else ():
            frame = self._bridge.night.frame(key)
            facts = frame.facts
            if facts.mjd is not None and frame.path in self._written:
                written = self._written.pop(frame.path)
                doubt = clock_doubt(facts.mjd, facts.exposure_s, written, time.time())
                self.clock_doubted.emit(doubt or "")

    def _tell(self, state: str) -> None:
        if self._watch is None:
            return
        if state == "gone":
            self._bridge.said.emit(f"{self._watch.folder} is gone; waiting for it to come back.")
        elif self._lost:
            self._bridge.said.emit(f"{self._watch.folder} is back.")
        self._lost = state == "gone"


def _time_of(path: Path) -> float | None:
    """Return when a file was written, Unix time; None when it has gone again."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None
