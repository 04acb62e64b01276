"""Write docs/rivals.md: zero points and errors beside those of others, on the same matched stars.

    make rivals

makes an environment with the rivals (``rivals`` in pyproject.toml) and runs this in it. Real pairs
come from the folder of data beside the project; without it their part says so.
"""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.accuracy import methods
from benchmarks.accuracy.nested import nested_table
from benchmarks.accuracy.rival_frames import frames_table
from cpcs_desktop import pipeline
from cpcs_desktop.surveys.cache import SurveyCache
from tests.calib.fields import TRUE_ZP, Array, field

DOCS = Path(__file__).parents[2] / "docs"
PAIRS = Path(__file__).parents[2].parent / "shared" / "data" / "pairs"
CELLS = ((20, 0.1), (200, 0.1), (200, 0.3), (1000, 0.3), (4000, 0.1))
FIELDS = 200
HALVES = 200
INTRODUCTION = """# Beside others

Written by `make rivals`. Every method gets the same matched stars, without a colour term: the
differences between reference and instrumental magnitudes with their formal errors. An error is
honest when it covers the truth in 68 % and 95 % of the fields.

- **stdpipe** is its `photometry.match` with the documented defaults, and once more with
  `max_intrinsic_rms=0.1`, `scale_noise=True`, which its documents offer for scatter beyond the
  formal errors.
- **calviacat** is `cal_constant` on a catalogue of its own; what it calls the uncertainty is the
  scatter of the stars.
- The clipped means are what many scripts do.
"""

SIMULATED = f"""
## Fields with known truth

{FIELDS} fields a cell, exponential outliers, 80 % of them on one side.
"""
REAL = f"""Nobody knows the truth, but two halves of the same stars have the same zero point: of
{HALVES} random halvings, how many differ by less than 1 and 2 of their joint errors. The halvings
of one sample are not independent, so read the percentages as one draw.
"""


def simulated(contestants: dict[str, methods.Method]) -> list[str]:
    """Return the table of fields with known truth."""
    lines = [
        SIMULATED,
        "| N | f | method | rms (mmag) | bias (mmag) | within 1 / 2 sigma (%) | ms a field |",
        "|---|---|---|---|---|---|---|",
    ]
    for n, outliers in CELLS:
        rng = np.random.default_rng([n, 77])
        skies = [field(rng, n, outliers) for _ in range(FIELDS)]
        for name, method in contestants.items():
            start = time.perf_counter()
            answers = np.array([method(d, v) for d, v in skies])
            spent = 1e3 * (time.perf_counter() - start) / FIELDS
            off, err = answers[:, 0] - TRUE_ZP, answers[:, 1]
            lines.append(
                f"| {n} | {outliers:g} | {name} | {1e3 * np.sqrt(np.nanmean(off**2)):.2f} |"
                f" {1e3 * np.nanmean(off):+.2f} | {100 * np.mean(np.abs(off) < err):.0f} /"
                f" {100 * np.mean(np.abs(off) < 2 * err):.0f} | {spent:.2f} |"
            )
    return lines


def real_samples() -> dict[str, tuple[Array, Array]]:
    """Return differences and variances of each real pair, in the band its check names."""
    samples = {}
    for folder in sorted(p for p in PAIRS.iterdir() if (p / "check.json").exists()):
        check = json.loads((folder / "check.json").read_text())
        with tempfile.TemporaryDirectory() as cache_folder:
            cache = SurveyCache(cache_folder)
            for key, (file, columns) in check["surveys"].items():
                mapped = json.loads((folder / columns).read_text()) if columns else None
                cache.import_files(key, [folder / file], mapped)
            exposure = pipeline.load_exposure(folder / check["input"])
            kind = "APER" if check.get("magnitudes") == "aper" else "AUTO"
            found = pipeline.calibrate(
                exposure, tuple(check["target"]), cache, magnitude_kind=kind  # type: ignore[arg-type]
            )  # fmt: skip
        for fit in found.fits:
            if fit.band in check["expect"].get("fits", {}):
                variance = np.maximum(fit.mag_inst_err**2 + fit.mag_ref_err**2, 1e-6)
                samples[f"{folder.name}, {fit.band}"] = (fit.mag_ref - fit.mag_inst, variance)
    return samples


def real(contestants: dict[str, methods.Method]) -> list[str]:
    """Return the table of the real pairs: halves of the stars must agree within their errors."""
    lines = ["\n## Real stars\n"]
    if not PAIRS.is_dir():
        return [*lines, "The folder of data was not there."]
    lines += [
        REAL,
        "| pair | N | method | zero point | error (mmag) | halves within 1 / 2 sigma (%) | ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, (d, v) in real_samples().items():
        rng = np.random.default_rng(len(d))
        halvings = [rng.permutation(len(d)) for _ in range(HALVES)]
        for title, method in contestants.items():
            start = time.perf_counter()
            zero_point, error = method(d, v)
            spent = 1e3 * (time.perf_counter() - start)
            pulls = []
            for order in halvings:
                one, other = order[: len(d) // 2], order[len(d) // 2 :]
                (a, ea), (b, eb) = method(d[one], v[one]), method(d[other], v[other])
                pulls.append((a - b) / np.hypot(ea, eb))
            pull = np.abs(pulls)
            lines.append(
                f"| {name} | {len(d)} | {title} | {zero_point:.4f} | {1e3 * error:.2f} |"
                f" {100 * np.mean(pull < 1):.0f} / {100 * np.mean(pull < 2):.0f} | {spent:.1f} |"
            )
    return lines


def main() -> None:
    with ExitStack() as stack:
        entered = {
            "this program": methods.ours,
            "stdpipe": methods.stdpipe(),
            "stdpipe, intrinsic scatter": methods.stdpipe(max_intrinsic_rms=0.1, scale_noise=True),
            "calviacat": stack.enter_context(methods.calviacat()),
            "clipped weighted mean": methods.clipped_weighted,
            "clipped mean, scatter/sqrt(n)": methods.clipped_mean,
        }
        contestants = {name: method for name, method in entered.items() if method is not None}
        missing = [name for name, method in entered.items() if method is None]
        lines = [INTRODUCTION, *simulated(contestants), *real(contestants)]
    whole = frames_table(12, "4096x4096")[0] if "stdpipe" in contestants else []
    lines += [*whole, *nested_table()]
    if missing:
        lines.append(f"\nNot installed: {', '.join(missing)}.")
    (DOCS / "rivals.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
