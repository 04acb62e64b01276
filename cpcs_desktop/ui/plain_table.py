"""The one look of the window's tables: sortable, filterable, letters left to the shortcuts."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractItemModel, QSortFilterProxyModel, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QTableView, QWidget

from cpcs_desktop.ui.table_model import ROW_ROLE, SORT_ROLE


class PlainTable(QTableView):
    """A table with a sentence where it is empty.

    Parameters
    ----------
    name : str
        Object name.
    accessible : str
        Name for screen readers.
    empty : str
        What an empty table says.
    """

    def __init__(
        self, model: QAbstractItemModel, name: str, accessible: str, empty: str, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self._empty = empty
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(model)
        self.sorted.setSortRole(SORT_ROLE)
        self.sorted.setFilterKeyColumn(-1)
        self.sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setModel(self.sorted)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setSortingEnabled(True)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)

    def size_columns(self, texts: list[str]) -> None:
        """Make columns as wide as these texts; the last one takes the rest."""
        metrics = self.fontMetrics()
        for column, text in enumerate(texts):
            self.setColumnWidth(column, metrics.horizontalAdvance(text) + 20)
        self.verticalHeader().setDefaultSectionSize(int(metrics.height() * 1.7))

    def chosen(self) -> Any:
        """Return the row chosen, None for none."""
        index = self.currentIndex()
        return index.data(ROW_ROLE) if index.isValid() else None

    def keyboardSearch(self, search: str) -> None:
        """Leave letters to the shortcuts."""
        del search

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave letters to the window."""
        if event.text().isalpha() and not event.modifiers():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Say what an empty table is for."""
        super().paintEvent(event)
        if self.sorted.rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().placeholderText().color())
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect().adjusted(24, 12, -24, -12), flags, self._empty)
            painter.end()
