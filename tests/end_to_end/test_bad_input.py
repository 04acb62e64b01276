"""Bad input: one sentence and what to do, status 1, and the rest of the batch goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner

from cpcs_desktop.cli.main import cpcs

GOOD = "practice-02-r.fits"


def without_wcs(folder: Path, practice: Path) -> Path:
    path = folder / "nowcs.fits"
    with fits.open(practice / "frames" / GOOD) as hdus:
        header = fits.Header(
            {k: hdus[0].header[k] for k in ("DATE-OBS", "EXPTIME", "FILTER", "GAIN", "SATURATE")}
        )
        fits.PrimaryHDU(hdus[0].data, header).writeto(path)
    return path


def empty(folder: Path, practice: Path) -> Path:
    path = folder / "empty.fits"
    path.touch()
    return path


def text(folder: Path, practice: Path) -> Path:
    path = folder / "letter.fits"
    path.write_text("Dear observer,\n\nthis is not a frame.\n")
    return path


def half_a_file(folder: Path, practice: Path) -> Path:
    path = folder / "torn.fits"
    path.write_bytes((practice / "frames" / GOOD).read_bytes()[:40_000])
    return path


def list_without_ra(folder: Path, practice: Path) -> Path:
    path = folder / "nora.cat"
    source = (practice / "lists" / "practice-02-r.cat").read_text()
    path.write_text(source.replace("ALPHA_J2000", "ALPHA_MISSING"))
    return path


def no_pixels(folder: Path, practice: Path) -> Path:
    path = folder / "header-only.fits"
    fits.PrimaryHDU().writeto(path)
    return path


def blank(folder: Path, practice: Path) -> Path:
    path = folder / "blank.fits"
    header = fits.getheader(practice / "frames" / GOOD)
    fits.PrimaryHDU(np.full((700, 700), 400, dtype=np.uint16), header).writeto(path)
    return path


def absent(folder: Path, practice: Path) -> Path:
    return folder / "never-taken.fits"


def elsewhere(folder: Path, practice: Path) -> Path:
    """The same pixels on another part of the sky, where no survey was fetched."""
    path = folder / "elsewhere.fits"
    with fits.open(practice / "frames" / GOOD) as hdus:
        hdus[0].header["CRVAL1"] = 10.0
        hdus[0].header["CRVAL2"] = -60.0
        hdus.writeto(path)
    return path


def run(*words: str) -> tuple[list[dict[str, Any]], int, str]:
    result = CliRunner().invoke(cpcs, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return (
        [json.loads(line) for line in result.stdout.splitlines()],
        result.exit_code,
        result.stderr,
    )


BAD: dict[str, tuple[Callable[[Path, Path], Path], set[str]]] = {
    "no WCS": (without_wcs, {"no_wcs"}),
    "empty": (empty, {"unreadable", "not_fits"}),
    "text": (text, {"not_fits"}),
    "torn": (half_a_file, {"unreadable", "not_fits"}),
    "list without RA": (list_without_ra, {"missing_column"}),
    "no pixels": (no_pixels, {"unreadable", "not_fits", "no_image"}),
    "blank": (blank, {"too_few_stars", "no_sources", "no_noise", "failed_to_match"}),
    "absent": (absent, {"unreadable"}),
    "no survey there": (elsewhere, {"target_outside", "no_survey_coverage"}),
}


@pytest.fixture(scope="module")
def batch(
    practice: Path, practice_truth: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """One run over every bad file between two good ones: file kind -> line of output."""
    folder = tmp_path_factory.mktemp("bad")
    good = str(practice / "frames" / GOOD)
    bad = {kind: str(make(folder, practice)) for kind, (make, _) in BAD.items()}
    lines, status, _ = run(
        *("calibrate", good, *bad.values(), good, "--json", "--cache", str(practice / "cache")),
        *("--target", f"{practice_truth['ra']},{practice_truth['dec']}"),
    )
    assert status == 1
    assert [line["path"] for line in lines] == [good, *bad.values(), good]
    return dict(zip(["first", *bad, "last"], lines, strict=True))


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_sentence(kind: str, batch: dict[str, Any]) -> None:
    assert batch[kind]["status"] == "failed"
    error = batch[kind]["error"]
    assert error["code"] in BAD[kind][1]
    assert_is_one_sentence(error["message"])
    assert error["hint"]


def test_the_rest_of_the_batch_goes_on(batch: dict[str, Any]) -> None:
    assert batch["first"]["status"] == "ok"

    def timeless(line: dict[str, Any]) -> dict[str, Any]:
        # the check of the clock names the time since the exposure
        return {**line, "checks": [c for c in line["checks"] if c["code"] != "clock"]}

    assert timeless(batch["first"]) == timeless(batch["last"])


def assert_is_one_sentence(message: str) -> None:
    assert message[-1] in ".!?"
    assert "\n" not in message
    assert "Error" not in message
    assert 10 < len(message) < 400


def test_no_survey_for_the_field(practice: Path, tmp_path: Path) -> None:
    path = str(elsewhere(tmp_path, practice))
    lines, status, _ = run(
        *("calibrate", path, "--target", "10,-60", "--json", "--cache", str(practice / "cache"))
    )
    assert status == 1
    assert lines[0]["error"]["code"] == "no_survey_coverage"
    assert_is_one_sentence(lines[0]["error"]["message"])
    assert lines[0]["n_sources"] > 100  # what had been found before the failure


def test_no_cache_at_all(practice: Path, practice_truth: dict[str, Any], tmp_path: Path) -> None:
    lines, status, _ = run(
        *("calibrate", str(practice / "frames" / GOOD), "--json"),
        *("--cache", str(tmp_path / "nothing")),
        *("--target", f"{practice_truth['ra']},{practice_truth['dec']}"),
    )
    assert status == 1
    assert lines[0]["error"]["code"] == "no_survey_coverage"
    assert not (tmp_path / "nothing").exists()


def test_unknown_event(practice: Path) -> None:
    good = str(practice / "frames" / GOOD)
    for verb in ("calibrate", "submit"):
        lines, status, _ = run(
            *(verb, good, "--event", "ivo://nobody/knows#this", "--json"),
            *("--cache", str(practice / "cache")),
        )
        assert status == 1
        assert lines[0]["error"]["code"] == "unknown_event"
        assert_is_one_sentence(lines[0]["error"]["message"])


def test_target_outside_is_a_failure_and_never_a_limit(
    practice: Path, practice_truth: dict[str, Any]
) -> None:
    target = f"{practice_truth['ra'] + 1.0},{practice_truth['dec']}"
    lines, status, _ = run(
        *("calibrate", str(practice / "frames" / GOOD), "--target", target, "--json"),
        *("--cache", str(practice / "cache")),
    )
    assert status == 1
    assert lines[0]["error"]["code"] == "target_outside"


def test_for_a_person_the_sentence_is_on_stderr(
    practice: Path, practice_truth: dict[str, Any], tmp_path: Path
) -> None:
    result = CliRunner().invoke(
        cpcs,
        [
            *("calibrate", str(text(tmp_path, practice)), str(practice / "frames" / GOOD)),
            *("--target", f"{practice_truth['ra']},{practice_truth['dec']}"),
            *("--cache", str(practice / "cache")),
        ],
    )
    assert result.exit_code == 1
    assert "letter.fits" in result.stderr
    assert GOOD in result.stdout
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "words",
    [
        ("calibrate",),
        ("calibrate", "x.fits"),
        ("calibrate", "x.fits", "--target", "here"),
        ("calibrate", "x.fits", "--target", "1,95"),
        ("calibrate", "x.fits", "--target", "1,2", "--match-radius", "200"),
        ("calibrate", "x.fits", "--target", "1,2", "--magnitudes", "psf"),
        ("simulate",),
        ("nonsense",),
    ],
)
def test_wrong_usage_is_status_2(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(cpcs, list(words)).exit_code == 2
