"""The practice telescope: detector, seeing, sky, and its ways to go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from astropy.wcs import WCS

#: Zero point of a 120 s exposure and sky brightness (mag / arcsec^2), by band letter, for the
#: default telescope; a 0.5 m reflector under a fair sky, to 0.3 mag.
THROUGHPUT: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("u", "U", "v"), (24.8, 21.4)),
    **dict.fromkeys(("B", "BT", "B1pg", "B2pg"), (26.4, 21.6)),
    **dict.fromkeys(("g", "GBP"), (27.2, 21.2)),
    **dict.fromkeys(("V", "VT"), (27.0, 21.0)),
    "G": (28.0, 20.5),
    **dict.fromkeys(("r", "R", "R1pg", "R2pg"), (27.2, 20.5)),
    **dict.fromkeys(("i", "GRP"), (26.8, 19.8)),
    **dict.fromkeys(("I", "Ipg"), (26.4, 19.3)),
    "z": (26.0, 18.9),
    "y": (25.2, 18.2),
    "J": (24.6, 15.8),
    "H": (24.4, 14.4),
    "K": (24.0, 13.6),
}


@dataclass(frozen=True)
class Camera:
    """How frames are made.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    pixel_scale : float
        arcsec / pixel.
    fwhm : float
        Seeing, arcsec.
    psf : {"moffat", "gauss"}
    beta : float
        Of the Moffat profile. At 6 a Kron aperture misses 1 per cent of a bright star's light, at 4
        twice as much.
    gain : float
        e- / ADU.
    read_noise : float
        e-.
    bias : float
        Pedestal left in the reduced frame, ADU.
    saturation : float
        ADU.
    exposure_s : float
    sky_gradient : float
        Difference of the sky across the frame, as a share of it.
    cosmic_rays : float
        Hits per megapixel.
    bad_columns : int
    rotation_deg : float
        Of the detector, north through east.
    sip : bool
        Distort the plate by a few pixels at the corners and say so with SIP coefficients.
    """

    shape: tuple[int, int] = (1024, 1024)
    pixel_scale: float = 0.8
    fwhm: float = 2.6
    psf: Literal["moffat", "gauss"] = "moffat"
    beta: float = 6.0
    gain: float = 1.5
    read_noise: float = 8.0
    bias: float = 100.0
    saturation: float = 60000.0
    exposure_s: float = 120.0
    sky_gradient: float = 0.05
    cosmic_rays: float = 20.0
    bad_columns: int = 2
    rotation_deg: float = 1.5
    sip: bool = False

    def zero_point(self, letter: str) -> float:
        """Return the magnitude of 1 ADU in this exposure: ``ZP = mag + 2.5 log10(flux)``."""
        return THROUGHPUT[letter][0] + 2.5 * float(np.log10(self.exposure_s / 120.0))

    def sky_level(self, letter: str) -> float:
        """Return the brightness of the sky, ADU / pixel."""
        brightness = THROUGHPUT[letter][1]
        area = self.pixel_scale**2
        return float(area * 10.0 ** (0.4 * (self.zero_point(letter) - brightness)))

    def wcs(self, center: tuple[float, float]) -> WCS:
        """Return the frame's TAN (or TAN-SIP) solution for a pointing in degrees."""
        from astropy.wcs import WCS, Sip

        rows, columns = self.shape
        wcs = WCS(naxis=2)
        reference = [(columns + 1) / 2.0, (rows + 1) / 2.0]
        wcs.wcs.crpix = reference
        wcs.wcs.crval = center
        wcs.wcs.cunit = ["deg", "deg"]
        wcs.wcs.radesys = "ICRS"
        sin, cos = np.sin(np.radians(self.rotation_deg)), np.cos(np.radians(self.rotation_deg))
        scale = self.pixel_scale / 3600.0
        wcs.wcs.cd = scale * np.array([[-cos, sin], [sin, cos]])
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        if self.sip:
            wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
            a, b = np.zeros((4, 4)), np.zeros((4, 4))
            half = max(rows, columns) / 2.0
            a[2, 0], a[1, 1], a[3, 0], a[1, 2] = 2 / half**2, -1 / half**2, 4 / half**3, 4 / half**3
            b[0, 2], b[1, 1], b[0, 3], b[2, 1] = -2 / half**2, 1 / half**2, 4 / half**3, 4 / half**3
            wcs.sip = Sip(a, b, None, None, reference)
        wcs.wcs.set()
        wcs.array_shape = self.shape
        return wcs
