"""Compass and scale bar over the image, from the WCS; drawn dashed where there is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from cpcs_desktop.ui.theme import Theme, qcolor

if TYPE_CHECKING:
    from astropy.wcs import WCS

_NICE = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000)
_ARM = 30.0


def north_and_east(wcs: WCS, x: float, y: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return unit vectors in pixels towards north and east at a place of the frame."""
    ra, dec = (float(v) for v in wcs.pixel_to_world_values(x, y))
    step = 1.0 / 3600.0
    away = math.copysign(step, -dec) if abs(dec) > 89.9 else step
    north = np.array(wcs.world_to_pixel_values(ra, dec + away)) - (x, y)
    east = np.array(wcs.world_to_pixel_values(ra + step / math.cos(math.radians(dec)), dec)) - (
        x,
        y,
    )
    north *= math.copysign(1.0, away)
    n, e = (v / np.hypot(*v) for v in (north, east))
    return (float(n[0]), float(n[1])), (float(e[0]), float(e[1]))


def nice_length(arcsec: float) -> tuple[float, str]:
    """Return the largest round length up to ``arcsec`` and how to write it."""
    length = max((v for v in _NICE if v <= arcsec), default=_NICE[0])
    if length < 60:
        return length, f"{length}″"
    return (length, f"{length // 60}′") if length < 3600 else (length, f"{length // 3600}°")


class SkyMarks(QWidget):
    """Transparent sheet over the image with compass and scale bar.

    Parameters
    ----------
    parent : QWidget
        The viewport it covers.
    box : pyqtgraph.ViewBox
        Says where pixels are on the screen.
    """

    def __init__(self, parent: QWidget, box: Any, theme: Theme) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self._box = box
        self._theme = theme
        self._north: tuple[float, float] | None = None
        self._east: tuple[float, float] | None = None
        self._scale_arcsec: float | None = None
        self.sentence = ""
        box.sigTransformChanged.connect(self.update)

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self.update()

    def show_frame(
        self, wcs: WCS | None, shape: tuple[int, int] | None, scale_arcsec: float | None
    ) -> None:
        """Take directions and scale of another frame."""
        self._north = self._east = None
        self._scale_arcsec = scale_arcsec
        if wcs is not None and shape is not None:
            self._north, self._east = north_and_east(wcs, shape[1] / 2, shape[0] / 2)
        self.update()

    def say(self, sentence: str) -> None:
        """Show a sentence in the middle instead of an image."""
        self.sentence = sentence
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.sentence:
            painter.setPen(qcolor(self._theme.faint))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(24, 24, -24, -24), flags, self.sentence)
        if self._north is not None and self._east is not None:
            self._compass(painter)
        if self._scale_arcsec is not None and self._north is not None:
            self._scale_bar(painter)
        painter.end()

    def _on_screen(self, vector: tuple[float, float]) -> QPointF:
        """Direction of a pixel vector on the screen, unit length."""
        at = self._box.mapViewToScene(QPointF(0, 0))
        to = self._box.mapViewToScene(QPointF(*vector))
        dx, dy = to.x() - at.x(), to.y() - at.y()
        length = math.hypot(dx, dy) or 1.0
        return QPointF(dx / length, dy / length)

    def _compass(self, painter: QPainter) -> None:
        assert self._north is not None
        assert self._east is not None
        north, east = self._on_screen(self._north), self._on_screen(self._east)
        letter = self.fontMetrics().height()
        # The corner is chosen so that both arms and their letters stay inside.
        reach = _ARM + letter
        right = max(0.0, reach * max(north.x(), east.x(), 0.0)) + letter
        down = max(0.0, reach * max(north.y(), east.y(), 0.0)) + letter
        centre = QPointF(self.width() - right, self.height() - down)
        for direction, name in ((north, "N"), (east, "E")):
            self._arrow(painter, centre, direction, name)

    def _arrow(self, painter: QPainter, at: QPointF, direction: QPointF, name: str) -> None:
        tip = at + direction * _ARM
        side = QPointF(-direction.y(), direction.x())
        for colour, width in ((QColor(0, 0, 0, 160), 4.0), (qcolor(self._theme.target), 1.8)):
            pen = QPen(colour, width)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawLine(at, tip)
            painter.drawLine(tip, tip - direction * 7 + side * 4)
            painter.drawLine(tip, tip - direction * 7 - side * 4)
        height = self.fontMetrics().height()
        middle = at + direction * (_ARM + height * 0.75)
        self._text(
            painter, QRectF(middle.x() - height, middle.y() - height / 2, 2 * height, height), name
        )

    def _text(self, painter: QPainter, box: QRectF, text: str) -> None:
        for colour, shift in ((QColor(0, 0, 0, 200), 1), (qcolor(self._theme.target), 0)):
            painter.setPen(colour)
            painter.drawText(box.translated(shift, shift), Qt.AlignmentFlag.AlignCenter, text)

    def _scale_bar(self, painter: QPainter) -> None:
        assert self._scale_arcsec is not None
        at = self._box.mapViewToScene(QPointF(0, 0))
        to = self._box.mapViewToScene(QPointF(1, 0))
        per_pixel = math.hypot(to.x() - at.x(), to.y() - at.y())
        if per_pixel <= 0:
            return
        length, text = nice_length(self.width() / 4 / per_pixel * self._scale_arcsec)
        width = length / self._scale_arcsec * per_pixel
        if width < 8 or width > self.width():
            return
        y = self.height() - 14.0
        for colour, pen_width in ((QColor(0, 0, 0, 160), 4.0), (qcolor(self._theme.target), 1.8)):
            painter.setPen(QPen(colour, pen_width))
            painter.drawLine(QPointF(14, y), QPointF(14 + width, y))
            for x in (14.0, 14.0 + width):
                painter.drawLine(QPointF(x, y - 4), QPointF(x, y + 4))
        height = self.fontMetrics().height()
        wide = max(width, 60.0)
        box = QRectF(14 + width / 2 - wide / 2, y - height - 6, wide, height)
        box.moveLeft(max(8.0, box.left()))
        self._text(painter, box, text)
