"""Grey bytes drawn in a pyqtgraph view: quick at any zoom, recoloured without touching a pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, qRgb


class GreyImage(pg.GraphicsObject):  # type: ignore[misc]
    """An image as indexed bytes; the centre of the first pixel lies at (0, 0).

    From far away the mean of neighbouring pixels is drawn, so that faint stars stay visible.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bytes: list[NDArray[np.uint8]] = []
        self._images: list[QImage] = []
        self._colours: list[int] = [qRgb(v, v, v) for v in range(256)]
        self._size_pix = (0, 0)

    @property
    def size_pix(self) -> tuple[int, int]:
        """Rows and columns, (0, 0) for none."""
        return self._size_pix

    def show_levels(self, levels: list[NDArray[np.uint8]]) -> None:
        """Show an image and its halves; an empty list shows nothing."""
        self.prepareGeometryChange()
        self._bytes = levels
        self._images = []
        for grey in levels:
            rows, columns = grey.shape
            image = QImage(grey.data, columns, rows, columns, QImage.Format.Format_Indexed8)
            image.setColorTable(self._colours)
            self._images.append(image)
        self._size_pix = levels[0].shape if levels else (0, 0)
        self.update()

    def use_colours(self, table: NDArray[np.uint8]) -> None:
        """Use another colour table, shape (256, 3)."""
        self._colours = [qRgb(int(r), int(g), int(b)) for r, g, b in table]
        for image in self._images:
            image.setColorTable(self._colours)
        self.update()

    def boundingRect(self) -> QRectF:
        """Return the outer edges of the outer pixels."""
        rows, columns = self._size_pix
        return QRectF(-0.5, -0.5, columns, rows)

    def paint(self, painter: QPainter, *_args: Any) -> None:
        """Draw the level whose pixels are nearest to the screen's."""
        if not self._images:
            return
        scale = (
            abs(painter.worldTransform().determinant()) ** 0.5 * painter.device().devicePixelRatio()
        )
        level = 0
        while level + 1 < len(self._images) and scale * 2 ** (level + 1) <= 1.0:
            level += 1
        image = self._images[level]
        # A half that lost an odd last row or column covers that much less of the frame.
        size = 2**level
        painter.drawImage(QRectF(-0.5, -0.5, image.width() * size, image.height() * size), image)
