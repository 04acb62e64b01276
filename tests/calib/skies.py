"""Sources and reference stars with known truth, as arrays: no files, no pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.calib.crossmatch import crossmatch
from cpcs_desktop.calib.transforms import add_derived_bands
from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.calibration import MatchedExposure
from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.settings import CalibrationSettings
from cpcs_desktop.datamodel.sources import Exposure, SourceCatalog
from cpcs_desktop.datamodel.survey import ReferenceCatalog
from cpcs_desktop.simulate.stars import make_stars
from cpcs_desktop.simulate.survey_view import observe_survey
from cpcs_desktop.surveys.registry import SURVEYS

Array = NDArray[np.float64]
ZERO_POINT = 25.0
CENTRE = (150.0, 20.0)

#: Magnitudes between which each survey's own stars are drawn.
RANGES = {
    "SDSS": (14.5, 19.0), "APASS": (11.0, 16.0), "VSTATLAS": (14.5, 19.0), "OGLE3": (13.0, 18.0),
    "USNO": (13.0, 17.5), "GAIA": (10.0, 16.0), "PS1": (14.5, 19.0), "2MASS": (10.0, 14.0),
    "GAIASP": (11.0, 16.5), "SKYMAPPER": (11.0, 16.0), "REFCAT2": (12.0, 17.0),
    "TYCHO2": (7.0, 11.0),
}  # fmt: skip


def source_catalog(ra: Array, dec: Array, mag: Array, err: Array) -> SourceCatalog:
    """Return a four-column list, as it were."""
    nothing = np.full(len(ra), np.nan)
    return SourceCatalog(
        x=nothing, y=nothing, ra=ra, dec=dec, flux=10 ** (-0.4 * mag), flux_err=nothing,
        mag_inst=mag, mag_inst_err=err, fwhm=nothing, flags=np.zeros(len(ra), np.int32),
        kind="AUTO", origin="table",
    )  # fmt: skip


def reference_catalog(
    ra: Array, dec: Array, mag: Array, err: Array, *, key: str = "SDSS", letters: tuple[str, ...]
) -> ReferenceCatalog:
    """Return stars of one survey; ``mag`` and ``err`` have one column a band."""
    return ReferenceCatalog(
        survey=key, release="practice", source_id=np.arange(len(ra)), ra=ra, dec=dec,
        letters=letters, mag=mag, mag_err=err, flags=np.zeros(len(ra), np.int32),
    )  # fmt: skip


def matched_sky(
    band: str,
    n: int,
    rng: np.random.Generator,
    *,
    surveys: tuple[str, ...] | None = None,
    header: str | None = None,
    hidden: float = 0.015,
    outliers: float = 0.05,
) -> MatchedExposure:
    """Return a list in ``band`` of n stars and a target, matched with practice surveys."""
    faint = RANGES[band.partition("/")[0]]
    stars = make_stars(n, rng, mag_range=faint, range_band=band)
    truth = stars.mag(band)
    err = np.hypot(0.002, 0.05 * 10.0 ** (0.4 * (truth - faint[1])))
    mag = truth - ZERO_POINT + rng.normal(size=n) * np.hypot(err, hidden)
    blended = rng.random(n) < outliers
    mag[blended] -= rng.exponential(0.35, int(blended.sum()))
    ra, dec = (c + rng.uniform(-0.3, 0.3, n + 1) for c in CENTRE)
    shake = rng.normal(0.0, 5e-5, (2, n + 1))
    sources = source_catalog(
        ra + shake[0], dec + shake[1], np.append(mag, np.median(mag)), np.append(err, 0.01)
    )
    frame = Frame("0" * 64, 0, "x.cat", "list", 57000.0, 60.0, filter_header=header)
    references = {}
    for key in surveys or tuple(RANGES):
        view = observe_survey(stars, key, rng)
        seen = view.seen
        if seen.sum() < 5:
            continue
        catalog = add_derived_bands(
            reference_catalog(
                ra[:-1][seen],
                dec[:-1][seen],
                view.mag[seen],
                view.mag_err[seen],
                key=key,
                letters=view.letters,
            )
        )
        declared = SURVEYS[key]
        with np.errstate(invalid="ignore"):
            out = (catalog.mag < declared.bright_limit) | (catalog.mag > declared.faint_limit)
        references[key] = replace(catalog, mag=np.where(out, np.nan, catalog.mag))
    matches = crossmatch(sources, references, CalibrationSettings(), CENTRE)
    return MatchedExposure(
        exposure=Exposure(frame=frame, catalogs={"AUTO": sources}),
        event=None,
        target=(float(ra[-1]), float(dec[-1])),
        request=BandRequest(),
        magnitude_kind="AUTO",
        settings=CalibrationSettings(),
        excluded=frozenset(),
        references=references,
        matches=matches,
    )
