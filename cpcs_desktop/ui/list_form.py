"""The form for what a list does not say: its time, exposure and event."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QWidget

from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.wire import MJD_OLDEST, mjd_now

_IN_NAME = re.compile(r"(?<!\d)(\d{5}\.\d+)(?!\d)")
_JD_IN_NAME = re.compile(r"(?<!\d)(24\d{5}\.\d+)(?!\d)")


def mjd_in_name(path: str) -> float | None:
    """Return an MJD (or JD) written in a file's name, None without one."""
    name = Path(path).name
    for pattern, shift in ((_JD_IN_NAME, 2400000.5), (_IN_NAME, 0.0)):
        found = pattern.search(name)
        if found and MJD_OLDEST < float(found[1]) - shift < mjd_now() + 1:
            return float(found[1]) - shift
    return None


class ListForm(QDialog):
    """MJD of mid-exposure and exposure time; the last exposure is remembered for the next list."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("listForm")
        self.setWindowTitle("Time of the exposure")
        self._bridge = bridge
        frame = bridge.frame
        assert frame is not None
        self._key = frame.key
        guess = frame.facts.mjd or mjd_in_name(frame.path)
        exposure = frame.facts.exposure_s or bridge.new_rows.exposure_s
        self.mjd = QLineEdit("" if guess is None else f"{guess:.6f}", self)
        self.mjd.setObjectName("listMjd")
        self.mjd.setPlaceholderText("57612.912340")
        self.exposure = QLineEdit("" if exposure is None else f"{exposure:g}", self)
        self.exposure.setObjectName("listExposure")
        self.exposure.setPlaceholderText("seconds; may stay empty")
        self.complaint = QLabel(self)
        self.complaint.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        form = QFormLayout(self)
        form.addRow(QLabel(Path(frame.path).name, self))
        form.addRow("&MJD, mid-exposure, UTC", self.mjd)
        form.addRow("&Exposure (s)", self.exposure)
        form.addRow(self.complaint)
        form.addRow(self.buttons)
        self.buttons.accepted.connect(self._take)
        self.buttons.rejected.connect(self.reject)

    def _take(self) -> None:
        try:
            mjd = float(self.mjd.text())
            exposure = float(self.exposure.text()) if self.exposure.text().strip() else None
        except ValueError:
            self.complaint.setText("MJD and exposure are numbers, such as 57612.91234 and 120.")
            return
        if not MJD_OLDEST <= mjd <= mjd_now() + 1 or (exposure is not None and exposure < 0):
            self.complaint.setText(
                f"MJD lies between {MJD_OLDEST:g} and now ({numbers.number(mjd_now(), 2)})."
            )
            return
        self._bridge.set_times(self._key, mjd, exposure)
        self.accept()
