"""A printable finder chart: dark stars on white, target, compass, scale, names."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.pixels import FramePixels
from cpcs_desktop.ui.sky_marks import nice_length, north_and_east
from cpcs_desktop.ui.stretch import Stretch, to_grey

_SIDE = 900
_MARGIN = 90
_COMPARISONS = 8


def finder_chart(
    pixels: FramePixels,
    target: tuple[float, float],
    event: str,
    calibration: Calibration | None,
    field_arcmin: float = 10.0,
) -> QImage:
    """Draw the chart around a target.

    Parameters
    ----------
    pixels : FramePixels
        With a WCS.
    target : (float, float)
        Degrees.
    event : str
    calibration : Calibration or None
        Its best reference stars are labelled with their magnitudes (tenths, point left out).
    field_arcmin : float
        Side of the chart, cut at the frame's edges.
    """
    wcs = pixels.frame.wcs
    assert wcs is not None
    scale = pixels.frame.pixel_scale_arcsec or 1.0
    half = max(16, round(field_arcmin * 60.0 / scale / 2))
    x, y = (float(v) for v in wcs.world_to_pixel_values(*target))
    cut, left, bottom = _cut(pixels.pixels, round(x), round(y), half)
    # The sky prints white: black begins above its noise.
    low, middle, high = (float(v) for v in np.percentile(pixels.ordered, [16, 50, 99.5]))
    levels = (middle + (middle - low), max(high, middle + 10 * (middle - low) + 1e-3))
    grey = 255 - to_grey(cut, levels, Stretch.SQRT, pixels.ordered)
    grey = np.ascontiguousarray(grey[::-1])
    stars = QImage(
        grey.tobytes(), grey.shape[1], grey.shape[0], grey.shape[1], QImage.Format.Format_Grayscale8
    ).copy()
    chart = QImage(_SIDE, _SIDE + _MARGIN, QImage.Format.Format_RGB32)
    chart.fill(QColor(255, 255, 255))
    painter = QPainter(chart)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    box = QRectF(20, _MARGIN - 20, _SIDE - 40, _SIDE - 40)
    painter.drawImage(box, stars)
    painter.setPen(QPen(QColor(0, 0, 0), 1.5))
    painter.drawRect(box)
    zoom = box.width() / grey.shape[1]

    def on_chart(px: float, py: float) -> QPointF:
        return QPointF(
            box.left() + (px - left + 0.5) * zoom, box.bottom() - (py - bottom + 0.5) * zoom
        )

    _target(painter, on_chart(x, y))
    if calibration is not None:
        _comparisons(painter, calibration, box, on_chart)
    _compass(painter, box, north_and_east(wcs, x, y))
    length, words = nice_length(box.width() / 4 / zoom * scale)
    _scale(painter, box, length / scale * zoom, words)
    _title(painter, event, target, pixels)
    painter.end()
    return chart


def _cut(pixels: np.ndarray, x: int, y: int, half: int) -> tuple[np.ndarray, int, int]:
    size = 2 * half + 1
    left, bottom = x - half, y - half
    cut = np.full((size, size), np.nan, dtype=np.float32)
    rows, columns = pixels.shape
    x0, x1 = max(left, 0), min(left + size, columns)
    y0, y1 = max(bottom, 0), min(bottom + size, rows)
    if x0 < x1 and y0 < y1:
        cut[y0 - bottom : y1 - bottom, x0 - left : x1 - left] = pixels[y0:y1, x0:x1]
    return cut, left, bottom


def _target(painter: QPainter, at: QPointF) -> None:
    painter.setPen(QPen(QColor(200, 0, 0), 2.5))
    for dx, dy in ((1, 0), (0, -1)):
        way = QPointF(dx, dy)
        painter.drawLine(at + way * 14, at + way * 44)


def _comparisons(
    painter: QPainter,
    calibration: Calibration,
    box: QRectF,
    on_chart: Callable[[float, float], QPointF],
) -> None:
    """Label the best reference stars inside the chart."""
    fit, sources = calibration.chosen, calibration.exposure.sources()
    good = np.flatnonzero((fit.membership > 0.9) & ~fit.excluded)
    good = good[np.argsort(fit.mag_ref[good])]
    font = painter.font()
    font.setPointSizeF(11)
    painter.setFont(font)
    painter.setPen(QPen(QColor(0, 60, 160), 1.4))
    shown = 0
    for n in good:
        row = int(fit.source_row[n])
        at = on_chart(sources.x[row], sources.y[row])
        if box.adjusted(30, 30, -60, -30).contains(at) and shown < _COMPARISONS:
            painter.drawEllipse(at, 12, 12)
            painter.drawText(at + QPointF(15, 5), f"{fit.mag_ref[n] * 10:.0f}")
            shown += 1


def _compass(
    painter: QPainter, box: QRectF, ways: tuple[tuple[float, float], tuple[float, float]]
) -> None:
    painter.setPen(QPen(QColor(0, 0, 0), 2.0))
    at = box.bottomRight() + QPointF(-90, -90)
    for (dx, dy), name in zip(ways, "NE", strict=True):
        length = math.hypot(dx, dy) or 1.0
        way = QPointF(dx / length, -dy / length)
        painter.drawLine(at, at + way * 50)
        middle = at + way * 66
        painter.drawText(
            QRectF(middle.x() - 12, middle.y() - 12, 24, 24), Qt.AlignmentFlag.AlignCenter, name
        )


def _scale(painter: QPainter, box: QRectF, width: float, words: str) -> None:
    at = box.bottomLeft() + QPointF(24, -24)
    painter.drawLine(at, at + QPointF(width, 0))
    for x in (0.0, width):
        painter.drawLine(at + QPointF(x, -6), at + QPointF(x, 6))
    painter.drawText(at + QPointF(0, -12), words)


def _title(painter: QPainter, event: str, target: tuple[float, float], pixels: FramePixels) -> None:
    frame = pixels.frame
    font = painter.font()
    font.setPointSizeF(17)
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(QColor(0, 0, 0))
    painter.drawText(QPointF(20, 30), event)
    font.setPointSizeF(11)
    font.setBold(False)
    painter.setFont(font)
    words = [numbers.sexagesimal(*target), numbers.degrees(*target)]
    words += [Path(frame.path).name, f"{numbers.iso(frame.mjd)} UTC", frame.filter_header or ""]
    painter.drawText(QPointF(20, 55), "    ".join(w for w in words if w))


class FinderDialog(QDialog):
    """Shows the chart; saves it as PNG or PDF, which prints everywhere."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("finderDialog")
        self.setWindowTitle("Finder chart")
        pixels, frame = bridge.pixels, bridge.frame
        assert pixels is not None
        assert frame is not None
        self._bridge = bridge
        self.chart = QImage()
        label = QLabel(self)
        label.setAccessibleName("Finder chart")
        if frame.decisions.target is None or pixels.frame.wcs is None:
            label.setText("A finder chart needs an event and an image with a WCS.")
        else:
            event = frame.decisions.event or "Target"
            self.chart = finder_chart(pixels, frame.decisions.target, event, bridge.calibration)
            shown = self.chart.scaledToHeight(720, Qt.TransformationMode.SmoothTransformation)
            label.setPixmap(QPixmap.fromImage(shown))
        area = QScrollArea(self)
        area.setWidget(label)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Close, self
        )
        buttons.button(QDialogButtonBox.StandardButton.Save).setEnabled(not self.chart.isNull())
        buttons.accepted.connect(self._ask)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(area)
        column.addWidget(buttons)
        self.resize(720, 800)

    def _ask(self) -> None:
        file, _ = QFileDialog.getSaveFileName(self, "Save the chart", "finder.pdf", "*.pdf *.png")
        if file:
            save_chart(self.chart, Path(file))
            self._bridge.said.emit(f"Chart written to {file}")


def save_chart(chart: QImage, file: Path) -> None:
    """Write a chart as PDF (one A4 page) or as a picture, by the name's ending."""
    if file.suffix.lower() != ".pdf":
        chart.save(str(file))
        return
    from PySide6.QtGui import QPageSize, QPdfWriter

    writer = QPdfWriter(str(file))
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    painter = QPainter(writer)
    page = painter.viewport()
    painter.drawImage(
        QRectF(0, 0, page.width(), page.width() * chart.height() / chart.width()), chart
    )
    painter.end()
