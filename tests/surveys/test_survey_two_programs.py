"""Two programs on one cache at once, each with a verb of its own: neither harms the other."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.patient_session import Patience
from tests.surveys.tap_server import TapServer, serving

CENTRE = (10.0, 0.0)
#: What is imported and unpacked lies beside this field, partly in the same pixels.
FIELD = (*CENTRE, 0.45)
WIDE = (*CENTRE, 3.0)

PROGRAM = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from cpcs_desktop.datamodel.errors import CpcsError
    from cpcs_desktop.surveys.cache import SurveyCache
    from cpcs_desktop.surveys.patient_session import Patience
    verb, work, url = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    cache = SurveyCache(work / "cache")
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for turn in range(4):
        if verb == "fetch":
            centre = 8.5 + turn
            cache.fetch("GAIA", [(centre, 0.0, 0.45)], url=url, patience=Patience(pause_s=0.0))
        elif verb.startswith("import"):
            cache.import_files("GAIA", [work / f"{verb}{turn}.parquet"])
        elif verb == "unpack":
            cache.unpack(work / "part.tar")
        elif verb == "verify":
            for again in range(5):
                assert "GAIA" not in cache.keys() or cache.verify("GAIA") == []
        elif verb == "read":
            for again in range(40):
                cache.reference_stars("GAIA", 10.0, 0.0, 3.0)
        elif verb == "remove":
            try:
                cache.remove("GAIA")
            except CpcsError as error:
                assert error.code == "not_cached", error
    """
)


@pytest.fixture(scope="module")
def sky(make_sky) -> Table:
    """Give all stars that the service knows; the files and the pack hold some of them each."""
    return make_sky(4000, 1, CENTRE, 6.0)


@pytest.fixture
def server(sky: Table) -> Iterator[TapServer]:
    with serving("gaiadr3.gaia_source", sky) as running:
        yield running


def ids(cache: SurveyCache) -> set[int]:
    found = cache.reference_stars("GAIA", *WIDE)
    return set() if found is None else set(found.source_id.tolist())


def strip(sky: Table, low: float, high: float) -> Table:
    """Return the stars of a band in declination, within the wide cone."""
    a, d = sky["ra"], sky["dec"]
    return sky[(d >= low) & (d < high) & (np.hypot(a - CENTRE[0], d) < 2.9)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("importa", "importb"),
        ("fetch", "importa"),
        ("fetch", "remove"),
        ("verify", "importa"),
        ("unpack", "fetch"),
        ("read", "importa"),
    ],
)
def test_neither_harms_the_other(
    one: str, other: str, tmp_path: Path, sky: Table, server: TapServer
) -> None:
    given: dict[str, set[int]] = {"importa": set(), "importb": set(), "unpack": set()}
    for turn in range(4):
        for name, low in (("importa", 1.0 + 0.4 * turn), ("importb", -1.4 - 0.4 * turn)):
            part = strip(sky, low, low + 0.4)
            part.write(tmp_path / f"{name}{turn}.parquet")
            given[name] |= set(part["source_id"].tolist())
    away = SurveyCache(tmp_path / "away")
    strip(sky, 1.0, 2.9).write(tmp_path / "rest.parquet")
    away.import_files("GAIA", [tmp_path / "rest.parquet"])
    away.pack(tmp_path / "part.tar", [WIDE])
    given["unpack"] = ids(away)
    cache = SurveyCache(tmp_path / "cache")
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, verb, str(tmp_path), server.url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for verb in (one, other)
    ]  # fmt: skip
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = []
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        answers.append(process.communicate(timeout=100)[1])
    assert [p.returncode for p in running] == [0, 0], answers
    assert not any("Traceback" in words for words in answers), answers
    if "remove" in (one, other):
        cache.fetch("GAIA", [FIELD], url=server.url, patience=Patience(pause_s=0.0))
    else:
        for verb in {one, other} & given.keys():
            assert given[verb] <= ids(cache), verb
    if "fetch" in (one, other):
        whole = SurveyCache(tmp_path / "whole")
        whole.fetch("GAIA", [FIELD], url=server.url, patience=Patience(pause_s=0.0))
        wanted = whole.reference_stars("GAIA", *FIELD)
        cache.fetch("GAIA", [FIELD], url=server.url, patience=Patience(pause_s=0.0))
        found = cache.reference_stars("GAIA", *FIELD)
        assert wanted is not None
        assert found is not None
        assert sorted(found.source_id.tolist()) == sorted(wanted.source_id.tolist())
    assert cache.verify("GAIA") == []
    left = {p.name for p in cache.folder.iterdir()} - {"GAIA", ".GAIA.lock"}
    assert left == set()
