"""The frame: image, marks over it, and a line that reads what lies under the cursor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QGraphicsEllipseItem,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cpcs_desktop.session.changes import Changes
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.cursor_line import CursorLine
from cpcs_desktop.ui.grey_image import GreyImage
from cpcs_desktop.ui.image_box import ImageBox
from cpcs_desktop.ui.markers import LOOKS, Overlay, marks, place, positions
from cpcs_desktop.ui.pixels import FramePixels, halvings
from cpcs_desktop.ui.plot_box import Spots
from cpcs_desktop.ui.sky_marks import SkyMarks
from cpcs_desktop.ui.star_spots import Look, StarSpots
from cpcs_desktop.ui.stretch import Stretch, percentile, to_grey, zscale
from cpcs_desktop.ui.task import Tasks
from cpcs_desktop.ui.theme import Rgb, Theme, qcolor

CLICK_RADIUS = 8.0
#: Marks follow the fits in a later turn of the event loop, so that neither waits for the other.
_AFTER_FITS_MS = 25
_LEVELS = ("zscale", "99.9 %", "99.5 %", "99 %", "98 %", "95 %", "90 %", "all")
_FIRST_OVERLAYS = frozenset({Overlay.MATCHED, Overlay.EXCLUDED, Overlay.SATURATED, Overlay.TARGET})


class ImageView(QWidget):
    """The image place.

    Parameters
    ----------
    bridge : Bridge
    theme : Theme
    """

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("image")
        self._bridge = bridge
        self._theme = theme
        self._tasks = Tasks(self)
        self._tasks.failed.connect(bridge.explain)
        self._bias, self._contrast, self._inverted = 0.5, 1.0, False
        self._shown_key: int | None = None
        self._x: NDArray[np.float64] = np.zeros(0)
        self._y: NDArray[np.float64] = np.zeros(0)
        self.overlays = _FIRST_OVERLAYS
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_AFTER_FITS_MS)
        self._soon.timeout.connect(self._mark)
        self._looks: dict[tuple[Overlay, Rgb], Look] = {}

        self.box = ImageBox()
        self.canvas = pg.GraphicsView(background=qcolor(theme.plot))
        self.canvas.setObjectName("imageCanvas")
        self.canvas.setAccessibleName("Image of the frame")
        self.canvas.setCentralItem(self.box)
        self.canvas.setMinimumSize(160, 120)
        self.picture = GreyImage()
        self.points = StarSpots()
        self.lit = Spots()
        self._aperture, self._radius = QGraphicsEllipseItem(), QGraphicsEllipseItem()
        layers: tuple[Any, ...] = (
            self.picture,
            self.points,
            self._aperture,
            self._radius,
            self.lit,
        )
        for z, thing in enumerate(layers):
            thing.setZValue(z)
            self.box.addItem(thing, ignoreBounds=thing is not self.picture)
        self.sky = SkyMarks(self.canvas.viewport(), self.box, theme)
        self.cursor_line = CursorLine(bridge, self)

        self.tools = self._make_tools()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        layout.addWidget(self.tools)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.cursor_line)

        self.box.clicked.connect(self._on_click)
        self.box.contrast_dragged.connect(self._on_contrast)
        self.canvas.scene().sigMouseMoved.connect(self._on_hover)
        bridge.changed.connect(self._on_changed)
        self.use_theme(theme)
        self._show_pixels()

    # -- tools -----------------------------------------------------------------------------------

    def _make_tools(self) -> QWidget:
        tools = QWidget(self)
        row = QHBoxLayout(tools)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.stretch = QComboBox(tools)
        self.stretch.setObjectName("stretch")
        self.stretch.setAccessibleName("Stretch of the image")
        self.stretch.setToolTip("How grey follows from intensity")
        self.stretch.addItems([s.value for s in Stretch])
        self.levels = QComboBox(tools)
        self.levels.setObjectName("levels")
        self.levels.setAccessibleName("Levels of the image")
        self.levels.setToolTip(
            "Which intensities become black and white: "
            "IRAF's zscale, or the middle part of all pixels"
        )
        self.levels.addItems(_LEVELS)
        self.invert = QToolButton(tools)
        self.invert.setObjectName("invert")
        self.invert.setText("Invert")
        self.invert.setCheckable(True)
        self.invert.setToolTip("Dark stars on a bright sky (i)")
        for combo in (self.stretch, self.levels):
            combo.currentIndexChanged.connect(lambda _n: self._render())
            row.addWidget(combo)
        self.invert.toggled.connect(self._on_invert)
        row.addWidget(self.invert)
        row.addStretch(1)
        self.hidden_count = QLabel(tools)
        self.hidden_count.setProperty("role", "faint")
        row.addWidget(self.hidden_count)
        return tools

    def use_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self.canvas.setBackground(qcolor(theme.plot))
        self.sky.use_theme(theme)
        self.cursor_line.use_text_size()
        self._recolour()
        for ellipse, style in (
            (self._aperture, Qt.PenStyle.SolidLine),
            (self._radius, Qt.PenStyle.DashLine),
        ):
            pen = pg.mkPen(qcolor(theme.target), width=1.6, style=style)
            pen.setCosmetic(True)
            ellipse.setPen(pen)
        self._mark()

    def _recolour(self) -> None:
        table = self._theme.grey_table(self._bias, self._contrast, inverted=self._inverted)
        self.picture.use_colours(table)

    def _on_invert(self, on: bool) -> None:
        self._inverted = on
        self._recolour()

    def _on_contrast(self, across: float, up: float) -> None:
        self._bias = min(max(self._bias + across, 0.0), 1.0)
        self._contrast = min(max(self._contrast * float(np.exp(2.0 * up)), 0.1), 20.0)
        self._recolour()

    def toggle(self, overlay: Overlay) -> None:
        """Turn one kind of marks on or off."""
        self.overlays = self.overlays ^ {overlay}
        self._mark()

    def toggle_all(self) -> None:
        """Turn all marks off, or the usual ones on."""
        self.overlays = frozenset() if self.overlays else _FIRST_OVERLAYS
        self._mark()

    def fit_view(self) -> None:
        """Show the whole frame."""
        if self.picture.size_pix != (0, 0):
            self.box.setRange(self.picture.boundingRect(), padding=0.0)
        elif len(self._x):
            known = np.isfinite(self._x)
            x, y = self._x[known], self._y[known]
            self.box.setRange(
                QRectF(x.min(), y.min(), np.ptp(x) or 1.0, np.ptp(y) or 1.0), padding=0.05
            )

    def north_up(self) -> None:
        """Flip the view so that north is up and east to the left, as far as flips can."""
        frame = self._bridge.pixels.frame if self._bridge.pixels else None
        if frame is None or frame.wcs is None or frame.shape is None:
            return
        from cpcs_desktop.ui.sky_marks import north_and_east

        north, east = north_and_east(frame.wcs, frame.shape[1] / 2, frame.shape[0] / 2)
        already = self.box.yInverted() == (north[1] < 0) and self.box.xInverted() == (east[0] > 0)
        self.box.invertY(not already and north[1] < 0)
        self.box.invertX(not already and east[0] > 0)

    # -- image -----------------------------------------------------------------------------------

    def _on_changed(self, changes: Changes) -> None:
        here = self._bridge.current
        if changes.pixels or changes.current:
            self._show_pixels()
        if changes.pixels or changes.current or here in changes.fits | changes.frames:
            self._soon.start()  # after the fits, which a click looks at first
        elif changes.selection:
            self._light()

    def _show_pixels(self) -> None:
        pixels, exposure = self._bridge.pixels, self._bridge.exposure
        if pixels is None:
            self._tasks.cancel("grey")
            self.picture.show_levels([])
            self.sky.show_frame(None, None, None)
            is_list = exposure is not None and exposure.frame.kind == "list"
            if self._bridge.frame is None:
                self.sky.say("No frame yet")
            else:
                self.sky.say("" if is_list else self._bridge.pixels_sentence)
            if is_list and self._shown_key != self._bridge.current:
                self._x, self._y = positions(exposure) if exposure else (self._x, self._y)
                self._shown_key = self._bridge.current
                self.fit_view()
        else:
            self._render()

    def _render(self) -> None:
        pixels = self._bridge.pixels
        if pixels is None:
            return
        stretch, words = Stretch(self.stretch.currentText()), self.levels.currentText()

        def grey() -> list[NDArray[np.uint8]]:
            levels = _levels(pixels, words)
            return halvings(to_grey(pixels.pixels, levels, stretch, pixels.ordered))

        future = self._bridge.threads.submit(grey)
        self._tasks.start("grey", future, lambda made: self._rendered(pixels, made))

    def _rendered(self, pixels: FramePixels, levels: list[NDArray[np.uint8]]) -> None:
        other_size = self.picture.size_pix != levels[0].shape
        self.picture.show_levels(levels)
        self.sky.say("")
        frame = pixels.frame
        self.sky.show_frame(frame.wcs, frame.shape, frame.pixel_scale_arcsec)
        if other_size:
            self.fit_view()
        self._shown_key = pixels.key

    @property
    def rendered(self) -> bool:
        """Whether the image on the screen is the one asked for."""
        return "grey" not in self._tasks and not self._soon.isActive()

    # -- marks -----------------------------------------------------------------------------------

    def _mark(self) -> None:
        exposure = self._bridge.exposure
        self._aperture.setVisible(False)
        self._radius.setVisible(False)
        if exposure is None:
            self._x = self._y = np.zeros(0)
            self.points.setData([], [])
            self.lit.setData([], [])
            return
        self._x, self._y = positions(exposure)
        calibration, fit = self._bridge.calibration, self._bridge.shown_fit
        wanted = self.overlays
        if exposure.frame.kind == "list":
            wanted = wanted | {Overlay.DETECTIONS}
        made = marks(exposure, calibration, fit, wanted, self._theme)
        looks: dict[tuple[Overlay, Rgb], int] = {}
        which = [_numbers(kind, mark.colours, looks) for kind, mark in made.items()]
        if which:
            self.points.show_stars(
                np.concatenate([mark.x for mark in made.values()]),
                np.concatenate([mark.y for mark in made.values()]),
                [self._look(*look) for look in looks],
                np.concatenate(which),
            )
        else:
            self.points.setData([], [])
        self._mark_target()
        self._light()

    def _look(self, kind: Overlay, rgb: Rgb) -> Look:
        """Return one look for each kind and colour: each is drawn once and kept."""
        if (kind, rgb) not in self._looks:
            symbol, size, _ = LOOKS[kind]
            pen = pg.mkPen(qcolor(rgb), width=1.4)
            self._looks[kind, rgb] = Look(symbol, size, pen, pg.mkBrush(None))
        return self._looks[kind, rgb]

    def _mark_target(self) -> None:
        frame, exposure = self._bridge.frame, self._bridge.exposure
        if frame is None or exposure is None or frame.decisions.target is None:
            return
        if Overlay.TARGET not in self.overlays:
            return
        ra, dec = frame.decisions.target
        x, y = place(exposure, exposure.frame.wcs, np.array([ra]), np.array([dec]))
        if not (np.isfinite(x[0]) and np.isfinite(y[0])):
            return
        scale = exposure.frame.pixel_scale_arcsec or 1.0
        sources = exposure.sources(self._kind())
        fwhm = frame.facts.fwhm_pix or 4.0
        aperture = sources.aperture_diameter_pix or 2.5 * fwhm
        calibration = self._bridge.calibration
        radius = calibration.match_radius_arcsec if calibration else None
        _circle(self._aperture, x[0], y[0], aperture / 2)
        if radius is not None:
            _circle(self._radius, x[0], y[0], radius / scale)

    def _kind(self) -> Any:
        frame = self._bridge.frame
        return frame.decisions.magnitude_kind if frame else "AUTO"

    def _light(self) -> None:
        """Ring the selected stars."""
        rows = [r for r in self._bridge.selection if r < len(self._x)]
        pen = pg.mkPen(qcolor(self._theme.selected), width=2.2)
        self.lit.setData(
            x=self._x[rows], y=self._y[rows], size=23, pen=pen, brush=pg.mkBrush(None), symbol="o"
        )

    # -- mouse -----------------------------------------------------------------------------------

    def star_at(self, at: QPointF) -> int | None:
        """Return the source within 8 screen pixels of a place, the nearest one."""
        if not len(self._x):
            return None
        width, height = self.box.viewPixelSize()
        apart = np.hypot((self._x - at.x()) / width, (self._y - at.y()) / height)
        apart = np.nan_to_num(apart, nan=np.inf)
        nearest = int(np.argmin(apart))
        return nearest if apart[nearest] <= CLICK_RADIUS else None

    def star_under_cursor(self) -> int | None:
        """Return the source under the mouse, None when the mouse is elsewhere."""
        if not self.canvas.underMouse():
            return None
        at = self.canvas.viewport().mapFromGlobal(self.canvas.cursor().pos())
        return self.star_at(self.box.mapSceneToView(QPointF(at)))

    def _on_click(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        star = self.star_at(at)
        rows = frozenset() if star is None else frozenset({star})
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            rows = self._bridge.selection ^ rows
        self._bridge.select(rows)

    def _on_hover(self, scene: QPointF) -> None:
        at = self.box.mapSceneToView(scene)
        self.cursor_line.show_place(at.x(), at.y(), self.star_at(at))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the sheet of marks as large as the view."""
        super().resizeEvent(event)
        layout = self.layout()
        if layout is not None:
            layout.activate()
        self.sky.resize(self.canvas.viewport().size())


def _levels(pixels: FramePixels, words: str) -> tuple[float, float]:
    if words == "zscale":
        return zscale(pixels.ordered)
    percent = 100.0 if words == "all" else float(words.partition(" ")[0])
    return percentile(pixels.ordered, percent)


def _numbers(
    kind: Overlay, colours: tuple[Rgb, ...], looks: dict[tuple[Overlay, Rgb], int]
) -> NDArray[np.intp]:
    """Return the number of each mark's look, numbering looks not met before."""
    return np.fromiter(
        (looks.setdefault((kind, rgb), len(looks)) for rgb in colours), np.intp, len(colours)
    )


def _circle(item: QGraphicsEllipseItem, x: float, y: float, radius: float) -> None:
    item.setRect(QRectF(x - radius, y - radius, 2 * radius, 2 * radius))
    item.setVisible(True)
