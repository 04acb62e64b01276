"""Nights: whole processes from start to end, medians, and ratios of things measured in one run.

    python benchmarks/batch_speed.py [--frames 50] [--lists 1000] [--runs 3] [--only a,b,c,d]

a  a batch of 4096 x 4096 frames, twelve surveys in the cache, on two jobs, beside source-extractor
   on the same frames, two at a time: at most 1.8 times its wall time;
b  a batch of SExtractor lists of 500 stars on two jobs beside astropy reading them: at most 60
   times with twelve surveys, 20 times with one;
c  one list in a cold process under 1.5 s, ``cpcs --help`` under 0.3 s;
d  what one more list costs from 10 to 100 and from 100 to 1,000, and memory: within 10 %.

The frames are copies of one practice frame with another comment in the header, so that every one
has content of its own; the lists hold different stars of the practice list. Times of rivals
alternate with ours, so that a busy machine hurts both alike; processor seconds stand beside.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from frame_to_result import FOLDER as PRACTICE
from frame_to_result import RUN_CPCS, measure, prepare

FOLDER = Path(__file__).parent / "output" / "batch_speed"
STARS = 500
ONE_SURVEY = "SDSS"
_READ = """
import sys
from pathlib import Path
from astropy.table import Table
for path in sorted(Path(sys.argv[1]).iterdir()):
    Table.read(path, format="ascii.sextractor")
"""
_TWO_AT_A_TIME = """
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
def one(path):
    catalogue = Path(sys.argv[2]) / (path.stem + ".cat")
    words = [sys.argv[3], str(path), *sys.argv[4:], "-CATALOG_NAME", str(catalogue)]
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
with ThreadPoolExecutor(2) as pool:
    list(pool.map(one, sorted(Path(sys.argv[1]).iterdir())))
