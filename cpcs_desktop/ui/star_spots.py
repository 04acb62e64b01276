"""Markers of thousands of stars in a handful of looks: drawn again within a frame of the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.ui.plot_box import Spots


@dataclass(frozen=True)
class Look:
    """How a marker is drawn: pyqtgraph's symbol, size in screen pixels, QPen and QBrush."""

    symbol: str
    size: float
    pen: Any
    brush: Any


class StarSpots(Spots):
    """Markers given as places, and for each the number of its look.

    pyqtgraph asks every marker for its pen, brush and symbol, 20 ms for 2,000 stars; here the few
    looks are asked. Looks that live on are drawn once: keep them between calls.
    """

    data: Any  # pyqtgraph's rows, one for each marker

    def show_stars(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        looks: list[Look],
        which: NDArray[np.intp],
    ) -> None:
        """Show other stars; arrays of shape (n,), ``which`` counts in ``looks``."""
        data = np.empty(len(x), dtype=self.data.dtype)
        data["x"], data["y"], data["visible"], data["hovered"] = x, y, True, False
        if len(looks):
            rects = self.fragmentAtlas[[(k.symbol, k.size, k.pen, k.brush) for k in looks]]
            data["size"] = np.array([k.size for k in looks])[which]
            data["sourceRect"] = np.array(rects, dtype=data["sourceRect"].dtype)[which]
            for name in ("symbol", "pen", "brush"):
                things = np.empty(len(looks), dtype=object)
                things[:] = [getattr(k, name) for k in looks]
                data[name] = things[which]
        self.data = data
        self._updateMaxSpotSizes()
        self.prepareGeometryChange()
        self.informViewBoundsChanged()
        self.invalidate()
        self.sigPlotChanged.emit(self)
