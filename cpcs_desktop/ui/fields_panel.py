"""Prepare fields: is this camera's field covered at each target, and what is lacking, fetched."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.surveys.registry import SURVEYS
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.dialog_button import dialog_button
from cpcs_desktop.ui.fields_model import COVERED, FieldRow, field_columns, field_rows
from cpcs_desktop.ui.plain_table import PlainTable
from cpcs_desktop.ui.stepwise import Stepwise
from cpcs_desktop.ui.table_model import ROW_ROLE, TableModel
from cpcs_desktop.ui.task import Tasks
from cpcs_desktop.ui.theme import Rgb, Theme

if TYPE_CHECKING:
    from cpcs_desktop.surveys.patient_session import Patience

#: Asked for where nothing is cached yet: together they reach both hemispheres.
_USUAL = ("APASS", "PS1", "SKYMAPPER", "GAIASP")
_PAUSE_MS = 400
_FIXED_COLUMNS = 2


class FieldsPanel(QWidget):
    """Targets and surveys; fetches what is missing in a child process.

    Signals
    -------
    prepared()
        The cache has changed.
    """

    prepared = Signal()

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("fieldsPanel")
        self._bridge = bridge
        self._theme = theme
        self._tasks = Tasks(self)
        self._tasks.failed.connect(bridge.explain)
        self._run = Stepwise("prepare", self)
        self._run.found.connect(self._on_found)
        self._run.ended.connect(self._on_ended)
        self.patience: Patience | None = None
        self._target: Event | None = None
        #: None until the cache was looked at: then its surveys are ticked, later ones as they come.
        self._cached: frozenset[str] | None = None
        self._radius_is_own = False
        self._failures: list[CpcsError] = []
        self._stars = self._bytes = 0
        self._wanted: list[str] = []
        self._cancelling = False
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_PAUSE_MS)
        self._late.timeout.connect(self.refresh)
        self.model: TableModel[FieldRow] = TableModel(field_columns(), self, colour=self._colour)
        self.table = PlainTable(
            self.model,
            "fieldsTable",
            "Targets and how their fields are covered",
            "No event with a position yet: fetch the list, or add one in the tab Events.",
            self,
        )
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.radius = QDoubleSpinBox(self)
        self.radius.setObjectName("fieldRadius")
        self.radius.setAccessibleName("Radius of the field, degrees")
        self.radius.setToolTip("Circle around the target that this camera's frame fits into")
        # the arrows are the style's own, in colours that the night does not allow
        self.radius.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.radius.setRange(0.01, 5.0)
        self.radius.setDecimals(2)
        self.radius.setSingleStep(0.05)
        self.radius.setSuffix("°")
        self.radius.setValue(0.25)
        self.surveys = QPushButton("Surveys", self)
        self.surveys.setObjectName("prepareSurveys")
        self.surveys.setToolTip("Which surveys are fetched; those greyed out have no service")
        self._menu = QMenu(self)
        self._actions = {key: self._survey_action(key) for key in SURVEYS}
        self.surveys.setMenu(self._menu)
        self.go = dialog_button(self, "prepareStart", "&Prepare fields", self.start)
        self.go.setToolTip("Fetch what the chosen targets lack, for nights without a network")
        self.stop = dialog_button(self, "prepareCancel", "Cance&l", self.cancel)
        self.progress = QProgressBar(self)
        self.progress.setObjectName("prepareProgress")
        self.words = QLabel(self)
        self.words.setObjectName("prepareWords")
        self.words.setWordWrap(True)
        self._arrange()
        self.radius.valueChanged.connect(self._on_radius)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        self._enable()

    def _survey_action(self, key: str) -> QAction:
        action = self._menu.addAction(f"{key}  {SURVEYS[key].name}")
        action.setCheckable(True)
        action.setEnabled(bool(SURVEYS[key].tap_url and SURVEYS[key].tap_table))
        action.toggled.connect(lambda _on: self._enable())
        return action

    def _arrange(self) -> None:
        row, below = QHBoxLayout(), QHBoxLayout()
        label = QLabel("&Field radius", self)
        label.setBuddy(self.radius)
        for widget in (label, self.radius, self.surveys):
            row.addWidget(widget)
        row.addStretch(1)
        for button in (self.go, self.stop):
            row.addWidget(button)
        below.addWidget(self.words, 1)
        below.addWidget(self.progress)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        column.addLayout(below)

    def use_theme(self, theme: Theme) -> None:
        """Use other colours and the present text size."""
        self._theme = theme
        widest = "▲ 100 %"
        keys = [max(key, widest, key=len) for key in SURVEYS]
        self.table.size_columns(
            ["ivo://practice.cpcs/night#1..", "19:40:01.13 +30:07:53.3.", *keys]
        )

    def _colour(self, row: FieldRow, column: int) -> Rgb | None:
        if column < _FIXED_COLUMNS:
            return None
        fraction = row.covered.get(list(SURVEYS)[column - _FIXED_COLUMNS])
        if fraction is None:
            return self._theme.faint
        theme = self._theme
        return theme.good if fraction >= COVERED else theme.warning if fraction > 0 else theme.bad

    # -- what is covered -------------------------------------------------------------------------

    def look_at(self, field: tuple[float, float, float] | None, cached: frozenset[str]) -> None:
        """Use the frame's target and field, and the surveys that are cached.

        Parameters
        ----------
        field : (float, float, float) or None
            RA, Dec and radius of the circle around this camera's frame, degrees.
        """
        name = self._bridge.frame.decisions.event if self._bridge.frame is not None else None
        self._target = None if field is None else Event(name or "this frame", *field[:2])
        if field is not None and not self._radius_is_own:
            self.radius.blockSignals(True)
            self.radius.setValue(round(field[2] + 0.005, 2))
            self.radius.blockSignals(False)
        fresh = cached - (self._cached or frozenset())
        if self._cached is None:
            fresh = cached or frozenset(_USUAL)
        self._cached = cached
        self.want(fresh | set(self.wanted()))
        self.refresh()

    def _on_radius(self, _value: float) -> None:
        self._radius_is_own = True
        self._late.start()

    def refresh(self) -> None:
        """Look up the fields again, in a thread."""
        future = self._bridge.threads.submit(
            field_rows,
            self._bridge.profile.survey_cache,
            self._bridge.sending.events,
            self._target,
            self.radius.value(),
        )
        self._tasks.start("fields", future, self._came)

    @property
    def ready(self) -> bool:
        """Whether nothing is under way."""
        return len(self._tasks) == 0 and not self._late.isActive() and not self._run.running

    def _came(self, rows: list[FieldRow]) -> None:
        chosen = {row.name for row in self.chosen()}
        self.model.show(rows)
        if chosen != {row.name for row in self.chosen()}:
            self._choose(chosen)
        self._enable()

    def _choose(self, names: set[str]) -> None:
        selection = self.table.selectionModel()
        selection.clearSelection()
        for place in range(self.table.sorted.rowCount()):
            index = self.table.sorted.index(place, 0)
            if index.data(ROW_ROLE).name in names:
                selection.select(
                    index, selection.SelectionFlag.Select | selection.SelectionFlag.Rows
                )

    def chosen(self) -> list[FieldRow]:
        """Return the targets chosen."""
        return [index.data(ROW_ROLE) for index in self.table.selectionModel().selectedRows()]

    def wanted(self) -> list[str]:
        """Return the surveys ticked."""
        return [key for key, action in self._actions.items() if action.isChecked()]

    def want(self, keys: AbstractSet[str]) -> None:
        """Tick these surveys and no others."""
        for key, action in self._actions.items():
            action.setChecked(key in keys and action.isEnabled())

    # -- fetching --------------------------------------------------------------------------------

    def start(self) -> None:
        """Fetch what the chosen targets lack."""
        from cpcs_desktop.session.preparing import prepared_by_child
        from cpcs_desktop.surveys.prepare import Wish

        rows, self._wanted = self.chosen(), self.wanted()
        if not rows or not self._wanted or self._run.running:
            return
        self._failures, self._stars, self._bytes, self._cancelling = [], 0, 0, False
        self.progress.setRange(0, 0)
        self.words.setText(f"Asking for {len(rows)} fields …")
        radius = self.radius.value()
        wish = Wish(
            self._bridge.profile.survey_cache,
            tuple(self._wanted),
            tuple((row.ra, row.dec, radius) for row in rows),
            dict(self._bridge.settings.tap_urls),
            self.patience,
        )
        self._run.start(partial(prepared_by_child, wish))
        self._enable()

    def cancel(self) -> None:
        """Stop; what was fetched stays."""
        self._cancelling = True
        self.words.setText("Stopping …")
        self._run.cancel()
        self.stop.setEnabled(False)

    def _on_found(self, piece: Any) -> None:
        from cpcs_desktop.surveys.fetch import FetchProgress

        if piece is None or self._cancelling:
            return
        if not isinstance(piece, FetchProgress):
            self._stars += piece.progress.stars
            self._bytes += piece.progress.bytes
            if piece.error is not None:
                self._failures.append(piece.error)
            return
        place = 1 + self._wanted.index(piece.survey)
        self.progress.setRange(0, max(piece.total, 1))
        self.progress.setValue(piece.done if piece.total else 1)
        self.words.setText(
            f"{piece.survey}, survey {place} of {len(self._wanted)}: pixel {piece.done} of "
            f"{piece.total}, {self._stars + piece.stars:,} stars, "
            f"{(self._bytes + piece.bytes) / 1e6:.1f} MB"
        )

    def _on_ended(self, error: Exception | None) -> None:
        self.progress.setRange(0, 1)
        self.progress.setValue(0 if self._cancelling or error or self._failures else 1)
        done = f"{self._stars:,} stars, {self._bytes / 1e6:.1f} MB fetched."
        if self._cancelling:
            self.words.setText("Stopped. What was fetched stays; Prepare fields goes on there.")
        elif isinstance(error, CpcsError):
            self.words.setText(f"{error.message} {error.hint}")
        elif error is not None:
            self.words.setText("Something nobody foresaw happened; the log has the details.")
            self._bridge.unforeseen.emit(error)
        elif self._failures:
            told = dict.fromkeys(f"{e.message} {e.hint}".strip() for e in self._failures)
            self.words.setText(f"{done} {' '.join(told)}")
        else:
            words = done if self._stars else "Nothing was missing."
            self.words.setText(f"{words} The chosen fields are ready for the night.")
        self._enable()
        self.prepared.emit()

    def _enable(self) -> None:
        running = self._run.running and not self._cancelling
        rows, wanted = self.chosen(), self.wanted()
        self.go.setEnabled(not self._run.running and bool(rows) and bool(wanted))
        self.stop.setEnabled(running)
        self.progress.setVisible(self._run.running)
        self.surveys.setText(f"&Surveys ({len(wanted)})")
        for place, key in enumerate(SURVEYS):
            hidden = key not in (self._cached or ()) and key not in wanted
            self.table.setColumnHidden(_FIXED_COLUMNS + place, hidden)
        if not rows and not self._run.running and len(self.model.rows):
            self.words.setText("Choose the targets of the night in the list; Ctrl+A takes all.")

    def close_down(self) -> None:
        """End the child and the thread before the window goes."""
        self._tasks.cancel_all()
        self._run.close()
