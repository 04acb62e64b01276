"""The fit behind a point, as it was stored: stars, line, residuals; nothing can be changed."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Signal
from PySide6.QtWidgets import QWidget

from cpcs_desktop.ui.plot_box import PlotBox, Spots, colour_axes
from cpcs_desktop.ui.record_content import FloatArray, RecordContent
from cpcs_desktop.ui.theme import Theme, qcolor

CLICK_RADIUS = 8.0


class RecordPlot(pg.GraphicsLayoutWidget):  # type: ignore[misc]
    """Reference against instrumental magnitudes above, residuals below.

    Signals
    -------
    star_clicked(int)
        Number of a star in the evidence.
    """

    star_clicked = Signal(int)

    def __init__(self, content: RecordContent, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("recordPlot")
        self.setAccessibleName("Fit behind the point")
        self._content = content
        self.upper_box, self.lower_box = PlotBox(), PlotBox()
        self.upper = self.addPlot(row=0, col=0, viewBox=self.upper_box)
        self.lower = self.addPlot(row=1, col=0, viewBox=self.lower_box)
        self.ci.layout.setRowStretchFactor(0, 3)
        self.ci.layout.setRowStretchFactor(1, 2)
        self.upper.setLabels(left="reference (mag)", bottom="instrumental (mag)")
        self.lower.setLabels(left="Δ (mag)", bottom="reference (mag)")
        self.line, self.zero = pg.PlotCurveItem(), pg.InfiniteLine(0.0, angle=0)
        self.stars_above, self.stars_below = Spots(), Spots()
        self.lit_above, self.lit_below = Spots(), Spots()
        for thing in (self.line, self.stars_above, self.lit_above):
            self.upper.addItem(thing)
        for thing in (self.zero, self.stars_below, self.lit_below):
            self.lower.addItem(thing)
        for plot, box in ((self.upper, self.upper_box), (self.lower, self.lower_box)):
            plot.hideButtons()
            for side in ("left", "bottom"):
                plot.getAxis(side).enableAutoSIPrefix(enable=False)
            box.double_clicked.connect(lambda _at: self.fit_view())
        self.upper_box.invertX()
        self.upper_box.invertY()
        self.lower_box.invertX()
        self.upper_box.clicked.connect(lambda at, _mods: self._on_click(at, upper=True))
        self.lower_box.clicked.connect(lambda at, _mods: self._on_click(at, upper=False))
        self.use_theme(theme)
        self.fit_view()

    @property
    def residual(self) -> FloatArray:
        """Reference minus instrumental minus zero point, mag."""
        content = self._content
        return content.mag_ref - content.mag_inst - content.point.zero_point

    def use_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._theme = theme
        self.setBackground(qcolor(theme.plot))
        colour_axes(self, (self.upper, self.lower), theme)
        for box in (self.upper_box, self.lower_box):
            box.use_theme(theme)
        self.line.setPen(pg.mkPen(qcolor(theme.line), width=1.4))
        self.zero.setPen(pg.mkPen(qcolor(theme.line), width=1.4))
        content = self._content
        known = np.isfinite(content.mag_ref) & np.isfinite(content.mag_inst)
        self._rows = np.flatnonzero(known)
        steps = theme.membership_steps(content.membership)
        pens = [pg.mkPen(qcolor(theme.faint), width=1.6)]
        pens += [pg.mkPen(qcolor(c), width=1.0) for c in theme.membership]
        brushes = [pg.mkBrush(None), *(pg.mkBrush(qcolor(c)) for c in theme.membership)]
        out = content.excluded
        look = [0 if out[row] else int(steps[row]) + 1 for row in self._rows]
        style = {
            "pen": [pens[n] for n in look],
            "brush": [brushes[n] for n in look],
            "symbol": ["x" if out[row] else "o" for row in self._rows],
            "size": 8,
        }
        inst, ref = content.mag_inst[self._rows], content.mag_ref[self._rows]
        self.stars_above.setData(x=inst, y=ref, **style)
        self.stars_below.setData(x=ref, y=self.residual[self._rows], **style)
        if len(inst):
            ends = np.array([inst.min(), inst.max()])
            self.line.setData(ends, ends + content.point.zero_point)

    def fit_view(self) -> None:
        """Show every star; residuals symmetric about zero."""
        if not len(self._rows):
            return
        inst, ref = self._content.mag_inst[self._rows], self._content.mag_ref[self._rows]
        self.upper_box.setRange(
            xRange=(inst.min(), inst.max()), yRange=(ref.min(), ref.max()), padding=0.06
        )
        good = (self._content.membership >= 0.5) & ~self._content.excluded
        used = self.residual[good & np.isfinite(self.residual)]
        reach = max(4.0 * float(np.std(used)) if len(used) else 0.0, 0.05)
        self.lower_box.setRange(xRange=(ref.min(), ref.max()), yRange=(-reach, reach), padding=0.06)

    def light(self, row: int | None) -> None:
        """Ring a star of the evidence."""
        chosen = np.array([] if row is None else [row], dtype=np.intp)
        ring = {
            "size": 17,
            "symbol": "o",
            "brush": pg.mkBrush(None),
            "pen": pg.mkPen(qcolor(self._theme.selected), width=2.0),
        }
        content = self._content
        self.lit_above.setData(x=content.mag_inst[chosen], y=content.mag_ref[chosen], **ring)
        self.lit_below.setData(x=content.mag_ref[chosen], y=self.residual[chosen], **ring)

    def _on_click(self, at: QPointF, *, upper: bool) -> None:
        if not len(self._rows):
            return
        content, rows = self._content, self._rows
        box = self.upper_box if upper else self.lower_box
        x, y = (
            (content.mag_inst[rows], content.mag_ref[rows])
            if upper
            else (content.mag_ref[rows], self.residual[rows])
        )
        width, height = box.viewPixelSize()
        apart = np.hypot((x - at.x()) / width, (y - at.y()) / height)
        nearest = int(np.argmin(apart))
        if apart[nearest] <= CLICK_RADIUS:
            self.star_clicked.emit(int(rows[nearest]))
