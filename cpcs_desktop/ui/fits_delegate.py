"""Draws one small plot per band: quick enough that every fit follows a click at once."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QLineF,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from cpcs_desktop.datamodel.fit import ZeroPointFit
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.fits_model import CHOSEN_ROLE, FIT_ROLE
from cpcs_desktop.ui.theme import Theme, qcolor

_PAD = 6
_LEFT = Qt.AlignmentFlag.AlignLeft
_TOP = Qt.AlignmentFlag.AlignTop
_MIDDLE = Qt.AlignmentFlag.AlignVCenter


#: How long plots are drawn anew before the event loop has its next turn.
_AT_ONCE_S = 0.008


class FitDelegate(QStyledItemDelegate):
    """Residuals against magnitude, with zero point, scatter, number of stars and outliers.

    Plots are kept as pictures. Those that are out of date are drawn anew a few at a time: the
    owner calls :meth:`begin` before it paints, and paints again while :attr:`behind` is true.
    """

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._kept: dict[int, tuple[tuple[object, ...], QPixmap]] = {}
        self._until = float("inf")
        self.behind = False

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self._kept.clear()

    def begin(self) -> None:
        """Start a turn of painting."""
        self.behind = False
        self._until = time.perf_counter() + _AT_ONCE_S

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
        """Draw one band; its last picture where there is no time for a new one now."""
        fit: ZeroPointFit = index.data(FIT_ROLE)
        shown = bool(option.state & QStyle.StateFlag.State_Selected)
        chosen = bool(index.data(CHOSEN_ROLE))
        ratio = painter.device().devicePixelRatioF()
        size = option.rect.size()
        # The fit itself is part of the key: another one can never have its place in memory.
        key = (fit, size, ratio, shown, chosen, option.font.key())
        kept = self._kept.get(index.row())
        if kept is None or not _same(kept[0], key):
            if time.perf_counter() < self._until:
                kept = key, self._picture(option.font, size, ratio, fit, shown=shown, chosen=chosen)
                self._kept[index.row()] = kept
            else:
                self.behind = True
        if kept is not None:
            painter.drawPixmap(option.rect.topLeft(), kept[1])

    def _picture(
        self,
        font: QFont,
        size: QSize,
        ratio: float,
        fit: ZeroPointFit,
        *,
        shown: bool,
        chosen: bool,
    ) -> QPixmap:
        picture = QPixmap(size * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setFont(font)
        self._draw(painter, font, QRect(QPoint(0, 0), size), fit, shown=shown, chosen=chosen)
        painter.end()
        return picture

    def _draw(
        self,
        painter: QPainter,
        font: QFont,
        cell: QRect,
        fit: ZeroPointFit,
        *,
        shown: bool,
        chosen: bool,
    ) -> None:
        theme = self._theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = cell.adjusted(3, 3, -3, -3)
        edge = theme.accent if shown else theme.border
        painter.setPen(QPen(qcolor(edge), 2.0 if shown else 1.0))
        painter.setBrush(qcolor(theme.plot))
        painter.drawRoundedRect(frame, 5, 5)
        self._words(painter, font, frame, fit, chosen=chosen)
        line = QFontMetrics(font).height()
        plot = frame.adjusted(_PAD, line + _PAD + 2, -_PAD, -2 * line - _PAD)
        if fit.status == "ok" and plot.height() > 8:
            self._stars(painter, plot, fit)
        elif fit.status == "failed":
            painter.setPen(qcolor(theme.faint))
            painter.drawText(plot, Qt.AlignmentFlag.AlignCenter, "no fit")

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


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Compare two keys; fits hold arrays and are the same only when they are one."""
    return one[0] is other[0] and one[1:] == other[1:]


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
