"""Dark, light and red night looks; colours a colour-blind observer can tell apart.

Meaning is never carried by colour alone: every state also has a shape or a word. In the night theme
green and blue are zero everywhere, so that eyes stay adapted to the dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

ThemeName = Literal["dark", "light", "night"]
Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Theme:
    """Colours of one look, each an (r, g, b) of 0..255.

    ``membership`` holds five steps from "does not belong" to "belongs"; ``tint`` multiplies the
    grey levels of images.
    """

    name: ThemeName
    window: Rgb
    base: Rgb
    raised: Rgb
    border: Rgb
    text: Rgb
    faint: Rgb
    accent: Rgb
    on_accent: Rgb
    good: Rgb
    warning: Rgb
    bad: Rgb
    plot: Rgb
    grid: Rgb
    line: Rgb
    selected: Rgb
    target: Rgb
    detection: Rgb
    reference: Rgb
    saturated: Rgb
    membership: tuple[Rgb, Rgb, Rgb, Rgb, Rgb]
    tint: tuple[float, float, float]

    def level(self, level: str) -> Rgb:
        """Colour of a check's level."""
        colours = {"green": self.good, "amber": self.warning, "red": self.bad}
        return colours.get(level, self.faint)

    def membership_steps(self, membership: NDArray[np.float64]) -> NDArray[np.intp]:
        """Index of each star's colour in ``membership``."""
        steps: NDArray[np.intp] = np.clip((np.nan_to_num(membership) * 5).astype(np.intp), 0, 4)
        return steps

    def grey_table(
        self, bias: float = 0.5, contrast: float = 1.0, *, inverted: bool = False
    ) -> NDArray[np.uint8]:
        """Colour table for image bytes, shape (256, 3).

        Parameters
        ----------
        bias, contrast : float
            As in DS9: the level shown as middle grey, and the slope there.
        inverted : bool
            Stars dark on a bright sky.
        """
        ramp = np.clip((np.linspace(0.0, 1.0, 256) - bias) * contrast + 0.5, 0.0, 1.0)
        if inverted:
            ramp = 1.0 - ramp
        table: NDArray[np.uint8] = np.round(ramp[:, None] * np.array(self.tint) * 255.0).astype(
            np.uint8
        )
        return table


DARK = Theme(
    name="dark",
    window=(27, 30, 35),
    base=(20, 22, 26),
    raised=(42, 46, 54),
    border=(62, 68, 78),
    text=(222, 225, 230),
    faint=(150, 157, 168),
    accent=(86, 180, 233),
    on_accent=(10, 14, 18),
    good=(45, 190, 145),
    warning=(235, 168, 30),
    bad=(245, 110, 60),
    plot=(20, 22, 26),
    grid=(70, 76, 86),
    line=(240, 228, 66),
    selected=(255, 255, 255),
    target=(240, 228, 66),
    detection=(110, 120, 134),
    reference=(204, 121, 167),
    saturated=(245, 110, 60),
    membership=((213, 94, 0), (204, 130, 60), (150, 150, 150), (100, 170, 205), (86, 180, 233)),
    tint=(1.0, 1.0, 1.0),
)
LIGHT = Theme(
    name="light",
    window=(240, 241, 244),
    base=(255, 255, 255),
    raised=(226, 229, 234),
    border=(186, 192, 201),
    text=(26, 30, 36),
    faint=(88, 96, 108),
    accent=(0, 99, 165),
    on_accent=(255, 255, 255),
    good=(0, 122, 88),
    warning=(160, 100, 0),
    bad=(190, 60, 0),
    plot=(255, 255, 255),
    grid=(200, 205, 212),
    line=(30, 30, 30),
    selected=(0, 0, 0),
    target=(240, 228, 66),
    detection=(150, 158, 170),
    reference=(204, 121, 167),
    saturated=(245, 110, 60),
    membership=((213, 94, 0), (222, 150, 90), (165, 165, 165), (80, 150, 195), (0, 114, 178)),
    tint=(1.0, 1.0, 1.0),
)
NIGHT = Theme(
    name="night",
    window=(14, 0, 0),
    base=(6, 0, 0),
    raised=(38, 0, 0),
    border=(80, 0, 0),
    text=(205, 0, 0),
    faint=(145, 0, 0),
    accent=(230, 0, 0),
    on_accent=(10, 0, 0),
    good=(170, 0, 0),
    warning=(215, 0, 0),
    bad=(255, 0, 0),
    plot=(6, 0, 0),
    grid=(70, 0, 0),
    line=(255, 0, 0),
    selected=(255, 0, 0),
    target=(255, 0, 0),
    detection=(110, 0, 0),
    reference=(160, 0, 0),
    saturated=(255, 0, 0),
    membership=((85, 0, 0), (110, 0, 0), (140, 0, 0), (175, 0, 0), (215, 0, 0)),
    tint=(0.85, 0.0, 0.0),
)
THEMES: dict[ThemeName, Theme] = {theme.name: theme for theme in (DARK, LIGHT, NIGHT)}

