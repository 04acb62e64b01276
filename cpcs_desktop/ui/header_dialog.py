"""The header of a frame, with search; guessed values look different from read ones."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLabel, QLineEdit, QVBoxLayout, QWidget

from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.plain_table import PlainTable
from cpcs_desktop.ui.table_model import Column, TableModel
from cpcs_desktop.ui.theme import Rgb, Theme, css

_FIELDS = (
    ("mjd", "MJD, mid-exposure"),
    ("exposure_s", "exposure (s)"),
    ("filter_header", "filter"),
    ("gain", "gain (e-/ADU)"),
    ("saturation", "saturation (ADU)"),
    ("read_noise", "read noise (e-)"),
    ("pixel_scale_arcsec", "pixel scale (″)"),
    ("airmass", "airmass"),
    ("telescope", "telescope"),
    ("instrument", "instrument"),
    ("object_name", "object"),
)


@dataclass(frozen=True)
class HeaderRow:
    """One card."""

    number: int
    keyword: str
    value: str
    comment: str


class HeaderDialog(QDialog):
    """What the program understood, then every card."""

    def __init__(self, frame: Frame, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("headerDialog")
        self.setWindowTitle("Header")
        rows = [HeaderRow(n, *card) for n, card in enumerate(frame.header)]
        self.understood = QLabel(understood(frame, theme), self)
        self.understood.setObjectName("understood")
        self.understood.setWordWrap(True)
        self.search = QLineEdit(self)
        self.search.setObjectName("headerSearch")
        self.search.setPlaceholderText("Search keyword, value or comment …")
        self.search.setClearButtonEnabled(True)

        def colour(row: HeaderRow, column: int) -> Rgb | None:
            del row
            return theme.accent if column == 1 else theme.faint if column == 3 else None

        columns: tuple[Column[HeaderRow], ...] = (
            Column("", "Place in the header", lambda r: str(r.number), lambda r: r.number),
            Column("Keyword", "", lambda r: r.keyword),
            Column("Value", "", lambda r: r.value),
            Column("Comment", "", lambda r: r.comment),
        )
        self.model: TableModel[HeaderRow] = TableModel(columns, self, colour=colour)
        self.model.show(rows)
        self.table = PlainTable(
            self.model, "headerTable", "Header cards", "This input has no header.", self
        )
        self.table.size_columns(["1000", "KEYWORD00..", "a value of usual length 0123456789"])
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.search.textChanged.connect(self.table.sorted.setFilterFixedString)
        column = QVBoxLayout(self)
        column.addWidget(self.understood)
        column.addWidget(self.search)
        column.addWidget(self.table, 1)
        self.resize(self.fontMetrics().horizontalAdvance("x" * 100), 560)


def understood(frame: Frame, theme: Theme) -> str:
    """Say what was read, what was guessed and what is missing."""
    parts = []
    for name, word in _FIELDS:
        value = getattr(frame, name)
        if value is None:
            shown = f'<span style="color:{css(theme.warning)}">missing</span>'
        else:
            text = numbers.number(value, 5).rstrip("0").rstrip(".") if _is_float(value) else value
            shown = f"<b>{text}</b>"
            if name in frame.guessed:
                shown = f'<span style="color:{css(theme.warning)}"><i>{text} (guessed)</i></span>'
        parts.append(f"{word}: {shown}")
    return " &nbsp; ".join(parts)


def _is_float(value: object) -> bool:
    return isinstance(value, float)
