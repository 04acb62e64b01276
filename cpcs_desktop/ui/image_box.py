"""The view box of the image: DS9's habits with pyqtgraph's speed."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal


class ImageBox(pg.ViewBox):  # type: ignore[misc]
    """Wheel zooms at the cursor, drag pans, right drag changes contrast, middle click centres.

    Signals
    -------
    clicked(QPointF, Qt.KeyboardModifiers)
        Left click, in pixels of the frame.
    contrast_dragged(float, float)
        Right drag: fractions of the view's width and height.
    """

    clicked = Signal(QPointF, object)
    contrast_dragged = Signal(float, float)

    def __init__(self) -> None:
        super().__init__(lockAspect=True, enableMenu=False, defaultPadding=0.0)

    def mouseClickEvent(self, event: Any) -> None:
        """Left selects, middle centres."""
        at = self.mapSceneToView(event.scenePos())
        if event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.clicked.emit(at, event.modifiers())
        elif event.button() == Qt.MouseButton.MiddleButton:
            event.accept()
            self.centre_on(at)

    def centre_on(self, at: QPointF) -> None:
        """Bring a place to the middle, the zoom unchanged."""
        centre = self.viewRect().center()
        self.translateBy(x=at.x() - centre.x(), y=at.y() - centre.y())

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:
        """Left pans; right changes bias and contrast."""
        if event.button() == Qt.MouseButton.RightButton:
            event.accept()
            moved = event.pos() - event.lastPos()
            size = self.boundingRect()
            self.contrast_dragged.emit(moved.x() / size.width(), moved.y() / size.height())
        else:
            super().mouseDragEvent(event, axis)

    def zoom_by(self, factor: float) -> None:
        """Zoom at the middle; above 1 is nearer."""
        self.scaleBy((1.0 / factor, 1.0 / factor))

    def one_to_one(self, ratio: float = 1.0) -> None:
        """Show one pixel of the frame on one pixel of the screen."""
        centre, size = self.viewRect().center(), self.boundingRect()
        width, height = size.width() * ratio, size.height() * ratio
        self.setRange(
            xRange=(centre.x() - width / 2, centre.x() + width / 2),
            yRange=(centre.y() - height / 2, centre.y() + height / 2),
            padding=0,
        )
