"""The pixels of the row looked at, and only of that one: memory stays flat over a night."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QImage

from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.session.measuring import split_hdu
from cpcs_desktop.ui.stretch import Stretch, sample, to_grey

THUMBNAIL = 60


@dataclass(frozen=True)
class FramePixels:
    """The image of one frame.

    Parameters
    ----------
    key : int
        Row of the night.
    frame : Frame
        Its header, WCS included.
    pixels : ndarray of float32, shape (ny, nx)
    ordered : ndarray of float64
        Sorted sample of the pixels, for levels.
    """

    key: int
    frame: Frame
    pixels: NDArray[np.float32]
    ordered: NDArray[np.float64]


def load_pixels(key: int, path: str) -> FramePixels | None:
    """Read the image of a row; None for a source list. Made for a background thread."""
    from cpcs_desktop.io.frames import read_frame, read_pixels
    from cpcs_desktop.io.sniff import input_kind

    file, hdu = split_hdu(path)
    if input_kind(file) == "list":
        return None
    frame = read_frame(file, hdu)
    pixels = read_pixels(file, frame.hdu)
    return FramePixels(key, frame, pixels, sample(pixels))


def halvings(grey: NDArray[np.uint8], smallest: int = 512) -> list[NDArray[np.uint8]]:
    """Return the image and its halves down to ``smallest`` pixels, each the mean of 2 x 2.

    Drawn from far away, the halves keep faint stars that leaving out pixels would lose.
    """
    levels = [grey]
    while min(levels[-1].shape) >= 2 * smallest:
        last = levels[-1]
        ny, nx = (n // 2 * 2 for n in last.shape)
        total = last[0:ny:2, 0:nx:2].astype(np.uint16)
        total += last[1:ny:2, 0:nx:2]
        total += last[0:ny:2, 1:nx:2]
        total += last[1:ny:2, 1:nx:2]
        levels.append((total >> 2).astype(np.uint8))
    return levels


def thumbnail(pixels: NDArray[np.float32]) -> bytes:
    """Return a small PNG of an image, first row at the bottom."""
    step = max(1, max(pixels.shape) // THUMBNAIL)
    down, across = (min(step, n) for n in pixels.shape)
    ny, nx = pixels.shape[0] // down * down, pixels.shape[1] // across * across
    blocks = pixels[:ny, :nx].reshape(ny // down, down, nx // across, across)
    small = np.nan_to_num(np.nanmax(blocks[:, :: max(1, down // 8)], axis=(1, 3)))
    ordered = np.sort(small.ravel()).astype(np.float64)
    # Half the blocks hold no star: their level is black, the brightest hundredth is white.
    low, high = (float(v) for v in np.percentile(ordered, [50, 99]))
    levels = (low, max(high, low + 1e-3))
    grey = np.ascontiguousarray(to_grey(small, levels, Stretch.SQRT, ordered)[::-1])
    picture = QImage(
        grey.tobytes(), grey.shape[1], grey.shape[0], grey.shape[1], QImage.Format.Format_Grayscale8
    )
    stored = QByteArray()
    device = QBuffer(stored)
    device.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(device, "PNG")  # type: ignore[call-overload]  # PySide's stub lacks str
    return bytes(stored.data())


def make_thumbnail(path: Path, hdu: int) -> bytes:
    """Return the small picture of a frame; made for a background thread."""
    from cpcs_desktop.io.frames import read_pixels

    return thumbnail(read_pixels(path, hdu))
