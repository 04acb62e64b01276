"""Every matched star of the shown band, as columns of numbers and as a table model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.fit import ZeroPointFit
from cpcs_desktop.datamodel.matches import WhyRejected
from cpcs_desktop.ui import numbers

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
ROW_ROLE = Qt.ItemDataRole.UserRole

#: title, tooltip, digits
COLUMNS: tuple[tuple[str, str, int], ...] = (
    ("Star", "Row of the source on this frame", 0),
    ("m inst", "Instrumental magnitude, −2.5 log10(flux in ADU)", 3),
    ("± inst", "Its 1 σ error, mag", 3),
    ("m ref", "Magnitude in the reference survey", 3),
    ("± ref", "Its 1 σ error, mag", 3),
    ("Residual", "Reference minus instrumental minus zero point, mag", 3),
    ("Member", "Probability that the star belongs to the good population (0 to 1)", 2),
    ("Colour", "Colour in the reference survey, bluer minus redder band, mag", 2),
    ("Distance", "Distance between source and reference star, arcsec", 2),
    ("x", "Column on the frame; the centre of the first FITS pixel is 1", 1),
    ("y", "Row on the frame; the centre of the first FITS pixel is 1", 1),
    ("Why not", "Why the star takes no part, empty where it does", 0),
)
_WHY = len(COLUMNS) - 1
_REASONS = {
    WhyRejected.NOT_REJECTED: "not in this band",
    WhyRejected.SEPARATION: "lies off the others",
    WhyRejected.OUTSIDE_RADIUS: "outside the match radius",
}
AMBIGUOUS = "two reference stars in reach"
EXCLUDED = "excluded by you"
UNLIKELY = "an outlier by the model"


@dataclass(frozen=True)
class StarColumns:
    """Matched stars of one band; arrays of shape (n,), NaN where a star is not in the fit."""

    source_row: NDArray[np.int64]
    values: NDArray[np.float64]
    why: tuple[str, ...]

    @classmethod
    def of(cls, calibration: Calibration, fit: ZeroPointFit) -> StarColumns:
        """Join matches, fit and sources of one band."""
        matches = calibration.matches[fit.band.partition("/")[0]]
        sources = calibration.exposure.sources(calibration.magnitude_kind)
        rows, n = matches.source_row, len(matches)
        order = np.argsort(fit.source_row)
        at = np.searchsorted(fit.source_row[order], rows)
        at = np.clip(at, 0, max(0, len(order) - 1))
        in_fit = np.zeros(n, dtype=bool)
        place = np.zeros(n, dtype=np.int64)
        if len(order):
            place = order[at]
            in_fit = fit.source_row[place] == rows
        values = np.full((n, len(COLUMNS)), np.nan)
        values[:, 0] = rows
        values[:, 1] = sources.mag_inst[rows]
        values[:, 2] = sources.mag_inst_err[rows]
        for column, name in (
            (3, "mag_ref"),
            (4, "mag_ref_err"),
            (5, "residual"),
            (6, "membership"),
            (7, "colour"),
        ):
            if len(order):
                values[in_fit, column] = getattr(fit, name)[place[in_fit]]
        values[:, 8] = matches.separation_arcsec
        values[:, 9] = sources.x[rows] + 1.0
        values[:, 10] = sources.y[rows] + 1.0
        why = np.full(n, "", dtype=object)
        for reason, words in _REASONS.items():
            why[~in_fit & (matches.why_rejected == reason)] = words
        why[~in_fit & matches.ambiguous] = AMBIGUOUS
        if len(order):
            why[in_fit & (fit.membership < 0.5)[place]] = UNLIKELY
            why[in_fit & fit.excluded[place]] = EXCLUDED
        return cls(rows, values, tuple(why.tolist()))


_NOTHING = StarColumns(np.zeros(0, np.int64), np.zeros((0, len(COLUMNS))), ())


class StarsModel(QAbstractTableModel):
    """Table of :class:`StarColumns`, sorted by numbers."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stars = _NOTHING
        self._order: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._sorted_by = (6, Qt.SortOrder.AscendingOrder)

    def show(self, stars: StarColumns | None) -> None:
        """Show other stars; the same number of rows keeps the scroll position."""
        stars = stars or _NOTHING
        same = np.array_equal(stars.source_row, self._stars.source_row)
        if same:
            self._stars = stars
            self._sort()
            if len(stars.source_row):
                last = self.index(len(stars.source_row) - 1, len(COLUMNS) - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self._stars = stars
        self._sort()
        self.endResetModel()

    def source_row(self, row: int) -> int:
        """Return the source of a table row."""
        return int(self._stars.source_row[self._order[row]])

    def rows_of(self, sources: frozenset[int]) -> list[int]:
        """Return the table rows of sources."""
        if not sources:
            return []
        shown = self._stars.source_row[self._order]
        return [int(n) for n in np.flatnonzero(np.isin(shown, list(sources)))]

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Count rows."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Count columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Titles and what they mean."""
        if orientation is Qt.Orientation.Horizontal and 0 <= section < len(COLUMNS):
            if role == Qt.ItemDataRole.DisplayRole:
                return COLUMNS[section][0]
            if role == Qt.ItemDataRole.ToolTipRole:
                return COLUMNS[section][1]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Answer one cell."""
        if not index.isValid() or index.row() >= len(self._order):
            return None
        star, column = int(self._order[index.row()]), index.column()
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            if column == _WHY:
                return self._stars.why[star]
            value = float(self._stars.values[star, column])
            return numbers.number(value, COLUMNS[column][2], sign=column == 5)
        if role == Qt.ItemDataRole.TextAlignmentRole and column != _WHY:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole:
            return COLUMNS[column][1]
        if role == Qt.ItemDataRole.FontRole and self._stars.why[star] == EXCLUDED:
            return _struck_out()
        return self.source_row(index.row()) if role == ROW_ROLE else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by the numbers of a column, unknown ones last."""
        self._sorted_by = (column, order)
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        sources = [self.source_row(i.row()) for i in before]
        self._sort()
        for index, source in zip(before, sources, strict=True):
            rows = self.rows_of(frozenset({source}))
            moved = self.index(rows[0], index.column()) if rows else QModelIndex()
            self.changePersistentIndex(index, moved)
        self.layoutChanged.emit()

    def _sort(self) -> None:
        column, order = self._sorted_by
        if column == _WHY:
            key = np.unique(np.array(self._stars.why, dtype=str), return_inverse=True)[1] * 1.0
        elif 0 <= column < len(COLUMNS):
            key = self._stars.values[:, column]
        else:
            key = np.arange(len(self._stars.source_row), dtype=np.float64)
        if order is Qt.SortOrder.DescendingOrder:
            key = -key
        self._order = np.argsort(key, kind="stable")


def _struck_out() -> Any:
    from PySide6.QtGui import QFont

    font = QFont()
    font.setStrikeOut(True)
    return font
