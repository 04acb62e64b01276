"""Fetching from a real TAP service on this machine, which fails in every way it can."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner

from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys import fetch
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.patient_session import Patience
from tests.surveys.tap_server import TapServer, serving

QUICK = Patience(pause_s=0.0, timeout_s=2.0, tries=3, backoff_s=0.05)
FIELD = (150.0, 2.0, 0.35)


@pytest.fixture(scope="module")
def apass(make_sky) -> Table:
    sky = make_sky(3000, 1, (150.0, 2.0), 4.0)
    return Table(
        {
            "recno": np.arange(3000),
            "RAJ2000": sky["ra"],
            "DEJ2000": sky["dec"],
            "Vmag": sky["phot_g_mean_mag"],
            "e_Vmag": np.full(3000, 0.03),
            "g'mag": sky["phot_g_mean_mag"] + 0.25,
            "e_g'mag": np.full(3000, 0.05),
            "nobs": np.arange(3000),
        }
    )


@pytest.fixture
def server(apass: Table) -> Iterator[TapServer]:
    with serving("II/336/apass9", apass, ra="RAJ2000", dec="DEJ2000") as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> SurveyCache:
    return SurveyCache(tmp_path / "cache")


def check(cache: SurveyCache, apass: Table) -> None:
    """Compare the field with the service's own table."""
    found = cache.reference_stars("APASS", *FIELD)
    assert found is not None
    a, d = np.radians(apass["RAJ2000"]), np.radians(apass["DEJ2000"])
    ra, dec = np.radians(FIELD[:2])
    h = np.sin((d - dec) / 2) ** 2 + np.cos(d) * np.cos(dec) * np.sin((a - ra) / 2) ** 2
    inside = apass[2 * np.degrees(np.arcsin(np.sqrt(h))) <= FIELD[2]]
    assert set(found.source_id.tolist()) == set(inside["recno"].tolist())
    assert len(found) == len(inside) > 20
    values = dict(zip(inside["recno"], inside["Vmag"], strict=True))
    v = found.letters.index("V")
    np.testing.assert_allclose(
        found.mag[:, v], [values[k] for k in found.source_id.tolist()], rtol=1e-6
    )
    assert cache.covered_fraction("APASS", *FIELD) == 1.0
    assert cache.verify("APASS") == []


def test_a_field_is_fetched_once(cache: SurveyCache, server: TapServer, apass: Table) -> None:
    seen: list[fetch.FetchProgress] = []
    done = cache.fetch("APASS", [FIELD], url=server.url, patience=QUICK, progress=seen.append)
    check(cache, apass)
    assert done.done == done.total >= 1
    assert done.stars == cache.coverage("APASS").stars
    assert [p.bytes for p in seen] == sorted(p.bytes for p in seen)
    assert seen[0].total == done.total
    assert done.bytes > 1000
    assert "nobs" not in server.queries[-1]  # only what is needed travels
    asked = len(server.queries)
    again = cache.fetch("APASS", [FIELD], url=server.url, patience=QUICK)
    assert (again.total, len(server.queries)) == (0, asked)
    assert cache.coverage("APASS").sources[0].source == server.url


def test_a_pixel_without_stars_is_fetched_and_empty(cache: SurveyCache, server: TapServer) -> None:
    cache.fetch("APASS", [(20.0, 60.0, 0.2)], url=server.url, patience=QUICK)
    found = cache.reference_stars("APASS", 20.0, 60.0, 0.2)
    assert found is not None
    assert len(found) == 0
    files = list(cache.folder.glob("APASS/**/*.parquet"))
    assert len(files) == cache.coverage("APASS").pixels >= 1
    assert cache.reference_stars("APASS", 40.0, 60.0, 0.2) is None


