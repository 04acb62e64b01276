"""The first start: nothing is asked, three doors are open."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

_DOORS = (
    ("open", "Drop frames here", "Frames, source lists or whole folders.\nOr press Ctrl+O."),
    ("practice", "Open the practice night", "A night with known truth,\nmade on this machine."),
    ("settings", "Connect to a server", "Needed only to share points.\nIt can wait."),
)


class Doors(QWidget):
    """What an empty night shows.

    Signals
    -------
    chosen(str)
        Name of the gesture behind the door.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("doors")
        title = QLabel("An empty night", self)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.9)
        title.setFont(font)
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        words = QLabel(
            "A frame becomes a calibrated point: load, look, accept, send. No network is needed "
            "until the last step.",
            self,
        )
        words.setProperty("role", "faint")
        words.setWordWrap(True)
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout()
        row.setSpacing(18)
        row.addStretch(1)
        for name, text, more in _DOORS:
            door = QPushButton(f"{text}\n\n{more}", self)
            door.setObjectName(f"door_{name}")
            door.setAccessibleName(text)
            door.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
            metrics = door.fontMetrics()
            door.setMinimumSize(
                metrics.horizontalAdvance("Frames, source lists or whole folders.") + 40,
                metrics.height() * 8,
            )
            door.clicked.connect(lambda _on=False, n=name: self.chosen.emit(n))
            row.addWidget(door)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.addStretch(2)
        column.addWidget(title)
        column.addWidget(words)
        column.addSpacing(24)
        column.addLayout(row)
        column.addStretch(3)
