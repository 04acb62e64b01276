"""The record behind a point: fit, stars, source list, provenance; it can be saved and run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.columns_model import ColumnsModel, columns_table
from cpcs_desktop.ui.plain_table import PlainTable
from cpcs_desktop.ui.record_content import Fact, RecordContent, headline
from cpcs_desktop.ui.record_plot import RecordPlot
from cpcs_desktop.ui.table_model import ROW_ROLE, Column, TableModel
from cpcs_desktop.ui.task import Tasks
from cpcs_desktop.ui.theme import THEMES, css

if TYPE_CHECKING:
    from cpcs_desktop.sync.rerun import Rerun

_FACTS: tuple[Column[Fact], ...] = (
    Column("", "Place in the record", lambda f: str(f.number + 1), lambda f: f.number),
    Column("Part", "Where the value belongs", lambda f: f.group),
    Column("Name", "", lambda f: f.name),
    Column("Value", "", lambda f: f.value),
)


class RecordView(QDialog):
    """One record, read-only. The window behind it stays in use.

    Parameters
    ----------
    content : RecordContent
    bridge : Bridge
    parent : QWidget
    """

    def __init__(self, content: RecordContent, bridge: Bridge, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("recordView")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Record of {content.point.file_name or content.point.id}")
        self.content = content
        self._bridge = bridge
        self._tasks = Tasks(self)
        self._tasks.failed.connect(self._failed)
        theme = THEMES[bridge.settings.theme]
        self.head = QLabel(headline(content.record), self)
        self.head.setObjectName("recordHead")
        self.head.setTextFormat(Qt.TextFormat.RichText)
        self.head.setWordWrap(True)
        self.head.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.plot = RecordPlot(content, theme)
        self.stars_model = ColumnsModel(content.stars, self)
        self.stars = columns_table(self.stars_model, "recordStars", "Stars of the fit", self)
        self.sources = columns_table(
            ColumnsModel(content.sources, self), "recordSources", "Source list", self
        )
        self.parts = QTabWidget(self)
        self.parts.setObjectName("recordParts")
        self.parts.setAccessibleName("Parts of the record")
        self.parts.setDocumentMode(True)
        lacks = "The point came without it."
        self.parts.addTab(self.plot if content.stars else QLabel(lacks, self), "&Fit")
        self._add_table(self.stars, "&Stars", len(content.mag_inst), lacks)
        n_sources = len(content.sources[0].values) if content.sources else 0
        self._add_table(self.sources, "Source &list", n_sources, lacks)
        self.parts.addTab(self._facts(), "&Everything else")
        self.answer = QLabel(self)
        self.answer.setObjectName("rerunAnswer")
        self.answer.setTextFormat(Qt.TextFormat.RichText)
        self.answer.setWordWrap(True)
        self.again = self._button("recordRerun", "&Run again", "Fit the stored stars again")
        self.save = self._button("recordSave", "Save as &zip …", "One file that opens anywhere")
        self.shut = self._button("recordClose", "&Close", "Close the record (Esc)")
        self.again.setEnabled(bool(content.stars))
        row = QHBoxLayout()
        row.addWidget(self.answer, 1)
        for button in (self.again, self.save, self.shut):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.addWidget(self.head)
        column.addWidget(self.parts, 1)
        column.addLayout(row)
        self.again.clicked.connect(self.run_again)
        self.save.clicked.connect(self._ask_where)
        self.shut.clicked.connect(self.reject)
        self.plot.star_clicked.connect(self._show_star)
        self.stars.selectionModel().currentChanged.connect(
            lambda index, _before: self.plot.light(index.data(ROW_ROLE))
        )
        self.resize(self.fontMetrics().horizontalAdvance("x" * 120), 640)

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAutoDefault(False)
        return button

    def _add_table(self, table: QTableView, title: str, n: int, lacks: str) -> None:
        if n == 0:
            table.hide()
        self.parts.addTab(table if n else QLabel(lacks, self), f"{title} ({n})")

    def _facts(self) -> QWidget:
        page = QWidget(self)
        search = QLineEdit(page)
        search.setObjectName("recordSearch")
        search.setAccessibleName("Search the record")
        search.setPlaceholderText("Search name or value …")
        search.setClearButtonEnabled(True)
        self.facts_model: TableModel[Fact] = TableModel(_FACTS, self)
        self.facts_model.show(self.content.facts)
        self.facts = PlainTable(
            self.facts_model, "recordFacts", "Values of the record", "Nothing is known.", page
        )
        self.facts.size_columns(["100..", "error budget..", "match_radius_arcsec....", ""])
        self.facts.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        search.textChanged.connect(self.facts.sorted.setFilterFixedString)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(search)
        column.addWidget(self.facts, 1)
        return page

    def _show_star(self, row: int) -> None:
        self.stars.selectRow(self.stars_model.row_of(row))

    # -- run again -------------------------------------------------------------------------------

    def run_again(self) -> None:
        """Fit the stored stars again, in a thread, and show the number beside the stored one."""
        from cpcs_desktop.sync.rerun import rerun

        self.again.setEnabled(False)
        self.answer.setText("Fitting the stored stars …")
        future = self._bridge.threads.submit(rerun, self.content.record.submission)
        self._tasks.start("rerun", future, self._came)

    def _came(self, again: Rerun) -> None:
        self.again.setEnabled(True)
        theme = THEMES[self._bridge.settings.theme]
        word, colour = ("✔ the same", theme.good) if again.same else ("■ differs", theme.bad)
        self.answer.setText(
            f'stored {again.mag:.6f} &nbsp; again {again.mag_now:.6f} &nbsp; <b><span style="'
            f'color:{css(colour)}">{word}</span></b> &nbsp; zero point {again.zero_point:.6f}, '
            f"again {again.zero_point_now:.6f}"
        )

    def _failed(self, error: Exception) -> None:
        self.again.setEnabled(True)
        self.answer.setText(getattr(error, "message", "It cannot be run again."))
        if not isinstance(error, CpcsError):
            self._bridge.unforeseen.emit(error)

    # -- the zip file ----------------------------------------------------------------------------

    def _ask_where(self) -> None:
        file, _ = QFileDialog.getSaveFileName(
            self, "Save the record", f"{self.content.point.id}.zip", "Record (*.zip)"
        )
        if file:
            self.save_as(Path(file if Path(file).suffix else f"{file}.zip"))

    def save_as(self, file: Path) -> None:
        """Write the record into a zip file, in a thread."""
        from cpcs_desktop.io.record_zip import write_record

        future = self._bridge.threads.submit(write_record, self.content.record.submission, file)
        self._tasks.start("save", future, lambda _none: self.answer.setText(f"Saved as {file}"))
