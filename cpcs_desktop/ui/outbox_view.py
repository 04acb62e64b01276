"""The outbox: every accepted point, and how its way to the server stands."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from cpcs_desktop.datamodel.submission import Submission, SubmissionState
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.plain_table import PlainTable
from cpcs_desktop.ui.table_model import Column, TableModel
from cpcs_desktop.ui.theme import Rgb, Theme

_MARKS = {
    SubmissionState.WAITING: "○ waiting",
    SubmissionState.SENDING: "◐ sending",
    SubmissionState.STORED: "✔ stored",
    SubmissionState.REFUSED: "■ refused",
    SubmissionState.WITHDRAWN: "✘ withdrawn",
}


def _mark(row: Submission) -> str:
    return "≠ conflict" if row.in_conflict else _MARKS[row.state]


_COLUMNS: tuple[Column[Submission], ...] = (
    Column("State", "Only the server's receipt makes a point stored", _mark),
    Column("Event", "Name of the event", lambda s: s.event),
    Column("Band", "Band of the point", lambda s: s.band),
    Column("Magnitude", "Magnitude or limit", lambda s: numbers.number(s.mag, 3),
           lambda s: s.mag, right=True),
    Column("MJD", "Mid-exposure, UTC", lambda s: numbers.number(s.mjd, 5),
           lambda s: s.mjd, right=True),
    Column("File", "Name of the frame or list", lambda s: Path(s.file_name).name),
    Column("Rev.", "Revision: a better reduction of the same frame is a higher one",
           lambda s: str(s.revision), lambda s: s.revision, right=True),
    Column("Tries", "How often this revision was sent", lambda s: str(s.attempts),
           lambda s: s.attempts, right=True),
    Column("What was said last", "By the server, the network or this program",
           lambda s: s.message),
)  # fmt: skip


class OutboxView(QWidget):
    """Rows of the outbox with Send now and Withdraw; a click opens the record of a row.

    Signals
    -------
    record_wanted(str, bool)
        Id of the point; whether the record takes the keys.
    decision_wanted(Submission)
        A conflict is to be decided.
    withdrawal_wanted(str), bhtom_wanted()
    """

    record_wanted = Signal(str, bool)
    decision_wanted = Signal(object)
    withdrawal_wanted = Signal(str)
    bhtom_wanted = Signal()

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("outbox")
        self._bridge = bridge
        self._theme = theme
        self.model: TableModel[Submission] = TableModel(_COLUMNS, self, colour=self._colour)
        self.table = PlainTable(
            self.model,
            "outboxTable",
            "Outbox",
            "The outbox is empty. Accept a frame (a) and its point lies here, safe on disk, "
            "until the server has it.",
            self,
        )
        self.table.sortByColumn(4, Qt.SortOrder.DescendingOrder)
        self.state = QLabel(self)
        self.state.setObjectName("outboxState")
        self.state.setWordWrap(True)
        self.send = self._button("outboxSend", "Send now", "Try everything that waits (s)")
        self.again = self._button("outboxRetry", "Queue again", "Send a refused point once more")
        self.withdraw = self._button(
            "outboxWithdraw", "Withdraw …", "Take a point back, with a reason (Del)"
        )
        self.decide = self._button(
            "outboxDecide", "Decide …", "Another machine disagrees: see both sides (v)"
        )
        self.record = self._button("outboxRecord", "Record", "How the point came about (p)")
        self.bhtom = self._button("outboxBhtom", "BHTOM …", "Send to BHTOM, too (b)")
        row = QHBoxLayout()
        row.addWidget(self.state, 1)
        for button in (
            self.record,
            self.decide,
            self.withdraw,
            self.again,
            self.bhtom,
            self.send,
        ):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        self.send.clicked.connect(bridge.sending.push_now)
        self.again.clicked.connect(self._retry)
        self.withdraw.clicked.connect(self.ask_withdraw)
        self.bhtom.clicked.connect(self.bhtom_wanted)
        self.decide.clicked.connect(self.ask_decision)
        self.record.clicked.connect(lambda: self.ask_record(take_keys=True))
        self.table.clicked.connect(lambda _index: self.ask_record(take_keys=False))
        self.table.activated.connect(lambda _index: self.ask_record(take_keys=True))
        self.table.selectionModel().currentChanged.connect(lambda *_: self._enable())
        bridge.changed.connect(self._on_changed)
        self.use_theme(theme)
        self._show()

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setToolTip(tip)
        return button

    def use_theme(self, theme: Theme) -> None:
        """Use other colours and the present text size."""
        self._theme = theme
        self.table.size_columns(
            ["✘ withdrawn..", "ivo://practice.cpcs/night#1......", "REFCAT2/r..", "Magnitude..",
             "57612.91234..", "gaia16aye_r_001.fits...", "Rev...", "Tries..."]
        )  # fmt: skip

    def _colour(self, row: Submission, column: int) -> Rgb | None:
        if column != 0:
            return None
        theme = self._theme
        return {
            SubmissionState.STORED: theme.good,
            SubmissionState.REFUSED: theme.bad,
            SubmissionState.WITHDRAWN: theme.faint,
        }.get(row.state, theme.warning)

    def _on_changed(self, changes: Changes) -> None:
        if changes.queue or changes.settings:
            self._show()

    def _show(self) -> None:
        rows = self._bridge.sending.submissions()
        self.model.show(rows)
        waiting = sum(row.unfinished for row in rows)
        conflicts = sum(row.in_conflict for row in rows)
        sending = self._bridge.sending
        if not sending.server:
            words = "No server is set; points wait here until one is (Settings, Ctrl+,)."
        elif sending.online is False:
            words = f"Offline: {sending.network_sentence} Sending goes on by itself."
        else:
            words = f"Server: {sending.server}"
        if conflicts:
            words = f"{conflicts} in conflict with another machine: decide (v). {words}"
        self.state.setText(f"{waiting} waiting. {words}" if rows else words)
        self.bhtom.setVisible(self._bridge.settings.bhtom.enabled)
        self._enable()

    def _enable(self) -> None:
        chosen: Submission | None = self.table.chosen()
        self.send.setEnabled(any(row.unfinished for row in self.model.rows))
        self.record.setEnabled(chosen is not None)
        self.decide.setEnabled(chosen is not None and chosen.in_conflict)
        self.again.setEnabled(
            chosen is not None
            and chosen.state is SubmissionState.REFUSED
            and not chosen.in_conflict
        )
        self.withdraw.setEnabled(
            chosen is not None and chosen.state is not SubmissionState.WITHDRAWN
        )

    def _retry(self) -> None:
        chosen: Submission | None = self.table.chosen()
        if chosen is not None:
            self._bridge.sending.retry(chosen.point_id)

    def ask_withdraw(self) -> None:
        """Ask to withdraw the chosen point."""
        chosen: Submission | None = self.table.chosen()
        if chosen is not None:
            self.withdrawal_wanted.emit(chosen.point_id)

    def ask_record(self, *, take_keys: bool) -> None:
        """Ask for the record of the chosen row."""
        chosen: Submission | None = self.table.chosen()
        if chosen is not None:
            self.record_wanted.emit(chosen.point_id, take_keys)

    def ask_decision(self) -> None:
        """Ask for both sides of the chosen conflict, or of the first one there is."""
        chosen: Submission | None = self.table.chosen()
        if chosen is None or not chosen.in_conflict:
            chosen = next((row for row in self.model.rows if row.in_conflict), None)
        if chosen is None:
            self._bridge.said.emit("No other machine disagrees about any point.")
        else:
            self.decision_wanted.emit(chosen)
