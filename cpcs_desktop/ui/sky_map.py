"""The whole sky in Hammer's projection, with what a survey covers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from cpcs_desktop.ui.theme import Theme, qcolor

Place = tuple[float, float]


def hammer(ra: float, dec: float) -> tuple[float, float]:
    """Return x in -2..2 (east to the left) and y in -1..1, RA 180 in the middle (Hammer 1892)."""
    lon = math.radians((180.0 - ra + 180.0) % 360.0 - 180.0)
    lat = math.radians(dec)
    z = math.sqrt(1.0 + math.cos(lat) * math.cos(lon / 2.0))
    return 2.0 * math.cos(lat) * math.sin(lon / 2.0) / z, math.sin(lat) / z


class SkyMap(QWidget):
    """Covered cells, the target, and a grid."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("skyMap")
        self.setAccessibleName("Map of the sky with the covered cells")
        self.setMinimumHeight(140)
        self._theme = theme
        self._cells: Sequence[Place] = ()
        self._target: Place | None = None
        self._title = ""

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self.update()

    def show_sky(self, cells: Sequence[Place], target: Place | None, title: str) -> None:
        """Show covered cells (their centres, degrees) and the target."""
        self._cells, self._target, self._title = cells, target, title
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw."""
        del event
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), qcolor(theme.window))
        width = min(self.width() - 40.0, 2.0 * (self.height() - 34.0))
        box = QRectF(0, 0, width, width / 2)
        box.moveCenter(QPointF(self.rect().center()) + QPointF(0, 8))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(qcolor(theme.plot))
        painter.drawEllipse(box)
        painter.setPen(QPen(qcolor(theme.grid), 0.8))
        for hours in range(0, 24, 4):
            meridian = 15.0 * hours + 1e-6
            self._path(painter, box, [(meridian, d) for d in range(-90, 91, 5)])
        for parallel in (-60, -30, 0, 30, 60):
            self._path(painter, box, [(a, parallel) for a in range(1, 360, 4)])
        painter.setPen(QPen(qcolor(theme.border), 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(box)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(qcolor(theme.accent, 200))
        side = max(3.0, width / 360.0)
        for ra, dec in self._cells:
            at = self._at(box, ra, dec)
            painter.drawRect(QRectF(at.x() - side / 2, at.y() - side / 2, side, side))
        if self._target is not None:
            self._cross(painter, self._at(box, *self._target))
        painter.setPen(qcolor(theme.faint))
        top = self.rect().adjusted(8, 2, -8, 0)
        painter.drawText(top, Qt.AlignmentFlag.AlignHCenter, self._title)
        for hours in (16, 12, 8):
            at = self._at(box, 15.0 * hours, 0.0)
            painter.drawText(at + QPointF(3, -3), f"{hours}h")
        painter.end()

    @staticmethod
    def _at(box: QRectF, ra: float, dec: float) -> QPointF:
        x, y = hammer(ra, dec)
        return box.center() + QPointF(x * box.width() / 4, -y * box.height() / 2)

    def _path(self, painter: QPainter, box: QRectF, places: list[Place]) -> None:
        painter.drawPolyline(QPolygonF([self._at(box, ra, dec) for ra, dec in places]))

    def _cross(self, painter: QPainter, at: QPointF) -> None:
        painter.setPen(QPen(qcolor(self._theme.bad), 2.0))
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            way = QPointF(dx, dy)
            painter.drawLine(at + way * 5, at + way * 12)
