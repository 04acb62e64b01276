"""Power cuts, two programs at once, full disks: the cache stays valid."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.transaction import locked

DRIVER = Path(__file__).with_name("killed_while_writing.py")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL and fork are of Unix")
@pytest.mark.parametrize(("what", "stride"), [("import", "5"), ("unpack", "7"), ("remove", "1")])
def test_a_kill_at_any_step_leaves_the_old_or_the_new_cache(
    what: str, stride: str, tmp_path: Path, make_sky
) -> None:
    make_sky(200, 1, (10.0, 0.0), 0.6).write(tmp_path / "old.parquet")
    new = make_sky(200, 2, (10.0, 0.0), 0.6)
    new["source_id"] += 10**6
    new.write(tmp_path / "new.parquet")
    SurveyCache(tmp_path / "base").import_files("GAIA", [tmp_path / "old.parquet"])
    other = SurveyCache(tmp_path / "other")
    other.import_files("GAIA", [tmp_path / "new.parquet"])
    other.pack(tmp_path / "new.tar", [(10.0, 0.0, 3.0)])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(DRIVER), str(tmp_path), what, stride],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 5  # kills that were tried


def test_two_programs_at_once_lose_nothing(tmp_path: Path, make_sky) -> None:
    names = [f"{name}{part}" for name in "ab" for part in range(4)]
    for k, name in enumerate(names):
        sky = make_sky(100, k, (50.0, 10.0), 1.0)
        sky["source_id"] += 10**6 * k
        sky.write(tmp_path / f"{name}.parquet")
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from cpcs_desktop.surveys.cache import SurveyCache
        folder = Path(sys.argv[1])
        for part in range(4):
            file = folder / f"{sys.argv[2]}{part}.parquet"
            SurveyCache(folder / "cache").import_files("GAIA", [file])
        """
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), name]) for name in "ab"
    ]
    assert [p.wait(timeout=100) for p in running] == [0, 0]
    cache = SurveyCache(tmp_path / "cache")
    found = cache.reference_stars("GAIA", 50.0, 10.0, 2.0)
    assert found is not None
    assert len(found) == 800
    assert cache.verify("GAIA") == []


def test_a_lock_that_is_held_ends_in_a_sentence(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from cpcs_desktop.surveys.transaction import locked
        from cpcs_desktop.datamodel.errors import CpcsError
        try:
            with locked(Path(sys.argv[1]), timeout_s=0.1): pass
        except CpcsError as error: print(error.code, error.message)
        """
    )
    with locked(tmp_path / "GAIA"):
        child = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "GAIA")],
            capture_output=True,
            text=True,
            check=True,
        )
    assert child.stdout.startswith("busy Another program")


@pytest.mark.parametrize("refused_call", [1, 3, 8])
def test_a_full_disk_ends_in_a_sentence_and_changes_nothing(
    tmp_path: Path, make_sky, monkeypatch: pytest.MonkeyPatch, refused_call: int
) -> None:
    make_sky(100, 1, (10.0, 0.0), 1.0).write(tmp_path / "old.parquet")
    make_sky(100, 2, (30.0, 0.0), 2.0).write(tmp_path / "new.parquet")
    cache = SurveyCache(tmp_path / "cache")
    cache.import_files("GAIA", [tmp_path / "old.parquet"])
    calls = 0
    flush = os.fsync

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == refused_call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CpcsError, match="full") as error:
        cache.import_files("GAIA", [tmp_path / "new.parquet"])
    assert error.value.code == "disk_full"
    monkeypatch.undo()
    fresh = SurveyCache(tmp_path / "cache")
    assert fresh.coverage("GAIA").stars == 100
    assert fresh.verify("GAIA") == []
    assert sorted(p.name for p in fresh.folder.iterdir() if "lock" not in p.name) == ["GAIA"]
