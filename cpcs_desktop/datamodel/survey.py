"""Reference surveys and the stars one cone of them answers with."""

from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.band import Band


class StarFlag(IntFlag):
    """What a survey says of a reference star."""

    GOOD = 0
    POOR_QUALITY = 1
    VARIABLE = 2
    BLENDED = 4


@dataclass(frozen=True)
class QualityRule:
    """What one column of a survey's published table says of a star's worth.

    A star is flagged when the column's value lies outside ``[at_least, at_most]``, is one of
    ``bad_values``, or has one of ``bad_bits`` set. A missing column or value says nothing.

    Parameters
    ----------
    columns : tuple of str
        Names the column goes by, best first.
    flag : StarFlag
        What the star is flagged as.
    at_least, at_most : float or None
        Range of good values.
    bad_values : frozenset of str
        Texts, or numbers written as text, of bad values.
    bad_bits : int
        Mask of an integer column.
    letters : tuple of str
        When not empty, the column holds one character a band in this order; a bad character takes
        the magnitude error of that band away and flags nothing.
    """

    columns: tuple[str, ...]
    flag: StarFlag
    at_least: float | None = None
    at_most: float | None = None
    bad_values: frozenset[str] = frozenset()
    bad_bits: int = 0
    letters: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReferenceSurvey:
    """Declaration of a reference survey; everything the program knows of it is here.

    Parameters
    ----------
    key : str
        Short upper-case name, ``APASS``.
    name : str
        Name in full.
    bands : tuple of Band
        Bands whose magnitudes are stored.
    derived_bands : tuple of Band
        Bands computed from stored ones by a published transformation.
    epoch : float
        Julian year at which positions are stored.
    has_proper_motion : bool
        Whether proper motions are stored.
    bright_limit, faint_limit : float
        Magnitudes between which the survey's stars are usable, in any of its bands.
    floor_err : float
        Smallest believable error, mag; also the error where a column is missing.
    systematic_err : float
        Systematic doubt of the survey's own zero point, mag; the survey line of the error budget.
    photographic : bool
        Plates: a last resort, never preferred to a CCD survey.
    citation, licence : str
        To be shown wherever the survey is used.
    column_aliases : dict
        For each of our columns the names it goes by in published tables, best first.
    tap_url, tap_table : str
        Where ``fetch`` finds the survey.
    release : str
        Release that ``fetch`` brings and an import is taken for.
    quality_rules : tuple of QualityRule
        What the published table says of quality and variability.
    max_err : float or None
        Magnitudes with a larger error are not valid (the survey's own rule); None for no rule.
    """

    key: str
    name: str
    bands: tuple[Band, ...]
    epoch: float
    bright_limit: float
    faint_limit: float
    floor_err: float
    citation: str
    licence: str
    derived_bands: tuple[Band, ...] = ()
    systematic_err: float = 0.01
    has_proper_motion: bool = False
    photographic: bool = False
    column_aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tap_url: str = ""
    tap_table: str = ""
    release: str = ""
    quality_rules: tuple[QualityRule, ...] = ()
    max_err: float | None = None

    @property
    def all_bands(self) -> tuple[Band, ...]:
        """Stored and derived bands."""
        return self.bands + self.derived_bands


@dataclass(frozen=True)
class ReferenceCatalog:
    """Stars of one survey in one cone, positions moved to the frame's epoch.

    Parameters
    ----------
    survey : str
        Survey key.
    release : str
        Release of the survey, for provenance.
    source_id : ndarray of int64 or str, shape (n,)
    ra, dec : ndarray of float64, shape (n,)
        Degrees, ICRS, at the frame's epoch.
    letters : tuple of str
        Band letters of the columns of ``mag``.
    mag, mag_err : ndarray of float64, shape (n, n_bands)
        NaN where the survey has no value.
    flags : ndarray of int32, shape (n,)
        Bits of :class:`StarFlag`.
    """

    survey: str
    release: str
    source_id: NDArray[Any]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    letters: tuple[str, ...]
    mag: NDArray[np.float64]
    mag_err: NDArray[np.float64]
    flags: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ra)
