"""The curve of growth beside the cut-out: how much light the aperture holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.theme import Theme, qcolor

if TYPE_CHECKING:
    from cpcs_desktop.extract.growth import GrowthCurve

_TASK = "growth"


class GrowthView(QWidget):
    """Median curve of the frame's stars, its spread, the target's own curve and the aperture.

    Nothing is computed while it is hidden.
    """

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("growth")
        self.setToolTip(
            "Share of light inside a circle, against its radius in pixels: the median of clean"
            " bright stars, between them 16 and 84 %; dots are the target. The upright line is"
            " the aperture of the APER magnitudes, the dashed one suits the faintest stars best."
        )
        self._bridge = bridge
        self._theme = theme
        self._stale = True
        self.curve: GrowthCurve | None = None
        self.words = QLabel(self)
        self.words.setObjectName("growthWords")
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.canvas = pg.PlotWidget(self)
        self.canvas.setObjectName("growthCanvas")
        self.canvas.setAccessibleName("Curve of growth")
        self.canvas.setMouseEnabled(x=False, y=False)
        self.canvas.hideButtons()
        self.canvas.setMenuEnabled(False)
        for side in ("left", "bottom"):
            self.canvas.getAxis(side).enableAutoSIPrefix(enable=False)
        self.low, self.high = pg.PlotCurveItem(), pg.PlotCurveItem()
        self.spread = pg.FillBetweenItem(self.low, self.high)
        self.share = pg.PlotCurveItem()
        self.target = pg.ScatterPlotItem(size=5)
        self.aperture, self.faint = pg.InfiniteLine(angle=90), pg.InfiniteLine(angle=90)
        for thing in (self.spread, self.share, self.target, self.aperture, self.faint):
            self.canvas.addItem(thing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.words)
        bridge.changed.connect(self._on_changed)
        self.use_theme(theme)

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self.canvas.setBackground(qcolor(theme.plot))
        for name in ("left", "bottom"):
            axis = self.canvas.getAxis(name)
            axis.setPen(qcolor(theme.grid))
            axis.setTextPen(qcolor(theme.faint))
            axis.setTickFont(self.font())
        nothing = pg.mkPen(None)
        for edge in (self.low, self.high):
            edge.setPen(nothing)
        self.spread.setBrush(qcolor(theme.accent, 60))
        self.share.setPen(pg.mkPen(qcolor(theme.accent), width=2))
        self.target.setPen(nothing)
        self.target.setBrush(qcolor(theme.target))
        self.aperture.setPen(pg.mkPen(qcolor(theme.line), width=1.6))
        self.faint.setPen(pg.mkPen(qcolor(theme.faint), width=1.4, style=Qt.PenStyle.DashLine))

    def showEvent(self, event: object) -> None:
        """Compute what was left while nobody looked."""
        super().showEvent(event)  # type: ignore[arg-type]
        if self._stale:
            self._compute()

    def _on_changed(self, changes: Changes) -> None:
        here = self._bridge.current
        if changes.pixels or changes.current or here in changes.frames:
            self._stale = True
            if self.isVisible():
                self._compute()

    def _compute(self) -> None:
        from cpcs_desktop.extract.growth import curve_of_growth

        pixels, exposure, frame = self._bridge.pixels, self._bridge.exposure, self._bridge.frame
        if pixels is None or exposure is None or frame is None or pixels.key != frame.key:
            self._bridge.tasks.cancel(_TASK)
            self._draw(None, self._bridge.pixels_sentence or "A curve of growth needs an image.")
            return
        self._stale = False
        target, wcs = frame.decisions.target, exposure.frame.wcs
        place = None
        if target is not None and wcs is not None:
            x, y = (float(v) for v in wcs.world_to_pixel_values(*target))
            place = (x, y)
        future = self._bridge.threads.submit(curve_of_growth, pixels.pixels, exposure, place)
        self._bridge.tasks.start(_TASK, future, lambda curve: self._draw(curve, _TOO_FEW))

    def _draw(self, curve: GrowthCurve | None, otherwise: str) -> None:
        self.curve = curve
        things = (self.spread, self.share, self.target, self.aperture, self.faint)
        for thing in things:
            thing.setVisible(curve is not None)
        if curve is None:
            self.words.setText(otherwise)
            return
        radius = np.concatenate([[0.0], curve.radius_pix])
        for item, values in (
            (self.low, curve.low),
            (self.high, curve.high),
            (self.share, curve.share),
        ):
            item.setData(radius, np.concatenate([[0.0], values]))
        own = np.empty(0) if curve.target is None else curve.target
        self.target.setData(curve.radius_pix[: len(own)], own)
        aperture = curve.aperture_radius_pix
        self.aperture.setVisible(aperture is not None)
        self.aperture.setValue(aperture or 0.0)
        self.faint.setValue(curve.faint_radius_pix)
        self.canvas.setXRange(0.0, float(radius[-1]), padding=0.02)
        self.canvas.setYRange(0.0, 1.05, padding=0.0)
        self.words.setText(self._sentence(curve))

    def _sentence(self, curve: GrowthCurve) -> str:
        words = f"FWHM {numbers.number(curve.fwhm_pix, 1)} px, {curve.stars} stars"
        radius, share = curve.aperture_radius_pix, curve.aperture_share
        if radius is None:
            return words
        holds = "all" if share is None else f"{100 * share:.0f} %"
        return f"{words}; aperture {numbers.number(2 * radius, 1)} px holds {holds}"


_TOO_FEW = "Fewer than three clean bright stars without neighbours."
