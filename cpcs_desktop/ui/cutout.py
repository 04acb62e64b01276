"""The target close up, as part of the result."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen, qRgb
from PySide6.QtWidgets import QWidget

from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.stretch import Stretch, sample, to_grey, zscale
from cpcs_desktop.ui.theme import Theme, qcolor

_HALF = 20


class Cutout(QWidget):
    """41 x 41 pixels around the event, the event's place marked."""

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("cutout")
        self.setAccessibleName("The target close up")
        self.setToolTip("41 × 41 pixels around the event; the gap in the cross is its position")
        self.setFixedSize(self.sizeHint())
        self._bridge = bridge
        self._theme = theme
        self._image = QImage()
        self._bytes = b""
        self._target: tuple[float, float] | None = None
        self._at = QPointF()
        bridge.changed.connect(self._on_changed)
        self._show()

    def sizeHint(self) -> QSize:
        """Return a square that grows with the text."""
        side = max(124, int(self.fontMetrics().height() * 8))
        return QSize(side, side)

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self.setFixedSize(self.sizeHint())
        self._show()

    def _on_changed(self, changes: Changes) -> None:
        here = self._bridge.current
        frame = self._bridge.frame
        target = None if frame is None else frame.decisions.target
        moved = here in changes.frames and target != self._target
        if changes.pixels or changes.current or moved:
            self._show()

    def _show(self) -> None:
        self._image = QImage()
        pixels, frame = self._bridge.pixels, self._bridge.frame
        self._target = None if frame is None else frame.decisions.target
        if pixels is not None and frame is not None and frame.decisions.target is not None:
            wcs = pixels.frame.wcs
            if wcs is not None:
                x, y = (float(v) for v in wcs.world_to_pixel_values(*frame.decisions.target))
                self._cut(pixels.pixels, x, y)
        self.update()

    def _cut(self, pixels: np.ndarray, x: float, y: float) -> None:
        if not (np.isfinite(x) and np.isfinite(y)):
            return
        left, bottom = round(x) - _HALF, round(y) - _HALF
        size = 2 * _HALF + 1
        cut = np.full((size, size), np.nan, dtype=np.float32)
        rows, columns = pixels.shape
        x0, x1 = max(left, 0), min(left + size, columns)
        y0, y1 = max(bottom, 0), min(bottom + size, rows)
        if x0 >= x1 or y0 >= y1:
            return
        cut[y0 - bottom : y1 - bottom, x0 - left : x1 - left] = pixels[y0:y1, x0:x1]
        ordered = sample(cut)
        grey = to_grey(cut, zscale(ordered), Stretch.ASINH, ordered)[::-1]
        self._bytes = np.ascontiguousarray(grey).tobytes()
        image = QImage(self._bytes, size, size, size, QImage.Format.Format_Indexed8)
        table = self._theme.grey_table()
        image.setColorTable([qRgb(int(r), int(g), int(b)) for r, g, b in table])
        self._image = image
        self._at = QPointF((x - left + 0.5) / size, 1.0 - (y - bottom + 0.5) / size)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the pixels and the cross."""
        del event
        painter = QPainter(self)
        theme = self._theme
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(qcolor(theme.border), 1.0))
        painter.setBrush(qcolor(theme.plot))
        painter.drawRect(box)
        if self._image.isNull():
            painter.setPen(qcolor(theme.faint))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "no image\nof the target")
        else:
            painter.drawImage(box.adjusted(1, 1, -1, -1), self._image)
            painter.setPen(QPen(qcolor(theme.target), 1.6))
            at = QPointF(box.width() * self._at.x(), box.height() * self._at.y())
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                way = QPointF(dx, dy)
                painter.drawLine(at + way * 12, at + way * 24)
        painter.end()
