"""Fusion with arrows, boxes and title buttons in the theme's own light.

Fusion draws these from fixed greys and white pictures, which would break the night theme.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QProxyStyle, QStyle, QStyleOption, QStyleOptionComplex, QWidget

from cpcs_desktop.ui.theme import Theme, qcolor

_PE, _SP, _CC = QStyle.PrimitiveElement, QStyle.StandardPixmap, QStyle.ComplexControl
_ARROWS = {
    _PE.PE_IndicatorArrowDown: ((-0.3, -0.15), (0.3, -0.15), (0.0, 0.2)),
    _PE.PE_IndicatorArrowUp: ((-0.3, 0.15), (0.3, 0.15), (0.0, -0.2)),
    _PE.PE_IndicatorHeaderArrow: ((-0.3, -0.15), (0.3, -0.15), (0.0, 0.2)),
    _PE.PE_IndicatorArrowRight: ((-0.15, -0.3), (-0.15, 0.3), (0.2, 0.0)),
    _PE.PE_IndicatorArrowLeft: ((0.15, -0.3), (0.15, 0.3), (-0.2, 0.0)),
}


class ThemedStyle(QProxyStyle):
    """Fusion in a theme."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("Fusion")
        self._theme = theme
        self._dock_icon = self._icon(cross=False)
        self._cross_icon = self._icon(cross=True)

    def drawPrimitive(
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        """Draw arrows and check boxes ourselves."""
        enabled = bool(option.state & QStyle.StateFlag.State_Enabled)
        rect: QRect = option.rect
        colour = qcolor(self._theme.text if enabled else self._theme.faint)
        if element in _ARROWS:
            self._arrow(painter, rect, _ARROWS[element], colour)
        elif element == _PE.PE_IndicatorCheckBox:
            on = bool(option.state & QStyle.StateFlag.State_On)
            self._check_box(painter, rect, colour, on=on)
        else:
            super().drawPrimitive(element, option, painter, widget)

    def drawComplexControl(
        self,
        control: QStyle.ComplexControl,
        option: QStyleOptionComplex,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        """Draw combo and spin boxes flat, like the lines beside them."""
        if control not in {_CC.CC_ComboBox, _CC.CC_SpinBox}:
            super().drawComplexControl(control, option, painter, widget)
            return
        theme, state = self._theme, QStyle.StateFlag
        focused = bool(option.state & state.State_HasFocus)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(qcolor(theme.accent if focused else theme.border), 1.0))
        painter.setBrush(qcolor(theme.base))
        painter.drawRoundedRect(QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        painter.restore()
        colour = qcolor(theme.text if option.state & state.State_Enabled else theme.faint)
        if control == _CC.CC_SpinBox:
            for part, arrow in (
                (QStyle.SubControl.SC_SpinBoxUp, _PE.PE_IndicatorArrowUp),
                (QStyle.SubControl.SC_SpinBoxDown, _PE.PE_IndicatorArrowDown),
            ):
                place = self.subControlRect(control, option, part, widget)  # type: ignore[arg-type]
                self._arrow(painter, place, _ARROWS[arrow], colour)
            return
        place = QRect(option.rect)
        place.setLeft(place.right() - 22)
        self._arrow(painter, place, _ARROWS[_PE.PE_IndicatorArrowDown], colour)

    @staticmethod
    def _arrow(
        painter: QPainter, rect: QRect, shape: tuple[tuple[float, float], ...], colour: QColor
    ) -> None:
        size = min(rect.width(), rect.height(), 14)
        centre = QPointF(QRectF(rect).center())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([centre + QPointF(x, y) * size for x, y in shape]))
        painter.restore()

    def _check_box(self, painter: QPainter, rect: QRect, colour: QColor, *, on: bool) -> None:
        theme = self._theme
        box = QRectF(rect).adjusted(1.5, 1.5, -1.5, -1.5)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(qcolor(theme.accent if on else theme.faint), 1.4))
        painter.setBrush(qcolor(theme.base))
        painter.drawRoundedRect(box, 2, 2)
        if on:
            pen = QPen(colour, 2.2)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            w, h = box.width(), box.height()
            painter.drawPolyline(
                [
                    box.topLeft() + QPointF(0.22 * w, 0.55 * h),
                    box.topLeft() + QPointF(0.43 * w, 0.75 * h),
                    box.topLeft() + QPointF(0.8 * w, 0.28 * h),
                ]
            )
        painter.restore()

    def standardIcon(
        self,
        standard: QStyle.StandardPixmap,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
    ) -> QIcon:
        """Draw the buttons of dock titles and the cross that clears a line."""
        if standard == _SP.SP_TitleBarNormalButton:
            return self._dock_icon
        if standard in {_SP.SP_TitleBarCloseButton, _SP.SP_LineEditClearButton}:
            return self._cross_icon
        return super().standardIcon(standard, option, widget)

    def _icon(self, *, cross: bool) -> QIcon:
        picture = QPixmap(16, 16)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(qcolor(self._theme.faint), 1.5))
        if cross:
            painter.drawLine(4, 4, 12, 12)
            painter.drawLine(4, 12, 12, 4)
        else:
            painter.drawRect(QRectF(3, 6, 7, 7))
            painter.drawPolyline([QPointF(6, 3.5), QPointF(12.5, 3.5), QPointF(12.5, 10)])
        painter.end()
        return QIcon(picture)