@pytest.mark.parametrize(
    "faults",
    [
        ["", "broken"], ["", "half"], ["", "half, claimed whole"], ["", "empty"], ["", "500"],
        ["", "busy 0"], ["half", "broken", ""], ["", "redirect 301"], ["", "redirect 302"],
        ["redirect 307"], ["", "redirect 308"],
    ],
    ids=str,
)  # fmt: skip
def test_a_service_that_stumbles_still_gives_the_right_stars(
    cache: SurveyCache, server: TapServer, apass: Table, faults: list[str]
) -> None:
    server.faults.extend(faults)
    cache.fetch("APASS", [FIELD], url=server.url, patience=QUICK)
    assert not server.faults
    check(cache, apass)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("error", "service_error"),
        ("half", "bad_answer"),
        ("broken", "bad_answer"),
        ("hang", "service_unreachable"),
        ("busy 0", "service_busy"),
    ],
)
def test_a_service_that_stays_broken_ends_in_a_sentence(
    cache: SurveyCache, server: TapServer, fault: str, code: str
) -> None:
    server.faults.extend([fault] * 20)
    patience = Patience(pause_s=0.0, timeout_s=0.3, tries=2, backoff_s=0.02)
    with pytest.raises(CpcsError) as error:
        cache.fetch("APASS", [FIELD], url=server.url, patience=patience)
    assert error.value.code == code
    assert len(error.value.message) < 400
    if fault == "error":
        assert "syntax error near FORM" in error.value.message
        assert len(server.queries) == 1  # a refusal is not asked again
    assert cache.keys() == []


def test_no_service_at_all(cache: SurveyCache) -> None:
    patience = Patience(pause_s=0.0, timeout_s=0.3, tries=2, backoff_s=0.02)
    with pytest.raises(CpcsError) as error:
        cache.fetch("APASS", [FIELD], url="http://127.0.0.1:9/tap", patience=patience)
    assert error.value.code == "service_unreachable"
    with pytest.raises(CpcsError, match="No service"):
        cache.fetch("OGLE3", [FIELD])


def test_overflow_goes_to_a_job_and_then_to_smaller_pixels(
    cache: SurveyCache, server: TapServer, apass: Table
) -> None:
    server.limit = 60
    cache.fetch("APASS", [FIELD], url=server.url, patience=QUICK)
    check(cache, apass)
    assert server.jobs == {}  # finished jobs are deleted
    other = SurveyCache(cache.folder / "other")
    server.async_limit = 60
    before = len(server.queries)
    other.fetch("APASS", [FIELD], url=server.url, patience=QUICK)
    check(other, apass)
    assert len(server.queries) - before > 8


def test_a_busy_service_is_left_alone_as_long_as_it_asks(
    cache: SurveyCache, server: TapServer
) -> None:
    server.faults.append("busy 1")
    cache.fetch("APASS", [(20.0, 60.0, 0.01)], url=server.url, patience=QUICK)
    assert server.times[1] - server.times[0] >= 0.99


def test_requests_keep_their_distance(cache: SurveyCache, server: TapServer) -> None:
    patience = Patience(pause_s=0.2, timeout_s=2.0)
    cache.fetch("APASS", [(20.0, 60.0, 0.8)], url=server.url, patience=patience)
    assert len(server.times) > 3
    # a busy machine hears a request late, and the next one then comes sooner after it
    assert np.diff(server.times).mean() > 0.18
    assert np.diff(server.times).min() > 0.1


@pytest.mark.parametrize("fault", ["hang", "busy 60"])
def test_cancel_takes_effect_within_a_second_and_a_later_call_goes_on(
    cache: SurveyCache, server: TapServer, apass: Table, fault: str
) -> None:
    field = (*FIELD[:2], 1.2)
    server.faults.extend(["", "", "", fault])
    stop = threading.Event()
    pressed: list[float] = []

    def press() -> None:
        while len(server.times) < 4:
            time.sleep(0.01)
        time.sleep(0.2)
        pressed.append(time.monotonic())
        stop.set()

    presser = threading.Thread(target=press)
    presser.start()
    done = cache.fetch("APASS", [field], url=server.url, patience=QUICK, cancelled=stop.is_set)
    assert time.monotonic() - pressed[0] < 1.0
    presser.join()
    assert done.cancelled
    assert 0 < done.done < done.total
    assert cache.coverage("APASS").pixels == done.done
    rest = cache.fetch("APASS", [field], url=server.url, patience=QUICK)
    assert rest.total == done.total - done.done
    check(cache, apass)


