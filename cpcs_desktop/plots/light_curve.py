"""The picture of a light curve: points with errors, limits as arrows, one colour a band."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cpcs_desktop.datamodel.band import band_order, passband_group

#: Colours of the passband groups, blue to red; distinct in grey too as far as that goes.
GROUP_COLOURS = (
    "#7b3fb5", "#3556c9", "#1d8fb8", "#1f9d55", "#555555", "#d0491f", "#b02a4c",
    "#8a2147", "#6e3b1e", "#4d2c19", "#9c7a00", "#7a7a00", "#46461a",
)  # fmt: skip
_MARKERS = "osD^vP*Xhp<>"
#: Text layout of matplotlib shares state; pictures are drawn one at a time.
_DRAWING = threading.Lock()


@dataclass(frozen=True)
class DrawnPoint:
    """One point of the picture; magnitudes, MJD."""

    mjd: float
    mag: float
    mag_err: float | None
    is_limit: bool
    band: str
    observatory: str


def band_colour(band: str) -> str:
    """Return the colour of a band's passband group."""
    group = passband_group(band.partition("/")[2])
    return "#888888" if group is None else GROUP_COLOURS[group % len(GROUP_COLOURS)]


def light_curve_picture(
    points: Sequence[DrawnPoint], title: str, *, kind: Literal["png", "svg"] = "png"
) -> bytes:
    """Return a light curve as PNG or SVG; brighter is up.

    Parameters
    ----------
    points : sequence of DrawnPoint
    title : str
        Shown as it is, never read as mathematics.
    kind : {"png", "svg"}
    """
    # A figure without pyplot: pyplot keeps state of the whole process and is not for threads.
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _DRAWING, rc_context({"svg.hashsalt": "cpcs", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8.0, 5.0), dpi=100)
        FigureCanvasAgg(figure)
        figure.subplots_adjust(left=0.09, right=0.8, top=0.91, bottom=0.11)
        axes = figure.add_subplot()
        bands = sorted({point.band for point in points}, key=band_order)
        for n, band in enumerate(bands):
            colour, marker = band_colour(band), _MARKERS[n % len(_MARKERS)]
            found = [p for p in points if p.band == band and not p.is_limit]
            limits = [p for p in points if p.band == band and p.is_limit]
            axes.errorbar(
                [p.mjd for p in found],
                [p.mag for p in found],
                [p.mag_err or 0.0 for p in found],
                fmt=marker,
                ms=4,
                lw=0.8,
                color=colour,
                label=f"{band} ({len(found) + len(limits)})",
            )
            axes.scatter(
                [p.mjd for p in limits],
                [p.mag for p in limits],
                marker="$\u2193$",
                s=60,
                color=colour,
                alpha=0.7,
            )
        axes.invert_yaxis()
        axes.set_xlabel("MJD")
        axes.set_ylabel("magnitude")
        axes.ticklabel_format(axis="x", useOffset=False, style="plain")
        axes.grid(alpha=0.25, lw=0.5)
        figure.suptitle(title, fontsize=11, parse_math=False)
        if bands:
            axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        else:
            axes.text(0.5, 0.5, "no points yet", ha="center", transform=axes.transAxes)
        buffer = io.BytesIO()
        metadata = {"Software": "cpcs-desktop"} if kind == "png" else {"Date": None}
        figure.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()
