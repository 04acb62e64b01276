"""The main tab: night board, image, fits, stars and result, as places that can be moved."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, Qt, QTimer
from PySide6.QtWidgets import (
    QDockWidget,
    QMainWindow,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui.board_view import BoardView
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.doors import Doors
from cpcs_desktop.ui.fits_view import FitsView
from cpcs_desktop.ui.image_view import ImageView
from cpcs_desktop.ui.rehearsal import Rehearsal, unveil
from cpcs_desktop.ui.result_view import ResultView
from cpcs_desktop.ui.stars_view import StarsView
from cpcs_desktop.ui.target_bar import TargetBar
from cpcs_desktop.ui.theme import Theme

_AREAS = Qt.DockWidgetArea


class CalibrateTab(QWidget):
    """Everything about one frame, and the board of all of them."""

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("calibrate")
        self._bridge = bridge
        self._arranged = False
        self.kept_places: QByteArray | None = None
        self.target_bar = TargetBar(bridge, self)
        self.places = QMainWindow()
        self.places.setWindowFlags(Qt.WindowType.Widget)
        self.places.setObjectName("places")
        self.places.setDockNestingEnabled(True)
        self.board = BoardView(bridge, theme)
        self.image = ImageView(bridge, theme)
        self.fits = FitsView(bridge, theme)
        self.stars = StarsView(bridge)
        self.result = ResultView(bridge, theme)
        self.doors = Doors(self)
        self.places.setCentralWidget(self.image)
        self.docks = {
            "Night": self._dock("Night", self.board, _AREAS.LeftDockWidgetArea),
            "Fits": self._dock("Fits", self.fits, _AREAS.RightDockWidgetArea),
            "Stars": self._dock("Stars", self.stars, _AREAS.RightDockWidgetArea),
            "Result": self._dock("Result", self.result, _AREAS.BottomDockWidgetArea),
        }
        self.places.setCorner(Qt.Corner.BottomLeftCorner, _AREAS.BottomDockWidgetArea)
        self.places.setCorner(Qt.Corner.BottomRightCorner, _AREAS.BottomDockWidgetArea)
        self.places.tabifyDockWidget(self.docks["Fits"], self.docks["Stars"])
        self.docks["Fits"].raise_()
        self.places.setTabPosition(_AREAS.RightDockWidgetArea, QTabWidget.TabPosition.North)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.target_bar)
        column.addWidget(self.places, 1)
        column.addWidget(self.doors, 1)
        self.rehearsal = Rehearsal(
            [self.target_bar, self.board, self.image, self.fits, self.stars, self.result], self
        )
        bridge.changed.connect(self._on_changed)
        self._show_doors()

    def _dock(self, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self.places)
        dock.setObjectName(f"dock{title}")
        dock.setWidget(widget)
        dock.setFeatures(
            QDockWidget.DockWidgetFeature.DockWidgetMovable
            | QDockWidget.DockWidgetFeature.DockWidgetFloatable
        )
        widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.places.addDockWidget(area, dock)
        return dock

    def _arrange(self) -> None:
        """Give the places their first sizes, or those the observer left."""
        if self.kept_places is not None and self.places.restoreState(self.kept_places):
            return
        docks, size = self.docks, self.size()
        self.places.resizeDocks(
            [docks["Result"]], [size.height() * 24 // 100], Qt.Orientation.Vertical
        )
        self.places.resizeDocks(
            [docks["Night"], docks["Fits"]],
            [size.width() * 31 // 100, size.width() * 36 // 100],
            Qt.Orientation.Horizontal,
        )

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        for view in (self.board, self.image, self.fits, self.result):
            view.use_theme(theme)

    def _on_changed(self, changes: Changes) -> None:
        if changes.board:
            self._show_doors()

    def _show_doors(self) -> None:
        """Open an empty night on the doors; the first row shuts them."""
        empty = not self._bridge.night.frames
        if not empty and not self.places.isVisibleTo(self):
            unveil([self.board, self.image, self.fits, self.result], self)
        self.doors.setVisible(empty)
        self.places.setVisible(not empty)
        self.target_bar.setVisible(not empty)
        if not empty and not self._arranged:
            self._arranged = True
            QTimer.singleShot(0, self, self._arrange)
