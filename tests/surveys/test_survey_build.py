"""Catalogues built from published ones: the stars of an import, on one process or on Dask."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys import build as building
from cpcs_desktop.surveys.build import BuildOrder, build, build_here
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.coverage import cone_coverage
from cpcs_desktop.surveys.partition import Pixel
from tests.surveys.test_survey_linked import CENTRE, MAP, publish

CONES = [(*CENTRE, 0.5), (1.3, 29.2, 0.7), (358.0, 31.0, 0.4)]


@pytest.fixture
def published(tmp_path: Path, make_sky: Any) -> Path:
    publish(tmp_path / "archive", make_sky(6000, 1, CENTRE, 12.0))
    return tmp_path / "archive"


@pytest.fixture
def order(published: Path, tmp_path: Path) -> BuildOrder:
    return BuildOrder("GAIA", str(published), str(tmp_path / "cache"), MAP)


def check(cache: SurveyCache, published: Path, folder: Path) -> None:
    """Compare with the published catalogue used in place."""
    linked = SurveyCache(folder / "linked")
    linked.link("GAIA", published, MAP)
    for cone in CONES:
        for epoch in (None, 2030.0):
            found = cache.reference_stars("GAIA", *cone, epoch)
            wanted = linked.reference_stars("GAIA", *cone, epoch)
            assert found is not None
            assert wanted is not None
            assert len(found) > 5
            ours, theirs = np.argsort(found.source_id), np.argsort(wanted.source_id)
            for name in ("source_id", "ra", "dec", "mag", "mag_err", "flags"):
                np.testing.assert_array_equal(
                    getattr(found, name)[ours], getattr(wanted, name)[theirs]
                )
    summary = cache.coverage("GAIA")
    assert summary.coverage.as_moc_text() == linked.coverage("GAIA").coverage.as_moc_text()
    assert cache.verify("GAIA") == []
    left = {p.name for p in cache.folder.iterdir()} - {"GAIA", ".GAIA.lock"}
    assert left == set()


def test_the_stars_are_those_of_the_published_catalogue(
    order: BuildOrder, published: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int, int]] = []
    made = build(order, progress=lambda *words: told.append(words))
    assert made.provenance.stars == 6000 == told[-1][2]
    assert [n for n, _, _ in told] == list(range(told[0][1] + 1))
    assert len(told) > 4
    check(SurveyCache(order.cache_folder), published, tmp_path)
    assert made.provenance.sources[0].source == str(published)
    with pytest.raises(CpcsError, match="already"):
        build(order)


def test_the_source_may_lie_behind_an_address(published: Path, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec", reason="the cluster extra is not installed")
    store = fsspec.filesystem("memory")
    store.put(str(published), "/archives/gaia", recursive=True)
    build(BuildOrder("GAIA", "memory://archives/gaia", str(tmp_path / "cache"), MAP))
    store.rm("/archives", recursive=True)
    check(SurveyCache(tmp_path / "cache"), published, tmp_path)


def test_an_interrupted_build_goes_on(
    order: BuildOrder, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(order: BuildOrder, pixels: list[Pixel]) -> Iterator[Any]:
        yield from build_here(order, pixels[:3])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(order, stops)
    assert SurveyCache(order.cache_folder).keys() == []
    with pytest.raises(CpcsError, match="another order") as error:
        build(BuildOrder("GAIA", order.source, order.cache_folder, {**MAP, "G_err": "snr"}))
    assert error.value.code == "other_build"
    asked: list[Pixel] = []
    original = building.build_pixel

    def counted(order: BuildOrder, pixel: Pixel) -> Any:
        asked.append(pixel)
        return original(order, pixel)

    monkeypatch.setattr(building, "build_pixel", counted)
    made = build(order)
    assert len(asked) == len(made.partition.pixels) - 3
    check(SurveyCache(order.cache_folder), published, tmp_path)


def test_part_of_the_sky(order: BuildOrder, published: Path, tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text(json.dumps(MAP))
    words = ["survey", "build", "GAIA", str(published), "--columns", str(tmp_path / "map.json")]
    words += ["--cone", "359.9,30,1.5", "--cache", order.cache_folder, "--json"]
    done = CliRunner().invoke(cpcs, words)
    assert done.exit_code == 0, done.output
    line = json.loads(done.stdout)
    cache = SurveyCache(order.cache_folder)
    assert line["stars"] == cache.coverage("GAIA").stars < 6000
    assert cache.covered_fraction("GAIA", 359.9, 30.0, 1.5) == 1.0
    region = cone_coverage(359.9, 30.0, 1.5)
    assert cache.coverage("GAIA").coverage.difference(region).is_empty
    assert cache.verify("GAIA") == []
    nothing = CliRunner().invoke(cpcs, [*words[:6], "--cone", "100,-60,1", *words[8:]])
    assert json.loads(nothing.stdout)["error"]["code"] == "already_cached"


def test_stars_that_another_epoch_puts_into_the_next_pixel_are_kept(
    tmp_path: Path, make_sky: Any
) -> None:
    """Their index in the archive is of its epoch, ours of the survey's."""
    sky = make_sky(3000, 5, CENTRE, 6.0)
    sky["pmra"], sky["pmdec"] = 9000.0, -9000.0
    publish(tmp_path / "archive", sky)
    order = BuildOrder(
        "GAIA", str(tmp_path / "archive"), str(tmp_path / "cache"), {**MAP, "epoch": "ep_1900"}
    )
    build(order)
    cache = SurveyCache(tmp_path / "cache")
    assert cache.coverage("GAIA").stars == 3000
    found = cache.reference_stars("GAIA", *CENTRE, 8.0)
    assert found is not None
    assert len(set(found.source_id.tolist())) == 3000
    assert cache.verify("GAIA") == []


def test_on_dask_with_a_worker_killed(
    order: BuildOrder, published: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    from cpcs_desktop.surveys.build_on_dask import build_on

    logs = [tmp_path / f"{n}.log" for n in range(3)]
    processes: list[subprocess.Popen[bytes]] = []

    def start(module: str, *words: str) -> None:
        with logs[len(processes)].open("wb") as log:
            command = [sys.executable, "-m", f"distributed.cli.dask_{module}", *words]
            processes.append(subprocess.Popen([*command, "--no-dashboard"], stdout=log, stderr=log))

    def seen(words: str, *files: Path) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = [re.search(words, file.read_text()) for file in files]
            if all(found):
                return str(found[0] and found[0][0])
            time.sleep(0.1)
        raise AssertionError([file.read_text() for file in files])

    try:
        start("scheduler", "--host", "127.0.0.1", "--port", "0")
        address = seen(r"tcp://127\.0\.0\.1:\d+", logs[0])
        for _ in range(2):
            start("worker", address, "--nthreads", "1", "--no-nanny",
                  "--local-directory", str(tmp_path))  # fmt: skip
        seen("Registered to:", *logs[1:])
        killed: list[int] = []

        def progress(done: int, total: int, stars: int) -> None:
            del total, stars
            if done >= 2 and not killed:
                processes[1].kill()
                killed.append(done)

        made = build(order, build_on(address), progress)
        assert killed
    finally:
        for process in processes:
            process.kill()
            process.wait()
    # Dask tells of the answers that were lost with the worker
    assert all("gather" in r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING)
    caplog.clear()
    assert made.provenance.stars == 6000
    check(SurveyCache(order.cache_folder), published, tmp_path)
