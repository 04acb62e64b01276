"""Everything calibrated again from the stored source lists: old against new, applied on request."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.submission import SubmissionState
from cpcs_desktop.recalibration import MOVES_SIGMA, Move
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.dialog_button import dialog_button
from cpcs_desktop.ui.light_curve_controls import time_of
from cpcs_desktop.ui.plain_table import PlainTable
from cpcs_desktop.ui.stepwise import Stepwise
from cpcs_desktop.ui.table_model import ROW_ROLE, Column, TableModel
from cpcs_desktop.ui.task import Tasks
from cpcs_desktop.ui.theme import THEMES, Rgb

if TYPE_CHECKING:
    from cpcs_desktop.datamodel.submission import Submission

#: Moves are shown in batches, so that sorting never runs once per point.
_SHOW_EVERY_MS = 250
_ALL = "all events"


def _state(move: Move) -> str:
    if move.status == "failed":
        return "■ failed"
    if move.status == "same":
        return "✔ same"
    return "▲ moves" if move.moves else "○ changed"


def _rank(move: Move) -> int:
    """Sort what a person should look at first."""
    order = ("failed", "changed", "same")
    return 0 if move.moves else 1 + order.index(move.status)


def _sigma(move: Move) -> str:
    if move.sigma is None:
        return numbers.DASH
    mark = "▲ " if move.sigma > MOVES_SIGMA else ""
    return f"{mark}{move.sigma:.2f}"


def _magnitude(point: Any) -> str:
    if point is None:
        return numbers.DASH
    limit = point.kind == "UPPER_LIMIT"
    return numbers.magnitude(point.mag, point.mag_err_total, is_limit=limit)


def _remark(move: Move) -> str:
    if move.error is not None:
        return f"{move.error.message} {move.error.hint}".strip()
    return move.doubt or ""


_COLUMNS: tuple[Column[Move], ...] = (
    Column("Result", f"▲: by more than {MOVES_SIGMA:g} sigma, into another band, or to or from a "
           "limit", _state, _rank),
    Column("File", "Name of the frame or list", lambda m: m.old.file_name),
    Column("MJD", "Mid-exposure, UTC", lambda m: numbers.number(m.old.mjd, 5),
           lambda m: m.old.mjd, right=True),
    Column("Band", "Of the point as it counts now", lambda m: m.old.band),
    Column("New band", "▲ where it is another one", lambda m: numbers.DASH if m.new is None else
           f"▲ {m.new.band}" if m.band_changed else m.new.band),
    Column("Old", "Magnitude and total error", lambda m: _magnitude(m.old),
           lambda m: m.old.mag, right=True),
    Column("New", "With today's surveys and code", lambda m: _magnitude(m.new),
           lambda m: None if m.new is None else m.new.mag, right=True),
    Column("New − old", "Magnitudes", lambda m: numbers.number(m.delta_mag, 4, sign=True),
           lambda m: None if m.delta_mag is None else abs(m.delta_mag), right=True),
    Column("Sigma", f"Size of the move in old total errors; ▲ above {MOVES_SIGMA:g}", _sigma,
           lambda m: m.sigma, right=True),
    Column("Remark", "Why it failed, or why to look before it is applied", _remark),
)  # fmt: skip


class RecalibrationView(QDialog):
    """Old against new for every accepted point; nothing is applied without a button.

    Parameters
    ----------
    bridge : Bridge
    run : Stepwise
        The thread; it belongs to the window and outlives this view.
    parent : QWidget

    Signals
    -------
    applied(list of str)
        Ids of points with a new revision.
    """

    applied = Signal(list)

    def __init__(self, bridge: Bridge, run: Stepwise, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("recalibrationView")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Recalibrate everything")
        self._bridge = bridge
        self._run = run
        self._tasks = Tasks(self)
        self._tasks.failed.connect(self._on_failed)
        self._moves: list[Move] = []
        self._late = QTimer(self)
        self._late.setInterval(_SHOW_EVERY_MS)
        self._late.timeout.connect(self._show)
        self.words = QLabel(self)
        self.words.setObjectName("recalibrationWords")
        self.words.setWordWrap(True)
        self.event_box = QComboBox(self)
        self.event_box.setObjectName("recalibrationEvent")
        self.event_box.setAccessibleName("Event")
        rows = bridge.sending.submissions()
        self.event_box.addItems([_ALL, *sorted({row.event for row in rows})])
        self.since = QLineEdit(self)
        self.since.setObjectName("recalibrationSince")
        self.since.setAccessibleName("Since")
        self.since.setPlaceholderText("since (MJD or date)")
        self.go = dialog_button(self, "recalibrationStart", "&Start", self.start)
        self.stop = dialog_button(self, "recalibrationCancel", "&Cancel", run.cancel)
        self.progress = QProgressBar(self)
        self.progress.setObjectName("recalibrationProgress")
        self.progress.setFormat("%v of %m")
        self.moving = QCheckBox("Only what &moves", self)
        self.moving.setObjectName("recalibrationMoving")
        self.doubtful = QCheckBox("“All” takes &doubtful ones, too", self)
        self.doubtful.setObjectName("recalibrationDoubtful")
        self.doubtful.setToolTip("Ambiguous bands and red checks: a person should look first")
        self.model: TableModel[Move] = TableModel(_COLUMNS, self, colour=self._colour)
        self.table = PlainTable(
            self.model,
            "recalibrationTable",
            "Old against new",
            "Start calibrates every accepted point again from its stored source list, with "
            "today's surveys and program. Nothing is changed by looking.",
            self,
        )
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.apply_chosen = dialog_button(
            self, "applyChosen", "&Apply the chosen ones", lambda: self.apply(self.chosen())
        )
        self.apply_all = dialog_button(
            self, "applyAll", "Apply a&ll", lambda: self.apply(self.all())
        )
        self._arrange()
        self.moving.toggled.connect(lambda _on: self._show())
        self.doubtful.toggled.connect(lambda _on: self._enable())
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        run.found.connect(self._on_found)
        run.ended.connect(self._on_ended)
        self._enable()
        self.resize(self.fontMetrics().horizontalAdvance("x" * 150), 560)

    def _arrange(self) -> None:
        self.table.size_columns(
            ["▲ moves...", "practice-01-r.fits....", "57612.91234.", "REFCAT2/r..",
             "▲ REFCAT2/r..", "15.312 ± 0.008..", "15.312 ± 0.008..", "+0.0000....", "▲ 10.00.."]
        )  # fmt: skip
        above, below = QHBoxLayout(), QHBoxLayout()
        for widget in (self.event_box, self.since, self.go, self.stop):
            above.addWidget(widget)
        above.addWidget(self.progress, 1)
        above.addWidget(self.moving)
        below.addWidget(self.words, 1)
        for button in (self.doubtful, self.apply_chosen, self.apply_all):
            below.addWidget(button)
        column = QVBoxLayout(self)
        column.addLayout(above)
        column.addWidget(self.table, 1)
        column.addLayout(below)

    def _colour(self, move: Move, column: int) -> Rgb | None:
        theme = THEMES[self._bridge.settings.theme]
        if move.status == "failed":
            return theme.bad if column in {0, 9} else None
        if column in {0, 4, 8} and move.moves:
            return theme.warning
        return theme.faint if move.status == "same" else None

    # -- running ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Calibrate again, in a thread of its own."""
        try:
            since = time_of(self.since.text())
        except ValueError as error:
            self.words.setText(str(error))
            return
        event = self.event_box.currentText()
        wanted = None if event == _ALL else event
        rows = [
            row
            for row in self._bridge.sending.submissions()
            if row.state is not SubmissionState.WITHDRAWN
            and (wanted is None or row.event == wanted)
            and (since is None or row.mjd >= since)
        ]
        self._moves.clear()
        self.model.show(())
        self.progress.setRange(0, max(len(rows), 1))
        self.progress.setValue(0)
        self.words.setText("Calibrating …")
        outbox, cache = self._bridge.sending.outbox, self._bridge.profile.survey_cache
        self._late.start()
        self._run.start(partial(_moves, outbox, cache, wanted, since))
        self._enable()

    def _on_found(self, move: Move) -> None:
        self._moves.append(move)

    def _on_ended(self, error: Exception | None) -> None:
        self._late.stop()
        self._show()
        moving = sum(m.moves for m in self._moves)
        failed = sum(m.status == "failed" for m in self._moves)
        changed = sum(m.status == "changed" for m in self._moves)
        self.words.setText(
            f"{len(self._moves)} calibrated again: {changed} changed, {moving} by more than "
            f"{MOVES_SIGMA:g} sigma or in another band, {failed} failed. Nothing is applied yet."
        )
        if len(self._moves) < self.progress.maximum() and self._moves:
            self.words.setText(f"Cancelled. {self.words.text()}")
        if error is not None:
            self._on_failed(error)
        self._enable()

    def _show(self) -> None:
        self.progress.setValue(len(self._moves))
        only = self.moving.isChecked()
        self.model.show([m for m in self._moves if m.moves or not only])
        self._enable()

    def _enable(self) -> None:
        running = self._late.isActive()
        self.go.setEnabled(not running)
        self.stop.setEnabled(running)
        self.apply_chosen.setEnabled(not running and bool(self.chosen()))
        self.apply_all.setEnabled(not running and bool(self.all()))
        self.apply_all.setText(f"Apply a&ll ({len(self.all())})")

    # -- applying --------------------------------------------------------------------------------

    def chosen(self) -> list[Move]:
        """Return the changed points among the rows chosen."""
        rows = self.table.selectionModel().selectedRows()
        found: list[Move] = [index.data(ROW_ROLE) for index in rows]
        return [move for move in found if move.status == "changed"]

    def all(self) -> list[Move]:
        """Return every changed point; doubtful ones only when they are wanted."""
        doubtful = self.doubtful.isChecked()
        return [m for m in self._moves if m.status == "changed" and (doubtful or not m.doubt)]

    def apply(self, moves: list[Move]) -> None:
        """Accept these as next revisions, in a thread."""
        from cpcs_desktop.sync.recalibrate import apply_moves

        if not moves:
            return
        outbox = self._bridge.sending.outbox
        future = self._bridge.threads.submit(apply_moves, outbox, moves)
        self._tasks.start("apply", future, lambda rows: self._applied(moves, rows))

    def _applied(self, moves: list[Move], rows: list[Submission]) -> None:
        done = {row.point_id for row in rows}
        self._moves = [m for m in self._moves if m.old.id not in done]
        left = len(moves) - len(done)
        words = f"{len(done)} applied as new revisions; the old ones stay, hidden."
        if left:
            words += f" {left} were changed or withdrawn meanwhile: start again."
        self.words.setText(words)
        self._show()
        self.applied.emit(sorted(done))

    def _on_failed(self, error: Exception) -> None:
        self.words.setText(getattr(error, "message", "Something unexpected happened."))
        if not isinstance(error, CpcsError):
            self._bridge.unforeseen.emit(error)

    def done(self, answer: int) -> None:
        """Stop calibrating when the view is closed."""
        self._run.cancel()
        super().done(answer)


def _moves(outbox: Any, cache: Any, event: str | None, since: float | None) -> Iterator[Move]:
    """Run in the thread."""
    from cpcs_desktop.sync.recalibrate import lean, recalibrate

    for move in recalibrate(outbox, cache, event=event, since=since):
        yield lean(move)
