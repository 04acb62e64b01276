"""Themes, names, text size, overlays and zoom."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from cpcs_desktop.ui.markers import Overlay


def pixels(widget: QWidget) -> np.ndarray:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(image.constBits(), dtype=np.uint8)
    return flat.reshape(image.height(), -1, 4)[:, :, 2::-1].astype(int)


def test_controls_have_names(loaded) -> None:
    """A screen reader must have something to say for everything that takes the focus."""
    nameless = []
    for widget in loaded.window.findChildren(QWidget):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible():
            words = widget.accessibleName() or getattr(widget, "text", str)() or widget.toolTip()
            inside = any(p.accessibleName() for p in _parents(widget))
            if not words and not inside and not widget.objectName().startswith("qt_"):
                nameless.append((type(widget).__name__, widget.objectName()))
    allowed = {"QTabBar", "QScrollArea", "QGraphicsView"}
    assert [n for n in nameless if n[0] not in allowed] == []


def _parents(widget: QWidget) -> list[QWidget]:
    found = []
    while (widget := widget.parentWidget()) is not None:
        found.append(widget)
    return found


def test_the_night_theme_has_no_green_and_no_blue(loaded) -> None:
    loaded.window.actions_by_name["night"].trigger()
    for name in (None, "lightcurve", "events", "surveys", "outbox"):
        loaded.window.show_tab(name or "calibrate")
        loaded.settle()
        if name == "surveys":
            loaded.qtbot.waitUntil(lambda: loaded.window.surveys.ready)
        seen = pixels(loaded.window)
        assert seen[:, :, 1:].max() <= 12, name
        assert seen[:, :, 0].max() > 150


def test_no_white_flash(open_window, profile) -> None:
    from cpcs_desktop.settings import AppSettings, save_settings
    from cpcs_desktop.ui.theme import THEMES, apply_theme

    save_settings(profile, AppSettings(theme="night"))
    apply_theme(QApplication.instance(), THEMES["night"])
    driver = open_window(profile)
    assert pixels(driver.window)[:, :, 1:].max() <= 12


@pytest.mark.parametrize("theme", ["dark", "light", "night"])
def test_every_level_of_a_check_has_a_shape(theme: str) -> None:
    from cpcs_desktop.ui.checks_model import MARKS

    assert len(set(MARKS.values())) == 4


def test_text_at_200_percent(loaded) -> None:
    small = loaded.window.calibrate.result.headline.height()
    for _ in range(10):
        loaded.window.actions_by_name["larger"].trigger()
    assert loaded.bridge.settings.text_percent == 200
    loaded.settle()
    assert loaded.window.calibrate.result.headline.height() > 1.6 * small
    for button in ("accept", "submit"):
        widget = loaded.find(QPushButton, button)
        assert widget.width() >= widget.fontMetrics().horizontalAdvance(widget.text())
        assert widget.visibleRegion().boundingRect().height() == widget.height()
    for _ in range(10):
        loaded.window.actions_by_name["smaller"].trigger()


def test_overlays_by_key(loaded) -> None:
    image = loaded.window.calibrate.image
    before = len(image.points.data)
    loaded.window.actions_by_name["detections"].trigger()
    assert len(image.points.data) == before + len(loaded.bridge.exposure.sources())
    loaded.press(Qt.Key.Key_Space)
    assert len(image.points.data) == 0
    assert image.overlays == frozenset()
    loaded.press(Qt.Key.Key_Space)
    assert Overlay.MATCHED in image.overlays


def test_the_target_is_drawn_where_it_is(loaded) -> None:
    """A pixel of the aperture's circle has the theme's colour, at the event's place."""
    image = loaded.window.calibrate.image
    for overlay in (Overlay.MATCHED, Overlay.EXCLUDED, Overlay.SATURATED):
        image.toggle(overlay)
    frame = loaded.bridge.frame
    x, y = loaded.bridge.exposure.frame.wcs.world_to_pixel_values(*frame.decisions.target)
    image.box.setRange(xRange=(x - 15, x + 15), yRange=(y - 15, y + 15), padding=0)
    rect = image._aperture.rect()
    assert (rect.center().x(), rect.center().y()) == pytest.approx((float(x), float(y)))
    at = image.canvas.mapFromScene(
        image.box.mapViewToScene(QPointF(rect.right(), rect.center().y()))
    )
    seen = pixels(image.canvas)[at.y() - 2 : at.y() + 3, at.x() - 3 : at.x() + 4]
    yellow = np.abs(seen - np.array(image._theme.target)).sum(axis=2)
    assert yellow.min() < 60


def test_zoom_and_orientation(loaded) -> None:
    image = loaded.window.calibrate.image
    whole = image.box.viewRect()
    loaded.press(Qt.Key.Key_Plus)
    assert image.box.viewRect().width() == pytest.approx(whole.width() / 1.5)
    loaded.press(Qt.Key.Key_1)
    assert image.box.viewPixelSize()[0] == pytest.approx(1.0, rel=0.01)
    loaded.press(Qt.Key.Key_0)
    assert image.box.viewRect().width() == pytest.approx(whole.width())
    # the first FITS pixel lies lower left
    first = image.box.mapViewToScene(QPointF(0, 0))
    last = image.box.mapViewToScene(QPointF(699, 699))
    assert first.y() > last.y()
    assert first.x() < last.x()


def test_cursor_line_reads_the_sky(loaded) -> None:
    image, frame = loaded.window.calibrate.image, loaded.bridge.exposure.frame
    star = int(loaded.bridge.shown_fit.source_row[0])
    image.cursor_line.show_place(image._x[star], image._y[star], star)
    text = image.cursor_line.text()
    assert f"x {image._x[star] + 1:.1f}" in text
    assert "S/N" in text
    assert "FWHM" in text
    ra, dec = (float(v) for v in frame.wcs.pixel_to_world_values(image._x[star], image._y[star]))
    assert f"{ra:.5f} {dec:+.5f}" in text


def test_altitudes_agree_with_astropy() -> None:
    from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_sun
    from astropy.time import Time
    from astropy.utils import iers

    from cpcs_desktop.ui.altitude import altitude, sun_altitude

    iers.conf.auto_download = False
    mjd = np.array([57612.1, 60350.8])
    place = EarthLocation.from_geodetic(14.78, 49.91, 500)
    frame = AltAz(obstime=Time(mjd, format="mjd"), location=place)
    want = SkyCoord(295.0, 30.1, unit="deg").transform_to(frame).alt.deg
    assert altitude(mjd, 295.0, 30.1, 14.78, 49.91) == pytest.approx(want, abs=0.1)
    sun = get_sun(Time(mjd, format="mjd")).transform_to(frame).alt.deg
    assert sun_altitude(mjd, 14.78, 49.91) == pytest.approx(sun, abs=0.1)
