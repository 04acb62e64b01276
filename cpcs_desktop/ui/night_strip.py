"""The night at a glance: zero points and the check star against time, a dot for every row."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.board_model import CLOUD_MAG, BoardModel
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.theme import Rgb, Theme, qcolor

_NEAR = 12.0
_PLOT_PX = 40
_DOT = 3.0
_LEAST_RANGE = (0.1, 0.03)  # mag; a quiet night is drawn quiet


class NightStrip(QWidget):
    """Two small plots one above the other; a click looks at the row of the nearest dot.

    Parameters
    ----------
    bridge : Bridge
    model : BoardModel
    """

    def __init__(
        self, bridge: Bridge, model: BoardModel, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("nightStrip")
        self._bridge = bridge
        self._model = model
        self._theme = theme
        self._crowded = False
        self._shown: tuple[object, ...] = ()
        #: Where each row is drawn.
        self.dots: dict[int, list[QPointF]] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "Above: zero point against the median of its band, mag; dips are clouds.\n"
            "Below: the check star against the mean of its band, mag; over it the scatter of each\n"
            "band and, in brackets, the one its errors let expect.\n"
            "Click a dot to look at its row. Ctrl+K takes the selected star as check star,\n"
            "Ctrl+Shift+K lights it."
        )
        bridge.changed.connect(self._on_changed)
        self._tell()

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Say how much room two plots and their words need."""
        return QSize(200, 2 * (self.fontMetrics().height() + _PLOT_PX))

    def minimumSizeHint(self) -> QSize:
        """Keep the height, whatever the width."""
        return QSize(60, self.sizeHint().height())

    @property
    def words(self) -> tuple[str, str]:
        """What stands over the two plots."""
        trend = self._model.trend
        dips = sum(value < -CLOUD_MAG for value in trend.values())
        cloudy = f", {dips} cloudy" if dips else ""
        above = f"Zero point: {len(trend)} frames{cloudy}" if trend else "Zero point"
        star = self._model.check_of(self._bridge.current)
        if star is None:
            return above, "Check star: none yet"
        scatter = ", ".join(
            f"{b.band} {numbers.number(b.rms, 3)} ({numbers.number(b.expected, 3)})"
            for b in star.bands
        )
        return above, f"Check star: {scatter or 'one frame so far'}"

    def _on_changed(self, changes: Changes) -> None:
        if not (changes.frames or changes.board or changes.current):
            return
        model = self._model
        shown = (self._bridge.current, dict(model.trend), model.check_of(self._bridge.current))
        if changes.board or shown != self._shown:
            self._shown = shown
            self._tell()
            self.update()

    def give_room(self, height: int) -> None:
        """Hide where the board's rows would have less than two thirds of its height."""
        self._crowded = height < 3 * self.sizeHint().height()
        self._show_or_hide()

    def _show_or_hide(self) -> None:
        present = len(self._bridge.night.frames) > 1 and not self._crowded
        if present == self.isHidden():
            self.setVisible(present)

    def _tell(self) -> None:
        self._show_or_hide()
        self.setAccessibleName("The night: zero points and check star")
        star = self._model.check_of(self._bridge.current)
        place = "" if star is None else f" at {numbers.sexagesimal(star.ra, star.dec)}"
        self.setAccessibleDescription(". ".join(self.words) + place)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw both plots."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        star = self._model.check_of(self._bridge.current)
        half = self.height() / 2
        self.dots = {}
        parts: tuple[tuple[str, Mapping[int, float], Mapping[int, float]], ...] = (
            (self.words[0], self._model.trend, {}),
            (self.words[1], star.deviation if star else {}, star.err if star else {}),
        )
        for n, (words, values, errors) in enumerate(parts):
            area = QRectF(4, n * half, self.width() - 8, half)
            self._draw(painter, area, words, dict(values), dict(errors), _LEAST_RANGE[n])
        painter.end()

    def _draw(
        self,
        painter: QPainter,
        area: QRectF,
        words: str,
        values: dict[int, float],
        errors: dict[int, float],
        least: float,
    ) -> None:
        theme, line = self._theme, self.fontMetrics().height()
        painter.setPen(qcolor(theme.faint))
        shown = self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(area.width()))
        painter.drawText(area, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, shown)
        plot = area.adjusted(_NEAR, line + 2, -_NEAR, -4)
        middle = plot.center().y()
        painter.setPen(QPen(qcolor(theme.grid), 1))
        painter.drawLine(QPointF(area.left(), middle), QPointF(area.right(), middle))
        frames = {f.key: f for f in self._bridge.night.frames}
        times = {k: frames[k].facts.mjd for k in values if k in frames}
        known = {k: t for k, t in times.items() if t is not None}
        if not known:
            return
        first, last = min(known.values()), max(known.values())
        reach = max(least, *(abs(values[k]) for k in known))
        scale = plot.height() / 2 / reach
        points: dict[Rgb, list[QPointF]] = {}
        bars: list[QLineF] = []
        for key, mjd in known.items():
            across = (mjd - first) / (last - first) if last > first else 0.5
            at = QPointF(plot.left() + across * plot.width(), middle - values[key] * scale)
            self.dots.setdefault(key, []).append(at)
            points.setdefault(self._colour(values[key], errors.get(key)), []).append(at)
            if key in errors:
                up = QPointF(0, min(errors[key] * scale, plot.height() / 2))
                bars.append(QLineF(at - up, at + up))
        painter.setPen(QPen(qcolor(theme.accent), 1))
        painter.drawLines(bars)
        for colour, places in points.items():
            pen = QPen(qcolor(colour), 2 * _DOT)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawPoints(places)
        if self._bridge.current in known:
            painter.setPen(QPen(qcolor(theme.selected), 1.6))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(self.dots[self._bridge.current][-1], _DOT + 3, _DOT + 3)

    def _colour(self, value: float, err: float | None) -> Rgb:
        far = value < -CLOUD_MAG if err is None else abs(value) > 3 * err
        return self._theme.warning if far else self._theme.accent

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Look at the row whose dot is nearest."""
        at = event.position()
        apart = {
            key: min((dot - at).manhattanLength() for dot in dots)
            for key, dots in self.dots.items()
        }
        nearest = min(apart, key=lambda k: apart[k], default=None)
        if nearest is not None and apart[nearest] <= _NEAR:
            self._bridge.look_at(nearest)
