"""What a reference survey measured of the stars: errors, limits, gaps, plates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.simulate.passbands import Array
from cpcs_desktop.simulate.stars import Stars
from cpcs_desktop.surveys.registry import survey


@dataclass(frozen=True)
class SurveyNoise:
    """How well a survey measures.

    Parameters
    ----------
    bright, faint : float
        Magnitudes between which a star has a value, per band.
    floor : float
        Error of bright stars, mag.
    depth : float
        Magnitude at which the photon error is 0.2 mag (S/N 5).
    position_err : float
        One coordinate, arcsec.
    blue_loss : float
        How much shallower the bands u, v and U are, mag.
    missing : float
        Share of values that are absent at random.
    """

    bright: float
    faint: float
    floor: float
    depth: float
    position_err: float
    blue_loss: float = 1.0
    missing: float = 0.02


#: Rounded from the surveys' own papers; good to about half a magnitude, which is what they vary by.
NOISE_OF_SURVEY: dict[str, SurveyNoise] = {
    "SDSS": SurveyNoise(14.0, 22.5, 0.010, 22.5, 0.05),
    "APASS": SurveyNoise(10.0, 18.0, 0.025, 18.0, 0.2),
    "VSTATLAS": SurveyNoise(13.5, 22.0, 0.015, 22.0, 0.05),
    "OGLE3": SurveyNoise(12.5, 21.0, 0.010, 21.0, 0.05),
    "USNO": SurveyNoise(12.0, 21.0, 0.25, 22.0, 0.2),
    "GAIA": SurveyNoise(3.0, 20.7, 0.003, 21.5, 0.001),
    "PS1": SurveyNoise(14.0, 22.0, 0.010, 22.5, 0.02),
    "2MASS": SurveyNoise(5.0, 16.0, 0.020, 16.6, 0.07),
    "GAIASP": SurveyNoise(4.0, 17.65, 0.006, 20.0, 0.001, blue_loss=2.0),
    "SKYMAPPER": SurveyNoise(9.0, 19.5, 0.012, 19.8, 0.1),
    "REFCAT2": SurveyNoise(6.0, 19.0, 0.005, 21.5, 0.01),
    "TYCHO2": SurveyNoise(1.0, 12.5, 0.010, 12.6, 0.03),
}


@dataclass(frozen=True)
class SurveyView:
    """One survey's measurements of some stars.

    Parameters
    ----------
    key : str
    letters : tuple of str
        Bands the survey publishes; SDSS publishes ugriz only.
    mag, mag_err : ndarray of float64, shape (n, n_bands)
        NaN where the survey has no value; ``mag_err`` is the formal error it states.
    """

    key: str
    letters: tuple[str, ...]
    mag: Array
    mag_err: Array

    def __len__(self) -> int:
        return len(self.mag)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Stars with a value in at least one band, shape (n,)."""
        seen: NDArray[np.bool_] = np.isfinite(np.fmin.reduce(self.mag, axis=1))
        return seen

    def column(self, letter: str) -> tuple[Array, Array]:
        """Return magnitudes and formal errors of one band, each of shape (n,)."""
        place = self.letters.index(letter)
        return self.mag[:, place], self.mag_err[:, place]


def published_letters(key: str) -> tuple[str, ...]:
    """Return the bands a survey publishes: all but those that are derived from others (SDSS)."""
    return tuple(band.letter for band in survey(key).bands)


def observe_survey(
    stars: Stars,
    key: str,
    rng: np.random.Generator,
    *,
    hidden_scatter: float = 0.0,
    outliers: float = 0.0,
    missing: float | None = None,
) -> SurveyView:
    """Measure stars as a survey would have.

    The error of a value is ``hypot(floor, 0.2 * 10**(0.4 (m - depth)))`` (photon noise of the sky);
    the plates of USNO-B1 add their 0.25 mag here, not in the truth.

    Parameters
    ----------
    stars : Stars
    key : str
        Survey key.
    rng : numpy.random.Generator
    hidden_scatter : float
        Further scatter that the formal errors do not know of, mag.
    outliers : float
        Share of stars whose neighbours were measured with them: too bright in all bands by an
        exponential of mean 0.35 mag.
    missing : float, optional
        Share of absent values; default the survey's own.
    """
    noise = NOISE_OF_SURVEY[key]
    letters = published_letters(key)
    truth = np.column_stack([stars.mag(f"{key}/{letter}") for letter in letters])
    depth = np.array([noise.depth - noise.blue_loss * (c in {"u", "v", "U"}) for c in letters])
    formal = np.hypot(noise.floor, 0.2 * 10.0 ** (0.4 * (truth - depth)))
    mag = truth + rng.normal(0.0, 1.0, truth.shape) * np.hypot(formal, hidden_scatter)
    blended = rng.random(len(stars)) < outliers
    mag[blended] -= rng.exponential(0.35, (int(blended.sum()), 1))
    absent = rng.random(truth.shape) < (noise.missing if missing is None else missing)
    absent |= (truth < noise.bright) | (truth > noise.faint) | (formal > 0.5)
    return SurveyView(key, letters, np.where(absent, np.nan, mag), np.where(absent, np.nan, formal))
