"""The result of calibrating one exposure for one target."""

from collections.abc import Mapping
from dataclasses import dataclass

from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.fit import BandChoice, Check, ZeroPointFit
from cpcs_desktop.datamodel.matches import MatchTable
from cpcs_desktop.datamodel.point import Measurement
from cpcs_desktop.datamodel.settings import CalibrationSettings
from cpcs_desktop.datamodel.sources import Exposure, MagnitudeKind, SourceCatalog
from cpcs_desktop.datamodel.survey import ReferenceCatalog


@dataclass(frozen=True)
class MatchedExposure:
    """An exposure with its reference stars, before any fit.

    Parameters
    ----------
    exposure : Exposure
    event : str or None
        ivorn, None for a bare position.
    target : (float, float)
        RA and Dec, degrees.
    request : BandRequest
    magnitude_kind : {"AUTO", "APER"}
    settings : CalibrationSettings
    excluded : frozenset of int
        Rows of the SourceCatalog the observer took out.
    references : mapping from survey key to ReferenceCatalog
        Derived bands included.
    matches : mapping from survey key to MatchTable
    """

    exposure: Exposure
    event: str | None
    target: tuple[float, float]
    request: BandRequest
    magnitude_kind: MagnitudeKind
    settings: CalibrationSettings
    excluded: frozenset[int]
    references: Mapping[str, ReferenceCatalog]
    matches: Mapping[str, MatchTable]

    @property
    def sources(self) -> SourceCatalog:
        """The sources with the kind of magnitude that is calibrated."""
        return self.exposure.sources(self.magnitude_kind)


@dataclass(frozen=True)
class Calibration(MatchedExposure):
    """Everything from the matched stars to the measured target.

    Parameters
    ----------
    fits : tuple of ZeroPointFit
        Every band of every survey, best first, failed ones last.
    choice : BandChoice
    measurement : Measurement
    checks : tuple of Check
    match_radius_arcsec, sigma_radec_arcsec : float
    """

    fits: tuple[ZeroPointFit, ...]
    choice: BandChoice
    measurement: Measurement
    checks: tuple[Check, ...]
    match_radius_arcsec: float
    sigma_radec_arcsec: float

    @property
    def chosen(self) -> ZeroPointFit:
        """The fit of the chosen band."""
        return self.fit_of(self.choice.band)

    def fit_of(self, band: str) -> ZeroPointFit:
        """Return the fit of a band by its id."""
        return next(fit for fit in self.fits if fit.band == band)
