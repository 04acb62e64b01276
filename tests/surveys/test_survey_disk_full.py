"""Disks that are really full: a small file system, filled to a different mark each time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from astropy.table import Table

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.patient_session import Patience
from tests.surveys.tap_server import serving

QUICK = Patience(pause_s=0.0)
FIELD = (10.0, 0.0, 0.7)
SIZE = 2 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 2 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True).returncode:  # noqa: PLW1510
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def sky(make_sky) -> Table:
    return make_sky(12_000, 2, (10.0, 0.0), 3.0)


def stars(cache: SurveyCache) -> set[int]:
    found = cache.reference_stars("GAIA", 10.0, 0.0, 5.0)
    assert found is not None
    return set(found.source_id.tolist())


def failure_of(verb: Callable[[], object]) -> str:
    try:
        verb()
    except CpcsError as error:
        return error.message
    return ""


@pytest.mark.parametrize("what", ["import", "unpack", "fetch"])
def test_a_full_disk_ends_in_a_sentence_and_a_valid_cache(
    what: str, small_disk: Path, tmp_path: Path, make_sky, sky: Table
) -> None:
    old = make_sky(100, 1, (10.0, 0.0), 1.0)
    old["source_id"] += 10**7
    old.write(tmp_path / "old.parquet")
    sky.write(tmp_path / "new.parquet")
    home = SurveyCache(tmp_path / "home")
    home.import_files("GAIA", [tmp_path / "new.parquet"])
    home.pack(tmp_path / "night.tar", [(10.0, 0.0, 5.0)])
    cache = SurveyCache(small_disk / "cache")
    cache.import_files("GAIA", [tmp_path / "old.parquet"])
    before = stars(cache)
    with serving("gaiadr3.gaia_source", sky) as server:
        verbs: dict[str, Callable[[], object]] = {
            "import": lambda: cache.import_files("GAIA", [tmp_path / "new.parquet"]),
            "unpack": lambda: cache.unpack(tmp_path / "night.tar"),
            "fetch": lambda: cache.fetch("GAIA", [FIELD], url=server.url, patience=QUICK),
        }
        ballast, refused = small_disk / "ballast", 0
        for free_kib in (0, 8, 24, 60, 140, 260, 400):
            ballast.unlink(missing_ok=True)
            room = shutil.disk_usage(small_disk).free
            ballast.write_bytes(b"x" * max(room - 1024 * free_kib, 0))
            sentence = failure_of(verbs[what])
            assert sentence in ("", f"The disk of {cache.folder} is full.")
            refused += sentence != ""
            fresh = SurveyCache(small_disk / "cache")
            assert fresh.verify("GAIA") == []
            if what != "fetch":
                assert stars(fresh) == before
            left = {p.name for p in fresh.folder.iterdir()}
            assert left == {"GAIA", ".GAIA.lock"}
        assert refused >= 3
        ballast.unlink()
        verbs[what]()
    assert stars(cache) > before or what == "fetch"
    assert cache.covered_fraction("GAIA", *FIELD) == 1.0
    assert cache.verify("GAIA") == []


def test_a_full_stick_leaves_no_half_pack(small_disk: Path, tmp_path: Path, sky: Table) -> None:
    sky.write(tmp_path / "new.parquet")
    home = SurveyCache(tmp_path / "home")
    home.import_files("GAIA", [tmp_path / "new.parquet"])
    (small_disk / "ballast").write_bytes(b"x" * (SIZE - 100_000))
    with pytest.raises(CpcsError) as error:
        home.pack(small_disk / "night.tar", [(10.0, 0.0, 5.0)])
    assert error.value.code == "disk_full"
    assert [p.name for p in small_disk.iterdir()] == ["ballast"]


def test_a_limit_on_file_sizes_is_a_sentence_too(tmp_path: Path, make_sky, sky: Table) -> None:
    """As on the sticks that hold no file above 4 GB; needs no right to mount anything."""
    make_sky(100, 1, (10.0, 0.0), 1.0).write(tmp_path / "old.parquet")
    sky.write(tmp_path / "new.parquet")
    SurveyCache(tmp_path / "cache").import_files("GAIA", [tmp_path / "old.parquet"])
    program = (
        "import resource, signal, sys\n"
        "from cpcs_desktop.surveys.cache import SurveyCache\n"
        "from cpcs_desktop.datamodel.errors import CpcsError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try: SurveyCache(sys.argv[1]).import_files('GAIA', [sys.argv[2]])\n"
        "except CpcsError as error: print(error.code, error.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "cache"), str(tmp_path / "new.parquet")],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.startswith("unwritable"), done.stdout + done.stderr
    assert "large" in done.stdout
    fresh = SurveyCache(tmp_path / "cache")
    assert (fresh.coverage("GAIA").stars, fresh.verify("GAIA")) == (100, [])
