"""The form for a new event."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QWidget

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge


class EventDialog(QDialog):
    """Name, position in any notation, page."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("eventDialog")
        self.setWindowTitle("New event")
        self._bridge = bridge
        self.name = self._line("eventName", "ivo://… or any name")
        self.position = self._line("eventPosition", "19:40:01.1 +30:07:53 or 295.0047 30.1315")
        self.url = self._line("eventUrl", "https://… (may stay empty)")
        self.complaint = QLabel(self)
        self.complaint.setObjectName("eventComplaint")
        self.complaint.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Add")
        form = QFormLayout(self)
        form.addRow("&Name", self.name)
        form.addRow("&Position", self.position)
        form.addRow("Pa&ge", self.url)
        form.addRow(self.complaint)
        form.addRow(self.buttons)
        self.buttons.accepted.connect(self._add)
        self.buttons.rejected.connect(self.reject)
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance("x" * 70))

    def _line(self, name: str, hint: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setObjectName(name)
        line.setPlaceholderText(hint)
        return line

    def _add(self) -> None:
        place = numbers.parse_position(self.position.text())
        if place is None:
            self.complaint.setText("The position is not understood: RA and Dec, degrees or h m s.")
            self.position.setFocus()
            return
        event = Event(self.name.text().strip(), *place, url=self.url.text().strip() or None)
        try:
            self._bridge.sending.add_event(event)
        except CpcsError as error:
            self.complaint.setText(f"{error.message} {error.hint}")
            self.name.setFocus()
            return
        self.accept()
        self._bridge.said.emit(f"{event.ivorn} added; the server hears of it when it can.")
