"""Draws one small plot per band: quick enough that every fit follows a click at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QLineF,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from cpcs_desktop.datamodel.fit import ZeroPointFit
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.fits_model import CHOSEN_ROLE, FIT_ROLE
from cpcs_desktop.ui.theme import Theme, qcolor

_PAD = 6
_LEFT = Qt.AlignmentFlag.AlignLeft
_TOP = Qt.AlignmentFlag.AlignTop
_MIDDLE = Qt.AlignmentFlag.AlignVCenter


class FitDelegate(QStyledItemDelegate):
    """Residuals against magnitude, with zero point, scatter, number of stars and outliers."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Return room for the numbers at any text size."""
        del index
        metrics = QFontMetrics(option.font)
        wide = metrics.horizontalAdvance("ZP 25.114 ± 0.0030") + 2 * _PAD + 8
        line = metrics.height()
        return QSize(max(wide, 132), 3 * line + max(52, 3 * line) + 2 * _PAD)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draw one band."""
        fit: ZeroPointFit = index.data(FIT_ROLE)
        theme = self._theme
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame: QRect = option.rect.adjusted(3, 3, -3, -3)
        shown = bool(option.state & QStyle.StateFlag.State_Selected)
        edge = theme.accent if shown else theme.border
        painter.setPen(QPen(qcolor(edge), 2.0 if shown else 1.0))
        painter.setBrush(qcolor(theme.plot))
        painter.drawRoundedRect(frame, 5, 5)
        self._words(painter, option.font, frame, fit, chosen=bool(index.data(CHOSEN_ROLE)))
        line = QFontMetrics(option.font).height()
        plot = frame.adjusted(_PAD, line + _PAD + 2, -_PAD, -2 * line - _PAD)
        if fit.status == "ok" and plot.height() > 8:
            self._stars(painter, plot, fit)
        elif fit.status == "failed":
            painter.setPen(qcolor(theme.faint))
            painter.drawText(plot, Qt.AlignmentFlag.AlignCenter, "no fit")
        painter.restore()

    def _words(
        self, painter: QPainter, font: QFont, frame: QRect, fit: ZeroPointFit, *, chosen: bool
    ) -> None:
        theme = self._theme
        line = QFontMetrics(font).height()
        bold = QFont(font)
        bold.setBold(True)
        painter.setFont(bold)
        painter.setPen(qcolor(theme.text if fit.status == "ok" else theme.faint))
        head = frame.adjusted(_PAD, _PAD - 1, -_PAD, 0)
        painter.drawText(head, _LEFT | _TOP, ("★ " if chosen else "") + fit.band)
        painter.setFont(font)
        if fit.rank is not None:
            painter.setPen(qcolor(theme.faint))
            painter.drawText(head, Qt.AlignmentFlag.AlignRight | _TOP, f"{fit.rank}")
        width = frame.width() - 2 * _PAD
        foot = QRect(frame.left() + _PAD, frame.bottom() - 2 * line - 2, width, line)
        if fit.status == "failed":
            painter.setPen(qcolor(theme.faint))
            words = QFontMetrics(font).elidedText(
                fit.reason or "failed", Qt.TextElideMode.ElideRight, foot.width()
            )
            painter.drawText(foot, _LEFT | _MIDDLE, words)
            return
        painter.setPen(qcolor(theme.text))
        painter.drawText(
            foot,
            _LEFT | _MIDDLE,
            f"ZP {numbers.number(fit.zero_point, 3)} ± {numbers.number(fit.zero_point_err, 3)}",
        )
        painter.setPen(qcolor(theme.faint))
        painter.drawText(
            foot.translated(0, line - 2),
            _LEFT | _MIDDLE,
            f"σ {numbers.number(fit.scatter, 3)}  n {fit.n_used:.0f}  "
            f"{100 * fit.outlier_fraction:.0f} %",
        )

    def _stars(self, painter: QPainter, plot: QRect, fit: ZeroPointFit) -> None:
        theme = self._theme
        residual = fit.residual
        inside = ~fit.excluded & (fit.membership >= 0.5)
        if not inside.any():
            inside = ~fit.excluded
        if not inside.any():
            return
        reach = max(3.5 * float(np.nanstd(residual[inside])), 4 * fit.scatter, 0.05)
        mag = fit.mag_ref
        low, high = float(np.nanmin(mag)), float(np.nanmax(mag))
        x = plot.left() + (mag - low) / max(high - low, 1e-3) * plot.width()
        # Too bright a star (reference larger than measured) is drawn up, as magnitudes are.
        y = plot.center().y() + np.clip(residual / reach, -1.0, 1.0) * plot.height() / 2
        painter.setPen(QPen(qcolor(theme.grid), 1.0))
        painter.drawLine(QLineF(plot.left(), plot.center().y(), plot.right(), plot.center().y()))
        dots = _dots(x - plot.left(), y - plot.top(), plot, fit, theme)
        painter.drawImage(plot.topLeft(), dots)
        painter.setPen(QPen(QColor(*theme.bad), 1.4))
        for xs, ys in zip(x[fit.excluded], y[fit.excluded], strict=True):
            painter.drawLine(QLineF(xs - 3, ys - 3, xs + 3, ys + 3))
            painter.drawLine(QLineF(xs - 3, ys + 3, xs + 3, ys - 3))


def _dots(
    x: NDArray[np.float64], y: NDArray[np.float64], plot: QRect, fit: ZeroPointFit, theme: Theme
) -> QImage:
    """Return a transparent picture with one dot for each star.

    Painted by numpy: plots of thousands of stars follow a click within one frame of the screen.
    """
    width, height = plot.width() + 1, plot.height() + 1
    canvas = np.zeros((height, width), dtype=np.uint32)
    steps = theme.membership_steps(fit.membership)
    colours = np.array(
        [0xFF000000 | r << 16 | g << 8 | b for r, g, b in theme.membership], np.uint32
    )
    shown = np.flatnonzero(~fit.excluded)
    shown = shown[np.argsort(steps[shown], kind="stable")]
    column = np.clip(x[shown], 0, width - 2).astype(np.intp)
    row = np.clip(y[shown], 0, height - 2).astype(np.intp)
    for right in (0, 1):
        for down in (0, 1):
            canvas[row + down, column + right] = colours[steps[shown]]
    picture = QImage(
        canvas.tobytes(), width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied
    )
    return picture.copy()
