"""How the marks of a light curve look: colour by band, shape by observatory, state by outline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QBrush, QPainterPath, QPen

from cpcs_desktop.ui.light_curve_marks import Mark
from cpcs_desktop.ui.theme import Rgb, Theme, band_colour, qcolor

_SYMBOLS = ("o", "s", "d", "t", "p", "h", "star", "t1")


def _down_arrow() -> QPainterPath:
    """Return the sign of a limit: a bar with an arrow that hangs from it."""
    path = QPainterPath()
    for x1, y1, x2, y2 in (
        (-0.22, 0.0, 0.22, 0.0),
        (0.0, 0.0, 0.0, 0.5),
        (0.0, 0.5, -0.14, 0.32),
        (0.0, 0.5, 0.14, 0.32),
    ):
        path.moveTo(x1, y1)
        path.lineTo(x2, y2)
    return path


_DOWN_ARROW = _down_arrow()


def spots(marks: Sequence[Mark], observatories: Sequence[str], theme: Theme) -> dict[str, Any]:
    """Return what the scatter plot is given; pens and brushes are made once per look.

    Parameters
    ----------
    observatories : sequence of str
        In the order of their shapes, whatever is shown of them.
    """
    shapes = {name: _SYMBOLS[n % len(_SYMBOLS)] for n, name in enumerate(observatories)}

    @cache
    def look(rgb: Rgb, how: str) -> tuple[QPen, QBrush, int]:
        solid, hollow = pg.mkBrush(qcolor(rgb)), pg.mkBrush(None)
        if how == "draft":
            return pg.mkPen(qcolor(rgb), width=2.6), hollow, 6
        if how == "night":
            return pg.mkPen(qcolor(rgb, 150), width=1.0), hollow, -2
        if how == "older":
            return pg.mkPen(qcolor(theme.faint), width=1.0), hollow, -3
        if how == "waiting":
            return pg.mkPen(qcolor(rgb), width=1.4), hollow, 0
        return pg.mkPen(qcolor(rgb), width=1.4), solid, 2 if how == "bin" else 0

    nothing = pg.mkBrush(None)
    styles = [look(_rgb(mark, theme), mark.how) for mark in marks]
    limits = [mark.kind == "limit" for mark in marks]
    return {
        "x": np.array([mark.x for mark in marks]),
        "y": np.array([mark.y for mark in marks]),
        "symbol": [
            _DOWN_ARROW if limit else shapes.get(mark.observatory, "o")
            for mark, limit in zip(marks, limits, strict=True)
        ],
        "size": [
            (22 if limit else 11) + more for (_, _, more), limit in zip(styles, limits, strict=True)
        ],
        "pen": [pen for pen, _, _ in styles],
        "brush": [
            nothing if limit else brush for (_, brush, _), limit in zip(styles, limits, strict=True)
        ],
    }


def _rgb(mark: Mark, theme: Theme) -> Rgb:
    if mark.how == "colour":
        return theme.accent
    return band_colour(mark.band.partition("/")[2], theme)


def places(marks: Sequence[Mark], wanted: Callable[[Mark], bool]) -> dict[str, Any]:
    """Return the places of the marks that are wanted."""
    found = [mark for mark in marks if wanted(mark)]
    return {"x": np.array([m.x for m in found]), "y": np.array([m.y for m in found])}
