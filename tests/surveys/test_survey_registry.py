"""The registry against the table of the calibration contract."""

import numpy as np
import pytest

from cpcs_desktop.datamodel.band import passband_group
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys import registry

CONTRACT = {
    "SDSS": "u g r i z B V R I",
    "APASS": "B V g r i",
    "VSTATLAS": "u g r i z",
    "OGLE3": "V I",
    "USNO": "B1pg B2pg R1pg R2pg Ipg",
    "GAIA": "G GBP GRP",
    "PS1": "g r i z y",
    "2MASS": "J H K",
    "GAIASP": "u g r i z U B V R I",
    "SKYMAPPER": "u v g r i z",
    "REFCAT2": "g r i z",
    "TYCHO2": "BT VT",
}


def test_twelve_surveys_with_the_bands_of_the_contract() -> None:
    declared = {
        key: {b.letter for b in s.all_bands} for key, s in registry.SURVEYS.items() if key != "USER"
    }
    assert declared == {key: set(bands.split()) for key, bands in CONTRACT.items()}
    assert sum(map(len, declared.values())) == 59


@pytest.mark.parametrize("key", list(registry.SURVEYS))
def test_every_declaration_is_whole(key: str) -> None:
    survey = registry.survey(key)
    assert survey.citation
    assert survey.licence
    assert survey.release
    assert survey.bright_limit < survey.faint_limit
    assert 0 < survey.floor_err <= 0.3
    for band in survey.all_bands:
        assert registry.band(band.id) is band
        assert band.survey == key
        assert passband_group(band.letter) is not None
        assert 300 < band.wavelength_nm < 2500
    wanted = {"source_id", "ra", "dec"}
    wanted |= {b.letter for b in survey.bands} | {f"{b.letter}_err" for b in survey.bands}
    assert wanted <= set(survey.column_aliases)


def test_wavelengths_rise_with_the_passband_groups() -> None:
    wide = passband_group("G")  # Gaia's G spans three groups
    bands = [
        band
        for survey in registry.SURVEYS.values()
        for band in survey.all_bands
        if band.group != wide
    ]
    groups = sorted({band.group for band in bands})
    means = [np.mean([b.wavelength_nm for b in bands if b.group == group]) for group in groups]
    assert means == sorted(means)


def test_unknown_names_are_sentences() -> None:
    with pytest.raises(CpcsError, match="no survey") as error:
        registry.survey("NOMAD")
    assert "APASS" in error.value.hint
    with pytest.raises(CpcsError, match="no band"):
        registry.band("APASS/z")
