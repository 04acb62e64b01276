"""The light curve of the event: the server's combined points, and the draft before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from cpcs_desktop.calib.light_curves import outlier_sigmas
from cpcs_desktop.datamodel.band import band_order
from cpcs_desktop.datamodel.point import LightCurvePoint
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.light_curve_controls import LightCurveControls
from cpcs_desktop.ui.light_curve_marks import ALL, Choice, Mark, Shown, marks_of, ranges
from cpcs_desktop.ui.light_curve_points import Drawn, PointMeant, drawn_points, neighbours
from cpcs_desktop.ui.light_curve_spots import places, spots
from cpcs_desktop.ui.light_curve_words import title_html
from cpcs_desktop.ui.plot_box import PlotBox, Spots
from cpcs_desktop.ui.theme import Theme, qcolor
from cpcs_desktop.ui.time_axis import TimeAxis, TimeScale

CLICK_RADIUS = 8.0


class LightCurveView(QWidget):
    """Magnitudes (inverted) against time, one colour a band, one marker an observatory.

    Signals
    -------
    record_wanted(PointMeant)
    withdrawal_wanted(str), doubt_wanted(str)
        Id of a point.
    """

    record_wanted = Signal(object)
    withdrawal_wanted = Signal(str)
    doubt_wanted = Signal(str)

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("lightCurve")
        self._bridge = bridge
        self._theme = theme
        self._drawn: list[Drawn] = []
        self._marks: list[Mark] = []
        self._x = self._y = np.zeros(0)
        self._sigmas: dict[str, float] = {}
        self._judged: tuple[Any, ...] = ()
        self._picked: Mark | None = None
        self._event: str | None = None
        self._shown: tuple[Any, ...] = ()
        self._basis: tuple[Any, ...] = ()
        self._stale = False

        self.title = QLabel(self)
        self.title.setObjectName("lightCurveTitle")
        self.title.setTextFormat(Qt.TextFormat.RichText)
        self.title.setWordWrap(True)
        self.bands = self._combo("lightCurveBand", "Band")
        self.observatories = self._combo("lightCurveObservatory", "Observatory")
        self.times = self._combo("lightCurveTime", "Time axis")
        self.times.addItems([scale.value for scale in TimeScale])
        self.refresh = self._button(
            "lightCurveFetch", "Fetch", "Ask the server for new points (F5)"
        )
        self.open_record = self._button("lightCurveOpen", "Record", "How the point came about (p)")
        self.doubt = self._button("lightCurveDoubt", "Doubtful …", "Mark one's own point (m)")
        self.withdraw = self._button(
            "lightCurveWithdraw", "Withdraw …", "Take one's own point back, with a reason (w)"
        )
        self.controls = LightCurveControls(self)
        self.axis = TimeAxis(orientation="bottom")
        self.box = PlotBox()
        self.canvas = pg.GraphicsLayoutWidget()
        self.canvas.setObjectName("lightCurveCanvas")
        self.canvas.setAccessibleName("Light curve")
        self.plot = self.canvas.addPlot(viewBox=self.box, axisItems={"bottom": self.axis})
        self.plot.hideButtons()
        self.plot.getAxis("left").enableAutoSIPrefix(enable=False)
        self.points, self.lit, self.ringed, self.crossed = Spots(), Spots(), Spots(), Spots()
        self.bars = pg.ErrorBarItem(x=np.zeros(1), y=np.zeros(1), height=np.zeros(1), beam=0.0)
        for thing in (self.bars, self.points, self.crossed, self.ringed, self.lit):
            self.plot.addItem(thing)
        self.record = QLabel(self)
        self.record.setObjectName("lightCurveRecord")
        self.record.setWordWrap(True)
        self.record.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.record.setMinimumHeight(self.fontMetrics().height() * 2)
        self._arrange()

        self.bands.currentTextChanged.connect(lambda _text: self._narrow())
        self.observatories.currentTextChanged.connect(lambda _text: self._narrow())
        self.times.currentTextChanged.connect(lambda _text: self._label_axes())
        self.refresh.clicked.connect(self.fetch)
        self.open_record.clicked.connect(self._ask_record)
        self.doubt.clicked.connect(lambda: self._ask_own(self.doubt_wanted))
        self.withdraw.clicked.connect(lambda: self._ask_own(self.withdrawal_wanted))
        self.controls.changed.connect(self._on_choice)
        self.controls.said.connect(bridge.said)
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

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setToolTip(tip)
        return button

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
        below = QHBoxLayout()
        below.addWidget(self.record, 1)
        for button in (self.open_record, self.doubt, self.withdraw):
            below.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addLayout(row)
        column.addWidget(self.controls)
        column.addWidget(self.canvas, 1)
        column.addLayout(below)

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
        self._shown = self._basis = ()
        self._draw()

    # -- what is shown ---------------------------------------------------------------------------

    @property
    def choice(self) -> Choice:
        """What the controls say."""
        return self.controls.choice

    @property
    def shown_event(self) -> str | None:
        """The event whose light curve is shown."""
        return self._event

    @property
    def marks(self) -> Sequence[Mark]:
        """What is drawn."""
        return self._marks

    @property
    def meant(self) -> PointMeant | None:
        """The point picked, as its record is asked for; None for none that has one."""
        drawn = None if self._picked is None else self._picked.drawn
        return None if drawn is None else drawn.meant

    def exported_points(self) -> tuple[LightCurvePoint, ...]:
        """Return the points that count among those chosen: nothing undecided, nothing hidden."""
        counting = (d for d in self._drawn if d.how in {"server", "waiting"})
        return tuple(d.point for d in counting if self.choice.takes(d.point))

    def fetch(self) -> None:
        """Ask the server for new points."""
        if self._event is None:
            return
        if not self._bridge.sending.server:
            self._bridge.said.emit("No server is set: open Settings (Ctrl+,) and name one.")
        self._bridge.sending.fetch_light_curve(self._event)
        if self.choice.older:
            self._bridge.sending.fetch_older(self._event)

    def show_event(self, event: str | None) -> None:
        """Show another event's light curve."""
        if event != self._event:
            self._event = event
            self._picked = None
            self.record.setText("")
            self._shown = ()
            if event is not None:
                self._bridge.sending.fetch_light_curve(event)
                if self.choice.older:
                    self._bridge.sending.fetch_older(event)
            self._draw_when_seen()

    def _on_changed(self, changes: Changes) -> None:
        here = self._bridge.current
        frame = self._bridge.frame
        moved = changes.current or here in changes.frames
        if moved and frame is not None and frame.decisions.event is not None:
            self.show_event(frame.decisions.event)
        redraw = changes.light_curves or changes.queue or changes.current or changes.board
        if redraw or changes.frames or here in changes.fits:
            self._draw_when_seen()

    def _draw_when_seen(self) -> None:
        self._stale = True
        if self.isVisible():
            self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what changed while another tab was in front."""
        super().showEvent(event)
        if self._stale:
            self._draw()

    # -- drawing ---------------------------------------------------------------------------------

    def _draw(self) -> None:
        self._stale = False
        self._drawn = drawn_points(self._bridge, self._event, older=self.choice.older)
        bands = sorted({d.point.band for d in self._drawn}, key=band_order)
        names = sorted({d.point.observatory for d in self._drawn})
        self._offer(self.bands, bands)
        self._offer(self.observatories, names)
        self.controls.offer_letters(dict.fromkeys(b.partition("/")[2] for b in bands))
        self._judge()
        longitude = self._bridge.settings.observatory.longitude
        basis = (self._drawn, self.choice, self._sigmas, longitude, self._theme, self._event)
        if basis == self._basis:
            self._light()  # nothing else can have changed; a curve of 1,500 points takes its time
            return
        self._basis = basis
        self._marks = marks_of(self._drawn, self.choice, self._sigmas, longitude)
        self._x = np.array([m.x for m in self._marks])
        self._y = np.array([m.y for m in self._marks])
        self._label_axes()
        self.title.setText(title_html(self._event, self._drawn, self._marks, self._theme))
        self.points.setData(**spots(self._marks, names, self._theme))
        none = pg.mkBrush(None)
        warning = pg.mkPen(qcolor(self._theme.warning), width=1.8)
        self.ringed.setData(
            **places(self._marks, lambda m: m.hint), size=20, symbol="o", pen=warning, brush=none
        )
        self.crossed.setData(
            **places(self._marks, lambda m: m.doubted), size=18, symbol="x", pen=warning, brush=none
        )
        err = np.array([m.err or 0.0 for m in self._marks])
        self.bars.setVisible(bool(err.any()))
        if err.any():
            self.bars.setData(x=self._x[err > 0], y=self._y[err > 0], height=2 * err[err > 0])
        now = (self._event, len(self._marks), self.choice)
        if now != self._shown:
            self._shown = now
            self.fit_view()
        self._light()

    def _judge(self) -> None:
        """Compare points with their neighbours in a thread, when there are others than before."""
        counted = [d.point for d in self._drawn if d.how in {"server", "waiting"}]
        now = tuple(counted)
        if now == self._judged:
            return
        self._judged = now

        def came(sigmas: Any) -> None:
            known = zip(counted, sigmas, strict=True)
            self._sigmas = {p.id: float(s) for p, s in known if np.isfinite(s)}
            self._draw()

        future = self._bridge.threads.submit(outlier_sigmas, counted)
        self._bridge.tasks.start("neighbours", future, came)

    def _label_axes(self) -> None:
        choice = self.choice
        colour = choice.shown is Shown.COLOUR
        left = f"{choice.blue} − {choice.red} (mag)" if colour else "magnitude"
        self.plot.setLabels(left=left)
        self.box.invertY(not colour)
        if choice.period_days is not None:
            self.axis.use_phase(choice.period_days)
        else:
            self.axis.use_scale(TimeScale(self.times.currentText()))

    def _offer(self, combo: QComboBox, words: list[str]) -> None:
        wanted = [ALL, *words]
        if [combo.itemText(n) for n in range(combo.count())] != wanted:
            before = combo.currentText()
            combo.blockSignals(True)
            combo.clear()
            combo.addItems(wanted)
            combo.setCurrentText(before if before in wanted else ALL)
            combo.blockSignals(False)
            self._narrow()

    def fit_view(self) -> None:
        """Show every mark."""
        if not self._marks:
            return
        x_range, y_range = ranges(self._marks)
        self.box.setRange(xRange=x_range, yRange=y_range, padding=0.06)

    def _light(self) -> None:
        """Ring the point picked, else the draft."""
        picked = self._picked
        if picked is not None and picked.drawn is not None:
            wanted = picked.drawn.point
            same = (m for m in self._marks if m.drawn is not None and m.x >= picked.x)
            here = next((m for m in same if m.is_of(wanted)), None)
            self._picked = picked = here
        draft = next((m for m in self._marks if m.how == "draft"), None)
        if picked is None and draft is not None and draft.drawn is not None:
            self.record.setText(neighbours(draft.drawn.point, self._drawn))
        ring = picked or draft
        pen = pg.mkPen(qcolor(self._theme.accent), width=1.6)
        at = [] if ring is None else [{"pos": (ring.x, ring.y)}]
        self.lit.setData(at, size=25, symbol="o", pen=pen, brush=pg.mkBrush(None))
        drawn = None if picked is None else picked.drawn
        self.open_record.setEnabled(drawn is not None and drawn.meant is not None)
        for button in (self.doubt, self.withdraw):
            button.setEnabled(drawn is not None and drawn.own and drawn.how != "older")

    # -- gestures --------------------------------------------------------------------------------

    def _narrow(self) -> None:
        self.controls.narrow(
            band=self.bands.currentText(), observatory=self.observatories.currentText()
        )

    def _on_choice(self, choice: Choice) -> None:
        self._picked = None
        self.record.setText("")
        if choice.older and self._event is not None:
            self._bridge.sending.fetch_older(self._event)
        self._draw()

    def mark_at(self, at: QPointF) -> Mark | None:
        """Return the mark within 8 screen pixels, the nearest one."""
        if not self._marks:
            return None
        width, height = self.box.viewPixelSize()
        apart = np.hypot((self._x - at.x()) / width, (self._y - at.y()) / height)
        nearest = int(np.argmin(apart))
        return self._marks[nearest] if apart[nearest] <= CLICK_RADIUS else None

    def _on_click(self, at: QPointF) -> None:
        mark = self.mark_at(at)
        if mark is not None:
            self.pick(mark)
            self._ask_record()

    def pick(self, mark: Mark) -> None:
        """Pick a mark: it is ringed and told; the row of one's own night is looked at."""
        self._picked = mark
        self.record.setText(mark.words)
        self._light()
        if mark.drawn is not None and mark.drawn.key is not None and mark.how != "older":
            self._bridge.look_at(mark.drawn.key)
            self.record.setText(mark.words)

    def step(self, by: int) -> None:
        """Pick the next (1) or previous (-1) mark by time."""
        if not self._marks:
            self._bridge.said.emit("The light curve is empty.")
            return
        order = sorted(range(len(self._marks)), key=lambda n: (self._x[n], self._y[n]))
        here = next((k for k, n in enumerate(order) if self._marks[n] is self._picked), None)
        start = -1 if by > 0 else len(order)
        at = min(max((start if here is None else here) + by, 0), len(order) - 1)
        self.pick(self._marks[order[at]])

    def _ask_record(self) -> None:
        if self.meant is not None:
            self.record_wanted.emit(self.meant)

    def _ask_own(self, wanted: Any) -> None:
        if self.meant is not None:
            wanted.emit(self.meant.id)
