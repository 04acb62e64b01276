"""The first painting of many places, in pieces: at once, it would hold the window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QSize, QTimer
from PySide6.QtWidgets import QWidget

#: Between two of them the window answers its observer.
_PAUSE_MS = 40
#: Styles, fonts and layouts are made at any size; a small picture is soon painted.
_SIZE = QSize(420, 320)


class Rehearsal(QObject):
    """Dresses, lays out and paints hidden widgets one after the other, while nobody waits.

    Stops by itself as soon as one of them is seen.

    Parameters
    ----------
    widgets : sequence of QWidget
    parent : QObject
    """

    def __init__(self, widgets: Sequence[QWidget], parent: QObject) -> None:
        super().__init__(parent)
        self._left = list(widgets)
        self._timer = QTimer(self)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._next)

    @property
    def over(self) -> bool:
        """Whether nothing is left to paint."""
        return not self._left

    def start(self) -> None:
        """Begin, once the window is on the screen."""
        self._timer.start()

    def _next(self) -> None:
        if not self._left or self._left[0].isVisible():
            self._left.clear()
            self._timer.stop()
            return
        widget = self._left.pop(0)
        if widget.size().isEmpty() or widget.width() < _SIZE.width():
            widget.resize(_SIZE)
        widget.grab()


def unveil(widgets: Sequence[QWidget], owner: QObject) -> None:
    """Let widgets that are shown now be painted one after the other, a turn of the window each."""
    for widget in widgets:
        widget.setUpdatesEnabled(False)
    left = list(widgets)

    def one_more() -> None:
        left.pop(0).setUpdatesEnabled(True)
        if left:
            QTimer.singleShot(0, owner, one_more)

    QTimer.singleShot(0, owner, one_more)