"""


class Row:
    """One line of the table: a value, its limit, and whether it is kept."""

    def __init__(self, name: str, value: float, limit: float, unit: str, note: str) -> None:
        self.name, self.value, self.limit, self.unit, self.note = name, value, limit, unit, note

    @property
    def kept(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "kept" if self.kept else "MISSED"
        value = f"{self.value:8.2f} {self.unit:<2} limit {self.limit:g} {self.unit}"
        return f"{self.name:<46} {value:<28} {verdict:<7} {self.note}"


def make_frames(count: int) -> Path:
    """Return a folder of frames of equal pixels and different content."""
    source, folder = prepare(), FOLDER / f"frames-{count}"
    if not folder.exists():
        from astropy.io import fits

        folder.mkdir(parents=True)
        for n in range(count):
            file = folder / f"frame-{n:04}.fits"
            shutil.copy(source, file)
            fits.setval(file, "COMMENT", value=f"copy {n}")
    return folder


def make_lists(count: int) -> Path:
    """Return a folder of lists of 500 stars each, drawn from the practice list."""
    prepare()
    folder = FOLDER / f"lists-{count}"
    if not folder.exists():
        folder.mkdir(parents=True)
        lines = next((PRACTICE / "lists").iterdir()).read_text().splitlines()
        head = [line for line in lines if line.startswith("#")]
        stars = [line for line in lines if not line.startswith("#")]
        rng = random.Random(1)
        for n in range(count):
            chosen = [stars[k] for k in sorted(rng.sample(range(len(stars)), STARS))]
            (folder / f"list-{n:04}.cat").write_text("\n".join([*head, *chosen]) + "\n")
    return folder


def calibrate(path: Path, *options: str) -> list[str]:
    """Return the command for one batch."""
    facts = next(iter(json.loads((PRACTICE / "truth.json").read_text()).values()))
    return [
        *(*RUN_CPCS, "calibrate", str(path), "--cache", str(PRACTICE / "cache")),
        *("--profile", str(FOLDER / "profile"), "--target", f"{facts['ra']},{facts['dec']}"),
        *("-o", str(FOLDER / "out.jsonl"), *options),
    ]


def require_all_well(count: int) -> None:
    lines = (FOLDER / "out.jsonl").read_text().splitlines()
    well = sum('"status": "ok"' in line for line in lines)
    if well != count:
        raise SystemExit(f"only {well} of {count} were calibrated")


def against(runs: int, ours: list[str], theirs: list[str], count: int) -> tuple[float, str]:
    """Return the ratio of median wall times, and a note with walls and processor seconds."""
    both: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for _ in range(runs):
        rival = measure(theirs, FOLDER)
        mine = measure(ours, FOLDER)
        require_all_well(count)
        both.append(((mine[0], mine[1]), (rival[0], rival[1])))
    wall = [statistics.median(pair[k][0] for pair in both) for k in (0, 1)]
    cpu = [statistics.median(pair[k][1] for pair in both) for k in (0, 1)]
    return wall[0] / wall[1], (
        f"{wall[0]:.1f} s beside {wall[1]:.1f} s wall; {cpu[0]:.1f} and {cpu[1]:.1f} s cpu"
        f" (ratio {cpu[0] / cpu[1]:.2f})"
    )


def frames(count: int, runs: int) -> list[Row]:
    program = shutil.which("source-extractor") or shutil.which("sex")
    if program is None:
        print("a is left out: source-extractor is not installed", file=sys.stderr)
        return []
    folder, catalogues = make_frames(count), FOLDER / "catalogues"
    catalogues.mkdir(exist_ok=True)
    parameters = FOLDER / "wanted.param"
    parameters.write_text(
        "NUMBER\nX_IMAGE\nY_IMAGE\nALPHA_J2000\nDELTA_J2000\nFLUX_AUTO\nMAG_AUTO\nMAGERR_AUTO\n"
        "MAG_APER\nMAGERR_APER\nFWHM_IMAGE\nFLAGS\n"
    )
    configuration = Path("/usr/share/source-extractor")
    theirs = [
        *(sys.executable, "-c", _TWO_AT_A_TIME, str(folder), str(catalogues), program),
        *("-c", str(configuration / "default.sex"), "-PARAMETERS_NAME", str(parameters)),
        *("-FILTER_NAME", str(configuration / "default.conv"), "-DETECT_MINAREA", "5"),
        *("-STARNNW_NAME", str(configuration / "default.nnw"), "-DETECT_THRESH", "3"),
        *("-ANALYSIS_THRESH", "3", "-PHOT_APERTURES", "8", "-VERBOSE_TYPE", "QUIET"),
    ]
    measure(theirs, FOLDER)  # the disk's cache is warm for both
    ratio, note = against(runs, calibrate(folder, "--jobs", "2"), theirs, count)
    return [Row(f"a  {count} frames beside source-extractor", ratio, 1.8, "x", note)]


def lists(count: int, runs: int) -> list[Row]:
    folder = make_lists(count)
    read = [sys.executable, "-c", _READ, str(folder)]
    rows = []
    for surveys, limit, options in (
        ("12 surveys", 60, ()),
        ("one survey", 20, ("--surveys", ONE_SURVEY)),
    ):
        ours = calibrate(folder, "--jobs", "2", *options)
        ratio, note = against(runs, ours, read, count)
        name = f"b  {count} lists, {surveys}, beside reading"
        rows.append(Row(name, ratio, limit, "x", note))
    return rows


def cold(runs: int) -> list[Row]:
    one = min(make_lists(10).iterdir())
    rows = []
    for name, words, limit in (
        ("c  one list, cold process", [*calibrate(one), "--json"], 1.5),
        ("c  cpcs --help", [*RUN_CPCS, "--help"], 0.3),
    ):
        measure(words, FOLDER)
        results = [measure(words, FOLDER) for _ in range(max(5, runs))]
        cpu = statistics.median(r[1] for r in results)
        wall = statistics.median(r[0] for r in results)
        rows.append(Row(name, wall, limit, "s", f"{cpu:.2f} s cpu"))
    return rows


def growth(largest: int) -> list[Row]:
    costs, peaks = {}, {}
    sizes = [largest // 100, largest // 10, largest]
    for size in sizes:
        folder = make_lists(size)
        _, costs[size], peaks[size], _ = measure(calibrate(folder, "--jobs", "2"), FOLDER)
        require_all_well(size)
    small, middle, large = sizes
    early = (costs[middle] - costs[small]) / (middle - small)
    late = (costs[large] - costs[middle]) / (large - middle)
    note = f"{1e3 * early:.0f} and {1e3 * late:.0f} ms cpu a list"
    memory = f"{peaks[middle] / 2**20:.0f} and {peaks[large] / 2**20:.0f} MiB in a process"
    return [
        Row(f"d  cost of a list, {middle}-{large} over {small}-{middle}", late / early, 1.1, "x",
            note),
        Row(f"d  memory, {large} over {middle} lists", peaks[large] / peaks[middle], 1.1, "x",
            memory),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--lists", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="a,b,c,d")
    given = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    parts = {
        "c": lambda: cold(given.runs),
        "a": lambda: frames(given.frames, given.runs),
        "d": lambda: growth(given.lists),
        "b": lambda: lists(given.lists, given.runs),
    }
    rows = []
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} at the start")
    for name, part in parts.items():
        if name in given.only.split(","):
            for row in part():
                rows.append(row)
                print(row, flush=True)
    print(f"load {os.getloadavg()[0]:.1f} at the end")
    raise SystemExit(not all(row.kept for row in rows))


if __name__ == "__main__":
    main()
