"""A small part of the fuzz campaign of ``benchmarks/extract_fuzz.py``, and headers made up."""

from __future__ import annotations

import importlib.util
import math
import os
from pathlib import Path
from types import ModuleType

import pytest
from astropy.io.fits import Header
from hypothesis import given
from hypothesis import strategies as st

from cpcs_desktop.io.celestial import celestial_wcs
from cpcs_desktop.io.header_values import header_values


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "extract_fuzz.py"
    spec = importlib.util.spec_from_file_location("extract_fuzz", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_damaged_files_end_in_a_result_or_a_sentence(
    fuzz: ModuleType, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    import random

    files = list(fuzz.small_frames().items())
    rng = random.Random(20)
    path = tmp_path / "case"
    endings = []
    for _ in range(150):
        name, content = rng.choice(files)
        path.write_bytes(fuzz.damaged(content, rng))
        ending = fuzz.outcome(path)
        assert not ending.startswith(("CRASH", "UNCLEAR")), f"{name}: {ending}"
        endings.append(ending)
    assert {"result", "unreadable"} <= set(endings)
    assert not [w for w in recwarn if "Verify" in str(w.category)]


def test_a_header_with_a_million_axes_is_refused_at_once(fuzz: ModuleType, tmp_path: Path) -> None:
    content = fuzz.small_frames()["float.fits"]
    at = content.index(b"NAXIS   =")
    card = f"NAXIS   = {99999999:>20d}".ljust(80).encode()
    path = tmp_path / "case"
    path.write_bytes(content[:at] + card + content[at + 80 :])
    assert fuzz.outcome(path) == "unreadable"


def test_a_file_that_passed_is_looked_at_again_when_it_was_written_again(
    fuzz: ModuleType, tmp_path: Path
) -> None:
    content = fuzz.small_frames()["float.fits"]
    at = content.index(b"NAXIS   =")
    card = f"NAXIS   = {99999999:>20d}".ljust(80).encode()
    path = tmp_path / "case"
    path.write_bytes(content)
    os.utime(path, (1e9, 1e9))
    assert fuzz.outcome(path) == "result"
    assert fuzz.outcome(path) == "result"
    path.write_bytes(content[:at] + card + content[at + 80 :])  # as long as before
    assert fuzz.outcome(path) == "unreadable"


def test_a_card_that_cannot_be_read_costs_itself_only(fuzz: ModuleType, tmp_path: Path) -> None:
    content = fuzz.small_frames()["ldac.fits"].replace(b"22:00:00'", b"22:00\x1a00'")
    path = tmp_path / "case"
    path.write_bytes(content)
    assert fuzz.outcome(path) == "result"


KEYWORDS = (
    *(
        "DATE-OBS",
        "TIME-OBS",
        "MJD-OBS",
        "JD",
        "EXPTIME",
        "FILTER",
        "GAIN",
        "SATURATE",
        "RA",
        "DEC",
    ),
    *("AIRMASS", "ALTITUDE", "PIXSCALE", "FOCALLEN", "XPIXSZ", "TIMESYS", "CTYPE1", "CTYPE2"),
    *("CRVAL1", "CRVAL2", "CD1_1", "CD2_2", "CRPIX1", "CDELT1", "A_ORDER", "EQUINOX", "RADESYS"),
)
VALUES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**9), 10**9),
    st.booleans(),
    st.sampled_from(["2020-02-30", "12:61:00", "RA---TAN", "DEC--TAN", "TAI", "31/12/99", "FK4"]),
)


@given(st.dictionaries(st.sampled_from(KEYWORDS), VALUES, max_size=12))
def test_made_up_headers_give_sane_values_or_none(cards: dict[str, object]) -> None:
    header = Header()
    for keyword, value in cards.items():
        header[keyword] = value
    values = header_values(header)
    assert values.mjd is None or -18000 < values.mjd < 90000
    assert values.exposure_s is None or values.exposure_s > 0
    assert values.gain is None or 0 < values.gain <= 30
    assert values.airmass is None or 1 <= values.airmass < 40
    if values.pointing is not None:
        assert 0 <= values.pointing[0] <= 360
        assert abs(values.pointing[1]) <= 90
    for number in (values.saturation, values.read_noise, values.pixel_scale_arcsec):
        assert number is None or (math.isfinite(number) and number > 0)
    wcs = celestial_wcs(header, (100, 100))
    assert wcs is None or wcs.has_celestial
