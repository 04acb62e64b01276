"""The plate solvers of others, where they are installed: solve-field (astrometry.net) and ASTAP.

They are asked when the cached surveys give no solution. They work in a folder of their own on our
list of sources or on a copy of the pixels; the frame is never given to them.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cpcs_desktop.astrometry.solve import SCALE_DOUBT, SCALE_RANGE, Solution
from cpcs_desktop.datamodel.sources import Exposure, SourceFlag

if TYPE_CHECKING:
    from astropy.wcs import WCS

#: Seconds a program may take before it is ended.
TIME_LIMIT_S = 40
_ASK_S = 0.1
_MOST_STARS, _FEWEST_STARS = 600, 6
_UNUSABLE = SourceFlag.SATURATED | SourceFlag.TRUNCATED


@dataclass(frozen=True)
class Place:
    """Where to look: degrees and arcsec per pixel, None where unknown."""

    center: tuple[float, float] | None
    radius: float
    scale: float | None


@dataclass(frozen=True)
class Attempt:
    """What came of one program: a solution, or a few words why there is none."""

    program: str
    solution: Solution | None
    why_not: str = ""


@dataclass(frozen=True)
class _Run:
    """One program in a folder of its own."""

    program: str
    folder: Path
    cancelled: Callable[[], bool]

    def __call__(self, words: list[str]) -> str | None:
        """Run it to its end and return what it said; None when its time was up."""
        with (self.folder / "said.txt").open("w+b") as said:
            process = subprocess.Popen(
                [self.program, *words],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # with the children it starts
            )
            try:
                if not self._ended(process):
                    return None
            finally:
                _end(process)
            said.seek(0)
            return said.read(200_000).decode("utf-8", errors="replace")

    def _ended(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait for the program; False when its time was up or nobody wants its answer any more."""
        end = time.monotonic() + TIME_LIMIT_S
        while time.monotonic() < end and not self.cancelled():
            try:
                process.wait(_ASK_S)
            except subprocess.TimeoutExpired:
                continue
            return True
        return False


def attempts(
    exposure: Exposure, place: Place, cancelled: Callable[[], bool] = lambda: False
) -> list[Attempt]:
    """Ask the installed programs, one after the other, until one has solved the plate.

    Parameters
    ----------
    exposure : Exposure
        Of a frame.
    place : Place
    cancelled : callable, optional
        Asked several times a second; its word ends the program.

    Returns
    -------
    list of Attempt
        At most the last one has a solution; empty where nothing is installed or the frame shows
        too few sources to be worth it.
    """
    tried: list[Attempt] = []
    if exposure.frame.shape is None or len(exposure.sources()) < _FEWEST_STARS:
        return tried
    for names, ask in ((("solve-field",), _solve_field), (("astap_cli", "astap"), _astap)):
        program = next((found for name in names if (found := shutil.which(name))), None)
        if program is None:
            continue
        with tempfile.TemporaryDirectory(prefix="cpcs-solve-") as folder:
            tried.append(ask(_Run(program, Path(folder), cancelled), exposure, place))
        if tried[-1].solution is not None:
            break
    return tried


def told(tried: list[Attempt]) -> str:
    """Say in a sentence what the programs had to say; nothing when none was asked."""
    words = [f"{attempt.program} ({attempt.why_not})" for attempt in tried]
    return f"Also tried: {', '.join(words)}." if words else ""


def _solve_field(run: _Run, exposure: Exposure, place: Place) -> Attempt:
    """Give astrometry.net our sources: its own detection would want the frame."""
    from astropy.io import fits

    name, frame, folder = "solve-field", exposure.frame, run.folder
    rows, columns = frame.shape or (0, 0)
    sources = exposure.sources()
    usable = np.flatnonzero((sources.flags & int(_UNUSABLE) == 0) & (sources.flux > 0))
    brightest = usable[np.argsort(-sources.flux[usable], kind="stable")[:_MOST_STARS]]
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("X", "D", array=sources.x[brightest] + 1),
            fits.Column("Y", "D", array=sources.y[brightest] + 1),
            fits.Column("FLUX", "D", array=sources.flux[brightest]),
        ]
    )
    table.writeto(folder / "stars.xyls")
    low, high = SCALE_RANGE
    if place.scale is not None:
        low, high = place.scale / SCALE_DOUBT, place.scale * SCALE_DOUBT
    words = [str(folder / "stars.xyls"), "--dir", str(folder), "--overwrite"]
    words += ["--no-plots", "--new-fits", "none", "--width", str(columns), "--height", str(rows)]
    words += ["--x-column", "X", "--y-column", "Y", "--sort-column", "FLUX"]
    words += ["--scale-units", "arcsecperpix", "--scale-low", f"{low:.6g}"]
    words += ["--scale-high", f"{high:.6g}", "--cpulimit", str(TIME_LIMIT_S)]
    if place.center is not None:
        words += ["--ra", f"{place.center[0]:.6f}", "--dec", f"{place.center[1]:.6f}"]
        words += ["--radius", f"{_reach(exposure, place):.4f}"]
    said = run(words)
    if said is None:
        return Attempt(name, None, f"no solution in {TIME_LIMIT_S} s")
    wcs = _wcs_of(folder / "stars.wcs", frame.shape)
    if wcs is None:
        lacking = "at least one index" in said or "index files" in said
        return Attempt(name, None, "has no index files" if lacking else "no solution")
    residual = _residuals(folder / "stars.corr")
    return Attempt(name, _solution(wcs, residual))


