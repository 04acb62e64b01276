"""Ask for a few words before something is done to a point."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QInputDialog, QWidget

from cpcs_desktop.ui.opening import open_dialog


def ask_reason(
    parent: QWidget, name: str, title: str, question: str, then: Callable[[str], object]
) -> None:
    """Open a line for a reason; ``then`` gets it, nothing happens when it is closed.

    Parameters
    ----------
    name : str
        Object name of the dialog.
    """
    dialog = QInputDialog(parent)
    dialog.setObjectName(name)
    dialog.setWindowTitle(title)
    dialog.setLabelText(question)
    dialog.textValueSelected.connect(then)
    open_dialog(dialog)
