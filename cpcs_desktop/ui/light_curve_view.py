"""The light curve of the event: the server's combined points, and the draft before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainterPath, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from cpcs_desktop.datamodel.point import LightCurvePoint
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.light_curve_points import Drawn, drawn_points, neighbours
from cpcs_desktop.ui.plot_box import PlotBox, Spots
from cpcs_desktop.ui.theme import Theme, band_colour, css, qcolor
from cpcs_desktop.ui.time_axis import TimeAxis, TimeScale

CLICK_RADIUS = 8.0
_ALL = "all"
_SYMBOLS = ("o", "s", "d", "t", "p", "h", "star", "t1")


def _down_arrow() -> QPainterPath:
    """Return the sign of a limit: a bar with an arrow that hangs from it."""
    path = QPainterPath()
    for x1, y1, x2, y2 in (
        (-0.22, 0.0, 0.22, 0.0),
        (0.0, 0.0, 0.0, 0.5),
        (0.0, 0.5, -0.14, 0.32),
        (0.0, 0.5, 0.14, 0.32),
    ):
        path.moveTo(x1, y1)
        path.lineTo(x2, y2)
    return path


_DOWN_ARROW = _down_arrow()


@dataclass
class _Chosen:
    """What the lists above the plot narrow it to."""

    band: str = _ALL
    observatory: str = _ALL


class LightCurveView(QWidget):
    """Magnitudes (inverted) against time, one colour a band, one marker an observatory."""

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("lightCurve")
        self._bridge = bridge
        self._theme = theme
        self._chosen = _Chosen()
        self._drawn: list[Drawn] = []
        self._event: str | None = None
        self._shown: tuple[Any, ...] = ()
        self._stale = False

        self.title = QLabel(self)
        self.title.setObjectName("lightCurveTitle")
        self.title.setTextFormat(Qt.TextFormat.RichText)
        self.title.setWordWrap(True)
        self.bands = self._combo("lightCurveBand", "Band")
        self.observatories = self._combo("lightCurveObservatory", "Observatory")
        self.times = self._combo("lightCurveTime", "Time axis")
        self.times.addItems([scale.value for scale in TimeScale])
        self.refresh = QPushButton("Fetch", self)
        self.refresh.setObjectName("lightCurveFetch")
        self.refresh.setToolTip("Ask the server for new points (F5)")
        self.axis = TimeAxis(orientation="bottom")
        self.box = PlotBox()
        self.canvas = pg.GraphicsLayoutWidget()
        self.canvas.setObjectName("lightCurveCanvas")
        self.canvas.setAccessibleName("Light curve")
        self.plot = self.canvas.addPlot(viewBox=self.box, axisItems={"bottom": self.axis})
        self.plot.hideButtons()
        self.plot.setLabels(left="magnitude")
        self.plot.getAxis("left").enableAutoSIPrefix(enable=False)
        self.box.invertY()
        self.points, self.lit = Spots(), Spots()
        self.bars = pg.ErrorBarItem(x=np.zeros(1), y=np.zeros(1), height=np.zeros(1), beam=0.0)
        for thing in (self.bars, self.points, self.lit):
            self.plot.addItem(thing)
        self.record = QLabel(self)
        self.record.setObjectName("lightCurveRecord")
        self.record.setWordWrap(True)
        self.record.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.record.setMinimumHeight(self.fontMetrics().height() * 2)
        self._arrange()

        self.bands.currentTextChanged.connect(self._on_narrow)
        self.observatories.currentTextChanged.connect(self._on_narrow)
        self.times.currentTextChanged.connect(self._on_time)
        self.refresh.clicked.connect(self.fetch)
        self.box.clicked.connect(lambda at, _mods: self._on_click(at))
        self.box.double_clicked.connect(lambda _at: self.fit_view())
        bridge.changed.connect(self._on_changed)
        self.use_theme(theme)

    def _combo(self, name: str, word: str) -> QComboBox:
        combo = QComboBox(self)
        combo.setObjectName(name)
        combo.setAccessibleName(word)
        combo.setToolTip(word)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        return combo

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.title, 1)
        for word, widget in (
            ("Band", self.bands),
            ("Observatory", self.observatories),
            ("Time", self.times),
        ):
            label = QLabel(word, self)
            label.setProperty("role", "faint")
            label.setBuddy(widget)
            row.addWidget(label)
            row.addWidget(widget)
        row.addWidget(self.refresh)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addLayout(row)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.record)

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self.canvas.setBackground(qcolor(theme.plot))
        for name in ("left", "bottom"):
            axis = self.plot.getAxis(name)
            axis.setPen(qcolor(theme.grid))
            axis.setTextPen(qcolor(theme.faint))
            axis.setTickFont(self.font())
            axis.label.setFont(self.font())
        self.box.use_theme(theme)
        self.bars.setOpts(pen=pg.mkPen(qcolor(theme.faint), width=1.2))
        self._shown = ()
        self._draw()

    # -- what is shown ---------------------------------------------------------------------------

    @property
    def shown_event(self) -> str | None:
        """The event whose light curve is shown."""
        return self._event

    def exported_points(self) -> tuple[LightCurvePoint, ...]:
        """Return the points shown, the draft left out."""
        return tuple(d.point for d in self._drawn if d.how != "draft" and self._wanted(d.point))

    def fetch(self) -> None:
        """Ask the server for new points."""
        if self._event is None:
            return
        if not self._bridge.sending.server:
            self._bridge.said.emit("No server is set: open Settings (Ctrl+,) and name one.")
        self._bridge.sending.fetch_light_curve(self._event)

    def show_event(self, event: str | None) -> None:
        """Show another event's light curve."""
        if event != self._event:
            self._event = event
            self.record.setText("")
            self._shown = ()
            if event is not None:
                self._bridge.sending.fetch_light_curve(event)
            self._draw()

    def _on_changed(self, changes: Changes) -> None:
        here = self._bridge.current
        frame = self._bridge.frame
        moved = changes.current or here in changes.frames
        if moved and frame is not None and frame.decisions.event is not None:
            self.show_event(frame.decisions.event)
        redraw = changes.light_curves or changes.queue or changes.current or changes.board
        if redraw or changes.frames or here in changes.fits:
            self._stale = True
            if self.isVisible():
                self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what changed while another tab was in front."""
        super().showEvent(event)
        if self._stale:
            self._draw()

    def _draw(self) -> None:
        self._stale = False
        self._drawn = drawn_points(self._bridge, self._event)
        self._offer(self.bands, sorted({d.point.band for d in self._drawn}))
        self._offer(self.observatories, sorted({d.point.observatory for d in self._drawn}))
        shown = [d for d in self._drawn if self._wanted(d.point)]
        self._title(shown)
        spots = [self._spot(d, n) for n, d in enumerate(shown)]
        self.points.setData(spots)
        with_err = [d for d in shown if d.point.mag_err_total is not None or d.point.mag_err]
        self.bars.setVisible(bool(with_err))
        if with_err:
            self.bars.setData(
                x=np.array([d.point.mjd for d in with_err]),
                y=np.array([d.point.mag for d in with_err]),
                height=2 * np.array([_total(d.point) for d in with_err]),
            )
        now = (self._event, len(self._drawn), self._chosen.band, self._chosen.observatory)
        if now != self._shown:
            self._shown = now
            self.fit_view()
        self._light()

    def _offer(self, combo: QComboBox, words: list[str]) -> None:
        wanted = [_ALL, *words]
        if [combo.itemText(n) for n in range(combo.count())] != wanted:
            before = combo.currentText()
            combo.blockSignals(True)
            combo.clear()
            combo.addItems(wanted)
            combo.setCurrentText(before if before in wanted else _ALL)
            combo.blockSignals(False)
            self._chosen = _Chosen(self.bands.currentText(), self.observatories.currentText())

    def _wanted(self, point: LightCurvePoint) -> bool:
        return self._chosen.band in {_ALL, point.band} and (
            self._chosen.observatory in {_ALL, point.observatory}
        )

    def _spot(self, drawn: Drawn, number: int) -> dict[str, Any]:
        theme, point = self._theme, drawn.point
        rgb = band_colour(point.band.partition("/")[2], theme)
        names = sorted({d.point.observatory for d in self._drawn})
        symbol: str | QPainterPath = _SYMBOLS[names.index(point.observatory) % len(_SYMBOLS)]
        size = 11
        pen = pg.mkPen(qcolor(rgb), width=1.4)
        brush = pg.mkBrush(qcolor(rgb))
        if point.kind == "UPPER_LIMIT":
            symbol, size, brush = _DOWN_ARROW, 22, pg.mkBrush(None)
        if drawn.how == "draft":
            pen, brush = pg.mkPen(qcolor(rgb), width=2.6), pg.mkBrush(None)
            size += 6
        elif drawn.how != "server":
            brush = pg.mkBrush(None)
            if drawn.how == "night":
                pen, size = pg.mkPen(qcolor(rgb, 150), width=1.0), size - 2
        return {
            "pos": (point.mjd, point.mag),
            "symbol": symbol,
            "size": size,
            "pen": pen,
            "brush": brush,
            "data": number,
        }

    def _title(self, shown: list[Drawn]) -> None:
        faint = css(self._theme.faint)
        if self._event is None:
            text = "Choose an event, or a row of the night, to see its light curve."
            self.title.setText(f'<span style="color:{faint}">{text}</span>')
            return
        here = sum(d.how == "waiting" for d in shown)
        parts = [f"{sum(d.how == 'server' for d in shown)} points on the server"]
        if here:
            parts.append(f"{here} accepted here, not sent yet (hollow)")
        night = sum(d.how == "night" for d in shown)
        if night:
            parts.append(f"{night} of tonight, not decided (thin)")
        if any(d.how == "draft" for d in shown):
            parts.append("the draft is ringed")
        words = "; ".join(parts)
        bands = sorted({d.point.band for d in shown})
        legend = " ".join(
            f'<span style="color:{css(band_colour(b.partition("/")[2], self._theme))}">● {b}</span>'
            for b in bands
        )
        self.title.setText(
            f'<b>{self._event}</b> <span style="color:{faint}">{words}</span> &nbsp; {legend}'
        )

    def fit_view(self) -> None:
        """Show every point."""
        shown = [d.point for d in self._drawn if self._wanted(d.point)]
        if not shown:
            return
        x = [p.mjd for p in shown]
        low = [p.mag - _total(p) for p in shown]
        high = [p.mag + _total(p) for p in shown]
        wide = max(max(x) - min(x), 0.02)
        middle = (max(x) + min(x)) / 2
        self.box.setRange(
            xRange=(middle - wide / 2, middle + wide / 2),
            yRange=(min(low) - 0.05, max(high) + 0.05),
            padding=0.06,
        )

    def _light(self) -> None:
        draft = next((d for d in self._drawn if d.how == "draft"), None)
        if draft is not None and self._wanted(draft.point):
            self.record.setText(neighbours(draft.point, self._drawn))
            pos = [{"pos": (draft.point.mjd, draft.point.mag)}]
            pen = pg.mkPen(qcolor(self._theme.accent), width=1.6)
            self.lit.setData(pos, size=25, symbol="o", pen=pen, brush=pg.mkBrush(None))
        else:
            self.lit.setData([])

    # -- gestures --------------------------------------------------------------------------------

    def _on_narrow(self, _text: str) -> None:
        self._chosen = _Chosen(self.bands.currentText(), self.observatories.currentText())
        self._draw()

    def _on_time(self, text: str) -> None:
        self.axis.use_scale(TimeScale(text))

    def point_at(self, at: QPointF) -> Drawn | None:
        """Return the point within 8 screen pixels, the nearest one."""
        width, height = self.box.viewPixelSize()
        near = [
            (float(np.hypot((d.point.mjd - at.x()) / width, (d.point.mag - at.y()) / height)), n)
            for n, d in enumerate(self._drawn)
            if self._wanted(d.point)
        ]
        apart, number = min(near, default=(np.inf, 0))
        return self._drawn[number] if apart <= CLICK_RADIUS else None

    def _on_click(self, at: QPointF) -> None:
        drawn = self.point_at(at)
        if drawn is None:
            return
        point = drawn.point
        limit = point.kind == "UPPER_LIMIT"
        self.record.setText(
            f"{point.band} {numbers.magnitude(point.mag, _total(point) or None, is_limit=limit)} "
            f"· MJD {numbers.number(point.mjd, 5)} ({numbers.iso(point.mjd)} UTC) "
            f"· {point.observatory} · revision {point.revision} · {drawn.where} · id {point.id}"
        )
        if drawn.key is not None:
            self._bridge.look_at(drawn.key)


def _total(point: LightCurvePoint) -> float:
    return point.mag_err_total or point.mag_err or 0.0
