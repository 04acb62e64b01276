"""Background, detection and photometry of a 4096 x 4096 frame, beside source-extractor.

    python benchmarks/extract_speed.py [RUNS]

Runs alternate, so that a busy machine hurts both alike; medians of wall times and their ratios:

* whole process against whole process, start-up included: at most 2.0;
* a warm worker, frame after frame, against the same binary: at most 1.2;
* peak memory above the idle, warmed process: at most 3 times the pixels in float32.

Then where our time goes. Status 1 when a limit is missed.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from cpcs_desktop.datamodel.settings import ExtractionSettings

SIZE, STARS = 4096, 4500
WHOLE_LIMIT, WARM_LIMIT, MEMORY_LIMIT = 2.0, 1.2, 3.0
CONFIGURATION = Path("/usr/share/source-extractor")
PARAMETERS = (
    *("NUMBER", "X_IMAGE", "Y_IMAGE", "ALPHA_J2000", "DELTA_J2000", "FLUX_AUTO", "MAG_AUTO"),
    *("MAGERR_AUTO", "MAG_APER", "MAGERR_APER", "FWHM_IMAGE", "FLAGS"),
)
_MEMORY = """
import resource, sys
import cpcs_desktop.extract.worker as worker
from cpcs_desktop.extract import extract_sources
worker._warm_up()
def now():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
extract_sources(sys.argv[2])
idle = now()
open("/proc/self/clear_refs", "w").write("5")
extract_sources(sys.argv[1])
peak = next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]
print(int(peak) * 1024 - idle)
"""


def write_field(path: Path, size: int, stars: int) -> None:
    """Write a frame of Gaussian stars with photon noise and a WCS."""
    from astropy.io import fits

    rng = np.random.default_rng(1)
    image = rng.normal(1000, 10, (size, size)).astype(np.float32)
    x, y = rng.uniform(20, size - 20, (2, stars))
    flux = 10 ** rng.uniform(2.9, 5.5, stars)
    for x0, y0, f in zip(x, y, flux, strict=True):
        left, bottom = int(x0) - 12, int(y0) - 12
        dx = np.arange(left, left + 25) - x0
        dy = np.arange(bottom, bottom + 25) - y0
        shape = np.exp(-(dx**2)[None] / 5.78 - (dy**2)[:, None] / 5.78) / (5.78 * np.pi)
        image[bottom : bottom + 25, left : left + 25] += rng.poisson(f * shape)
    header = fits.Header()
    for name, value in (("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN"), ("GAIN", 1.0)):
        header[name] = value
    for name, value in (("CRVAL1", 150.0), ("CRVAL2", 2.0), ("CRPIX1", size / 2)):
        header[name] = value
    for name, value in (("CRPIX2", size / 2), ("CDELT1", -1e-4), ("CDELT2", 1e-4)):
        header[name] = value
    fits.PrimaryHDU(image, header).writeto(path)


def sextractor_command(frame: Path, folder: Path) -> list[str]:
    """Return the binary's command with our settings."""
    program = shutil.which("source-extractor") or shutil.which("sex")
    if program is None:
        sys.exit("source-extractor is not installed")
    (folder / "wanted.param").write_text("\n".join(PARAMETERS) + "\n")
    options = {
        "PARAMETERS_NAME": folder / "wanted.param",
        "FILTER_NAME": CONFIGURATION / "default.conv",
        "STARNNW_NAME": CONFIGURATION / "default.nnw",
        "DETECT_MINAREA": 5,
        "DETECT_THRESH": 3,
        "ANALYSIS_THRESH": 3,
        "PHOT_APERTURES": 8,
        "CATALOG_NAME": folder / "sources.cat",
        "VERBOSE_TYPE": "QUIET",
    }
    words = [program, str(frame), "-c", str(CONFIGURATION / "default.sex")]
    for name, value in options.items():
        words += [f"-{name}", str(value)]
    return words


def seconds(action: object) -> float:
    start = time.perf_counter()
    action()  # type: ignore[operator]
    return time.perf_counter() - start


def breakdown(frame: Path) -> list[tuple[str, float]]:
    """Return the seconds of each step, in this process."""
    from cpcs_desktop.extract.background import subtract_background
    from cpcs_desktop.extract.blank_sky import blank_sky
    from cpcs_desktop.extract.detection import detect, mark_specks
    from cpcs_desktop.extract.mirrored import Plane
    from cpcs_desktop.extract.photometry import aperture_photometry, kron_photometry
    from cpcs_desktop.extract.sources import positions
    from cpcs_desktop.io.frames import read_frame, read_pixels

    steps: list[tuple[str, float]] = []
    clock = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        steps.append((name, now - clock))
        clock = now

    settings = ExtractionSettings()
    header = read_frame(frame)
    lap("header and SHA-256")
    pixels = read_pixels(frame, 0)
    lap("pixels")
    sky = subtract_background(pixels, None, settings)
    lap("background")
    found = detect(pixels, sky.rms, None, settings)
    lap("detection")
    plane = Plane(pixels, None, sky.rms, 1.0)
    blank_sky(plane, found, 8.0)
    lap("blank sky")
    mark_specks(found, pixels, 3 * sky.rms, 5)
    lap("specks")
    kron_photometry(plane, found, 2.5, 3.5)
    lap("Kron photometry")
    aperture_photometry(plane, found, 8.0)
    lap("aperture photometry")
    positions(header, found)
    lap("positions")
    return steps


def main() -> int:
    """Measure and print; 1 when a limit is missed."""
    from cpcs_desktop.extract.worker import ExtractionWorker

    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frame, small = folder / "frame.fits", folder / "small.fits"
        write_field(frame, SIZE, STARS)
        write_field(small, 256, 20)
        theirs_words = sextractor_command(frame, folder)
        verb = "from cpcs_desktop.cli.main import main; main()"
        ours_words = [sys.executable, "-c", verb, "extract", str(frame)]
        ours_words += ["-o", str(folder / "ours.cat"), "--aperture", "8"]
        settings = ExtractionSettings(aperture_diameters_pix=(8.0,))
        theirs, whole, warm = [], [], []
        with ExtractionWorker() as worker:
            worker.submit(frame, settings=settings).result()
            for _ in range(runs):
                theirs.append(seconds(lambda: subprocess.run(theirs_words, check=True)))
                whole.append(
                    seconds(lambda: subprocess.run(ours_words, check=True, capture_output=True))
                )
                warm.append(seconds(lambda: worker.submit(frame, settings=settings).result()))
        memory = subprocess.run(
            [sys.executable, "-c", _MEMORY, str(frame), str(small)],
            check=True,
            capture_output=True,
            text=True,
        )
        steps = breakdown(frame)
    base = statistics.median(theirs)
    results = (
        ("whole process", statistics.median(whole) / base, WHOLE_LIMIT),
        ("warm worker", statistics.median(warm) / base, WARM_LIMIT),
        ("peak memory, pixels", int(memory.stdout) / (4 * SIZE * SIZE), MEMORY_LIMIT),
    )
    print(
        f"source-extractor {base:.2f} s, ours whole {statistics.median(whole):.2f} s, "
        f"warm {statistics.median(warm):.2f} s (medians of {runs})"
    )
    for label, ratio, limit in results:
        print(f"{label:22s} {ratio:5.2f}  limit {limit}  {'ok' if ratio <= limit else 'MISSED'}")
    for label, took in steps:
        print(f"    {label:22s} {took:.3f} s")
    return int(any(ratio > limit for _, ratio, limit in results))


if __name__ == "__main__":
    sys.exit(main())
