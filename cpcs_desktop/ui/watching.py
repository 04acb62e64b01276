"""A watched folder: frames that arrive become rows by themselves, once they are whole."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QFileDialog, QWidget

from cpcs_desktop.ui.bridge import Bridge, files_in

_EVERY_MS = 2000


class Watching(QObject):
    """Polls one folder (network disks tell nobody of changes).

    A file becomes a row when its size was the same twice: until then the camera is still writing.
    """

    def __init__(self, bridge: Bridge, parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._window = parent
        self._sizes: dict[str, int] = {}
        self._taken: set[str] = set()
        self.folder: Path | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.look)

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
        """Watch a folder; what lies there already becomes rows at once."""
        self.folder = Path(folder)
        self._sizes.clear()
        self._taken = set(files_in([self.folder]))
        if self._taken:
            self._bridge.add(sorted(self._taken))
        self._timer.start()
        self._bridge.said.emit(f"Watching {folder}; Ctrl+W stops it.")

    def stop(self) -> None:
        """Watch no more."""
        self._timer.stop()
        self.folder = None

    def look(self) -> None:
        """Look for files that have come to rest."""
        if self.folder is None:
            return
        whole = []
        for name in files_in([self.folder]):
            if name in self._taken:
                continue
            try:
                size = Path(name).stat().st_size
            except FileNotFoundError:
                continue  # renamed by the camera's program between two looks
            if size > 0 and self._sizes.get(name) == size:
                whole.append(name)
            self._sizes[name] = size
        if whole:
            self._taken.update(whole)
            self._bridge.add(whole)
