"""Quality checks as a list model: a shape and a colour, a sentence, what to do."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from cpcs_desktop.datamodel.fit import Check
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.theme import Theme, qcolor

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
#: The shape says what the colour says.
MARKS = {"green": "●", "amber": "▲", "red": "■", "unavailable": "–"}
_WORDS = {"green": "good", "amber": "look at this", "red": "wrong", "unavailable": "not possible"}
_ORDER = ("red", "amber", "green", "unavailable")


class ChecksModel(QAbstractListModel):
    """Checks of the shown row, the worst first."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._checks: list[Check] = []

    def show(self, checks: tuple[Check, ...]) -> None:
        """Show other checks."""
        ordered = sorted(checks, key=lambda check: _ORDER.index(check.level))
        if ordered == self._checks:
            return
        self.beginResetModel()
        self._checks = ordered
        self.endResetModel()

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        if self._checks:
            self.dataChanged.emit(self.index(0), self.index(len(self._checks) - 1))

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Count checks."""
        return 0 if parent.isValid() else len(self._checks)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Answer one check."""
        if not index.isValid() or index.row() >= len(self._checks):
            return None
        check = self._checks[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{MARKS[check.level]}  {check.message}"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{_WORDS[check.level]}: {check.message}"
        if role == Qt.ItemDataRole.ToolTipRole:
            value = "" if check.value is None else f" ({numbers.number(check.value, 4)})"
            name = check.code.replace("_", " ")
            return f"{name}: {_WORDS[check.level]}{value}\n{check.message}"
        if role == Qt.ItemDataRole.ForegroundRole:
            return qcolor(self._theme.level(check.level))
        return None
