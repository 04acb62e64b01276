"""A cache behind an address, through fsspec, in memory and over HTTP: the same stars, only read."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.profile import open_profile, place_of
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.coverage import cone_coverage

fsspec = pytest.importorskip("fsspec", reason="the cluster extra is not installed")
CONES = [(10.0, 0.0, 0.4), (10.9, 0.3, 0.7), (11.2, -0.2, 0.2)]


@pytest.fixture
def local(tmp_path: Path, make_sky: Any) -> SurveyCache:
    cache = SurveyCache(tmp_path / "cache")
    make_sky(5000, 1, (10.0, 0.0), 3.0).write(tmp_path / "gaia.parquet")
    cache.import_files("GAIA", [tmp_path / "gaia.parquet"], release="DR3")
    (tmp_path / "apass.csv").write_text("ra,dec,Vmag,e_Vmag\n10,0,12.5,0.01\n")
    cache.import_files("APASS", [tmp_path / "apass.csv"], covers=cone_coverage(10.0, 0.0, 1.0))
    return cache


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        del words


@pytest.fixture(params=["memory", "http"])
def address(request: pytest.FixtureRequest, local: SurveyCache) -> Iterator[str]:
    """Copy the cache's folder to a store, as any tool would, and give its address."""
    if request.param == "memory":
        store = fsspec.filesystem("memory")
        store.put(str(local.folder), "/bucket/cache", recursive=True)
        yield "memory://bucket/cache"
        store.rm("/bucket", recursive=True)
        return
    handler = functools.partial(Quiet, directory=str(local.folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def same(one: SurveyCache, other: SurveyCache, key: str = "GAIA") -> None:
    for cone in CONES:
        for epoch in (None, 2026.5):
            ours, theirs = (c.reference_stars(key, *cone, epoch) for c in (one, other))
            assert ours is not None
            assert theirs is not None
            for name in ("source_id", "ra", "dec", "mag", "mag_err", "flags"):
                np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
            assert ours.release == theirs.release
        assert one.covered_fraction(key, *cone) == other.covered_fraction(key, *cone)


def test_the_same_stars_and_facts(local: SurveyCache, address: str, tmp_path: Path) -> None:
    away = SurveyCache(address)
    assert away.keys() == local.keys()
    for key in local.keys():  # noqa: SIM118  no mapping
        same(local, away, key)
        ours, theirs = local.coverage(key), away.coverage(key)
        assert (ours.stars, ours.pixels) == (theirs.stars, theirs.pixels)
        assert theirs.bytes in ({ours.bytes} if "memory" in address else {0, ours.bytes})
        assert away.verify(key) == []
    packed = away.pack(tmp_path / "a.tar", CONES)
    assert packed == local.pack(tmp_path / "b.tar", CONES)


def test_nothing_is_written_there(address: str, tmp_path: Path) -> None:
    away = SurveyCache(address)
    (tmp_path / "x.csv").write_text("ra,dec,Vmag,e_Vmag\n10,0,12.5,0.01\n")
    for change in (
        lambda: away.import_files("APASS", [tmp_path / "x.csv"]),
        lambda: away.fetch("APASS", [(1.0, 1.0, 0.1)]),
        lambda: away.unpack(tmp_path / "x.tar"),
        lambda: away.remove("APASS"),
        lambda: away.link("PS1", tmp_path),
    ):
        with pytest.raises(CpcsError, match="only read") as error:
            change()
        assert error.value.code == "read_only"


def test_a_catalogue_behind_an_address_is_used_in_place(
    local: SurveyCache, address: str, tmp_path: Path
) -> None:
    """One survey of an object store beside others on the disk; its own coverage counts."""
    mixed = SurveyCache(tmp_path / "mixed")
    mixed.link("GAIA", f"{address}/GAIA")
    for cone in CONES:
        ours, theirs = (c.reference_stars("GAIA", *cone) for c in (local, mixed))
        assert ours is not None
        assert theirs is not None
        assert sorted(ours.source_id) == sorted(theirs.source_id)
        assert mixed.covered_fraction("GAIA", *cone) == local.covered_fraction("GAIA", *cone)
    assert mixed.verify("GAIA") == []
    words = ["survey", "import", "GAIA", f"{address}/GAIA", "--cache", str(tmp_path / "other")]
    told = json.loads(CliRunner().invoke(cpcs, [*words, "--json"]).stdout)
    assert (told["status"], told["in_place"]) == ("ok", True)
    assert told["stars"] == local.coverage("GAIA").stars


def test_a_store_that_changes_is_seen_anew(
    local: SurveyCache, tmp_path: Path, make_sky: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fsspec.filesystem("memory")
    store.put(str(local.folder), "/changing/cache", recursive=True)
    away = SurveyCache("memory://changing/cache")
    same(local, away)
    more = make_sky(500, 2, (10.0, 0.0), 1.0)
    more["source_id"] += 10**9
    more.write(tmp_path / "more.parquet")
    local.import_files("GAIA", [tmp_path / "more.parquet"])
    store.put(str(local.folder) + "/", "/changing/cache", recursive=True)
    monkeypatch.setattr("cpcs_desktop.surveys.open_catalogues._REMOTE_S", 0.0)
    same(local, away)
    store.rm("/changing", recursive=True)


def test_kinds_of_addresses(tmp_path: Path) -> None:
    assert place_of(f"file://{tmp_path}") == tmp_path
    assert str(open_profile(tmp_path, "memory://bucket/x").survey_cache) == "memory://bucket/x"
    with pytest.raises(CpcsError, match="cannot be read") as error:
        place_of("nosuch://bucket/x")
    assert error.value.code == "no_address"
    refused = CliRunner().invoke(cpcs, ["survey", "list", "--cache", "nosuch://x", "--json"])
    assert json.loads(refused.stdout)["error"]["code"] == "no_address"


def test_a_list_is_calibrated_from_there(practice: Path, tmp_path: Path) -> None:
    handler = functools.partial(Quiet, directory=str(practice / "cache"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        name, facts = list(json.loads((practice / "truth.json").read_text()).items())[-1]
        shutil.copy(practice / name, tmp_path)
        words = ["calibrate", str(tmp_path / Path(name).name), "--profile", str(tmp_path / "p")]
        words += ["--target", f"{facts['ra']},{facts['dec']}", "--json", "--cache"]
        url = f"http://127.0.0.1:{server.server_address[1]}"
        results = [
            json.loads(CliRunner().invoke(cpcs, [*words, cache]).stdout)
            for cache in (url, str(practice / "cache"))
        ]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert results[0] == results[1]
    assert results[0]["status"] == "ok"