#: Colours of band letters, after the habit of observers; blue to red.
_BAND_COLOURS: dict[str, Rgb] = {
    "u": (155, 89, 208),
    "U": (155, 89, 208),
    "v": (155, 89, 208),
    "B": (60, 120, 230),
    "BT": (60, 120, 230),
    "g": (0, 158, 115),
    "GBP": (40, 150, 170),
    "V": (80, 175, 60),
    "VT": (80, 175, 60),
    "G": (140, 140, 140),
    "r": (225, 80, 50),
    "R": (225, 80, 50),
    "i": (165, 45, 45),
    "I": (165, 45, 45),
    "GRP": (165, 45, 45),
    "z": (120, 100, 90),
    "y": (150, 120, 60),
}


def band_colour(letter: str, theme: Theme) -> Rgb:
    """Colour of a band's points in a light curve."""
    rgb = _BAND_COLOURS.get(letter, theme.faint)
    if theme.name != "night":
        return rgb
    brightness = 90 + (hash_letter(letter) * 37) % 150
    return (brightness, 0, 0)


def hash_letter(letter: str) -> int:
    """Small number of a band letter, the same in every run."""
    return sum(ord(c) for c in letter)


def qcolor(rgb: Rgb, alpha: int = 255) -> QColor:
    """Qt's colour."""
    return QColor(*rgb, alpha)


