"""A field of practice stars around a transient that rises during the night."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cpcs_desktop.simulate.passbands import Array
from cpcs_desktop.simulate.stars import Stars, make_stars

#: Julian year at which the sky's positions are true.
SKY_EPOCH = 2016.0


@dataclass(frozen=True)
class Transient:
    """The event of the night.

    Parameters
    ----------
    ivorn : str
    ra, dec : float
        Degrees, ICRS.
    colours : Stars
        One star whose colours the transient has, at magnitude 0 in SDSS/r.
    outburst_mjd : float
        Before it the transient is ``quiescent``.
    peak, quiescent : float
        Magnitudes in SDSS/r.
    rise_days : float
        The flux rises to the peak as ``1 - exp(-t / rise_days)``.
    """

    ivorn: str
    ra: float
    dec: float
    colours: Stars
    outburst_mjd: float
    peak: float = 15.2
    quiescent: float = 24.5
    rise_days: float = 0.08

    def mag(self, band_id: str, mjd: float) -> float:
        """Return the true magnitude in a band at a time (mid-exposure MJD, UTC)."""
        after = max(mjd - self.outburst_mjd, 0.0)
        flux = 10.0 ** (-0.4 * self.quiescent)
        flux += 10.0 ** (-0.4 * self.peak) * -np.expm1(-after / self.rise_days)
        return float(-2.5 * np.log10(flux) + self.colours.mag(band_id)[0])


@dataclass(frozen=True)
class Sky:
    """Stars with positions and proper motions.

    Parameters
    ----------
    ra, dec : ndarray of float64, shape (n,)
        Degrees, ICRS, epoch 2016.0.
    pmra, pmdec : ndarray of float64, shape (n,)
        mas/yr, the first already multiplied by cos(dec).
    stars : Stars
    transient : Transient
    """

    ra: Array
    dec: Array
    pmra: Array
    pmdec: Array
    stars: Stars
    transient: Transient

    def __len__(self) -> int:
        return len(self.ra)

    def position_at(self, epoch: float) -> tuple[Array, Array]:
        """Return RA and Dec in degrees at a Julian year."""
        years = epoch - SKY_EPOCH
        dec = self.dec + years * self.pmdec / 3.6e6
        ra = self.ra + years * self.pmra / 3.6e6 / np.cos(np.radians(self.dec))
        return ra % 360.0, dec


def around(ra: float, dec: float, xi: Array, eta: Array) -> tuple[Array, Array]:
    """Return RA and Dec (deg) of tangent-plane offsets (deg) from a centre: inverse gnomonic."""
    x, y = np.radians(xi), np.radians(eta)
    sin_d, cos_d = np.sin(np.radians(dec)), np.cos(np.radians(dec))
    bottom = cos_d - y * sin_d
    out_ra = ra + np.degrees(np.arctan2(x, bottom))
    out_dec = np.degrees(np.arctan2(sin_d + y * cos_d, np.hypot(x, bottom)))
    return out_ra % 360.0, out_dec


def make_sky(
    n: int,
    rng: np.random.Generator,
    *,
    center: tuple[float, float],
    half_size_deg: float,
    event: str,
    outburst_mjd: float,
    mag_range: tuple[float, float] = (11.5, 20.0),
    blends: float = 0.04,
) -> Sky:
    """Scatter stars over a square and put a transient near its centre.

    Parameters
    ----------
    n : int
        Stars in the square.
    rng : numpy.random.Generator
    center : (float, float)
        RA and Dec, degrees.
    half_size_deg : float
        Half the side of the square.
    event : str
        ivorn of the transient.
    outburst_mjd : float
    mag_range : (float, float)
        Of the stars, in SDSS/r.
    blends : float
        Share of the stars that have a fainter companion 1 to 4 arcsec away, on top of ``n``.
    """
    xi, eta = rng.uniform(-half_size_deg, half_size_deg, (2, n))
    # The transient stands clear of bright stars: practice is about calibration, not deblending.
    place = rng.uniform(-0.15, 0.15, 2) * half_size_deg
    near = np.hypot(xi - place[0], eta - place[1]) < 12.0 / 3600.0
    xi = np.where(near, xi + 30.0 / 3600.0, xi)
    paired = np.flatnonzero(rng.random(n) < blends)
    angle, gap = rng.uniform(0, 2 * np.pi, len(paired)), rng.uniform(1.0, 4.0, len(paired)) / 3600.0
    xi = np.concatenate([xi, xi[paired] + gap * np.cos(angle)])
    eta = np.concatenate([eta, eta[paired] + gap * np.sin(angle)])
    total = n + len(paired)
    stars = make_stars(total, rng, mag_range=mag_range)
    fainter = stars.mag("SDSS/r").copy()
    fainter[n:] = np.maximum(fainter[paired] + rng.uniform(0.3, 3.0, len(paired)), mag_range[0])
    stars = stars.shifted(fainter, "SDSS/r")
    ra, dec = around(center[0], center[1], xi, eta)
    pmra, pmdec = rng.normal(0.0, 5.0, (2, total))
    where = around(center[0], center[1], place[:1], place[1:])
    template = make_stars(200, rng, system_scatter=0.0, ebv=0.05)
    bluish = np.argsort(np.abs(template.g_i - 0.45))[:1]
    colours = template.take(bluish).shifted(np.zeros(1), "SDSS/r")
    transient = Transient(event, float(where[0][0]), float(where[1][0]), colours, outburst_mjd)
    return Sky(ra, dec, pmra, pmdec, stars, transient)
