"""What one frame, list and point cost in processor time, memory and bytes: the ground of scale.md.

    python benchmarks/unit_costs.py [--archive DIR] [--json FILE]

Costs of a frame and a list are those of one more in a batch: start-up is subtracted. Prints a
table; with ``--json`` writes the numbers for ``benchmarks/performance.py``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from batch_speed import FOLDER, calibrate, make_frames, make_lists
from frame_to_result import FOLDER as PRACTICE
from frame_to_result import measure

RUNS = 3
SERVER = [sys.executable, "-c", "from server_stub.cli import main; main()"]
ARCHIVE = Path(__file__).parents[2] / "shared" / "data" / "cpcs-archive"


def marginal(small: Path, large: Path, more: int) -> tuple[float, int]:
    """Return processor seconds of one more input, and the peak of a process in bytes.

    The least of some runs: what other programs do to the caches only ever adds.
    """
    few = [measure(calibrate(small, "--jobs", "1"), FOLDER) for _ in range(RUNS)]
    many = [measure(calibrate(large, "--jobs", "1"), FOLDER) for _ in range(RUNS)]
    seconds = (min(run[1] for run in many) - min(run[1] for run in few)) / more
    return seconds, max(run[2] for run in many)


def point_bytes() -> tuple[int, int]:
    """Return the bytes of a point with its evidence on the wire, plain and packed."""
    from cpcs_desktop import pipeline
    from cpcs_desktop.io.stored_list import stored_list_text
    from cpcs_desktop.surveys.cache import SurveyCache
    from cpcs_desktop.wire import PointBody, PointSubmission

    facts = json.loads((PRACTICE / "truth.json").read_text())["frames/practice-01-r.fits"]
    exposure = pipeline.load_exposure(PRACTICE / "frames" / "practice-01-r.fits")
    target = (facts["ra"], facts["dec"])
    found = pipeline.calibrate(exposure, target, SurveyCache(PRACTICE / "cache"))
    point = pipeline.make_point(found, event="ivo://unit/costs#1")
    evidence = pipeline.make_evidence(found, stored_list_text(exposure))
    body = PointSubmission(point=PointBody.of(point), evidence=evidence).model_dump_json().encode()
    return len(body), len(gzip.compress(body, 6))


def archive(folder: Path) -> dict[str, float]:
    """Import the archive into a server of its own; seconds and bytes a point."""
    with tempfile.TemporaryDirectory() as name:
        database = Path(name) / "server.sqlite"
        words = [*SERVER, "import-archive", str(folder), "--json", "--database",
                 f"sqlite:///{database}"]  # fmt: skip
        _, cpu, _, out = measure(words, Path(name))
        points = json.loads(out)["points"]
        size = sum(f.stat().st_size for f in Path(name).glob("server.sqlite*"))
    return {"import_ms": 1e3 * cpu / points, "row_bytes": size / points, "archive_points": points}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, default=ARCHIVE)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    costs: dict[str, float] = {}
    costs["frame_s"], costs["frame_peak"] = marginal(make_frames(2), make_frames(6), 4)
    costs["list_s"], costs["list_peak"] = marginal(make_lists(10), make_lists(100), 90)
    out = FOLDER / "out.jsonl"
    costs["line_bytes"] = out.stat().st_size / 100
    table = FOLDER / "out.parquet"
    measure(calibrate(make_lists(100), "--resume", "-o", str(table)), FOLDER)
    costs["row_group_bytes"] = table.stat().st_size / 100
    costs["frame_bytes"] = next((PRACTICE / "frames").iterdir()).stat().st_size
    costs["cache_bytes"] = sum(f.stat().st_size for f in (PRACTICE / "cache").rglob("*.parquet"))
    costs["evidence_bytes"], costs["evidence_packed"] = point_bytes()
    if given.archive.is_dir():
        costs |= archive(given.archive)
    for name, value in costs.items():
        print(f"{name:<18} {value:14.3f}")
    if given.json:
        given.json.write_text(json.dumps(costs, indent=1))
    shutil.rmtree(FOLDER / "profile", ignore_errors=True)


if __name__ == "__main__":
    main()
