"""One band large: reference against instrumental magnitudes, residuals below."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QPolygonF, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QTabBar, QVBoxLayout, QWidget

from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.fit import ZeroPointFit
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.fits_model import describe
from cpcs_desktop.ui.markers import positions
from cpcs_desktop.ui.plot_box import PlotBox, Spots, colour_axes
from cpcs_desktop.ui.star_spots import Look, StarSpots
from cpcs_desktop.ui.theme import Theme, css, qcolor

CLICK_RADIUS = 8.0
#: tab, axis title
AGAINST: tuple[tuple[str, str], ...] = (
    ("Magnitude", "reference magnitude"),
    ("Colour", "colour, bluer minus redder band (mag)"),
    ("x", "x (pixels)"),
    ("y", "y (pixels)"),
    ("Radius", "distance from the middle (pixels)"),
    ("Histogram", "residual (mag)"),
)
_HISTOGRAM = len(AGAINST) - 1
FloatArray = NDArray[np.float64]


class FitPlot(QWidget):
    """The shown fit; a click on a star takes it out or puts it back, in every band."""

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("fitPlot")
        self._bridge = bridge
        self._theme = theme
        self._fit: ZeroPointFit | None = None
        self._shown: tuple[int | None, str | None] = (None, None)
        self._residual_x: FloatArray = np.zeros(0)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._draw_now)

        self.title = QLabel(self)
        self.title.setObjectName("fitTitle")
        self.title.setTextFormat(Qt.TextFormat.RichText)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.tabs = QTabBar(self)
        self.tabs.setObjectName("residualTabs")
        self.tabs.setAccessibleName("What residuals are drawn against")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(True)
        for name, tip in AGAINST:
            self.tabs.setTabToolTip(self.tabs.addTab(name), f"Residuals against {tip}  (g: next)")
        self.canvas = pg.GraphicsLayoutWidget()
        self.canvas.setObjectName("fitCanvas")
        self.canvas.setAccessibleName("Fit of the shown band; a click excludes a star")
        self.canvas.setMinimumHeight(90)
        self.main_box, self.low_box = PlotBox(), PlotBox()
        self.main = self.canvas.addPlot(row=0, col=0, viewBox=self.main_box)
        self.low = self.canvas.addPlot(row=1, col=0, viewBox=self.low_box)
        layout = self.canvas.ci.layout
        layout.setRowStretchFactor(0, 3)
        layout.setRowStretchFactor(1, 2)
        layout.setVerticalSpacing(2)
        self.main.setLabels(left="ref (mag)", bottom="instrumental (mag)")
        for plot in (self.main, self.low):
            plot.hideButtons()
            for side in ("left", "bottom"):
                plot.getAxis(side).enableAutoSIPrefix(enable=False)
        for box in (self.main_box, self.low_box):
            box.double_clicked.connect(lambda _at: self.fit_view())
        self.main_box.invertX()
        self.main_box.invertY()
        self.line = pg.PlotCurveItem()
        self.zero = pg.InfiniteLine(0.0, angle=0)
        self.bars = pg.BarGraphItem(x=[0.0], height=[0.0], width=1.0)
        self.curve = pg.PlotCurveItem()
        self.stars_above, self.stars_below = StarSpots(), StarSpots()
        self.lit_above, self.lit_below = Spots(), Spots()
        for thing in (self.line, self.stars_above, self.lit_above):
            self.main.addItem(thing)
        for thing in (self.zero, self.bars, self.curve, self.stars_below, self.lit_below):
            self.low.addItem(thing)

        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 4)
        column.setSpacing(2)
        column.addWidget(self.title)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.tabs)

        self.tabs.currentChanged.connect(lambda _n: self._draw(refit_view=True))
        self.main_box.clicked.connect(lambda at, mods: self._on_click(at, mods, upper=True))
        self.low_box.clicked.connect(lambda at, mods: self._on_click(at, mods, upper=False))
        self.main_box.lassoed.connect(lambda line: self._on_lasso(line, upper=True))
        self.low_box.lassoed.connect(lambda line: self._on_lasso(line, upper=False))
        bridge.changed.connect(self._on_changed)
        self.use_theme(theme)

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self._looks = _looks(theme)
        self.canvas.setBackground(qcolor(theme.plot))
        colour_axes(self, (self.main, self.low), theme)
        for box in (self.main_box, self.low_box):
            box.use_theme(theme)
        self.line.setPen(pg.mkPen(qcolor(theme.line), width=1.4))
        self.zero.setPen(pg.mkPen(qcolor(theme.line), width=1.4))
        self.curve.setPen(pg.mkPen(qcolor(theme.line), width=1.8))
        self.bars.setOpts(brush=qcolor(theme.accent, 110), pen=qcolor(theme.accent))
        self._draw(refit_view=False)

    # -- drawing ---------------------------------------------------------------------------------

    def _on_changed(self, changes: Changes) -> None:
        if changes.current or self._bridge.current in changes.fits:
            self._soon.start()
        elif changes.selection:
            self._light()

    def _draw_now(self) -> None:
        """Draw in a turn of its own: the thread of the window is never held for long.

        Painting is left to Qt: to ask for it here would paint all that other views have ready, too.
        """
        self._draw(refit_view=False)

    def _draw(self, *, refit_view: bool) -> None:
        calibration, fit = self._bridge.calibration, self._bridge.shown_fit
        self._fit = fit
        if calibration is None or fit is None:
            self._empty()
            return
        theme = self._theme
        self.title.setText(self._words(calibration, fit))
        self.title.setToolTip(describe(fit))
        histogram = self.tabs.currentIndex() == _HISTOGRAM
        self._residual_x = self._against(calibration, fit)
        which = _which(fit, theme)
        self.stars_above.show_stars(fit.mag_inst, fit.mag_ref, self._looks, which)
        known = np.isfinite(self._residual_x)
        if histogram:
            self.stars_below.setData([], [])
            self._histogram(fit)
        else:
            self.stars_below.show_stars(
                self._residual_x[known], fit.residual[known], self._looks, which[known]
            )
        self.bars.setVisible(histogram)
        self.curve.setVisible(histogram)
        self.zero.setVisible(not histogram)
        if len(fit.mag_inst) and np.isfinite(fit.zero_point):
            ends = np.array([fit.mag_inst.min(), fit.mag_inst.max()])
            self.line.setData(ends, ends + fit.zero_point)
        else:
            self.line.setData([], [])
        name, axis = AGAINST[self.tabs.currentIndex()]
        for side, text in (("left", "stars" if histogram else "Δ (mag)"), ("bottom", axis)):
            visible = self.low.getAxis(side).label.isVisible()
            self.low.getAxis(side).setLabel(text)
            self.low.getAxis(side).showLabel(visible)
        self.low_box.invertX(name == "Magnitude")
        self._light()
        now = (self._bridge.current, fit.band)
        if refit_view or now != self._shown:
            self._shown = now
            self.fit_view()

    def _empty(self) -> None:
        frame = self._bridge.frame
        sentence = "The fits of all bands appear here, best first."
        if frame is not None and frame.error is not None:
            sentence = f"<b>{frame.error.message}</b> {frame.error.hint}"
        elif frame is not None:
            sentence = "Working …"
        self.title.setText(f'<span style="color:{css(self._theme.faint)}">{sentence}</span>')
        self.title.setToolTip("")
        for scatter in (self.stars_above, self.stars_below, self.lit_above, self.lit_below):
            scatter.setData([], [])
        self.line.setData([], [])
        self.bars.setVisible(False)
        self.curve.setVisible(False)
        self._shown = (None, None)

    def _words(self, calibration: Calibration, fit: ZeroPointFit) -> str:
        faint = css(self._theme.faint)
        star = "★ " if fit.band == calibration.choice.band else ""
        if fit.status == "failed":
            return f"<b>{star}{fit.band}</b> &nbsp; no fit: {fit.reason or ''}"
        return (
            f"<b>{star}{fit.band}</b> &nbsp; ZP {numbers.number(fit.zero_point, 3)} ± "
            f"{numbers.number(fit.zero_point_err, 3)} &nbsp; "
            f'<span style="color:{faint}">scatter {numbers.number(fit.scatter, 3)} &nbsp; '
            f"{fit.n_used:.1f} of {fit.n_matched} stars &nbsp; "
            f"outliers {100 * fit.outlier_fraction:.0f} %</span>"
        )

    def _against(self, calibration: Calibration, fit: ZeroPointFit) -> FloatArray:
        """Return the x axis of the residuals."""
        tab = AGAINST[self.tabs.currentIndex()][0]
        if tab == "Magnitude":
            return fit.mag_ref
        if tab == "Colour":
            return fit.colour
        x, y = positions(calibration.exposure)
        x, y = x[fit.source_row], y[fit.source_row]
        if tab == "x":
            return x + 1.0
        if tab == "y":
            return y + 1.0
        shape = calibration.exposure.frame.shape
        middle = (0.0, 0.0) if shape is None else ((shape[1] - 1) / 2, (shape[0] - 1) / 2)
        return np.hypot(x - middle[0], y - middle[1])

    def _histogram(self, fit: ZeroPointFit) -> None:
        """Draw residuals as bars, and the good population of the mixture over them."""
        residual = fit.residual[~fit.excluded]
        residual = residual[np.isfinite(residual)]
        if len(residual) == 0:
            return
        reach = max(5.0 * fit.scatter, 4.0 * float(np.median(np.abs(residual))), 0.05)
        edges = np.linspace(-reach, reach, 41)
        counts, _ = np.histogram(np.clip(residual, -reach, reach), edges)
        width = float(edges[1] - edges[0])
        self.bars.setOpts(x=(edges[:-1] + edges[1:]) / 2, height=counts, width=width)
        at = np.linspace(-reach, reach, 300)
        variance = (fit.mag_inst_err**2 + fit.mag_ref_err**2 + fit.scatter**2)[~fit.excluded]
        density = np.exp(-0.5 * at[:, None] ** 2 / variance) / np.sqrt(2 * np.pi * variance)
        good = (density * fit.membership[~fit.excluded]).sum(axis=1) * width
        self.curve.setData(at, good)

    def fit_view(self) -> None:
        """Show every star; residuals symmetric about zero."""
        fit = self._fit
        if fit is None or not len(fit.mag_inst):
            return
        self.main_box.setRange(xRange=_span(fit.mag_inst), yRange=_span(fit.mag_ref), padding=0.06)
        if self.tabs.currentIndex() == _HISTOGRAM:
            self.low_box.autoRange(padding=0.03)
            return
        used = fit.residual[(fit.membership >= 0.5) & ~fit.excluded]
        spread = float(np.nanstd(used)) if len(used) else 0.0
        reach = max(4.0 * spread, 5.0 * (fit.scatter if np.isfinite(fit.scatter) else 0.0), 0.05)
        x = self._residual_x[np.isfinite(self._residual_x)]
        x_range = _span(x) if len(x) else (0.0, 1.0)
        self.low_box.setRange(xRange=x_range, yRange=(-reach, reach), padding=0.06)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Drop labels, then the upper plot, where room (or large text) leaves no place for them."""
        super().resizeEvent(event)
        lines = self.canvas.height() / self.fontMetrics().height()
        for plot in (self.main, self.low):
            for side in ("left", "bottom"):
                plot.getAxis(side).showLabel(lines > 16)
            plot.getAxis("left").setTickDensity(1.0 if lines > 10 else 0.4)
        self.main.setVisible(lines > 10)

    def _light(self) -> None:
        """Ring the selected stars."""
        fit = self._fit
        if fit is None:
            return
        chosen = np.isin(fit.source_row, list(self._bridge.selection))
        ring: dict[str, Any] = {
            "size": 17,
            "symbol": "o",
            "brush": pg.mkBrush(None),
            "pen": pg.mkPen(qcolor(self._theme.selected), width=2.0),
        }
        self.lit_above.setData(x=fit.mag_inst[chosen], y=fit.mag_ref[chosen], **ring)
        if self.tabs.currentIndex() == _HISTOGRAM:
            self.lit_below.setData([], [])
        else:
            known = chosen & np.isfinite(self._residual_x)
            self.lit_below.setData(x=self._residual_x[known], y=fit.residual[known], **ring)

    # -- mouse and keys --------------------------------------------------------------------------

    def next_tab(self) -> None:
        """Draw residuals against the next quantity."""
        self.tabs.setCurrentIndex((self.tabs.currentIndex() + 1) % self.tabs.count())

    def star_at(self, at: QPointF, *, upper: bool) -> int | None:
        """Return the source within 8 screen pixels, the nearest one."""
        fit = self._fit
        if fit is None or not len(fit.source_row):
            return None
        if not upper and self.tabs.currentIndex() == _HISTOGRAM:
            return None
        box = self.main_box if upper else self.low_box
        x, y = (fit.mag_inst, fit.mag_ref) if upper else (self._residual_x, fit.residual)
        width, height = box.viewPixelSize()
        apart = np.nan_to_num(np.hypot((x - at.x()) / width, (y - at.y()) / height), nan=np.inf)
        nearest = int(np.argmin(apart))
        return int(fit.source_row[nearest]) if apart[nearest] <= CLICK_RADIUS else None

    def _on_click(self, at: QPointF, modifiers: Qt.KeyboardModifier, *, upper: bool) -> None:
        star = self.star_at(at, upper=upper)
        if star is None:
            self._bridge.select(())
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            self._bridge.select(self._bridge.selection ^ {star})
        else:
            self._bridge.exclude([star])

    def _on_lasso(self, line: QPolygonF, *, upper: bool) -> None:
        fit = self._fit
        if fit is None:
            return
        x, y = (fit.mag_inst, fit.mag_ref) if upper else (self._residual_x, fit.residual)
        if not upper and self.tabs.currentIndex() == _HISTOGRAM:
            return
        inside = [
            int(row)
            for row, a, b in zip(fit.source_row, x, y, strict=True)
            if np.isfinite(a) and line.containsPoint(QPointF(a, b), Qt.FillRule.OddEvenFill)
        ]
        self._bridge.exclude(inside)


def _span(values: FloatArray) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _looks(theme: Theme) -> list[Look]:
    """Return the looks of stars: full circles by membership, hollow ones, then the cross."""
    colours = [qcolor(rgb) for rgb in theme.membership]
    pens = [pg.mkPen(c, width=1.3) for c in colours]
    hollow = pg.mkBrush(None)
    full = [Look("o", 7, pen, pg.mkBrush(c)) for pen, c in zip(pens, colours, strict=True)]
    empty = [Look("o", 7, pen, hollow) for pen in pens]
    return [*full, *empty, Look("x", 7, pg.mkPen(qcolor(theme.bad), width=1.8), hollow)]


def _which(fit: ZeroPointFit, theme: Theme) -> NDArray[np.intp]:
    """Return the look of every star: colour by membership, hollow outliers, crosses excluded."""
    steps = theme.membership_steps(fit.membership)
    which = np.where(fit.membership < 0.5, steps + len(theme.membership), steps)
    which[fit.excluded] = 2 * len(theme.membership)
    return which
