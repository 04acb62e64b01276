"""How dialogs come and go: never modal to the work, gone when closed, keys back to the window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QWidget


def open_dialog(dialog: QDialog) -> None:
    """Open a dialog that is deleted when it is closed; the window then has the keys again."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    parent = dialog.parentWidget()
    if isinstance(parent, QWidget):
        window = parent.window()

        def give_back() -> None:
            window.activateWindow()
            window.setFocus(Qt.FocusReason.ActiveWindowFocusReason)

        dialog.finished.connect(give_back)
    dialog.open()
