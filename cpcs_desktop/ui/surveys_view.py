"""Reference surveys in the cache: what is there, and whether it covers the field looked at."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.fields_panel import FieldsPanel
from cpcs_desktop.ui.plain_table import PlainTable
from cpcs_desktop.ui.sky_map import SkyMap
from cpcs_desktop.ui.surveys_model import SURVEY_COLUMNS, SurveyRow, size_of, survey_rows
from cpcs_desktop.ui.table_model import TableModel
from cpcs_desktop.ui.task import Tasks
from cpcs_desktop.ui.theme import Rgb, Theme

_UNKNOWN_FIELD_DEG = 0.25


class SurveysView(QWidget):
    """Table and sky map of the cache; import, verify, remove."""

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("surveys")
        self._bridge = bridge
        self._theme = theme
        self._tasks = Tasks(self)
        self._tasks.failed.connect(bridge.explain)
        self._stale = True
        self.model: TableModel[SurveyRow] = TableModel(SURVEY_COLUMNS, self, colour=self._colour)
        self.table = PlainTable(
            self.model, "surveysTable", "Reference surveys", "Reading the cache …", self
        )
        self.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
        self.state = QLabel(self)
        self.state.setObjectName("surveysState")
        self.state.setWordWrap(True)
        self.which = QComboBox(self)
        self.which.setObjectName("importSurvey")
        self.which.setAccessibleName("Survey to import into")
        self.add = self._button("importFiles", "Import files …", "FITS, VOTable, CSV, ECSV ...")
        self.verify = self._button("verifySurvey", "Verify", "Compare files with their checksums")
        self.drop = self._button("removeSurvey", "Remove", "Remove the chosen survey; asks first")
        self.moc = self._button(
            "saveMoc", "Save MOC …", "Save the chosen survey's coverage; Aladin opens it"
        )
        self.map = SkyMap(theme, self)
        self.fields = FieldsPanel(bridge, theme, self)
        row = QHBoxLayout()
        row.addWidget(self.state, 1)
        for widget in (self.which, self.add, self.verify, self.moc, self.drop):
            row.addWidget(widget)
        splitter = QSplitter(Qt.Orientation.Vertical, self)
        below = QSplitter(Qt.Orientation.Horizontal, self)
        below.addWidget(self.fields)
        below.addWidget(self.map)
        below.setStretchFactor(0, 2)
        below.setStretchFactor(1, 1)
        below.setSizes([2000, 1000])
        below.setChildrenCollapsible(False)
        splitter.addWidget(self.table)
        splitter.addWidget(below)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addLayout(row)
        column.addWidget(splitter, 1)
        self.add.clicked.connect(self.ask_files)
        self.verify.clicked.connect(self._verify)
        self.drop.clicked.connect(self._ask_remove)
        self.moc.clicked.connect(self._ask_moc)
        self.fields.prepared.connect(bridge.surveys_changed)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._show_map())
        bridge.changed.connect(self._on_changed)
        self.use_theme(theme)

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setToolTip(tip)
        return button

    def use_theme(self, theme: Theme) -> None:
        """Use other colours and the present text size."""
        self._theme = theme
        self.map.use_theme(theme)
        self.fields.use_theme(theme)
        self.table.size_columns(
            ["SKYMAPPER..", "■ not covered..", "u g r i z U B V R I..", "Magnitudes..",
             "1,000,000..", "1000.00 deg²..", "100.0 MB..", "1000 d..", "Release 00...",
             "Gaia Collaboration et al. 2023, A&A.."]
        )  # fmt: skip

    def _colour(self, row: SurveyRow, column: int) -> Rgb | None:
        theme = self._theme
        if row.stars is None:
            return theme.faint
        if column != 1 or row.here is None:
            return None
        return theme.good if row.here > 0.999 else theme.warning if row.here > 0 else theme.bad

    # -- reading ---------------------------------------------------------------------------------

    def _on_changed(self, changes: Changes) -> None:
        if (
            changes.surveys
            or changes.events
            or changes.current
            or self._bridge.current in changes.frames
        ):
            self._stale = True
            if self.isVisible():
                self.refresh()

    def showEvent(self, event: Any) -> None:
        """Read the cache when the tab comes to the front."""
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def refresh(self) -> None:
        """Read the cache again."""
        self._stale = False
        folder = self._bridge.profile.survey_cache
        future = self._bridge.threads.submit(survey_rows, folder, self._field())
        self._tasks.start("read", future, self._came)

    def _field(self) -> tuple[float, float, float] | None:
        """Return the circle that this camera's frame covers around the target."""
        frame, exposure = self._bridge.frame, self._bridge.exposure
        if frame is None or frame.decisions.target is None:
            return None
        radius = _UNKNOWN_FIELD_DEG
        if exposure is not None:
            shape, scale = exposure.frame.shape, exposure.frame.pixel_scale_arcsec
            if shape is not None and scale is not None:
                radius = math.hypot(*shape) / 2 * scale / 3600.0
        return (*frame.decisions.target, radius)

    @property
    def ready(self) -> bool:
        """Whether the table shows the cache as it is."""
        return not self._stale and len(self._tasks) == 0 and self.fields.ready

    def close_down(self) -> None:
        """End what runs beside the window."""
        self.fields.close_down()

    def _came(self, rows: list[SurveyRow]) -> None:
        self.model.show(rows)
        if self.which.count() == 0:
            self.which.addItems([row.key for row in rows])
        cached = [row for row in rows if row.stars is not None]
        total = sum(row.bytes or 0 for row in cached)
        words = f"{len(cached)} of {len(rows)} surveys cached, {total / 1e6:.1f} MB. "
        frame = self._bridge.frame
        if frame is not None and frame.decisions.target is not None:
            here = sum((row.here or 0) > 0 for row in cached)
            words += f"{here} of them reach {numbers.degrees(*frame.decisions.target)}."
        self.state.setText(words)
        self.fields.look_at(self._field(), frozenset(row.key for row in cached))
        self._show_map()

    def _show_map(self) -> None:
        chosen: SurveyRow | None = self.table.chosen()
        rows = [chosen] if chosen is not None else list(self.model.rows)
        patches = [place for row in rows for place in row.patches]
        frame = self._bridge.frame
        target = frame.decisions.target if frame is not None else None
        name = chosen.key if chosen is not None else "all cached surveys"
        self.map.show_sky(patches, target, name)

    # -- gestures --------------------------------------------------------------------------------

    def ask_files(self) -> None:
        """Ask for files to import."""
        files, _ = QFileDialog.getOpenFileNames(self, "Import reference stars")
        if files:
            self.import_files(self.which.currentText(), files)

    def import_files(self, key: str, files: list[str]) -> None:
        """Read files of stars into the cache."""
        folder = self._bridge.profile.survey_cache

        def run() -> str:
            from cpcs_desktop.surveys.cache import SurveyCache

            stars = sum(len(i.stars) for i in SurveyCache(folder).import_files(key, files))
            return f"{stars:,} stars read into {key}."

        self._change(run)

    def _verify(self) -> None:
        folder = self._bridge.profile.survey_cache

        def run() -> str:
            from cpcs_desktop.surveys.cache import SurveyCache

            cache = SurveyCache(folder)
            damages = [d for key in cache.keys() for d in cache.verify(key)]  # noqa: SIM118
            if not damages:
                return "Every file of every cached survey is as it was written."
            return "; ".join(f"{d.survey}: {d.file} {d.reason}" for d in damages)

        self._change(run)

    def _ask_remove(self) -> None:
        chosen: SurveyRow | None = self.table.chosen()
        if chosen is None or chosen.stars is None:
            self._bridge.said.emit("Choose a cached survey in the table first.")
            return
        box = QMessageBox(self)
        box.setObjectName("removeQuestion")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(f"Remove {chosen.key}")
        box.setText(
            f"Remove {chosen.key} from the cache: {chosen.stars:,} stars, {size_of(chosen)}?"
        )
        box.setInformativeText("Without a network it cannot be fetched again.")
        yes = box.addButton("&Remove", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        yes.clicked.connect(lambda _on=False, key=chosen.key: self.remove(key))
        box.open()

    def remove(self, key: str) -> None:
        """Remove a survey from the cache."""
        folder = self._bridge.profile.survey_cache

        def run() -> str:
            from cpcs_desktop.surveys.cache import SurveyCache

            SurveyCache(folder).remove(key)
            return f"{key} removed from the cache."

        self._change(run)

    def _ask_moc(self) -> None:
        chosen: SurveyRow | None = self.table.chosen()
        if chosen is None or chosen.stars is None:
            self._bridge.said.emit("Choose a cached survey in the table first.")
            return
        kinds = "MOC in FITS (*.fits);;MOC in ASCII (*.moc);;MOC in JSON (*.json)"
        file, _ = QFileDialog.getSaveFileName(self, "Save MOC", f"{chosen.key}.fits", kinds)
        if file:
            self.save_moc(chosen.key, Path(file))

    def save_moc(self, key: str, file: Path) -> None:
        """Save which part of the sky a survey covers."""
        folder = self._bridge.profile.survey_cache

        def run() -> str:
            from cpcs_desktop.surveys.cache import SurveyCache

            SurveyCache(folder).save_moc(key, file)
            return f"Coverage of {key} saved as {file.name}."

        self._tasks.start("moc", self._bridge.threads.submit(run), self._bridge.said.emit)

    def _change(self, run: Callable[[], str]) -> None:
        def done(sentence: str) -> None:
            self._bridge.said.emit(sentence)
            self._bridge.surveys_changed()

        self._bridge.said.emit("Working on the survey cache …")
        self._tasks.start("change", self._bridge.threads.submit(run), done)
