"""Quick markers put on the screen exactly what pyqtgraph's own, slower way puts there."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from cpcs_desktop.ui.plot_box import Spots
from cpcs_desktop.ui.star_spots import Look, StarSpots

LOOKS = [
    Look("o", 7, pg.mkPen("r", width=1.3), pg.mkBrush("y")),
    Look("x", 11, pg.mkPen("b", width=1.8), pg.mkBrush(None)),
    Look("s", 15, pg.mkPen("g", width=1.4), pg.mkBrush(None)),
]


def picture(qtbot: QtBot, item: Spots) -> QImage:
    canvas = pg.PlotWidget()
    qtbot.addWidget(canvas)
    canvas.resize(300, 200)
    canvas.addItem(item)
    canvas.setRange(xRange=(0, 10), yRange=(0, 10))
    shot: QImage = canvas.grab().toImage()
    return shot


def test_markers_look_as_pyqtgraph_draws_them(qtbot: QtBot) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 10, (2, 60))
    which = rng.integers(0, len(LOOKS), 60)
    quick, slow = StarSpots(), Spots()
    quick.show_stars(rng.uniform(0, 10, 5), np.zeros(5), LOOKS, np.zeros(5, dtype=np.intp))
    quick.show_stars(x, y, LOOKS, which)
    chosen = [LOOKS[n] for n in which]
    slow.setData(
        x=x,
        y=y,
        symbol=[k.symbol for k in chosen],
        size=[k.size for k in chosen],
        pen=[k.pen for k in chosen],
        brush=[k.brush for k in chosen],
    )
    assert picture(qtbot, quick) == picture(qtbot, slow)
    assert [p.symbol() for p in quick.points()] == [k.symbol for k in chosen]


def test_no_marker_is_drawn_when_none_is_left(qtbot: QtBot) -> None:
    spots = StarSpots()
    empty = picture(qtbot, StarSpots())
    spots.show_stars(np.ones(3), np.ones(3), LOOKS, np.arange(3))
    spots.show_stars(np.zeros(0), np.zeros(0), LOOKS, np.zeros(0, dtype=np.intp))
    assert picture(qtbot, spots) == empty
