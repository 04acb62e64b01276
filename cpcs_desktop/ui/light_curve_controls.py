"""The controls above a light curve: which points, and how they are drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QLineEdit, QWidget

from cpcs_desktop.ui.light_curve_marks import ALL, Choice, Shown
from cpcs_desktop.wire import UNIX_EPOCH_MJD

_JD_OF_MJD = 2400000.5


class LightCurveControls(QWidget):
    """Time range, points or nights or colours, period, older revisions, hints.

    Signals
    -------
    changed(Choice)
    said(str)
        What cannot be understood.
    """

    changed = Signal(object)
    said = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("lightCurveControls")
        self.choice = Choice()
        hint = "MJD, JD or ISO date"
        self.since = self._line("lightCurveSince", "From", hint)
        self.until = self._line("lightCurveUntil", "Until", hint)
        self.shown = self._combo("lightCurveShown", "What is drawn", [s.value for s in Shown])
        self.blue = self._combo("lightCurveBlue", "Bluer band of the colour", [])
        self.red = self._combo("lightCurveRed", "Redder band of the colour", [])
        self.period = self._line("lightCurvePeriod", "Period in days; empty: not folded", "days")
        self.epoch = self._line("lightCurveEpoch", "Epoch of phase 0, MJD", "MJD")
        self.older = self._check(
            "lightCurveOlder", "&Older revisions", "Superseded and withdrawn (o)"
        )
        self.hints = self._check(
            "lightCurveHints", "&Hints", "Ring points far from their neighbours"
        )
        self.hints.setChecked(True)
        self.minus = QLabel("−", self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for word, widgets in (
            ("From", (self.since,)),
            ("until", (self.until,)),
            ("Show", (self.shown, self.blue, self.minus, self.red)),
            ("Period", (self.period,)),
            ("Epoch", (self.epoch,)),
        ):
            label = QLabel(word, self)
            label.setProperty("role", "faint")
            label.setBuddy(widgets[0])
            row.addWidget(label)
            for widget in widgets:
                row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.hints)
        row.addWidget(self.older)
        for line in (self.since, self.until, self.period, self.epoch):
            line.editingFinished.connect(self._read)
        for combo in (self.shown, self.blue, self.red):
            combo.currentTextChanged.connect(lambda _text: self._read())
        for box in (self.older, self.hints):
            box.toggled.connect(lambda _on: self._read())
        self._enable()

    def _line(self, name: str, word: str, hint: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setObjectName(name)
        line.setAccessibleName(word)
        line.setToolTip(word)
        line.setPlaceholderText(hint)
        line.setClearButtonEnabled(True)
        line.setMinimumWidth(self.fontMetrics().horizontalAdvance("2026-11-22T00"))
        line.setMaximumWidth(self.fontMetrics().horizontalAdvance("2026-11-22T00:00:00...."))
        return line

    def _combo(self, name: str, word: str, words: list[str]) -> QComboBox:
        combo = QComboBox(self)
        combo.setObjectName(name)
        combo.setAccessibleName(word)
        combo.setToolTip(word)
        combo.addItems(words)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        return combo

    def _check(self, name: str, text: str, tip: str) -> QCheckBox:
        box = QCheckBox(text, self)
        box.setObjectName(name)
        box.setToolTip(tip)
        return box

    def offer_letters(self, letters: Iterable[str]) -> None:
        """Offer these band letters, bluer ones first, for the colour."""
        words = list(letters)
        for combo, default in ((self.blue, 0), (self.red, 1)):
            if [combo.itemText(n) for n in range(combo.count())] == words:
                continue
            before = combo.currentText()
            combo.blockSignals(True)
            combo.clear()
            combo.addItems(words)
            combo.setCurrentIndex(words.index(before) if before in words else
                                  min(default, len(words) - 1))  # fmt: skip
            combo.blockSignals(False)
        self.choice = replace(self.choice, blue=self.blue.currentText(), red=self.red.currentText())

    def narrow(self, *, band: str, observatory: str) -> None:
        """Take over what the lists beside the title say."""
        self._use(replace(self.choice, band=band or ALL, observatory=observatory or ALL))

    def _enable(self) -> None:
        colour = self.shown.currentText() == Shown.COLOUR
        for widget in (self.blue, self.minus, self.red):
            widget.setVisible(colour)
        self.hints.setEnabled(self.shown.currentText() == Shown.POINTS)

    def _read(self) -> None:
        self._enable()
        try:
            period, epoch = number_of(self.period.text()), time_of(self.epoch.text())
            if period is not None and period <= 0:
                raise ValueError("A period is a positive number of days.")
            choice = replace(
                self.choice,
                since=time_of(self.since.text()),
                until=time_of(self.until.text(), end=True),
                shown=Shown(self.shown.currentText()),
                blue=self.blue.currentText(),
                red=self.red.currentText(),
                period_days=period,
                epoch_mjd=epoch or 0.0,
                older=self.older.isChecked(),
                hints=self.hints.isChecked(),
            )
        except ValueError as error:
            self.said.emit(str(error))
            return
        self._use(choice)

    def _use(self, choice: Choice) -> None:
        if choice != self.choice:
            self.choice = choice
            self.changed.emit(choice)


def number_of(text: str) -> float | None:
    """Read a number, None for nothing.

    Raises
    ------
    ValueError
        With a sentence.
    """
    words = text.strip().replace(",", ".")
    if not words:
        return None
    try:
        value = float(words)
    except ValueError:
        raise ValueError(f"“{text.strip()}” is no number.") from None
    if not abs(value) < 1e9:
        raise ValueError(f"“{text.strip()}” is not plausible.")
    return value


def time_of(text: str, *, end: bool = False) -> float | None:
    """Read a time as MJD from MJD, JD or an ISO date (UTC); None for nothing.

    Parameters
    ----------
    end : bool
        A date alone means the end of that day.

    Raises
    ------
    ValueError
        With a sentence.
    """
    words = text.strip()
    try:
        value = number_of(words)
    except ValueError:
        try:
            when = datetime.fromisoformat(words)
        except ValueError:
            raise ValueError(f"“{words}” is no time: write MJD, JD or 2026-11-22.") from None
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
        day = 1.0 if end and len(words) <= len("2026-11-22") else 0.0
        return when.timestamp() / 86400.0 + UNIX_EPOCH_MJD + day
    return value - _JD_OF_MJD if value is not None and value > _JD_OF_MJD else value
