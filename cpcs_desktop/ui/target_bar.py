"""The line above everything: event, band, match radius, magnitudes, dry run, connection."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QToolButton, QWidget

from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.live_controls import LiveCombo, RadiusSlider

_BY_PLACE = "by position"
_AUTOMATIC = "automatic"
_RADII = ("auto", "1″", "2″", "4″", "6″")


class TargetBar(QWidget):
    """What is measured and how; every change is one undoable command."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("targetBar")
        self._bridge = bridge
        self.event_box = self._combo("eventChoice", "Event", editable=True)
        self.event_box.setToolTip(
            "Event the frame is looked at for: a name from the list, or a position\n"
            "pasted in any notation. “by position”: every known event on the frame (e)"
        )
        self.band_box = self._combo("bandChoice", "Band", editable=True)
        self.band_box.setToolTip(
            "automatic, or force one: SURVEY/band, any/band, SURVEY/any (f takes the band shown)"
        )
        self.radius_box = self._combo("radiusChoice", "Match radius", editable=True)
        self.radius_box.setToolTip(
            "How far a source may lie from its star, and the target from the event:\n"
            "0.5 to 60 arcsec; auto is 2 sigma of this frame's astrometry, at least 1 arcsec"
        )
        self.radius_box.addItems(_RADII)
        self.radius_slider = RadiusSlider(self)
        self.kinds: dict[str, QToolButton] = {}
        for kind, tip in (
            ("AUTO", "Kron magnitudes, as SExtractor's MAG_AUTO"),
            ("APER", "Aperture magnitudes, as SExtractor's MAG_APER"),
        ):
            button = QToolButton(self)
            button.setObjectName(f"kind{kind}")
            button.setText(kind)
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setAutoExclusive(True)
            button.pressed.connect(lambda k=kind: bridge.preview(magnitude_kind=k))
            button.released.connect(self._end_preview_soon)
            button.clicked.connect(lambda _on=False, k=kind: bridge.use_magnitudes(k))
            self.kinds[kind] = button
        self.dry_run = QCheckBox("Dry run", self)
        self.dry_run.setObjectName("dryRun")
        self.dry_run.setToolTip("Results are shown; accepting puts nothing into the outbox (d)")
        self.connection = QLabel(self)
        self.connection.setObjectName("connection")
        self._arrange()
        self.event_box.activated.connect(lambda _n: self._on_event())
        self.band_box.activated.connect(lambda _n: self._on_band())
        self.radius_box.activated.connect(lambda _n: self._on_radius())
        for box, done in (
            (self.event_box, self._on_event),
            (self.band_box, self._on_band),
            (self.radius_box, self._on_radius),
        ):
            line = box.lineEdit()
            if line is not None:
                line.returnPressed.connect(done)
        self.band_box.tried.connect(self._preview_band)
        self.band_box.closed.connect(bridge.work.end_preview)
        self.radius_box.tried.connect(self._preview_radius)
        self.radius_box.closed.connect(bridge.work.end_preview)
        self.radius_slider.moving.connect(self._on_moving)
        self.radius_slider.chosen.connect(bridge.use_match_radius)
        self.dry_run.toggled.connect(self._on_dry_run)
        bridge.changed.connect(self._on_changed)
        self._offer_events()
        self._show()

    def _combo(self, name: str, word: str, *, editable: bool) -> LiveCombo:
        box = LiveCombo(self)
        box.setObjectName(name)
        box.setAccessibleName(word)
        box.setEditable(editable)
        box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        return box

    def _arrange(self) -> None:
        metrics = self.fontMetrics()
        self.event_box.setMinimumWidth(metrics.horizontalAdvance("ivo://Gaia/gaia16aye....."))
        self.band_box.setMinimumWidth(metrics.horizontalAdvance("SKYMAPPER/any...."))
        self.radius_box.setMinimumWidth(metrics.horizontalAdvance("60.0″....."))
        self.radius_slider.setMinimumWidth(metrics.horizontalAdvance("60.0″....."))
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 6, 8, 4)
        for word, widget in (
            ("Event", self.event_box),
            ("Band", self.band_box),
            ("Radius", self.radius_box),
        ):
            label = QLabel(word, self)
            label.setBuddy(widget)
            row.addWidget(label)
            row.addWidget(widget, 3 if widget is self.event_box else 1)
        row.addWidget(self.radius_slider, 1)
        row.addSpacing(6)
        for button in self.kinds.values():
            row.addWidget(button)
        row.addWidget(self.dry_run)
        row.addStretch(2)
        row.addWidget(self.connection)

    def minimumSizeHint(self) -> QSize:
        """May be narrower than its words: the boxes shrink first."""
        return QSize(300, super().minimumSizeHint().height())

    # -- what is shown ---------------------------------------------------------------------------

    def _on_changed(self, changes: Changes) -> None:
        if changes.events:
            self._offer_events()
        here = self._bridge.current
        if changes.current or here in changes.fits or here in changes.frames or changes.events:
            self._show()
        if changes.queue or changes.settings:
            self._show_connection()

    def _offer_events(self) -> None:
        text = self.event_box.currentText()
        self.event_box.clear()
        self.event_box.addItem(_BY_PLACE)
        self.event_box.addItems([e.ivorn for e in self._bridge.sending.events])
        self.event_box.setEditText(text)

    def _show(self) -> None:
        frame = self._bridge.frame
        decisions = frame.decisions if frame is not None else self._bridge.new_rows
        if decisions.event is not None:
            event = decisions.event
        elif decisions.target is not None:
            event = numbers.degrees(*decisions.target)
        else:
            event = _BY_PLACE
        radius = decisions.match_radius_arcsec
        calibration = self._bridge.calibration
        used = (
            radius
            if radius is not None or calibration is None
            else (calibration.match_radius_arcsec)
        )
        if used is not None:
            self.radius_slider.show_radius(used)
        self._offer_bands()
        for box, text in (
            (self.event_box, event),
            (self.band_box, _AUTOMATIC if decisions.request == "no" else decisions.request),
            (self.radius_box, self._radius_words(radius)),
        ):
            line = box.lineEdit()
            if line is None or not (line.hasFocus() and line.isModified()):
                box.setEditText(text)
                if line is not None:
                    line.setCursorPosition(0)
        for kind, button in self.kinds.items():
            button.setChecked(decisions.magnitude_kind == kind)
        self._show_connection()

    def _radius_words(self, radius: float | None) -> str:
        if self.radius_slider.in_use:
            radius = self.radius_slider.radius_arcsec
        return "auto" if radius is None else f"{radius:g}″"

    def _offer_bands(self) -> None:
        if self.band_box.view().isVisible():
            return  # the list under the mouse stays as it is while bands are tried
        calibration = self._bridge.calibration
        bands = [] if calibration is None else [f.band for f in calibration.fits]
        letters = list(dict.fromkeys(band.partition("/")[2] for band in bands))
        surveys = list(dict.fromkeys(band.partition("/")[0] for band in bands))
        words = [_AUTOMATIC, *bands, *(f"any/{c}" for c in letters), *(f"{s}/any" for s in surveys)]
        if [self.band_box.itemText(n) for n in range(self.band_box.count())] != words:
            self.band_box.clear()
            self.band_box.addItems(words)

    def _show_connection(self) -> None:
        sending = self._bridge.sending
        waiting = sum(row.unfinished for row in sending.submissions())
        state = {None: "not asked yet", True: "online", False: "offline"}[sending.online]
        if not sending.server:
            state = "no server"
        self.connection.setText(f"{state} · {waiting} waiting")
        self.connection.setToolTip(sending.network_sentence or sending.server or "Settings: Ctrl+,")

    # -- gestures --------------------------------------------------------------------------------

    def _on_event(self) -> None:
        text = self.event_box.currentText().strip()
        frame = self._bridge.frame
        if not text or text == _BY_PLACE:
            self._bridge.set_target(None, None)
            return
        event = next((e for e in self._bridge.sending.events if e.ivorn == text), None)
        place = numbers.parse_position(text)
        if event is not None and event.ra is not None and event.dec is not None:
            self._bridge.set_target(event.ivorn, (event.ra, event.dec))
        elif event is None and place is not None:
            self._bridge.set_target(None, place)
        elif frame is None or text != frame.decisions.event:
            self._bridge.said.emit(f"“{text}” is no known event and no position (new: Ctrl+E).")
        self._leave(self.event_box)

    def _on_band(self) -> None:
        text = self.band_box.currentText().strip()
        try:
            request = BandRequest.parse("no" if text == _AUTOMATIC else text)
        except CpcsError as error:
            self._bridge.explain(error)
        else:
            self._bridge.request_band(request)
        self._leave(self.band_box)

    def _on_radius(self) -> None:
        text = self.radius_box.currentText().strip().rstrip('″"')
        try:
            radius = None if text == "auto" else float(text)
        except ValueError:
            radius = float("nan")
        if radius is None or 0.5 <= radius <= 60:
            self._bridge.use_match_radius(radius)
        else:
            self._bridge.said.emit("The match radius is 0.5 to 60 arcsec, or auto.")
        self._leave(self.radius_box)

    # -- while a control moves -------------------------------------------------------------------

    def _preview_band(self, text: str) -> None:
        self._bridge.preview(request="no" if text == _AUTOMATIC else text)

    def _preview_radius(self, text: str) -> None:
        radius = None if text == "auto" else float(text.rstrip("″"))
        self._bridge.preview(match_radius_arcsec=radius)

    def _on_moving(self, radius: float) -> None:
        self.radius_box.setEditText(f"{radius:g}″")
        self._bridge.preview(match_radius_arcsec=radius)

    def _end_preview_soon(self) -> None:
        """Go back when the mouse left the button before it was released."""
        QTimer.singleShot(0, self, self._bridge.work.end_preview)

    def _leave(self, box: QComboBox) -> None:
        """Give the keys back to the window."""
        line = box.lineEdit()
        if line is not None:
            line.setModified(False)
        box.clearFocus()
        self._show()

    def _on_dry_run(self, on: bool) -> None:
        self._bridge.dry_run = on

    def ask_event(self) -> None:
        """Put the cursor into the event, for the keyboard."""
        self.event_box.setFocus(Qt.FocusReason.ShortcutFocusReason)
        line = self.event_box.lineEdit()
        if line is not None:
            line.selectAll()
