"""The table of matched stars, one selection with image and fits."""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QTableView, QVBoxLayout, QWidget

from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.stars_model import COLUMNS, StarColumns, StarsModel

#: The table follows when plots and image have followed, each in a turn of its own.
_AFTER_MARKS_MS = 60


class StarsTable(QTableView):
    """The table; letters stay free for the window's one-key commands."""

    def keyboardSearch(self, search: str) -> None:
        """Leave letters to the shortcuts."""
        del search

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave letters to the window."""
        if event.text().isalpha() and not event.modifiers():
            event.ignore()
        else:
            super().keyPressEvent(event)


class StarsView(QWidget):
    """Matched stars of the band shown large."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("stars")
        self._bridge = bridge
        self._following = False
        self._stale = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_AFTER_MARKS_MS)
        self._soon.timeout.connect(self._catch_up)
        self.model = StarsModel(self)
        self.table = StarsTable(self)
        self.table.setObjectName("starsTable")
        self.table.setAccessibleName("Matched stars")
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(6, Qt.SortOrder.AscendingOrder)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        self._size_columns()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.table)
        self.table.selectionModel().selectionChanged.connect(self._on_selected)
        bridge.changed.connect(self._on_changed)
        self._show()

    def _size_columns(self) -> None:
        metrics = self.fontMetrics()
        for column in range(len(COLUMNS) - 1):
            text = max(COLUMNS[column][0] + "..", "−25.1234", key=len)
            self.table.setColumnWidth(column, metrics.horizontalAdvance(text) + 14)
        self.table.verticalHeader().setDefaultSectionSize(int(metrics.height() * 1.5))

    def _on_changed(self, changes: Changes) -> None:
        if changes.current or self._bridge.current in changes.fits:
            self._stale = True
            if self.isVisible():
                self._soon.start()
        elif changes.selection and not self._stale:
            self._light()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what changed behind another tab."""
        super().showEvent(event)
        self._catch_up()

    @property
    def shown(self) -> bool:
        """Whether the table, where it is seen at all, shows the present fit."""
        return not self._stale or not self.isVisible()

    def _catch_up(self) -> None:
        if self._stale and self.isVisible():
            self._show()
            self._light()

    def _show(self) -> None:
        self._stale = False
        calibration, fit = self._bridge.calibration, self._bridge.shown_fit
        if calibration is None or fit is None:
            self.model.show(None)
        else:
            self.model.show(StarColumns.of(calibration, fit))

    def _light(self) -> None:
        """Select the rows of the stars that are selected everywhere."""
        rows = self.model.rows_of(self._bridge.selection)
        selection = QItemSelection()
        for row in rows:
            index = self.model.index(row, 0)
            selection.select(index, index)
        self._following = True
        flags = QItemSelectionModel.SelectionFlag
        self.table.selectionModel().select(selection, flags.ClearAndSelect | flags.Rows)
        if rows:
            self.table.scrollTo(self.model.index(rows[0], 0))
        self._following = False

    def _on_selected(self, _on: QItemSelection, _off: QItemSelection) -> None:
        if not self._following:
            rows = self.table.selectionModel().selectedRows()
            self._bridge.select(self.model.source_row(index.row()) for index in rows)
