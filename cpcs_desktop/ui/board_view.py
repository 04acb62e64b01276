"""The night board: the rows, a line to filter them, and the way through them by key."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSize, QSortFilterProxyModel, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QLineEdit, QTableView, QVBoxLayout, QWidget

from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui import board_model
from cpcs_desktop.ui.board_model import KEY_ROLE, SORT_ROLE, BoardModel
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.night_strip import NightStrip
from cpcs_desktop.ui.theme import Theme

_EMPTY = "Drop frames or folders here"


class BoardTable(QTableView):
    """The table; letters stay free for the window's one-key commands."""

    def keyboardSearch(self, search: str) -> None:
        """Leave letters to the shortcuts: type-to-search would swallow j, k, a and r."""
        del search

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave letters to the window."""
        if event.text().isalpha() and not event.modifiers():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Say what an empty board is for."""
        super().paintEvent(event)
        if self.model() is not None and self.model().rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().placeholderText().color())
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect().adjusted(12, 12, -12, -12), flags, _EMPTY)
            painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep rows as high as two thumbnails fit the text size."""
        super().resizeEvent(event)
        self.verticalHeader().setDefaultSectionSize(max(34, int(self.fontMetrics().height() * 1.9)))


class BoardView(QWidget):
    """The night board.

    Parameters
    ----------
    bridge : Bridge
    theme : Theme
    """

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("board")
        self._bridge = bridge
        self.model = BoardModel(bridge, theme, self)
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self.model)
        self.sorted.setSortRole(SORT_ROLE)
        self.sorted.setFilterKeyColumn(-1)
        self.sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)

        self.filter = QLineEdit(self)
        self.filter.setObjectName("boardFilter")
        self.filter.setPlaceholderText("Filter rows: name, band, status …")
        self.filter.setAccessibleName("Filter the rows of the night")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self.sorted.setFilterFixedString)

        self.table = BoardTable(self)
        self.table.setObjectName("boardTable")
        self.table.setAccessibleName("Frames of the night")
        self.table.setModel(self.sorted)
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(board_model.UTC, Qt.SortOrder.AscendingOrder)
        self.table.setIconSize(QSize(28, 28))
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setAlternatingRowColors(True)
        self.table.verticalHeader().hide()
        self.table.setTabKeyNavigation(False)
        header = self.table.horizontalHeader()
        header.setSectionsMovable(True)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        self._size_columns()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        layout.addWidget(self.filter)
        layout.addWidget(self.table, 1)
        self.strip = NightStrip(bridge, self.model, theme, self)
        layout.addWidget(self.strip)

        self.table.selectionModel().currentRowChanged.connect(self._on_current)
        self.model.modelReset.connect(self._show_current)
        bridge.changed.connect(self._on_changed)
        self._show_current()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave most of the height to the rows."""
        super().resizeEvent(event)
        self.strip.give_room(event.size().height())

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.model.use_theme(theme)
        self.strip.use_theme(theme)
        self._size_columns()

    def selected_keys(self) -> list[int]:
        """Return the keys of the selected rows."""
        rows = self.table.selectionModel().selectedRows()
        return [int(index.data(KEY_ROLE)) for index in rows]

    def _size_columns(self) -> None:
        wide = self.fontMetrics().horizontalAdvance
        texts = {
            board_model.STATE: "✔",
            board_model.NAME: "gaia16aye_r_001...",
            board_model.UTC: "00:00:00.",
            board_model.FILTER: "Filter.",
            board_model.BAND: "REFCAT2/r ?",
            board_model.MAG: "15.312 ± 0.008",
            board_model.ZP: "25.1140",
            board_model.TREND: "Trend .",
            board_model.SCATTER: "Scatter .",
            board_model.CHECK: "−0.0123 .",
            board_model.FWHM: "FWHM .",
            board_model.SOURCES: "Sources .",
            board_model.MJD: "57612.912340",
            board_model.HJD: "2457613.412340",
            board_model.BJD: "2457613.412340",
        }
        for column, text in texts.items():
            self.table.setColumnWidth(column, wide(text) + 16)

    def _on_changed(self, changes: Changes) -> None:
        if changes.current:
            self._show_current()

    def _show_current(self) -> None:
        row = self.model.row_of(self._bridge.current)
        if row is None:
            return
        index = self.sorted.mapFromSource(self.model.index(row, 0))
        if index.isValid() and index.row() != self.table.currentIndex().row():
            self.table.setCurrentIndex(index)
        elif index.isValid() and not self.table.selectionModel().hasSelection():
            self.table.selectRow(index.row())

    def _on_current(self, index: QModelIndex, _before: QModelIndex) -> None:
        key = index.data(KEY_ROLE)
        if key is not None:
            self._bridge.look_at(int(key))

    def step(self, by: int) -> None:
        """Look at the next or previous row in the order shown."""
        count = self.sorted.rowCount()
        if count:
            row = self.table.currentIndex().row()
            self.table.setCurrentIndex(self.sorted.index(min(max(row + by, 0), count - 1), 0))
