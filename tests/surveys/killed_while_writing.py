"""Run by test_survey_crash: kills an operation at its n-th step, for every n or every few.

A step is an audit event of the interpreter: every open, rename, removal, new folder and connection.
The kill is a real SIGKILL in a forked process. A fetch stores pixel by pixel, so that between the
old and the new cache there are others, each valid.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from cpcs_desktop.surveys.build import BuildOrder, build
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.patient_session import Patience

STEPS = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"})
FIELD = (10.0, 0.0, 0.5)
MAP = {"source_id": "objid", "ra": "alpha", "dec": "delta", "pmra": "pm_alpha",
       "pmdec": "pm_delta", "G": "0.001*vmag_milli", "G_err": "1.0857362/snr",
       "epoch": "ep_1900"}  # fmt: skip


def stars_of(cache: SurveyCache) -> dict[int, float] | None:
    found = cache.reference_stars("GAIA", 10.0, 0.0, 3.0)
    if found is None:
        return None
    return dict(zip(found.source_id.tolist(), found.mag[:, 0].tolist(), strict=True))


def killed_at(step: int, operation: Callable[[], object]) -> bool:
    """Run an operation in a fork that kills itself at a step; say whether it was killed."""
    child = os.fork()
    if child == 0:
        seen = 0

        def hook(event: str, arguments: object) -> None:
            nonlocal seen
            if event == "socket.connect" or (event in STEPS and "GAIA" in str(arguments)):
                seen += 1
                if seen == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        operation()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def built(archive: Path, cache: Path) -> None:
    """Build, or go on; what is whole stays as it is."""
    if (cache / ".GAIA.building").exists() or not (cache / "GAIA").exists():
        build(BuildOrder("GAIA", str(archive), str(cache), MAP))


def main(work: Path, what: str, stride: int, url: str) -> None:
    base, run = work / "base", work / "run"
    quick = Patience(pause_s=0.0)
    operations: dict[str, Callable[[], object]] = {
        "import": lambda: SurveyCache(run).import_files("GAIA", [work / "new.parquet"]),
        "unpack": lambda: SurveyCache(run).unpack(work / "new.tar"),
        "fetch": lambda: SurveyCache(run).fetch("GAIA", [FIELD], url=url, patience=quick),
        "build": lambda: built(work / "archive", run),
        "remove": lambda: SurveyCache(run).remove("GAIA"),
    }
    operation = operations[what]
    if what == "build":
        SurveyCache(base).remove("GAIA")
    old = stars_of(SurveyCache(base))
    shutil.copytree(base, run)
    operation()
    new = stars_of(SurveyCache(run))
    assert new != old
    step, kills, between = 1 - stride, 0, 0
    while True:
        step += stride
        shutil.rmtree(run)
        shutil.copytree(base, run)
        killed = killed_at(step, operation)
        cache = SurveyCache(run)
        after = stars_of(cache)
        if cache.keys():
            assert cache.verify("GAIA") == [], (step, cache.verify("GAIA"))
        if what == "fetch":
            assert old is not None
            assert new is not None
            assert after is not None
            assert old.items() <= after.items() <= new.items(), step
            between += after not in (old, new)
        elif what == "build":  # the stars that change their pixel come last
            assert after is None or new.items() >= after.items(), step
        else:
            assert after in (old, new), (step, None if after is None else len(after))
        assert stars_of(SurveyCache(run)) == after
        if what != "remove" or cache.keys():
            operation()
            assert stars_of(SurveyCache(run)) == new, step
        left = [p.name for p in run.iterdir() if p.name not in {"GAIA", ".GAIA.lock"}]
        assert what == "remove" or left == [], left
        if not killed:
            break
        kills += 1
    assert between or what != "fetch"  # some kills came between two pixels
    sys.stdout.write(f"{kills}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
