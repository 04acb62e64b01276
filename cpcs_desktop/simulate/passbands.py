"""Magnitudes of one star in every photometric system, from its SDSS and 2MASS magnitudes.

The practice sky is built on SDSS ``ugriz`` (AB) and 2MASS ``JHK`` (Vega); every other system
follows from published relations. They are written down here once more, apart from those that the
calibration uses, so that a slip in one of the two shows in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Survey -> (photometric system, letters). 12 surveys, 59 bands (calibration contract, section 6).
SYSTEM_OF_SURVEY: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "SDSS": (("sdss", tuple("ugriz")), ("johnson", tuple("BVRI"))),
    "APASS": (("johnson", ("B", "V")), ("primed", tuple("gri"))),
    "VSTATLAS": (("vst", tuple("ugriz")),),
    "OGLE3": (("johnson", ("V", "I")),),
    "USNO": (("plate", ("B1pg", "B2pg", "R1pg", "R2pg", "Ipg")),),
    "GAIA": (("gaia", ("G", "GBP", "GRP")),),
    "PS1": (("ps1", tuple("grizy")),),
    "2MASS": (("2mass", tuple("JHK")),),
    "GAIASP": (("sdss", tuple("ugriz")), ("johnson", tuple("UBVRI"))),
    "SKYMAPPER": (("skymapper", tuple("uvgriz")),),
    "REFCAT2": (("ps1", tuple("griz")),),
    "TYCHO2": (("tycho", ("BT", "VT")),),
}

#: Band id -> (system, letter).
SYSTEM_OF_BAND: dict[str, tuple[str, str]] = {
    f"{survey}/{letter}": (system, letter)
    for survey, parts in SYSTEM_OF_SURVEY.items()
    for system, letters in parts
    for letter in letters
}


def johnson(sdss: Mapping[str, Array]) -> dict[str, Array]:
    """Johnson-Cousins UBVRI (Vega) from SDSS ugriz (AB).

    Jordi, Grebel & Ammon (2006, A&A 460, 339), set of all stars. R is solved from the paper's
    ``r - R`` as a function of ``V - R`` with V from ``g - r``; the printed ``R - r`` disagrees with
    it by 0.03-0.09 mag. U from their ``U - B = 0.79 (u - g) - 0.93``.
    """
    g_r = sdss["g"] - sdss["r"]
    b = sdss["g"] + 0.313 * g_r + 0.219
    v = sdss["g"] - 0.565 * g_r - 0.016
    blue = (v - sdss["r"] + 0.088) / (1.0 - 0.267)
    red = (v - sdss["r"] - 0.37) / (1.0 - 0.77)
    return {
        "U": b + 0.79 * (sdss["u"] - sdss["g"]) - 0.93,
        "B": b,
        "V": v,
        "R": v - np.where(blue <= 0.93, blue, np.maximum(red, 0.93)),
        "I": sdss["i"] - 0.386 * (sdss["i"] - sdss["z"]) - 0.397,
    }


def primed(sdss: Mapping[str, Array]) -> dict[str, Array]:
    """Return g'r'i' of the standard stars that APASS was tied to (AB).

    Inverse of Tucker et al. (2006, AN 327, 821) with the colours of the 2.5 m system, a
    difference below 2 mmag.
    """
    g_r, r_i = sdss["g"] - sdss["r"], sdss["r"] - sdss["i"]
    return {
        "g": sdss["g"] - 0.060 * (g_r - 0.53),
        "r": sdss["r"] - 0.035 * (r_i - 0.21),
        "i": sdss["i"] - 0.041 * (r_i - 0.21),
    }


def ps1(sdss: Mapping[str, Array]) -> dict[str, Array]:
    """Pan-STARRS1 grizy (AB), also the system of REFCAT2.

    Colour terms of Finkbeiner et al. (2016, ApJ 822, 66), table 2: cubic in PS1 ``g - i``, 0.4 to
    2.7, into the M dwarfs. Their constant terms hold the zero points of one SDSS release; the
    constants here make the difference that of Tonry et al. (2012, ApJ 750, 99), table 6, for a star
    of the Sun's colour. y hangs on SDSS z.
    """
    cubic = {
        "g": (-0.0032, -0.13595, 0.01941, -0.00183),
        "r": (0.0103, -0.03577, 0.02612, -0.00558),
        "i": (0.0000, -0.00400, 0.00066, -0.00058),
        "z": (-0.0263, 0.07529, -0.03592, 0.00890),
        "y": (0.0705, -0.20878, 0.10360, -0.02441),
    }
    g_i = sdss["g"] - sdss["i"]
    x = np.clip(g_i, 0.0, 3.2)
    for _ in range(4):  # the relation is written in the colour it yields; it contracts by 0.1
        shift = np.polynomial.polynomial.polyval(x, np.subtract(cubic["g"], cubic["i"]))
        x = np.clip(g_i + shift, 0.0, 3.0)
    return {
        letter: sdss["z" if letter == "y" else letter] + np.polynomial.polynomial.polyval(x, c)
        for letter, c in cubic.items()
    }


def vst(sdss: Mapping[str, Array]) -> dict[str, Array]:
    """VST ATLAS ugriz (AB); colour terms of the size given by Shanks et al. (2015).

    Signs and sizes (0.01 to 0.05) follow the survey paper; the zero points are set to AB, which a
    given release may miss by 0.02 mag.
    """
    u_g, g_r, i_z = sdss["u"] - sdss["g"], sdss["g"] - sdss["r"], sdss["i"] - sdss["z"]
    return {
        "u": sdss["u"] - 0.01 * u_g,
        "g": sdss["g"] - 0.05 * g_r,
        "r": sdss["r"] - 0.03 * g_r,
        "i": sdss["i"] - 0.02 * (sdss["r"] - sdss["i"]),
        "z": sdss["z"] + 0.04 * i_z,
    }


def gaia(vega: Mapping[str, Array]) -> dict[str, Array]:
    """Return G, GBP, GRP (Vega) from V and I; Riello et al. (2021, A&A 649, A3), appendix C."""
    x = np.clip(vega["V"] - vega["I"], -0.4, 5.0)
    polynomials = {
        "G": (-0.01597, -0.02809, -0.2483, 0.03656, -0.002939),
        "GBP": (-0.0143, 0.3564, -0.1332, 0.01212),
        "GRP": (0.01868, -0.9028, -0.005321, -0.004186),
    }
    return {
        letter: vega["V"] + np.polynomial.polynomial.polyval(x, c)
        for letter, c in polynomials.items()
    }


def skymapper(sdss: Mapping[str, Array], ps: Mapping[str, Array], line: Array) -> dict[str, Array]:
    """Return SkyMapper uvgriz (AB).

    griz after Tonry et al. (2018, ApJ 867, 105) from PS1. u and v are approximations: u lies 10 nm
    bluewards of SDSS u, v half-way in magnitude between u and g.

    Parameters
    ----------
    line : ndarray, shape (n,)
        Metal content of each star in units of its spread; v sits on calcium H and K and takes
        0.08 mag of it.
    """
    g_r, r_i = ps["g"] - ps["r"], ps["r"] - ps["i"]
    g = ps["g"] + 0.010 - 0.228 * g_r
    u = sdss["u"] + 0.08 + 0.02 * (sdss["u"] - sdss["g"])
    return {
        "u": u,
        "v": g + 0.5 * (u - g) + 0.08 * line,
        "g": g,
        "r": ps["r"] + 0.004 + 0.039 * g_r,
        "i": ps["i"] + 0.008 - 0.110 * r_i,
        "z": ps["z"] - 0.004 - 0.097 * r_i,
    }


def tycho(vega: Mapping[str, Array]) -> dict[str, Array]:
    """Tycho-2 BT and VT (Vega) from B and V.

    Mamajek, Meyer & Liebert (2002, AJ 124, 1670; erratum 2006, AJ 131, 2360), inverted; straight
    on beyond their last colour, ``BT - VT = 2``.
    """
    x = np.linspace(-0.25, 2.0, 451)
    b_v = np.where(
        x < 0.5,
        x - 0.006 - 0.1069 * x + 0.1459 * x**2,
        x - 0.007813 * x - 0.1489 * x**2 + 0.03384 * x**3,
    )
    colour = vega["B"] - vega["V"]
    slope = (x[-1] - x[-41]) / (b_v[-1] - b_v[-41])
    bt_vt = np.interp(colour, b_v, x) + slope * np.maximum(colour - b_v[-1], 0.0)
    y = np.clip(bt_vt, -0.25, 2.0)
    vt = vega["V"] - 0.00097 + 0.1334 * y - 0.05486 * y**2 + 0.01998 * y**3
    return {"BT": vt + bt_vt, "VT": vt}


def plate(vega: Mapping[str, Array]) -> dict[str, Array]:
    """Photographic magnitudes of the USNO-B1 plates, without the plates' noise.

    IIIaJ after Blair & Gilmore (1982): ``J = B - 0.28 (B - V)``. 103aO, 103aE, IIIaF and IV-N are
    taken near B, R, R and I with small colour terms of the expected sign: an approximation, ten
    times below the plates' 0.25 mag.
    """
    b_v, v_r = vega["B"] - vega["V"], vega["V"] - vega["R"]
    return {
        "B1pg": vega["B"] - 0.10 * b_v,
        "B2pg": vega["B"] - 0.28 * b_v,
        "R1pg": vega["R"] + 0.02 * v_r,
        "R2pg": vega["R"] - 0.05 * v_r,
        "Ipg": vega["I"] + 0.04 * (vega["R"] - vega["I"]),
    }


def every_system(
    sdss: Mapping[str, Array], infrared: Mapping[str, Array], line: Array
) -> dict[tuple[str, str], Array]:
    """Return magnitudes by (system, letter), each of shape (n,).

    Parameters
    ----------
    sdss : mapping
        ``u g r i z``, AB.
    infrared : mapping
        ``J H K``, Vega.
    line : ndarray, shape (n,)
        Metal content in units of its spread.
    """
    vega = johnson(sdss)
    ps = ps1(sdss)
    systems = {
        "sdss": dict(sdss),
        "johnson": vega,
        "primed": primed(sdss),
        "vst": vst(sdss),
        "plate": plate(vega),
        "gaia": gaia(vega),
        "ps1": ps,
        "2mass": dict(infrared),
        "skymapper": skymapper(sdss, ps, line),
        "tycho": tycho(vega),
    }
    return {(name, key): mag for name, mags in systems.items() for key, mag in mags.items()}
