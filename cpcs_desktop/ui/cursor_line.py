"""One line that reads what lies under the cursor."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel, QSizePolicy, QWidget

from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge

_HINT = "Move over the image: place, value, sky, nearest star. Click copies the position."


class CursorLine(QLabel):
    """x, y, value, RA/Dec in both notations, nearest star; a click copies the position."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(_HINT, parent)
        self.setObjectName("cursorLine")
        self.setAccessibleName("What lies under the cursor")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.use_text_size()
        self._bridge = bridge
        self._position: tuple[float, float] | None = None

    def use_text_size(self) -> None:
        """Take the window's text size; digits of one width keep the line still."""
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPointSizeF(QApplication.font().pointSizeF())
        self.setFont(font)
        self.setMinimumHeight(self.fontMetrics().height() * 2 + 4)

    def show_place(self, x: float, y: float, star: int | None) -> None:
        """Describe a place of the frame, pixels 0-based."""
        parts = [f"x {numbers.number(x + 1, 1)}  y {numbers.number(y + 1, 1)}"]
        pixels = self._bridge.pixels
        self._position = None
        if pixels is not None:
            column, row = round(x), round(y)
            rows, columns = pixels.pixels.shape
            if 0 <= row < rows and 0 <= column < columns:
                parts.append(f"value {numbers.number(float(pixels.pixels[row, column]), 1)}")
            if pixels.frame.wcs is not None:
                ra, dec = (float(v) for v in pixels.frame.wcs.pixel_to_world_values(x, y))
                self._position = (ra, dec)
                parts += [numbers.sexagesimal(ra, dec), numbers.degrees(ra, dec)]
        if star is not None:
            parts.append(self._star(star))
        self.setText("   ".join(parts))

    def _star(self, star: int) -> str:
        exposure, frame = self._bridge.exposure, self._bridge.frame
        assert exposure is not None
        assert frame is not None
        sources = exposure.sources()
        text = f"star {star}"
        zero_point = frame.facts.zero_point
        if zero_point is not None:
            mag = float(sources.mag_inst[star]) + zero_point
            text += f": {numbers.number(mag, 3)} {frame.facts.band}"
        err = float(sources.mag_inst_err[star])
        if err > 0:
            text += f", S/N {1.0857 / err:.0f}"
        if sources.fwhm[star] > 0:
            text += f", FWHM {numbers.number(float(sources.fwhm[star]), 1)} px"
        return text + (f", flags {sources.flags[star]}" if sources.flags[star] else "")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Copy the position."""
        del event
        if self._position is not None:
            QGuiApplication.clipboard().setText(numbers.degrees(*self._position))
            self._bridge.said.emit("Position copied")