def css(rgb: Rgb) -> str:
    """Colour for style sheets and rich text."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def palette(theme: Theme) -> QPalette:
    """Palette of a theme; Fusion draws everything from it."""
    roles = QPalette.ColorRole
    colours = {
        roles.Window: theme.window,
        roles.Base: theme.base,
        roles.AlternateBase: theme.window,
        roles.Button: theme.raised,
        roles.Text: theme.text,
        roles.WindowText: theme.text,
        roles.ButtonText: theme.text,
        roles.BrightText: theme.bad,
        roles.ToolTipBase: theme.raised,
        roles.ToolTipText: theme.text,
        roles.PlaceholderText: theme.faint,
        roles.Highlight: theme.accent,
        roles.HighlightedText: theme.on_accent,
        roles.Accent: theme.accent,
        roles.Link: theme.accent,
        roles.LinkVisited: theme.accent,
        roles.Light: theme.border,
        roles.Midlight: theme.raised,
        roles.Mid: theme.border,
        roles.Dark: theme.base,
        roles.Shadow: theme.base,
    }
    made = QPalette()
    for role, rgb in colours.items():
        made.setColor(role, qcolor(rgb))
    for role in (roles.Text, roles.WindowText, roles.ButtonText):
        faded = tuple((t + w) // 2 for t, w in zip(theme.faint, theme.window, strict=True))
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(*faded))
    return made


def _style_sheet(theme: Theme) -> str:
    t = {
        name: css(getattr(theme, name))
        for name in ("window", "base", "raised", "border", "text", "faint", "accent", "on_accent")
    }
    return f"""
    QMainWindow::separator {{ background: {t["border"]}; width: 4px; height: 4px; }}
    QMainWindow::separator:hover {{ background: {t["accent"]}; }}
    QDockWidget {{ font-weight: bold; }}
    QDockWidget::title {{ background: {t["raised"]}; padding: 4px 8px; }}
    QToolTip {{ background: {t["raised"]}; color: {t["text"]}; border: 1px solid {t["border"]};
                padding: 4px; }}
    QHeaderView::section {{ background: {t["raised"]}; color: {t["text"]}; padding: 3px 6px;
                            border: none; border-right: 1px solid {t["border"]}; }}
    QTableView {{ gridline-color: {t["raised"]}; }}
    QTableView, QListView, QTreeView {{ border: 1px solid {t["border"]}; outline: none;
        selection-background-color: {t["accent"]}; selection-color: {t["on_accent"]}; }}
    QTabBar::tab {{ padding: 6px 14px; background: {t["window"]}; color: {t["faint"]};
                    border: none; border-bottom: 2px solid transparent; }}
    QTabBar::tab:selected {{ color: {t["text"]}; border-bottom: 2px solid {t["accent"]}; }}
    QTabBar::tab:focus {{ background: {t["raised"]}; }}
    QTabWidget::pane {{ border: none; }}
    QPushButton, QToolButton {{ padding: 5px 12px; background: {t["raised"]};
        border: 1px solid {t["border"]}; border-radius: 4px; color: {t["text"]}; }}
    QPushButton:hover, QToolButton:hover {{ border-color: {t["accent"]}; }}
    QPushButton:focus, QToolButton:focus {{ border: 2px solid {t["accent"]}; padding: 4px 11px; }}
    QPushButton:disabled, QToolButton:disabled {{ color: {t["faint"]};
        background: {t["window"]}; border-color: {t["raised"]}; }}
    QPushButton:checked, QToolButton:checked {{ background: {t["accent"]};
        color: {t["on_accent"]}; }}
    QLineEdit, QPlainTextEdit {{ background: {t["base"]};
        color: {t["text"]}; border: 1px solid {t["border"]}; border-radius: 3px;
        padding: 3px 5px; selection-background-color: {t["accent"]};
        selection-color: {t["on_accent"]}; }}
    QLineEdit:focus, QPlainTextEdit:focus {{ border-color: {t["accent"]}; }}
    QComboBox QLineEdit, QAbstractSpinBox QLineEdit {{ border: none; padding: 0;
        background: transparent; }}
    QSplitter::handle {{ background: {t["border"]}; margin: 1px; }}
    QComboBox QAbstractItemView {{ background: {t["raised"]}; border: 1px solid {t["border"]}; }}
    QCheckBox {{ spacing: 6px; }}
    QMenu {{ background: {t["raised"]}; border: 1px solid {t["border"]}; }}
    QMenu::item:selected {{ background: {t["accent"]}; color: {t["on_accent"]}; }}
    QMenuBar::item:selected {{ background: {t["accent"]}; color: {t["on_accent"]}; }}
    QProgressBar {{ border: 1px solid {t["border"]}; border-radius: 3px; text-align: center; }}
    QProgressBar::chunk {{ background: {t["accent"]}; }}
    QStatusBar {{ border-top: 1px solid {t["border"]}; }}
    QStatusBar::item {{ border: none; }}
    QLabel[role="faint"] {{ color: {t["faint"]}; }}
    QLabel[role="title"] {{ font-weight: bold; }}
    QSlider::groove:horizontal {{ background: {t["border"]}; height: 4px; border-radius: 2px; }}
    QSlider::sub-page:horizontal {{ background: {t["accent"]}; height: 4px; border-radius: 2px; }}
    QSlider::handle:horizontal {{ background: {t["raised"]}; border: 1px solid {t["faint"]};
                                  width: 10px; margin: -7px 0; border-radius: 4px; }}
    QSlider::handle:horizontal:focus {{ border: 2px solid {t["accent"]}; width: 8px; }}
    QScrollBar:vertical {{ background: {t["window"]}; width: 12px; margin: 0; }}
    QScrollBar:horizontal {{ background: {t["window"]}; height: 12px; margin: 0; }}
    QScrollBar::handle {{ background: {t["border"]}; border-radius: 4px; min-height: 24px;
                          min-width: 24px; margin: 2px; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: {t["window"]}; }}
    """


def apply_theme(app: QApplication, theme: Theme, text_percent: int = 100) -> None:
    """Dress the whole program; call it before the first window is shown (no white flash).

    Parameters
    ----------
    app : QApplication
    theme : Theme
    text_percent : int
        Size of all text, 100 to 300.
    """
    from cpcs_desktop.ui.style import ThemedStyle

    app.setStyle(ThemedStyle(theme))
    app.setPalette(palette(theme))
    font = QFont(app.font())
    font.setPointSizeF(9.0 * text_percent / 100.0)
    app.setFont(font)
    app.setStyleSheet(_style_sheet(theme))
