"""The chooser for files with several images: each chosen one is a row of the night."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from cpcs_desktop.io.frames import ImageHdu
from cpcs_desktop.ui.bridge import Bridge


class ImageChooser(QDialog):
    """Boxes for the images of one file; those of the sky are ticked.

    Parameters
    ----------
    bridge : Bridge
    file : str
        The file, without the number of an HDU.
    images : sequence of ImageHdu
    """

    def __init__(
        self, bridge: Bridge, file: str, images: Sequence[ImageHdu], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("imageChooser")
        self.setWindowTitle("Images of the file")
        self._bridge = bridge
        self._file = file
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        self.boxes: dict[int, QCheckBox] = {}
        for image in images:
            rows, columns = image.shape
            name = f" {image.name}" if image.name else ""
            box = QCheckBox(f"HDU {image.number}:{name}, {columns} × {rows}", self)
            box.setObjectName(f"image-{image.number}")
            box.setChecked(image.is_sky)
            self.boxes[image.number] = box
            column.addWidget(box)
        column.addStretch(1)
        area = QScrollArea(self)
        area.setWidget(inside)
        area.setWidgetResizable(True)
        words = QLabel("Every chosen image becomes a row of its own.", self)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        self.buttons.accepted.connect(self._take)
        self.buttons.rejected.connect(self.reject)
        whole = QVBoxLayout(self)
        whole.addWidget(words)
        whole.addWidget(area, 1)
        whole.addWidget(self.buttons)

    def _take(self) -> None:
        chosen = [number for number, box in self.boxes.items() if box.isChecked()]
        self._bridge.add([f"{self._file}[{number}]" for number in chosen])
        self.accept()
