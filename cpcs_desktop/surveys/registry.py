"""All reference surveys by key; a new survey is one declaration and one line here."""

from collections.abc import Mapping
from types import MappingProxyType

from cpcs_desktop.datamodel.band import Band
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.survey import ReferenceSurvey
from cpcs_desktop.surveys.declarations import ground, space

#: Twelve surveys with 59 bands, and USER for the observer's own comparison stars.
SURVEYS: Mapping[str, ReferenceSurvey] = MappingProxyType(
    {
        survey.key: survey
        for survey in (
            ground.SDSS,
            ground.APASS,
            ground.VSTATLAS,
            ground.OGLE3,
            ground.USNO,
            space.GAIA,
            ground.PS1,
            ground.TWOMASS,
            space.GAIASP,
            ground.SKYMAPPER,
            ground.REFCAT2,
            space.TYCHO2,
            space.USER,
        )
    }
)

_BANDS: dict[str, Band] = {b.id: b for survey in SURVEYS.values() for b in survey.all_bands}


def survey(key: str) -> ReferenceSurvey:
    """Return a survey by its key.

    Raises
    ------
    CpcsError
        Code ``unknown_survey``.
    """
    try:
        return SURVEYS[key]
    except KeyError:
        raise CpcsError(
            "unknown_survey",
            f"There is no survey “{key}”.",
            f"Known are {', '.join(SURVEYS)}.",
        ) from None


def band(band_id: str) -> Band:
    """Return a band by its id, ``APASS/V``; derived bands too.

    Raises
    ------
    CpcsError
        Code ``unknown_band``.
    """
    try:
        return _BANDS[band_id]
    except KeyError:
        raise CpcsError(
            "unknown_band",
            f"There is no band “{band_id}”.",
            "cpcs survey list names the surveys and their bands.",
        ) from None