def _astap(run: _Run, exposure: Exposure, place: Place) -> Attempt:
    """Give ASTAP a plain copy of the pixels; it finds the stars itself."""
    from astropy.io import fits

    from cpcs_desktop.datamodel.errors import CpcsError
    from cpcs_desktop.io.frames import read_pixels

    name, frame, folder = "ASTAP", exposure.frame, run.folder
    try:
        pixels = read_pixels(frame.path, frame.hdu)
    except CpcsError:
        return Attempt(name, None, "the frame is no longer where it was")
    fits.PrimaryHDU(np.nan_to_num(pixels)).writeto(folder / "copy.fits")
    words = ["-f", str(folder / "copy.fits"), "-o", str(folder / "solved"), "-wcs"]
    height = pixels.shape[0] * place.scale / 3600 if place.scale is not None else 0.0
    words += ["-fov", f"{height:.5f}"]  # 0: found out by the program
    if place.center is not None:
        words += ["-ra", f"{place.center[0] / 15:.6f}", "-spd", f"{place.center[1] + 90:.6f}"]
        words += ["-r", f"{max(1.0, _reach(exposure, place)):.3f}"]
    said = run(words)
    if said is None:
        return Attempt(name, None, f"no solution in {TIME_LIMIT_S} s")
    wcs = _wcs_of(folder / "solved.wcs", frame.shape)
    if wcs is not None:
        return Attempt(name, _solution(wcs, None))
    told_why = re.search(r"^ERROR=(.*)$", _text(folder / "solved.ini") + "\n" + said, re.MULTILINE)
    lacking = "star database" in said or (told_why is not None and "database" in told_why[1])
    return Attempt(name, None, "has no star database" if lacking else "no solution")


def _reach(exposure: Exposure, place: Place) -> float:
    """Return how far the frame's centre may lie from the place, degrees."""
    half = 0.5 * math.hypot(*(exposure.frame.shape or (0, 0))) * (place.scale or 0.0) / 3600
    return place.radius + half


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and its children, whatever has interrupted the waiting."""
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _wcs_of(path: Path, shape: tuple[int, int] | None) -> WCS | None:
    """Read a WCS file of a program; None when there is none that makes sense."""
    from astropy.io.fits import Header

    from cpcs_desktop.io.celestial import celestial_wcs
    from cpcs_desktop.io.opening import fits_failures, quiet

    if not path.exists():
        return None
    text = path.read_bytes().decode("ascii", errors="replace")
    with quiet():
        try:
            lines = "\n" in text[:100]  # ASTAP writes lines, astrometry.net FITS cards
            header = Header.fromstring(text, sep="\n" if lines else "")
        except fits_failures():
            return None
    return celestial_wcs(header, shape)


def _residuals(path: Path) -> np.ndarray | None:
    """Return the distances of matched stars from their places, pixels; shape (n,)."""
    from astropy.io import fits

    if not path.exists():
        return None
    rows = fits.getdata(path, 1)
    apart = np.hypot(rows["field_x"] - rows["index_x"], rows["field_y"] - rows["index_y"])
    return np.asarray(apart, dtype=np.float64)


def _solution(wcs: WCS, residual: np.ndarray | None) -> Solution:
    from cpcs_desktop.io.celestial import pixel_scale_arcsec

    scale = pixel_scale_arcsec(wcs)
    rms = None
    if residual is not None and len(residual):
        # one coordinate's scatter, like the one of our own fits; a median forgives false pairs
        rms = float(np.median(residual)) / 1.1774
    return Solution(
        wcs=wcs,
        matched=None if residual is None else len(residual),
        rms_pix=rms,
        rms_arcsec=None if rms is None else rms * scale,
        scale_arcsec=scale,
        mirrored=bool(np.linalg.det(wcs.pixel_scale_matrix) > 0),
        degree=1 if wcs.sip is None else int(wcs.sip.a_order),
    )
