"""A table model over a list of frozen dataclasses: events, submissions, surveys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from cpcs_desktop.ui.theme import Rgb, qcolor

Index = QModelIndex | QPersistentModelIndex
Row = TypeVar("Row")
ROW_ROLE = Qt.ItemDataRole.UserRole
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
_ROOT = QModelIndex()


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column.

    Parameters
    ----------
    title, tooltip : str
    text : callable
        What a cell says.
    value : callable, optional
        What it is sorted by; the text by default.
    right : bool
        Numbers stand to the right.
    """

    title: str
    tooltip: str
    text: Callable[[Row], str]
    value: Callable[[Row], Any] | None = None
    right: bool = False


class TableModel(QAbstractTableModel, Generic[Row]):
    """Rows and columns; shows, changes nothing."""

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        parent: QObject | None = None,
        *,
        colour: Callable[[Row, int], Rgb | None] | None = None,
    ) -> None:
        super().__init__(parent)
        self._columns = tuple(columns)
        self._rows: tuple[Row, ...] = ()
        self._colour = colour

    def show(self, rows: Sequence[Row], *, anew: bool = False) -> None:
        """Show other rows; ``anew`` where cells depend on more than their row."""
        rows = tuple(rows)
        if rows == self._rows and not (anew and rows):
            return
        if len(rows) == len(self._rows):
            self._rows = rows
            last = self.index(len(rows) - 1, len(self._columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows shown."""
        return self._rows

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Count rows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Count columns."""
        return 0 if parent.isValid() else len(self._columns)

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
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row, column = self._rows[index.row()], self._columns[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.ToolTipRole:
                return column.text(row)
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{column.title}: {column.text(row)}"
            case Qt.ItemDataRole.TextAlignmentRole if column.right:
                return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            case Qt.ItemDataRole.ForegroundRole if self._colour is not None:
                rgb = self._colour(row, index.column())
                return None if rgb is None else qcolor(rgb)
            case _ if role == ROW_ROLE:
                return row
            case _ if role == SORT_ROLE:
                value = column.text(row) if column.value is None else column.value(row)
                return float("inf") if value is None else value
        return None
