"""The buttons of the dialogs."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QPushButton, QWidget


def dialog_button(parent: QWidget, name: str, text: str, then: Callable[[], object]) -> QPushButton:
    """Return a button that does something when clicked, and nothing on Enter elsewhere."""
    button = QPushButton(text, parent)
    button.setObjectName(name)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _on=False: then())
    return button
