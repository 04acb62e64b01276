"""The chooser for lists whose columns have no names, or names nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.io.reading import Reading
from cpcs_desktop.settings import ListChoice, with_list_choice
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.columns_model import ArrayColumn, ColumnsModel, columns_table

#: Rows and columns of the list that are shown.
_ROWS, _COLUMNS = 12, 80
_NOT_THERE = "—"
#: Quantity, label with its key, what it means.
_QUANTITIES = (
    ("ra", "&Right ascension", "degrees, or hours as 12:34:56"),
    ("dec", "&Declination", "degrees"),
    ("mag", "&Magnitude", "instrumental, -2.5 log10 of the flux in ADU"),
    ("mag_err", "Magnitude &error", "1 sigma, mag"),
    ("flux", "&Flux", "ADU; in place of the magnitude"),
    ("flux_err", "Fl&ux error", "1 sigma, ADU"),
    ("x", "&x", "pixels, the first one is 1"),
    ("y", "&y", "pixels, the first one is 1"),
    ("fwhm", "F&WHM", "pixels"),
    ("flags", "Fla&gs", "as SExtractor counts them"),
)


@dataclass(frozen=True)
class ListToChoose:
    """A list's columns, its first rows, and what is believed of them already."""

    path: Path
    names: tuple[str, ...]
    shown: tuple[tuple[str, NDArray[np.str_]], ...]
    start: Mapping[str, str]


def list_to_choose(path: Path, reading: Reading) -> ListToChoose:
    """Read the columns of a list; made for a background thread.

    Raises
    ------
    CpcsError
        ``unreadable`` or ``not_fits``.
    """
    from cpcs_desktop.io.list_columns import known_columns
    from cpcs_desktop.io.tables import read_columns

    table = read_columns(path)
    names = tuple(table.columns)
    shown = []
    for name, values in list(table.columns.items())[:_COLUMNS]:
        cells = values[:_ROWS]
        shown.append((name, np.array([_cell(cell) for cell in cells], dtype=str)))
    start = reading.chosen(names) or known_columns(names)
    return ListToChoose(path, names, tuple(shown), start)


def _cell(value: object) -> str:
    if isinstance(value, np.ndarray):
        return " ".join(_cell(part) for part in value.ravel()[:4])
    return f"{value:.10g}" if isinstance(value, float | np.floating) else str(value).strip()


class ColumnChooser(QDialog):
    """Says which column is which; remembered for the next list with the same columns."""

    def __init__(self, bridge: Bridge, given: ListToChoose, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("columnChooser")
        self.setWindowTitle("Columns of a list")
        self._bridge = bridge
        self._given = given
        self.choices: dict[str, QComboBox] = {}
        left, right = QFormLayout(), QFormLayout()
        for n, (quantity, label, meaning) in enumerate(_QUANTITIES):
            (left if n < 6 else right).addRow(label, self._box(quantity, label, meaning))
        forms = QHBoxLayout()
        forms.addLayout(left)
        forms.addSpacing(24)
        forms.addLayout(right)
        forms.addStretch(1)
        self.words = QLabel(
            f"{given.path.name}: a position is needed, and a magnitude or a flux with its error."
            " The choice holds for every list with the same columns.",
            self,
        )
        self.words.setWordWrap(True)
        self.table = self._preview()
        self.complaint = QLabel(self)
        self.complaint.setObjectName("columnComplaint")
        self.complaint.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        column = QVBoxLayout(self)
        column.addWidget(self.words)
        column.addLayout(forms)
        column.addWidget(self.table, 1)
        column.addWidget(self.complaint)
        column.addWidget(self.buttons)
        self.buttons.accepted.connect(self._try)
        self.buttons.rejected.connect(self.reject)
        self.resize(self.fontMetrics().horizontalAdvance("x" * 110), 520)
        self._look()

    def _box(self, quantity: str, label: str, meaning: str) -> QComboBox:
        box = QComboBox(self)
        box.setObjectName(f"column-{quantity}")
        box.setAccessibleName(f"Column of {label.replace('&', '')}, {meaning}")
        box.setToolTip(meaning)
        box.addItem(_NOT_THERE)
        box.addItems(list(self._given.names))
        wanted = self._given.start.get(quantity, "").upper()
        known = [name.upper() for name in self._given.names]
        box.setCurrentIndex(known.index(wanted) + 1 if wanted in known else 0)
        box.currentIndexChanged.connect(self._look)
        self.choices[quantity] = box
        return box

    def _preview(self) -> QTableView:
        shown = [ArrayColumn(name, name, cells) for name, cells in self._given.shown]
        table = columns_table(
            ColumnsModel(shown, self), "columnPreview", "First rows of the list", self
        )
        table.setSortingEnabled(False)  # the rows as they stand in the file
        return table

    @property
    def chosen(self) -> dict[str, str]:
        """Quantity to column name, of what was chosen."""
        return {
            quantity: box.currentText()
            for quantity, box in self.choices.items()
            if box.currentIndex() > 0
        }

    def _look(self) -> None:
        """Say what is still missing; only a whole choice can be taken."""
        chosen = self.chosen
        lacking = [name for name in ("ra", "dec") if name not in chosen]
        if {"x", "y"} <= chosen.keys() and lacking:
            lacking = []  # a list that carries its frame's WCS needs no positions
        pairs = ({"mag", "mag_err"}, {"flux", "flux_err"})
        measured = any(pair <= chosen.keys() for pair in pairs)
        titles = {quantity: label.replace("&", "") for quantity, label, _ in _QUANTITIES}
        words = [titles[quantity].lower() for quantity in lacking]
        if not measured:
            words.append("a magnitude or a flux with its error")
        twice = len(set(chosen.values())) < len(chosen)
        sentence = f"Still missing: {', '.join(words)}." if words else ""
        self.complaint.setText("One column is chosen twice." if twice else sentence)
        ready = not words and not twice
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)

    def _try(self) -> None:
        """Read the list so; what does not work is said here, not on the board."""
        from cpcs_desktop.io.source_lists import read_source_catalog

        self.buttons.setEnabled(False)
        future = self._bridge.threads.submit(
            read_source_catalog, self._given.path, columns=self.chosen
        )
        self._bridge.tasks.start("columns", future, lambda _read: self._take(), self._refuse)

    def _refuse(self, error: Exception) -> None:
        self.buttons.setEnabled(True)
        if isinstance(error, CpcsError):
            self.complaint.setText(f"{error.message} {error.hint}")
        else:
            self._bridge.unforeseen.emit(error)

    def _take(self) -> None:
        bridge = self._bridge
        choice = ListChoice(columns=self._given.names, chosen=self.chosen)
        bridge.use_settings(with_list_choice(bridge.settings, choice))
        keys = [
            frame.key
            for frame in bridge.night.frames
            if frame.path == str(self._given.path)
            or (frame.error is not None and frame.error.code == "missing_column")
        ]
        bridge.changed.emit(bridge.work.again(keys))
        self.accept()
