"""Controls that say what they would do while they move, and once more when they have done it."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QSlider, QWidget

_STEPS_PER_ARCSEC = 10
_RANGE_ARCSEC = (0.5, 10.0)
#: Keys and the wheel have no end of their own: the last step counts after this pause.
_PAUSE_MS = 400


class LiveCombo(QComboBox):
    """A box whose open list tells what lies under the mouse or the keys, and when it closes.

    Signals
    -------
    tried(str)
        A line of the open list; Qt's own ``highlighted`` comes from closed lists, too.
    closed()
        After whatever was chosen in the list was told.
    """

    tried = Signal(str)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.highlighted.connect(self._try)

    def _try(self, row: int) -> None:
        if self.view().isVisible():
            self.tried.emit(self.itemText(row))

    def hidePopup(self) -> None:
        """Close the list."""
        super().hidePopup()
        QTimer.singleShot(0, self, self.closed.emit)


class RadiusSlider(QSlider):
    """The match radius under the mouse, 0.5 to 10 arcsec.

    Signals
    -------
    moving(float)
        Where it is dragged, arcsec.
    chosen(float)
        Where it was left, arcsec.
    """

    moving = Signal(float)
    chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setObjectName("radiusSlider")
        self.setAccessibleName("Match radius, drag to see the fits follow")
        self.setToolTip("Match radius, 0.5 to 10 arcsec: the fits follow while it is dragged")
        low, high = (round(v * _STEPS_PER_ARCSEC) for v in _RANGE_ARCSEC)
        self.setRange(low, high)
        self.setSingleStep(1)
        self.setPageStep(_STEPS_PER_ARCSEC)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._choose)
        self.valueChanged.connect(self._on_value)
        self.sliderReleased.connect(self._choose)

    @property
    def radius_arcsec(self) -> float:
        """Where it stands."""
        return self.value() / _STEPS_PER_ARCSEC

    @property
    def in_use(self) -> bool:
        """Whether it is held, or was moved a moment ago."""
        return self.isSliderDown() or self._pause.isActive()

    def show_radius(self, radius_arcsec: float) -> None:
        """Stand at a radius, silently."""
        if not self.in_use:
            blocked = self.blockSignals(True)
            self.setValue(round(radius_arcsec * _STEPS_PER_ARCSEC))
            self.blockSignals(blocked)

    def _on_value(self) -> None:
        if not self.isSliderDown():
            self._pause.start()
        self.moving.emit(self.radius_arcsec)

    def _choose(self) -> None:
        self._pause.stop()
        self.chosen.emit(self.radius_arcsec)
