"""The fits of all bands as a list model, best first: the small multiples."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.fit import ZeroPointFit
from cpcs_desktop.ui import numbers

Index = QModelIndex | QPersistentModelIndex
FIT_ROLE = Qt.ItemDataRole.UserRole
CHOSEN_ROLE = Qt.ItemDataRole.UserRole + 1
_ROOT = QModelIndex()


class FitsModel(QAbstractListModel):
    """One entry per band of every survey, ranked, failed ones last."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._fits: tuple[ZeroPointFit, ...] = ()
        self._chosen: str | None = None

    def show(self, calibration: Calibration | None) -> None:
        """Show the fits of another calibration."""
        fits = () if calibration is None else calibration.fits
        chosen = None if calibration is None else calibration.choice.band
        if [f.band for f in fits] == [f.band for f in self._fits]:
            self._fits, self._chosen = fits, chosen
            if fits:
                self.dataChanged.emit(self.index(0), self.index(len(fits) - 1))
            return
        self.beginResetModel()
        self._fits, self._chosen = fits, chosen
        self.endResetModel()

    def row_of(self, band: str | None) -> int | None:
        """Return the row of a band."""
        return next((n for n, fit in enumerate(self._fits) if fit.band == band), None)

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Count bands."""
        return 0 if parent.isValid() else len(self._fits)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Answer one entry."""
        if not index.isValid() or index.row() >= len(self._fits):
            return None
        fit = self._fits[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return fit.band
        if role in {Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole}:
            return describe(fit)
        if role == CHOSEN_ROLE:
            return fit.band == self._chosen
        return fit if role == FIT_ROLE else None


def describe(fit: ZeroPointFit) -> str:
    """Say everything about a fit in a few lines."""
    if fit.status == "failed":
        return f"{fit.band}: no fit. {fit.reason or ''}"
    rank = "" if fit.rank is None else f"rank {fit.rank}, "
    return (
        f"{fit.band}: {rank}zero point {numbers.number(fit.zero_point, 3)} ± "
        f"{numbers.number(fit.zero_point_err, 3)} mag\n"
        f"scatter {numbers.number(fit.scatter, 3)} mag beyond the formal errors\n"
        f"{fit.n_used:.1f} of {fit.n_matched} stars count, "
        f"{100 * fit.outlier_fraction:.0f} % outliers\n"
        f"colour slope {numbers.number(fit.colour_slope, 3, sign=True)} ± "
        f"{numbers.number(fit.colour_slope_err, 3)}"
    )
