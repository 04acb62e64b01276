"""The list of events: search, add, and look at one."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.altitude import Altitudes
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.cone_line import ConeLine, apart_deg
from cpcs_desktop.ui.event_dialog import EventDialog
from cpcs_desktop.ui.opening import open_dialog
from cpcs_desktop.ui.plain_table import PlainTable
from cpcs_desktop.ui.table_model import Column, TableModel
from cpcs_desktop.ui.theme import Theme

_DISTANCE = 2


def _position(event: Event) -> str:
    if event.ra is None or event.dec is None:
        return numbers.DASH
    return numbers.sexagesimal(event.ra, event.dec)


class EventsView(QWidget):
    """Events known here; the server's list is merged in whenever it can be reached."""

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("events")
        self._bridge = bridge
        self._altitudes = Altitudes(bridge, self)
        self.model: TableModel[Event] = TableModel(self._columns(), self)
        self.search = QLineEdit(self)
        self.search.setObjectName("eventSearch")
        self.search.setAccessibleName("Search events")
        self.search.setPlaceholderText("Search: part of a name …")
        self.search.setClearButtonEnabled(True)
        self.observed = QCheckBox("Observed only", self)
        self.observed.setObjectName("observedOnly")
        self.observed.setToolTip("Only events with at least one point")
        self.cone = ConeLine(bridge, self)
        self.new = QPushButton("New event …", self)
        self.new.setObjectName("newEvent")
        self.new.setToolTip("Add an event, also without the network (Ctrl+E)")
        self.use = QPushButton("Use for this row", self)
        self.use.setObjectName("useEvent")
        self.use.setToolTip("Calibrate the row looked at for this event (Enter)")
        self.fetch = QPushButton("Fetch", self)
        self.fetch.setObjectName("fetchEvents")
        self.fetch.setToolTip("Ask the server for its events (F5)")
        self.table = PlainTable(
            self.model,
            "eventsTable",
            "Events",
            "No events yet. Connect to a server in Settings (Ctrl+,), or add one: New event …",
            self,
        )
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        row = QHBoxLayout()
        row.addWidget(self.search, 1)
        for widget in (self.observed, self.use, self.new, self.fetch):
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addLayout(row)
        column.addWidget(self.cone)
        column.addWidget(self.table, 1)
        self.search.textChanged.connect(lambda _t: self._show())
        self.observed.toggled.connect(lambda _on: self._show())
        self.cone.changed.connect(self._on_cone)
        self.new.clicked.connect(self.ask_new)
        self.use.clicked.connect(self._use)
        self.table.activated.connect(lambda _i: self._use())
        self.fetch.clicked.connect(bridge.sending.fetch_events)
        self._altitudes.changed.connect(self._show)
        bridge.changed.connect(self._on_changed)
        self.use_theme(theme)
        self._show()

    def _columns(self) -> list[Column[Event]]:
        return [
            Column("Event", "Name of the event (ivorn)", lambda e: e.ivorn),
            Column("Position", "RA and Dec, ICRS", _position, lambda e: e.ra),
            Column("Distance", "From the middle of the cone, degrees; a middle is typed above",
                   lambda e: numbers.number(self._distance(e), 3), self._distance, right=True),
            Column("Points", "How many follow-up points the server has",
                   lambda e: str(e.n_followup), lambda e: e.n_followup, right=True),
            Column("Altitude now", "Altitude above the horizon at the observatory, degrees",
                   lambda e: self._altitudes.text_now(e.ivorn),
                   lambda e: self._altitudes.now(e.ivorn), right=True),
            Column("Highest tonight", "Largest altitude while the Sun is below −12°, UTC",
                   lambda e: self._altitudes.text_best(e.ivorn),
                   lambda e: self._altitudes.best(e.ivorn), right=True),
            Column("Wanted", "Bands asked for", lambda e: " ".join(e.wanted_bands)),
            Column("Priority", "As the server says", lambda e: "" if e.priority is None
                   else str(e.priority), lambda e: e.priority, right=True),
            Column("Published", "When the event was announced", lambda e: e.published or ""),
            Column("Page", "Address with more about it", lambda e: e.url or ""),
        ]  # fmt: skip

    def use_theme(self, theme: Theme) -> None:
        """Use other colours and the present text size."""
        del theme
        self.table.size_columns(
            ["ivo://practice.cpcs/night#1.......", "19:40:01.13 +30:07:53.3.", "Distance...",
             "Points....", "Altitude now....", "Highest tonight....", "U B V R I r i",
             "Priority...", "2016-08-05 12:00:00"]
        )  # fmt: skip

    def _on_changed(self, changes: Changes) -> None:
        if changes.events or changes.settings:
            self._altitudes.refresh(self._bridge.sending.events)
            self._show()

    def _show(self) -> None:
        text = self.search.text().strip()
        events = [
            e for e in self._bridge.sending.events if e.n_followup or not self.observed.isChecked()
        ]
        if text:
            events = [e for e in events if text.lower() in e.ivorn.lower()]
        if self.cone.centre is not None:
            reach = self.cone.radius_deg
            near = ((e, self._distance(e)) for e in events)
            events = [e for e, distance in near if distance is not None and distance <= reach]
        self.model.show(events, anew=True)

    def _distance(self, event: Event) -> float | None:
        centre = self.cone.centre
        if centre is None or event.ra is None or event.dec is None:
            return None
        return apart_deg((event.ra, event.dec), centre)

    def _on_cone(self) -> None:
        """Show what lies in the cone, the nearest first."""
        self._show()
        if self.cone.centre is not None:
            self.table.sortByColumn(_DISTANCE, Qt.SortOrder.AscendingOrder)

    def ask_new(self) -> None:
        """Ask for a new event."""
        open_dialog(EventDialog(self._bridge, self))

    def _use(self) -> None:
        event = self.table.chosen()
        if event is None:
            self._bridge.said.emit("Choose an event in the table first.")
        elif event.ra is None or event.dec is None:
            self._bridge.said.emit(f"{event.ivorn} has no position: nothing can be measured there.")
        else:
            self._bridge.set_target(event.ivorn, (event.ra, event.dec))
            self._bridge.said.emit(f"Event {event.ivorn}")
