"""A table model over numpy columns, for tables of many thousand rows; sorted by numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QTableView, QWidget

from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.table_model import ROW_ROLE

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


@dataclass(frozen=True)
class ArrayColumn:
    """One column.

    Parameters
    ----------
    title, tooltip : str
    values : ndarray, shape (n,)
        Numbers, texts, or truth values (shown as a mark).
    digits : int
        Digits after the point.
    """

    title: str
    tooltip: str
    values: NDArray[Any]
    digits: int = 0

    def text(self, row: int) -> str:
        """Write one cell."""
        value = self.values[row]
        if self.values.dtype.kind == "b":
            return "✘" if value else ""
        if self.values.dtype.kind == "f":
            return numbers.number(float(value), self.digits)
        return str(value)


class ColumnsModel(QAbstractTableModel):
    """Rows of equal-length columns; shows, changes nothing."""

    def __init__(self, columns: Sequence[ArrayColumn], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns = tuple(columns)
        self._order: NDArray[np.intp] = np.arange(len(columns[0].values) if columns else 0)

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Count rows."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Count columns."""
        return 0 if parent.isValid() else len(self._columns)

    def row_of(self, at: int) -> int:
        """Return where a row of the arrays stands now."""
        return int(np.flatnonzero(self._order == at)[0])

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Titles and what they mean."""
        if orientation is Qt.Orientation.Horizontal and 0 <= section < len(self._columns):
            if role == Qt.ItemDataRole.DisplayRole:
                return self._columns[section].title
            if role == Qt.ItemDataRole.ToolTipRole:
                return self._columns[section].tooltip
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Answer one cell."""
        if not index.isValid() or index.row() >= len(self._order):
            return None
        at, column = int(self._order[index.row()]), self._columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(at)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{column.title}: {column.text(at) or 'no'}"
        if role == Qt.ItemDataRole.TextAlignmentRole and column.values.dtype.kind in "fi":
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return at if role == ROW_ROLE else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column, unknown values last."""
        if not 0 <= column < len(self._columns):
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        kept = [int(self._order[i.row()]) for i in before]
        values = self._columns[column].values
        if values.dtype.kind not in "fib":
            values = np.unique(values.astype(str), return_inverse=True)[1]
        key = values.astype(np.float64)
        self._order = np.argsort(
            -key if order is Qt.SortOrder.DescendingOrder else key, kind="stable"
        )
        places = np.empty_like(self._order)
        places[self._order] = np.arange(len(self._order))
        for index, at in zip(before, kept, strict=True):
            self.changePersistentIndex(index, self.index(int(places[at]), index.column()))
        self.layoutChanged.emit()


def columns_table(model: ColumnsModel, name: str, accessible: str, parent: QWidget) -> QTableView:
    """Return a sortable table of the model."""
    table = QTableView(parent)
    table.setObjectName(name)
    table.setAccessibleName(accessible)
    table.setModel(model)
    table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
    # No order but the record's own until a header is clicked; else Qt would sort by column 0.
    table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
    table.setSortingEnabled(True)
    table.setShowGrid(False)
    table.setAlternatingRowColors(True)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.horizontalHeader().setHighlightSections(False)
    table.horizontalHeader().setStretchLastSection(True)
    metrics = table.fontMetrics()
    for column in range(model.columnCount()):
        title = str(model.headerData(column, Qt.Orientation.Horizontal))
        widest = max([title + "..", *(model.data(model.index(r, column)) for r in
                                      range(min(20, model.rowCount())))], key=len)  # fmt: skip
        table.setColumnWidth(column, metrics.horizontalAdvance(widest) + 22)
    table.verticalHeader().setDefaultSectionSize(int(metrics.height() * 1.5))
    return table
