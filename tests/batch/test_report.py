"""The report of a night: the same bytes however made, what went wrong in pictures, no outside."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from matplotlib.image import imread

from cpcs_desktop.batch.facts import night_facts
from cpcs_desktop.batch.one_input import Answer
from cpcs_desktop.batch.report import NightReport
from tests.known_night import TRUE_ZERO_POINT, known_calibration

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def troubled(night: Path) -> Path:
    """The night with one frame that looks elsewhere and a name that would like to be HTML."""
    file = next(night.glob("practice*-r.fits"))
    with fits.open(file) as hdus:
        hdus[0].header["CRVAL1"] += 1.0
        hdus.writeto(night / "<b>&else.fits")
    return night


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_report_is_one_file_and_the_same_for_any_number_of_jobs(
    run: Run, troubled: Path, words: list[str], tmp_path: Path
) -> None:
    pages = []
    for jobs in ("1", "2"):
        page = tmp_path / f"{jobs}.html"
        status, _, _ = run(
            *("calibrate", troubled, *words, "--jobs", jobs, "--report", page),
            *("--plots", tmp_path / f"plots-{jobs}"),
        )
        assert status == 1
        pages.append(page.read_bytes())
    assert pages[0] == pages[1]
    plots = {f.name: f.read_bytes() for f in (tmp_path / "plots-1").iterdir()}
    assert len(plots) == 4
    assert plots == {f.name: f.read_bytes() for f in (tmp_path / "plots-2").iterdir()}
    text = pages[0].decode()
    reader = _Reader()
    reader.feed(text)
    names = [tag for tag, _ in reader.tags]
    assert not {"script", "link", "b&else.fits"} & set(names)
    assert "&lt;b&gt;&amp;else.fits" in text
    assert not re.search(r"https?://", text)
    images = [attributes for tag, attributes in reader.tags if tag == "img"]
    assert len(images) == 2  # the frame that looks elsewhere, and the night
    for image in images:
        assert image["alt"]
        content = base64.b64decode(str(image["src"]).removeprefix("data:image/png;base64,"))
        assert np.ptp(imread(io.BytesIO(content))) > 0.5
    assert names.count("tr") == 5
    for sentence in ("7 inputs: 4 calibrated, 3 failed", "target_outside", "<code>not_fits</code>"):
        assert sentence in text


def test_the_facts_are_those_of_the_frame() -> None:
    calibration = known_calibration()
    facts = night_facts(calibration)
    assert facts["fwhm_pix"] == 3.2
    assert facts["fwhm_arcsec"] == pytest.approx(3.2)  # one arcsec a pixel
    assert facts["airmass"] == 1.2
    # the errors of the known night: 0.003 + 0.05 * 10^(0.4 (m - 17)); S/N 5 is 0.217 mag
    at_limit = 17.0 + 2.5 * np.log10((2.5 / np.log(10) / 5 - 0.003) / 0.05)
    assert facts["limit_mag"] == pytest.approx(at_limit, abs=0.15)
    assert abs(calibration.chosen.zero_point - TRUE_ZERO_POINT) < 0.05


def test_a_night_without_times_or_successes_is_a_page_too() -> None:
    report = NightReport()
    error = {"code": "unreadable", "message": "It is empty.", "hint": "Fetch it again."}
    line = {"path": "a.fits", "status": "failed", "event": None, "error": error}
    report.add(Answer(json.dumps(line), "", False, {}))
    page = "".join(report.pages())
    assert "1 inputs: 0 calibrated, 1 failed." in page
    assert "<table" not in page
