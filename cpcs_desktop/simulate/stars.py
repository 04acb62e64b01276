"""A population of stars with plausible colours in all 59 bands of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.simulate.passbands import SYSTEM_OF_BAND, Array, every_system

#: Median stellar locus of Covey et al. (2007, AJ 134, 2398): g-i, then u-g, g-r, i-z (SDSS),
#: z-J, J-H, H-K (2MASS); every tenth to twentieth row of their table, rounded to 0.01 mag.
_LOCUS = np.array(
    [
        (0.10, 1.05, 0.09, -0.03, 0.76, 0.21, 0.06),
        (0.30, 1.07, 0.24, 0.00, 0.79, 0.24, 0.06),
        (0.40, 1.08, 0.30, 0.01, 0.81, 0.28, 0.06),
        (0.50, 1.14, 0.37, 0.03, 0.84, 0.31, 0.07),
        (0.60, 1.25, 0.44, 0.04, 0.87, 0.34, 0.07),
        (0.80, 1.56, 0.58, 0.08, 0.95, 0.42, 0.08),
        (1.00, 1.90, 0.73, 0.12, 1.01, 0.49, 0.10),
        (1.20, 2.17, 0.87, 0.16, 1.07, 0.55, 0.11),
        (1.40, 2.38, 1.02, 0.20, 1.10, 0.60, 0.12),
        (1.60, 2.53, 1.15, 0.24, 1.14, 0.64, 0.14),
        (1.80, 2.61, 1.26, 0.29, 1.18, 0.66, 0.16),
        (2.00, 2.62, 1.35, 0.35, 1.21, 0.66, 0.18),
        (2.20, 2.61, 1.41, 0.43, 1.25, 0.65, 0.20),
        (2.40, 2.60, 1.41, 0.52, 1.30, 0.63, 0.22),
        (2.60, 2.60, 1.41, 0.62, 1.35, 0.61, 0.24),
        (2.80, 2.62, 1.43, 0.72, 1.41, 0.60, 0.26),
        (3.00, 2.61, 1.47, 0.81, 1.48, 0.59, 0.27),
    ]
).T

#: Extinction per E(B-V), Schlafly & Finkbeiner (2011, ApJ 737, 103), R_V = 3.1.
_EXTINCTION = {
    "u": 4.239,
    "g": 3.303,
    "r": 2.285,
    "i": 1.698,
    "z": 1.263,
    "J": 0.723,
    "H": 0.460,
    "K": 0.310,
}

#: Width of the locus in each band that no other parameter explains, mag.
_WIDTH = {
    "u": 0.02,
    "g": 0.006,
    "r": 0.006,
    "i": 0.006,
    "z": 0.008,
    "J": 0.015,
    "H": 0.015,
    "K": 0.015,
}


@dataclass(frozen=True)
class Stars:
    """True magnitudes of stars in every band.

    Parameters
    ----------
    g_i : ndarray of float64, shape (n,)
        Place on the stellar locus: intrinsic SDSS g-i, mag.
    metals : ndarray of float64, shape (n,)
        Metal content in units of its spread; shows in u, U and v first.
    ebv : ndarray of float64, shape (n,)
        Reddening E(B-V), mag.
    systems : mapping from (system, letter) to ndarray
        Magnitudes; bands of different surveys in one system share them.
    """

    g_i: Array
    metals: Array
    ebv: Array
    systems: Mapping[tuple[str, str], Array]

    def __len__(self) -> int:
        return len(self.g_i)

    def mag(self, band_id: str) -> Array:
        """Return the true magnitudes in one band, shape (n,).

        Raises
        ------
        CpcsError
            Code ``bad_band`` when no survey of the registry has such a band.
        """
        if band_id not in SYSTEM_OF_BAND:
            raise CpcsError(
                "bad_band",
                f"The practice sky has no band {band_id}.",
                "Name one as SURVEY/band, for example SDSS/r.",
            )
        return self.systems[SYSTEM_OF_BAND[band_id]]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Stars:
        """Return some of the stars, in the order of ``rows``."""
        systems = {key: mag[rows] for key, mag in self.systems.items()}
        return Stars(self.g_i[rows], self.metals[rows], self.ebv[rows], systems)

    def shifted(self, to: Array, band_id: str) -> Stars:
        """Return the stars made brighter or fainter, all bands alike, to be ``to`` in one band."""
        shift = to - self.mag(band_id)
        systems = {key: mag + shift for key, mag in self.systems.items()}
        return Stars(self.g_i, self.metals, self.ebv, systems)


def make_stars(
    n: int,
    rng: np.random.Generator,
    *,
    mag_range: tuple[float, float] = (11.0, 20.0),
    range_band: str = "SDSS/r",
    slope: float = 0.22,
    ebv: float = 0.05,
    system_scatter: float = 0.005,
) -> Stars:
    """Draw stars: colours along the stellar locus, numbers rising with magnitude.

    Dwarfs only. Colours come from three groups (F-G turn-off, K, M), the share of M dwarfs growing
    with magnitude from 5 to 40 per cent. A star's metal content moves u by 0.10 mag around the
    locus, and each band has a small width of its own.

    Parameters
    ----------
    n : int
    rng : numpy.random.Generator
    mag_range : (float, float)
        Brightest and faintest magnitude in ``range_band``.
    range_band : str
        Band in which the magnitudes are distributed.
    slope : float
        d log10(number) / d mag.
    ebv : float
        Mean reddening, mag; stars differ by a third of it.
    system_scatter : float
        Scatter of a star around the relation of each system other than SDSS and 2MASS, mag. Bands
        of one system (REFCAT2 and PS1, say) share it.

    Returns
    -------
    Stars
    """
    bright, faint = mag_range
    rise = slope * np.log(10.0)
    span = np.expm1(rise * (faint - bright))
    magnitude = bright + np.log1p(rng.random(n) * span) / rise
    depth = np.clip((magnitude - 12.0) / 8.0, 0.0, 1.0)
    share = rng.random(n)
    m_share = 0.05 + 0.35 * depth
    group = np.where(share < m_share, 2, np.where(share < m_share + 0.25, 1, 0))
    centre, width = np.array([0.62, 1.10, 2.20]), np.array([0.16, 0.25, 0.35])
    g_i = np.clip(rng.normal(centre[group], width[group]), 0.10, 3.00)
    metals = rng.normal(0.0, 1.0, n)
    reddening = np.maximum(ebv * rng.normal(1.0, 1.0 / 3.0, n), 0.0)

    u_g, g_r, i_z, z_j, j_h, h_k = (np.interp(g_i, _LOCUS[0], row) for row in _LOCUS[1:])
    r = np.zeros(n)
    g = r + g_r
    i = g - g_i
    z = i - i_z
    # Lines blanket the near ultraviolet of warm stars most; M dwarfs hardly change in u-g.
    base = {
        "u": g + u_g + 0.10 * metals * np.clip(1.6 - 0.6 * g_i, 0.3, 1.0),
        "g": g + 0.008 * metals,
        "r": r,
        "i": i - 0.004 * metals,
        "z": z - 0.006 * metals,
        "J": z - z_j,
        "H": z - z_j - j_h,
        "K": z - z_j - j_h - h_k,
    }
    for band, extinction in _EXTINCTION.items():
        base[band] = base[band] + extinction * reddening + rng.normal(0.0, _WIDTH[band], n)
    systems = every_system(
        {letter: base[letter] for letter in "ugriz"},
        {letter: base[letter] for letter in "JHK"},
        metals,
    )
    for key in sorted(systems):
        if key[0] not in {"sdss", "2mass"}:
            systems[key] = systems[key] + rng.normal(0.0, system_scatter, n)
    return Stars(g_i, metals, reddening, systems).shifted(magnitude, range_band)
