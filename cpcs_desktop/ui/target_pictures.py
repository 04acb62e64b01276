"""Pictures of the target beside the result: the cut-out, and the curve of growth behind it."""

from __future__ import annotations

from PySide6.QtWidgets import QSizePolicy, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.cutout import Cutout
from cpcs_desktop.ui.growth_view import GrowthView
from cpcs_desktop.ui.theme import Theme


class TargetPictures(QWidget):
    """Two tabs in the room of one picture."""

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("targetPictures")
        self._bridge = bridge
        self._theme = theme
        self.cutout = Cutout(bridge, theme, self)
        self.growth: GrowthView | None = None
        self.tabs = QTabBar(self)
        self.tabs.setObjectName("targetTabs")
        self.tabs.setAccessibleName("Pictures of the target")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setTabToolTip(self.tabs.addTab("&Image"), "The target close up (Shift+G)")
        self.tabs.setTabToolTip(
            self.tabs.addTab("&Growth"), "How much of the light an aperture holds (Shift+G)"
        )
        self.stack = QStackedWidget(self)
        self.stack.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.stack.addWidget(self.cutout)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.tabs)
        column.addWidget(self.stack, 1)
        self.tabs.currentChanged.connect(self._on_tab)

    def _on_tab(self, number: int) -> None:
        if number == 1 and self.growth is None:
            # plots are slow to make, and most nights nobody asks for this one
            self.growth = GrowthView(self._bridge, self._theme, self)
            self.growth.setMinimumWidth(2 * self.cutout.sizeHint().width())
            self.stack.addWidget(self.growth)
        shown = self.growth if number == 1 and self.growth is not None else self.cutout
        self.stack.setCurrentWidget(shown)
        self.stack.setFixedWidth(max(self.cutout.sizeHint().width(), shown.minimumWidth()))

    def turn(self) -> None:
        """Show the other picture."""
        self.tabs.setCurrentIndex(1 - self.tabs.currentIndex())

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self.cutout.use_theme(theme)
        if self.growth is not None:
            self.growth.use_theme(theme)
