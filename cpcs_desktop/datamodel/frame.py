"""A reduced frame, or the frame a source list was made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from astropy.wcs import WCS

FrameKind = Literal["frame", "list"]


@dataclass(frozen=True)
class Frame:
    """What is known of one exposure, without its pixels.

    Identity is content: ``sha256`` and ``hdu``. A renamed copy is the same frame.

    Parameters
    ----------
    sha256 : str
        Hexadecimal SHA-256 of the file's bytes as they are on disk.
    hdu : int
        Number of the image's HDU (0 for lists).
    path : str
        Where the file was read from, as given.
    kind : {"frame", "list"}
    mjd : float or None
        Mid-exposure, MJD, UTC.
    exposure_s : float or None
        Exposure time, s.
    filter_header : str or None
        Filter as written in the header.
    gain : float or None
        e-/ADU.
    saturation : float or None
        Level at which pixels are saturated, ADU.
    read_noise : float or None
        e-.
    wcs : astropy.wcs.WCS or None
        Celestial, two-dimensional.
    shape : (int, int) or None
        Rows and columns.
    pixel_scale_arcsec : float or None
    guessed : frozenset of str
        Names of the fields above that were guessed, not read.
    header : tuple of (keyword, value, comment)
        The image's header as text, for the header viewer.
    """

    sha256: str
    hdu: int
    path: str
    kind: FrameKind
    mjd: float | None = None
    exposure_s: float | None = None
    filter_header: str | None = None
    gain: float | None = None
    saturation: float | None = None
    read_noise: float | None = None
    wcs: WCS | None = None
    shape: tuple[int, int] | None = None
    pixel_scale_arcsec: float | None = None
    airmass: float | None = None
    telescope: str | None = None
    instrument: str | None = None
    object_name: str | None = None
    pointing: tuple[float, float] | None = None
    guessed: frozenset[str] = frozenset()
    header: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)

    @property
    def id(self) -> str:
        """Content identity, ``<sha256>:<hdu>``."""
        return f"{self.sha256}:{self.hdu}"
