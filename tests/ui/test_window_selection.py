"""One selection everywhere: image, plot and table light the same star."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt

CTRL = Qt.KeyboardModifier.ControlModifier


def lit(loaded) -> tuple[set, set, set]:
    """Return which stars are lit in the table, the image and the plot."""
    places = loaded.window.calibrate
    model = places.stars.model
    rows = places.stars.table.selectionModel().selectedRows()
    table = {model.source_row(i.row()) for i in rows}
    fit, image = loaded.bridge.shown_fit, places.image
    x, y = image.lit.getData()
    picture = {
        int(np.argmin(np.hypot(image._x - a, image._y - b))) for a, b in zip(x, y, strict=True)
    }
    x, _ = places.fits.plot.lit_above.getData()
    plot = {int(fit.source_row[np.argmin(np.abs(fit.mag_inst - a))]) for a in x}
    return table, picture, plot


def test_a_star_picked_in_the_image_is_lit_in_plot_and_table(loaded) -> None:
    image, fit = loaded.window.calibrate.image, loaded.bridge.shown_fit
    star = int(fit.source_row[np.argmin(fit.mag_inst)])
    loaded.click_plot(image.canvas, image.box, image._x[star], image._y[star])
    assert loaded.bridge.selection == {star}
    assert lit(loaded) == ({star}, {star}, {star})


def test_a_star_picked_in_the_plot_is_lit_in_image_and_table(loaded) -> None:
    plot, fit = loaded.window.calibrate.fits.plot, loaded.bridge.shown_fit
    n = int(np.argmin(fit.mag_inst))
    loaded.click_plot(plot.canvas, plot.main_box, fit.mag_inst[n], fit.mag_ref[n], CTRL)
    star = int(fit.source_row[n])
    assert lit(loaded) == ({star}, {star}, {star})
    assert loaded.bridge.frame.decisions.excluded == frozenset()


def test_rows_picked_in_the_table_are_lit_in_image_and_plot(loaded) -> None:
    stars = loaded.window.calibrate.stars
    loaded.window.calibrate.docks["Stars"].raise_()
    stars.table.selectRow(0)
    star = stars.model.source_row(0)
    assert lit(loaded) == ({star}, {star}, {star})


def test_x_excludes_what_is_selected(loaded) -> None:
    # an earlier test may have left the mouse over the image, where x means the star under it
    loaded.qtbot.mouseMove(loaded.window.statusBar())
    star = int(loaded.bridge.shown_fit.source_row[2])
    loaded.bridge.select([star])
    loaded.press(Qt.Key.Key_X)
    assert loaded.bridge.frame.decisions.excluded == {star}
    loaded.press(Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert loaded.bridge.frame.decisions.excluded == frozenset()
    loaded.settle()


def test_a_click_beside_every_star_selects_nothing(loaded) -> None:
    image = loaded.window.calibrate.image
    loaded.bridge.select([1])
    grid = np.stack(np.meshgrid(np.arange(20, 680, 5.0), np.arange(20, 680, 5.0)), -1)
    grid = grid.reshape(-1, 2)
    apart = np.min(
        np.hypot(grid[:, :1] - image._x[None, :], grid[:, 1:] - image._y[None, :]), axis=1
    )
    x, y = grid[int(np.argmax(apart))]
    loaded.click_plot(image.canvas, image.box, x, y)
    assert loaded.bridge.selection == frozenset()


def test_selection_stays_with_its_frame(loaded) -> None:
    loaded.bridge.select([1, 2])
    loaded.press(Qt.Key.Key_K)
    assert loaded.bridge.selection == frozenset()
    loaded.settle()
