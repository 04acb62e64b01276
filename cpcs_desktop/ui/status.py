"""The status bar: what was said last, what is under way, and the clock."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QWidget

from cpcs_desktop.session.changes import Changes
from cpcs_desktop.session.night_frame import Verdict
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.wire import mjd_now

_PATIENCE_MS = 600
_CLOCK_TIP = "Universal time and MJD, from this computer's clock"


class StatusLine(QStatusBar):
    """Sentences to the left; progress (after 600 ms), counts and clock to the right."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status")
        self.setSizeGripEnabled(False)
        self._bridge = bridge
        self._most = 0
        self._clock_doubt = ""
        self.sentence = QLabel(self)
        self.sentence.setObjectName("sentence")
        self.sentence.setAccessibleName("What was said last")
        self.sentence.setWordWrap(True)
        self.progress = QProgressBar(self)
        self.progress.setObjectName("progress")
        self.progress.setMaximumWidth(180)
        self.progress.setFormat("%v of %m")
        self.progress.hide()
        self.counts = QLabel(self)
        self.counts.setObjectName("counts")
        self.connection = QLabel(self)
        self.connection.setObjectName("connectionState")
        self.connection.setAccessibleName("Connection to the server")
        self.connection.setContentsMargins(12, 0, 12, 0)
        self.clock = QLabel(self)
        self.clock.setObjectName("clock")
        self.clock.setToolTip(_CLOCK_TIP)
        self.addWidget(self.sentence, 1)
        for widget in (self.progress, self.counts, self.connection, self.clock):
            self.addPermanentWidget(widget)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_PATIENCE_MS)
        self._late.timeout.connect(self._show_progress)
        self._ticking = QTimer(self)
        self._ticking.setInterval(1000)
        self._ticking.timeout.connect(self._tick)
        self._ticking.start()
        bridge.said.connect(self.say)
        bridge.changed.connect(self._on_changed)
        self._tick()
        self._count()
        self._connect()

    def say(self, sentence: str) -> None:
        """Show a sentence until the next one."""
        self.sentence.setText(f" {sentence}")
        self.sentence.setToolTip(sentence)

    def doubt_clock(self, sentence: str) -> None:
        """Warn beside the clock, until a frame agrees with it again."""
        self._clock_doubt = sentence
        self.clock.setToolTip(sentence or _CLOCK_TIP)
        self._tick()
        if sentence:
            self.say(sentence)

    def _tick(self) -> None:
        now = datetime.now(UTC)
        doubt = "▲ clock?   " if self._clock_doubt else ""
        self.clock.setText(f"{doubt}{now:%H:%M:%S} UTC   MJD {numbers.number(mjd_now(), 4)}  ")

    def _on_changed(self, changes: Changes) -> None:
        if changes.frames or changes.board:
            self._count()
        if changes.queue or changes.settings or changes.light_curves:
            self._connect()

    def _connect(self) -> None:
        """Say whether the server answers, what waits for it, and when it was heard of last."""
        sending = self._bridge.sending
        waiting = sum(row.unfinished for row in sending.submissions())
        state = {None: "not asked yet", True: "online", False: "offline"}[sending.online]
        words = [state if sending.server else "no server", f"{waiting} waiting"]
        if sending.last_contact is not None:
            when = datetime.fromtimestamp(sending.last_contact, UTC)
            today = when.date() == datetime.now(UTC).date()
            words.append(f"last contact {when:%H:%M}" if today else f"last {when:%Y-%m-%d}")
        self.connection.setText(" · ".join(words))
        self.connection.setToolTip(sending.network_sentence or sending.server)

    def _count(self) -> None:
        frames = self._bridge.night.frames
        waiting = self._bridge.work.under_way
        if waiting == 0:
            self._most = 0
            self._late.stop()
            self.progress.hide()
        else:
            self._most = max(self._most, waiting)
            if self.progress.isVisible():
                self._show_progress()
            elif not self._late.isActive():
                self._late.start()
        accepted = sum(f.decisions.verdict is Verdict.ACCEPTED for f in frames)
        rejected = sum(f.decisions.verdict is Verdict.REJECTED for f in frames)
        self.counts.setText(f"{len(frames)} rows   ✔ {accepted}   ✘ {rejected}" if frames else "")

    def _show_progress(self) -> None:
        waiting = self._bridge.work.under_way
        self.progress.setRange(0, self._most)
        self.progress.setValue(self._most - waiting)
        self.progress.setVisible(waiting > 0)
