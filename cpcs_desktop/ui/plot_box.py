"""The view box of plots: click, lasso and zoom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QPainterPath, QPolygonF
from PySide6.QtWidgets import QGraphicsPathItem, QWidget

from cpcs_desktop.ui.theme import Theme, qcolor


def colour_axes(widget: QWidget, plots: Sequence[pg.PlotItem], theme: Theme) -> None:
    """Draw the axes of plots that stand below each other in the theme's colours, equally wide."""
    for plot in plots:
        for name in ("left", "bottom"):
            axis = plot.getAxis(name)
            axis.setPen(qcolor(theme.grid))
            axis.setTextPen(qcolor(theme.faint))
            axis.setTickFont(widget.font())
            axis.label.setFont(widget.font())
        plot.getAxis("left").setWidth(widget.fontMetrics().horizontalAdvance("−0.00000"))


class Spots(pg.ScatterPlotItem):  # type: ignore[misc]
    """Markers that leave clicks to the plot under them: the plot knows which star is nearest."""

    def mouseClickEvent(self, event: Any) -> None:
        """Pass the click on."""
        event.ignore()


class PlotBox(pg.ViewBox):  # type: ignore[misc]
    """Wheel zooms, drag pans, Shift + drag is a lasso, double click shows everything again.

    Signals
    -------
    clicked(QPointF, Qt.KeyboardModifiers)
        Left click, in the plot's units.
    double_clicked(QPointF)
    lassoed(QPolygonF)
        A closed line, in the plot's units.
    """

    clicked = Signal(QPointF, object)
    double_clicked = Signal(QPointF)
    lassoed = Signal(QPolygonF)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self._lasso = QGraphicsPathItem()
        self._lasso.setVisible(False)
        self._points: list[QPointF] = []
        self.addItem(self._lasso, ignoreBounds=True)

    def use_theme(self, theme: Theme) -> None:
        """Use other colours for the lasso."""
        pen = pg.mkPen(qcolor(theme.accent), width=1.6, style=Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        self._lasso.setPen(pen)
        self._lasso.setBrush(qcolor(theme.accent, 40))

    def mouseClickEvent(self, event: Any) -> None:
        """Tell where it was clicked."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        event.accept()
        at = self.mapSceneToView(event.scenePos())
        if event.double():
            self.double_clicked.emit(at)
        else:
            self.clicked.emit(at, event.modifiers())

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:
        """Pan, or draw a lasso with Shift."""
        lasso = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if event.button() != Qt.MouseButton.LeftButton or not (lasso or self._points):
            super().mouseDragEvent(event, axis)
            return
        event.accept()
        if event.isStart():
            self._points = [self.mapSceneToView(event.buttonDownScenePos())]
        self._points.append(self.mapSceneToView(event.scenePos()))
        path = QPainterPath()
        path.addPolygon(QPolygonF(self._points))
        path.closeSubpath()
        self._lasso.setPath(path)
        self._lasso.setVisible(True)
        if event.isFinish():
            self._lasso.setVisible(False)
            polygon = QPolygonF(self._points)
            self._points = []
            self.lassoed.emit(polygon)
