"""A cone on the sky in one line: a middle, a radius, and the place looked at for the asking."""

from __future__ import annotations

from math import acos, cos, degrees, radians, sin

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge

_RADIUS_DEG = 1.0


class ConeLine(QWidget):
    """Asks for RA, Dec and radius.

    Parameters
    ----------
    bridge : Bridge

    Signals
    -------
    changed()
        Another cone, or none.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("coneLine")
        self._bridge = bridge
        self.centre: tuple[float, float] | None = None
        self.place = QLineEdit(self)
        self.place.setObjectName("coneCentre")
        self.place.setAccessibleName("Middle of the cone, RA and Dec")
        self.place.setPlaceholderText("Cone: RA, Dec in any notation; empty shows the whole sky")
        self.place.setClearButtonEnabled(True)
        self.radius = QDoubleSpinBox(self)
        self.radius.setObjectName("coneRadius")
        self.radius.setAccessibleName("Radius of the cone, degrees")
        self.radius.setToolTip("Radius of the cone, degrees")
        self.radius.setDecimals(3)
        self.radius.setRange(0.001, 180.0)
        self.radius.setSingleStep(0.5)
        self.radius.setSuffix("°")
        self.radius.setValue(_RADIUS_DEG)
        self.here = QPushButton("Around this row", self)
        self.here.setObjectName("coneHere")
        self.here.setToolTip("Put the cone around the target of the row looked at")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.place, 1)
        label = QLabel("Radius", self)
        label.setBuddy(self.radius)
        row.addWidget(label)
        row.addWidget(self.radius)
        row.addWidget(self.here)
        self.place.textChanged.connect(lambda _text: self._read())
        self.place.editingFinished.connect(self._explain)
        self.radius.valueChanged.connect(lambda _value: self._tell())
        self.here.clicked.connect(self._use_target)

    @property
    def radius_deg(self) -> float:
        """Radius, degrees."""
        return self.radius.value()

    def _read(self) -> None:
        before, self.centre = self.centre, numbers.parse_position(self.place.text())
        if self.centre != before:
            self.changed.emit()

    def _tell(self) -> None:
        if self.centre is not None:
            self.changed.emit()

    def _explain(self) -> None:
        if self.place.text().strip() and self.centre is None:
            self._bridge.said.emit(
                f"“{self.place.text().strip()}” is no position: write RA and Dec in degrees, or "
                "as 19:40:01 +30:07:53."
            )

    def _use_target(self) -> None:
        frame = self._bridge.frame
        target = None if frame is None else frame.decisions.target
        if target is None:
            self._bridge.said.emit("The row looked at has no target yet.")
        else:
            self.place.setText(numbers.degrees(*target))


def apart_deg(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the angle between two places on the sky, all in degrees."""
    ra, dec, ra0, dec0 = (radians(v) for v in (*one, *other))
    cosine = sin(dec) * sin(dec0) + cos(dec) * cos(dec0) * cos(ra - ra0)
    return degrees(acos(min(1.0, max(-1.0, cosine))))
