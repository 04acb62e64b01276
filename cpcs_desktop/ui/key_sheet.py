"""The sheet of keys that ``?`` shows."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from cpcs_desktop.ui.gestures import GESTURES, MENUS, MOUSE
from cpcs_desktop.ui.theme import Theme, css


def _table(title: str, rows: list[tuple[str, str]], theme: Theme) -> str:
    lines = "".join(
        f'<tr><td style="padding:1px 14px 1px 0; color:{css(theme.accent)}" nowrap>{keys}</td>'
        f'<td style="padding:1px 0">{text}</td></tr>'
        for keys, text in rows
    )
    return f'<p style="margin-bottom:2px"><b>{title}</b></p><table cellspacing=0>{lines}</table>'


def sheet_html(theme: Theme) -> tuple[str, str]:
    """Return the two columns of the sheet."""
    parts = []
    for menu in MENUS:
        rows = [
            (
                " or ".join(
                    QKeySequence(k).toString(QKeySequence.SequenceFormat.NativeText)
                    for k in gesture.keys
                ),
                gesture.text.removesuffix(" …"),
            )
            for gesture in GESTURES
            if gesture.menu == menu
        ]
        parts.append(_table(menu, rows, theme))
    mouse = _table("Mouse", list(MOUSE), theme)
    return "".join(parts[:3]), "".join([*parts[3:], mouse])


class KeySheet(QDialog):
    """All keys on one sheet."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("keySheet")
        self.setWindowTitle("Keys")
        inside = QWidget(self)
        row = QHBoxLayout(inside)
        row.setSpacing(36)
        for html in sheet_html(theme):
            label = QLabel(html, inside)
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            row.addWidget(label)
        area = QScrollArea(self)
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.addWidget(area)
        hint = inside.sizeHint()
        self.resize(hint.width() + 60, min(hint.height() + 50, 760))