def test_a_damaged_pixel_is_repaired(cache: SurveyCache, server: TapServer, apass: Table) -> None:
    cache.fetch("APASS", [FIELD], url=server.url, patience=QUICK)
    victim = next(iter(cache.folder.glob("APASS/**/*.parquet")))
    content = bytearray(victim.read_bytes())
    content[len(content) // 3] ^= 16
    victim.write_bytes(content)
    assert len(cache.verify("APASS")) == 1
    done = cache.fetch("APASS", url=server.url, patience=QUICK)  # no field: repair only
    assert done.total == 1
    check(cache, apass)


def test_fetching_into_a_slice_that_was_imported(
    cache: SurveyCache, server: TapServer, apass: Table, tmp_path: Path
) -> None:
    near = np.hypot(apass["RAJ2000"] - 150.0, apass["DEJ2000"] - 2.0) < 0.2
    apass[near].write(tmp_path / "slice.csv", format="ascii.csv")
    cache.import_files("APASS", [tmp_path / "slice.csv"])
    assert cache.covered_fraction("APASS", *FIELD) < 0.9
    cache.fetch("APASS", [FIELD], url=server.url, patience=QUICK)
    check(cache, apass)


def test_gaia_synthetic_photometry_is_joined_with_positions() -> None:
    from cpcs_desktop.surveys.registry import survey

    declared = survey("GAIASP")
    assert fetch.tables_of(declared) == [
        "gaiadr3.synthetic_photometry_gspc",
        "gaiadr3.gaia_source",
    ]
    assert fetch.tables_of(survey("APASS")) == ["II/336/apass9"]


def test_fetch_on_the_command_line(tmp_path: Path, server: TapServer, apass: Table) -> None:
    words = ["survey", "fetch", "APASS", "--cone", "150,2,0.35", "--url", server.url]
    words += ["--cache", str(tmp_path / "cache"), "--json"]
    result = CliRunner().invoke(cpcs, words)
    assert result.exit_code == 0, result.output
    line = json.loads(result.stdout)
    assert line["status"] == "ok"
    assert line["stars"] > 20
    check(SurveyCache(tmp_path / "cache"), apass)
    server.faults.append("error")
    refused = CliRunner().invoke(cpcs, [*words[:4], "10,10,0.1", *words[5:]])
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["error"]["code"] == "service_error"


def test_fields_from_a_list_of_targets_and_from_events(
    tmp_path: Path, server: TapServer, apass: Table
) -> None:
    """One call prepares several surveys; the address of a service may stand in the settings."""
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "settings.toml").write_text(
        f'[tap_urls]\nAPASS = "{server.url}"\n2MASS = "http://127.0.0.1:9/tap"\n'
    )
    targets = tmp_path / "targets.txt"
    targets.write_text("name ra dec\nGaia 16aye 10:00:00 +02:00:00  # tonight\n\n150.2,2.1\n")

    def call(*words: str) -> tuple[int, list[Any]]:
        done = CliRunner().invoke(cpcs, [*words, "--profile", str(profile), "--json"])
        return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]

    fetch_field = ("survey", "fetch", "APASS", "--radius", "0.35")
    status, (line,) = call(*fetch_field, "--targets", str(targets))
    assert (status, line["status"]) == (0, "ok")
    check(SurveyCache(profile / "surveys"), apass)
    assert call(*fetch_field, "--event", "ivo://x")[1][0]["error"]["code"] == "unknown_event"
    CliRunner().invoke(
        cpcs, ["event", "add", "ivo://x", "--ra", "20", "--dec", "60", "--profile", str(profile)]
    )
    assert call("survey", "fetch", "APASS", "--radius", "0.05", "--events")[0] == 0
    assert SurveyCache(profile / "surveys").covered_fraction("APASS", 20.0, 60.0, 0.05) == 1.0
    status, packed = call("survey", "pack", str(tmp_path / "a.tar"), "--events", "--radius", "0.04")
    assert (status, packed[0]["fraction"]) == (0, 1.0)
    targets.write_text("150 2\n150 200\n")
    status, (line,) = call(*fetch_field, "--targets", str(targets))
    assert (status, "Line 2" in line["error"]["message"]) == (1, True)
    moc = tmp_path / "x.fits"
    assert call("survey", "coverage", "APASS", "--moc", str(moc))[0] == 0
    assert moc.exists()
