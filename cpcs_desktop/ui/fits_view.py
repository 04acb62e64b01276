"""The heart: small plots of every band of every survey above, the shown one large below."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSize, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QPaintEvent
from PySide6.QtWidgets import QListView, QSplitter, QVBoxLayout, QWidget

from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.fit_plot import FitPlot
from cpcs_desktop.ui.fits_delegate import FitDelegate
from cpcs_desktop.ui.fits_model import FitsModel
from cpcs_desktop.ui.theme import Theme


class FitsList(QListView):
    """The small multiples; letters stay free for the window's one-key commands."""

    def __init__(self, delegate: FitDelegate, parent: QWidget) -> None:
        super().__init__(parent)
        self._delegate = delegate
        self.setItemDelegate(delegate)
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.setInterval(0)
        self._more.timeout.connect(self.viewport().update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what there is time for; the rest in the next turns of the event loop."""
        self._delegate.begin()
        super().paintEvent(event)
        if self._delegate.behind:
            self._more.start()

    def keyboardSearch(self, search: str) -> None:
        """Leave letters to the shortcuts."""
        del search

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave letters to the window."""
        if event.text().isalpha() and not event.modifiers():
            event.ignore()
        else:
            super().keyPressEvent(event)


class FitsView(QWidget):
    """All fits: a click shows a band large, a double click (or Enter) asks for it."""

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("fits")
        self._bridge = bridge
        self.model = FitsModel(self)
        self.delegate = FitDelegate(theme, self)
        self.list = FitsList(self.delegate, self)
        self.list.setObjectName("fitsList")
        self.list.setAccessibleName("Fits of all bands, best first")
        self.list.setModel(self.model)
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setUniformItemSizes(True)
        self.list.setSpacing(0)
        self.list.setMinimumSize(QSize(150, 110))
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.plot = FitPlot(bridge, theme, self)
        splitter = QSplitter(Qt.Orientation.Vertical, self)
        splitter.setObjectName("fitsSplitter")
        splitter.addWidget(self.list)
        splitter.addWidget(self.plot)
        splitter.setStretchFactor(0, 1)
        splitter.setStretchFactor(1, 2)
        splitter.setSizes([230, 380])
        splitter.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(splitter)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        self.list.activated.connect(self._on_activated)
        bridge.changed.connect(self._on_changed)
        self._show()

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self.delegate.use_theme(theme)
        self.plot.use_theme(theme)
        self.list.doItemsLayout()
        self.list.viewport().update()

    def _on_changed(self, changes: Changes) -> None:
        if changes.current or self._bridge.current in changes.fits:
            self._show()

    def _show(self) -> None:
        self.model.show(self._bridge.calibration)
        fit = self._bridge.shown_fit
        row = self.model.row_of(fit.band if fit else None)
        if row is not None and row != self.list.currentIndex().row():
            blocked = self.list.selectionModel().blockSignals(True)
            self.list.setCurrentIndex(self.model.index(row))
            self.list.selectionModel().blockSignals(blocked)
            self.list.viewport().update()

    def _on_current(self, index: QModelIndex, _before: QModelIndex) -> None:
        calibration = self._bridge.calibration
        if calibration is None or not index.isValid():
            return
        band = str(index.data())
        self._bridge.show_band(None if band == calibration.choice.band else band)

    def _on_activated(self, index: QModelIndex) -> None:
        self._bridge.request_band(BandRequest.parse(str(index.data())))

    def step_band(self, by: int) -> None:
        """Show the next or previous band large."""
        count = self.model.rowCount()
        if count:
            row = min(max(self.list.currentIndex().row() + by, 0), count - 1)
            self.list.setCurrentIndex(self.model.index(row))
