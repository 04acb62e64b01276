"""Whole frames through this program and through stdpipe: detect, measure, calibrate.

    python -m benchmarks.accuracy.rival_frames [--frames 6] [--size 4096x4096]     (make rivals)

Whole processes that read the same frames and the same reference table of one survey, and give the
target's calibrated magnitude; ours with one job and with the two that the machine has room for
(stdpipe leaves it to the observer to start a second process). stdpipe is called as its tutorial
does: ``get_objects_sep``, ``measure_objects`` with an aperture of one FWHM,
``calibrate_photometry`` without a colour term, with and without its allowance for intrinsic
scatter. Limits: a tenth of its time with two jobs, and no larger rms about the truth.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[1] / "output" / "rival_frames"
LIMIT_RATIO = 10.0
_CPCS = [sys.executable, "-c", "from cpcs_desktop.cli.main import main; main()"]
_TARGET_ARCSEC = 2.0
#: The tutorial's own allowance for scatter beyond the formal errors.
_SCATTER = {"plain": {}, "intrinsic": {"max_intrinsic_rms": 0.1, "scale_noise": True}}


def prepare(frames: int, size: str) -> dict[str, dict[str, float]]:
    """Write a night of one band, once; return the truth of every frame by its path."""
    folder = FOLDER / f"{size}-{frames}"
    if not (folder / "truth.json").exists():
        stars = str(round(4900 * int(size.split("x", maxsplit=1)[0]) ** 2 / 4096**2))
        words = ["simulate", "-o", str(folder), "--band", "SDSS/r", "--surveys", "SDSS"]
        options = ["--frames", str(frames), "--size", size, "--stars", stars, "--seed", "5"]
        subprocess.run([*_CPCS, *words, *options], check=True, stdout=subprocess.DEVNULL)
    truth = json.loads((folder / "truth.json").read_text())
    return {
        str(folder / name): facts for name, facts in truth.items() if name.startswith("frames/")
    }


def stdpipe_night(kind: str, paths: list[str]) -> None:
    """Calibrate frames with stdpipe and print a JSON line each; the body of the rival's process."""
    from astropy.io import fits
    from astropy.table import Table
    from astropy.wcs import WCS
    from stdpipe import photometry, pipeline

    warnings.simplefilter("ignore")
    folder = Path(paths[0]).parents[1]
    truth = json.loads((folder / "truth.json").read_text())
    catalogue = Table.read(folder / "surveys" / "SDSS.csv")
    for path in paths:
        facts = truth[f"frames/{Path(path).name}"]
        with fits.open(path) as hdus:
            image, header = hdus[0].data.astype(np.float64), hdus[0].header
        gain, wcs = float(header["GAIN"]), WCS(header)
        found = photometry.get_objects_sep(
            image, header=header, gain=gain, thresh=3.0, edge=10, wcs=wcs, verbose=False
        )
        fwhm = float(np.median(found["fwhm"][found["flags"] == 0]))
        found = photometry.measure_objects(
            found, image, fwhm=fwhm, aper=1.0, gain=gain, sn=3, verbose=False
        )
        pipeline.calibrate_photometry(
            *(found, catalogue), sr=2.0 / 3600, cat_col_ra="ra", cat_col_dec="dec",
            cat_col_mag="r_mag", cat_col_mag_err="r_mag_err", order=0, use_color=False,
            **_SCATTER[kind],
        )  # fmt: skip
        cosine = np.cos(np.radians(facts["dec"]))
        away = np.hypot((found["ra"] - facts["ra"]) * cosine, found["dec"] - facts["dec"]) * 3600
        near = int(np.argmin(away))
        mag = float(found["mag_calib"][near]) if away[near] < _TARGET_ARCSEC else None
        print(json.dumps({"path": path, "mag": mag}))


def timed(words: list[str]) -> tuple[float, dict[str, float | None]]:
    """Run a process; return its wall time and the magnitude of every frame, None for a limit."""
    start = time.perf_counter()
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    spent = time.perf_counter() - start
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(done.stderr)
    return spent, {r["path"]: None if r.get("is_limit") else r.get("mag") for r in lines}


def frames_table(frames: int, size: str) -> tuple[list[str], bool]:
    """Return the table of whole frames, and whether the limits were kept."""
    truth = prepare(frames, size)
    paths, facts = list(truth), next(iter(truth.values()))
    folder = Path(paths[0]).parents[1]
    ours = [
        *(*_CPCS, "calibrate", *paths, "--json", "--surveys", "SDSS"),
        *("--cache", str(folder / "cache"), "--profile", str(folder / "profile")),
        *("--target", f"{facts['ra']},{facts['dec']}", "--force-filter", "SDSS/r"),
    ]
    theirs = [sys.executable, "-m", "benchmarks.accuracy.rival_frames", "--as-stdpipe"]
    contestants = {
        "this program": [*ours, "--jobs", "1"],
        "this program, two jobs": [*ours, "--jobs", "2"],
        "stdpipe": [*theirs, "plain", *paths],
        "stdpipe, intrinsic scatter": [*theirs, "intrinsic", *paths],
    }
    lines = [
        "\n## Whole frames\n",
        f"{frames} frames of {size} pixels, detected, measured and calibrated against the same",
        "table of one survey; whole processes, stdpipe's and our first of one job. The difference",
        "is that of the target from the truth, where all found it.\n",
        "| method | s a frame | times ours (1 job) | rms (mmag) | mean (mmag) | targets |",
        "|---|---|---|---|---|---|",
    ]
    answers = {name: timed(words) for name, words in contestants.items()}
    common = [p for p in paths if all(mags.get(p) is not None for _, mags in answers.values())]
    first, quickest = (answers[name][0] for name in ("this program", "this program, two jobs"))
    kept = True
    scatters = {}
    for name, (spent, mags) in answers.items():
        off = 1e3 * np.array([(mags[p] or np.nan) - truth[p]["mag"] for p in common])
        scatters[name] = float(np.sqrt(np.mean(off**2)))
        lines.append(
            f"| {name} | {spent / frames:.2f} | {spent / first:.1f} | {scatters[name]:.1f} |"
            f" {off.mean():+.1f} | {len(common)} |"
        )
        if name.startswith("stdpipe"):
            kept &= spent / quickest >= LIMIT_RATIO
    kept &= scatters["this program"] <= min(scatters.values()) * 1.02
    return lines, kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--size", default="4096x4096")
    parser.add_argument("--as-stdpipe", nargs="+", metavar="KIND FRAME")
    given = parser.parse_args()
    if given.as_stdpipe:
        stdpipe_night(given.as_stdpipe[0], given.as_stdpipe[1:])
        return
    lines, kept = frames_table(given.frames, given.size)
    print("\n".join(lines))
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
