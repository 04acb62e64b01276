"""The stars of a cone, read from a catalogue's pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cpcs_desktop.datamodel.survey import ReferenceCatalog, ReferenceSurvey
from cpcs_desktop.surveys.catalogue import Catalogue
from cpcs_desktop.surveys.coverage import cone_coverage
from cpcs_desktop.surveys.motion import move, unit_vectors
from cpcs_desktop.surveys.pixel_file import empty_stars
from cpcs_desktop.surveys.star_table import StarTable, concatenate

_MAS_PER_DEG = 3.6e6


def stars_in_cone(
    catalogue: Catalogue,
    survey: ReferenceSurvey,
    cone: tuple[float, float, float],
    epoch_jyear: float | None,
) -> StarTable | None:
    """Return the stars that stand inside a cone at an epoch, positions moved to it.

    Parameters
    ----------
    cone : (float, float, float)
        RA, Dec and radius, degrees.
    epoch_jyear : float or None
        Julian year; None leaves positions as stored.

    Returns
    -------
    StarTable or None
        Sorted by ``_healpix_29`` of the stored positions; None when the catalogue covers no part
        of the cone.
    """
    ra, dec, radius_deg = cone
    years = 0.0 if epoch_jyear is None else epoch_jyear - survey.epoch
    if not catalogue.coverage.touches(cone_coverage(ra, dec, radius_deg)):
        return None
    # a star inside the cone at the epoch may be stored outside of it
    margin = abs(years) * catalogue.provenance.max_pm / _MAS_PER_DEG * 1.01
    wide = cone_coverage(ra, dec, min(radius_deg + margin, 180.0))
    parts = []
    for place in catalogue.partition.touched_by(wide.start, wide.end):
        part = catalogue.stars_of(catalogue.partition.pixels[place], wide, survey)
        if part is not None:
            parts.append(part)
    if not parts:
        return empty_stars(survey, text_ids=catalogue.provenance.text_ids)
    stars = concatenate(parts)
    if years and stars.pmra is not None and stars.pmdec is not None:
        new_ra, new_dec = move(stars.ra, stars.dec, stars.pmra, stars.pmdec, years)
        stars = replace(stars, ra=new_ra, dec=new_dec)
    centre = unit_vectors(np.array([ra]), np.array([dec]))
    chord2 = np.sum((unit_vectors(stars.ra, stars.dec) - centre) ** 2, axis=0)
    limit = 2.0 * np.sin(np.radians(min(radius_deg, 180.0)) / 2.0)
    return stars.rows(chord2 <= limit * limit)


def as_reference_catalog(
    stars: StarTable, survey: ReferenceSurvey, release: str
) -> ReferenceCatalog:
    """Return stars in the words of the data model."""
    return ReferenceCatalog(
        survey=survey.key,
        release=release,
        source_id=stars.source_id,
        ra=stars.ra,
        dec=stars.dec,
        letters=tuple(b.letter for b in survey.bands),
        mag=stars.mag.astype(np.float64),
        mag_err=stars.mag_err.astype(np.float64),
        flags=stars.flags,
    )
