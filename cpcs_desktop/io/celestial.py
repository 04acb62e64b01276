"""Celestial coordinates of a header: any projection astropy knows, made ICRS, checked for sense."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from cpcs_desktop.io.header_cards import as_number, card_value
from cpcs_desktop.io.opening import fits_failures, quiet

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

#: Pixel scales outside this are placeholders, not solutions (arcsec per pixel).
SMALLEST_SCALE, LARGEST_SCALE = 0.005, 1200.0
#: Distortion polynomials above this order are damage, and their number of terms explodes.
_LARGEST_ORDER = 9
_NUMERIC = re.compile(r"^(CR(VAL|PIX)|CDELT|CD|PC|CROTA|PV|LONPOLE|LATPOLE|EQUINOX|EPOCH)[\d_]*$")
_KEPT = re.compile(
    r"^(WCSAXES|NAXIS[12]?|CTYPE[12]|CUNIT[12]|CR(VAL|PIX)[12]|CDELT[12]|CD[12]_[12]|PC[12]_[12]|"
    r"PC00[12]00[12]|CROTA[12]|PV[12]_\d+|LONPOLE|LATPOLE|RADESYS|RADECSYS|EQUINOX|EPOCH|"
    r"(A|B|AP|BP)_(ORDER|DMAX|\d_\d)|WAT[12]_\d{3}|WCSNAME)$"
)


def celestial_wcs(header: Header, shape: tuple[int, int] | None) -> WCS | None:
    """Return the frame's celestial WCS in ICRS, or None when there is none worth the name.

    Parameters
    ----------
    header : astropy.io.fits.Header
        May hold CD, PC + CDELT, CROTA, SIP, TPV, ZPN ... Texts where numbers belong are read.
    shape : (int, int) or None
        Rows and columns; a WCS that gives no finite position at the centre is refused.

    Returns
    -------
    astropy.wcs.WCS or None
        Two-dimensional; pixel values 0-based through ``all_world2pix(..., 0)``. A frame in FK4,
        in FK5 of another equinox, galactic or ecliptic coordinates gets a fitted ICRS one.
    """
    from astropy.wcs import WCS

    kept = _only_wcs(header)
    if kept is None:
        return None
    with quiet():
        try:
            wcs = WCS(kept, naxis=2)
            if not wcs.has_celestial or not _makes_sense(wcs, shape):
                return None
            return _in_icrs(wcs, shape)
        except fits_failures():
            return None


def pixel_scale_arcsec(wcs: WCS) -> float:
    """Return the mean pixel scale at the reference pixel, arcsec per pixel."""
    return 3600.0 * math.sqrt(abs(float(np.linalg.det(wcs.pixel_scale_matrix))))


def _only_wcs(header: Header) -> Header | None:
    """Copy the cards of the celestial axes, so that damage elsewhere cannot hurt."""
    from astropy.io.fits import Header as FitsHeader

    if not all(str(card_value(header, f"CTYPE{n}") or "").strip() for n in (1, 2)):
        return None
    kept = FitsHeader()
    for card in header.cards:
        try:
            keyword, value = str(card.keyword), card.value
        except fits_failures():
            continue
        if not _KEPT.match(keyword) or keyword in kept:
            continue
        if keyword in {"NAXIS", "WCSAXES"}:
            value = 2
        elif _NUMERIC.match(keyword):
            value = as_number(value)
            if value is None:
                continue
        elif keyword.endswith("_ORDER") and not 0 <= (as_number(value) or 0) <= _LARGEST_ORDER:
            return None
        kept[keyword] = value
    if "A_ORDER" in kept and "B_ORDER" in kept:
        for name in ("CTYPE1", "CTYPE2"):  # meant so, and taken so, but not always written
            if re.fullmatch(r"\S+-TAN", text := str(kept[name]).strip()):
                kept[name] = f"{text}-SIP"
    if any(k.startswith("PV") for k in kept) and "SIP" in str(kept["CTYPE1"]):
        for keyword in [k for k in kept if k.startswith("PV")]:
            del kept[keyword]  # both distortions at once: the named one counts
    return kept


def _makes_sense(wcs: WCS, shape: tuple[int, int] | None) -> bool:
    matrix = wcs.pixel_scale_matrix
    if not np.isfinite(matrix).all():
        return False
    along = 3600.0 * np.hypot(matrix[0], matrix[1])
    if not ((along > SMALLEST_SCALE) & (along < LARGEST_SCALE)).all():
        return False
    sine = abs(np.linalg.det(matrix)) * 3600.0**2 / float(along[0] * along[1])
    if sine < 0.2 or not 0.2 < along[0] / along[1] < 5:
        return False
    rows, columns = shape if shape is not None else (2, 2)
    sky = np.ravel(wcs.all_pix2world([[(columns - 1) / 2, (rows - 1) / 2]], 0))
    if not np.isfinite(sky).all():
        return False
    return shape is None or not (sky[0] == 0 and sky[1] == 0)


def _in_icrs(wcs: WCS, shape: tuple[int, int] | None) -> WCS:
    """Refit where the frame's own coordinates differ from ICRS by more than 0.1 arcsec."""
    from astropy.coordinates import SkyCoord
    from astropy.wcs.utils import fit_wcs_from_points, wcs_to_celestial_frame

    if (
        str(wcs.wcs.radesys).upper() in {"ICRS", ""}
        and wcs.wcs.lngtyp == "RA"
        and (math.isnan(wcs.wcs.equinox) or wcs.wcs.equinox == 2000.0)
    ):
        return wcs
    rows, columns = shape if shape is not None else (1000, 1000)
    x, y = np.meshgrid(np.linspace(0, columns - 1, 12), np.linspace(0, rows - 1, 12))
    pixels = np.column_stack([x.ravel(), y.ravel()])
    native = wcs.all_pix2world(pixels, 0)
    sky = SkyCoord(native[:, 0], native[:, 1], unit="deg", frame=wcs_to_celestial_frame(wcs)).icrs
    if wcs.wcs.lngtyp == "RA":
        east = (sky.ra.deg - native[:, 0] + 180) % 360 - 180
        moved = np.hypot(east * np.cos(sky.dec.rad), sky.dec.deg - native[:, 1])
        if 3600 * float(np.max(moved)) < 0.1:
            return wcs
    fitted: WCS = fit_wcs_from_points(
        (pixels[:, 0], pixels[:, 1]), sky, sip_degree=3 if wcs.has_distortion else 2
    )
    return fitted
